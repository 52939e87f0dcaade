/// A mistake in a template or in its use on a value, in one line and with its place.
package struct TemplateError: Error, Equatable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    /// Counted from 1, in bytes.
    package let column: Int
    package let reason: String

    package var description: String { "template:\(line):\(column): \(reason)" }

    init(_ reason: String, at offset: Int, in source: [UInt8]) {
        let before = source[..<min(offset, source.count)]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        line = before.count { $0 == UInt8(ascii: "\n") } + 1
        column = before.count - lineStart + 1
        self.reason = reason
    }
}

/// Why a function refused its arguments; the evaluator adds the place.
struct FunctionFailure: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
