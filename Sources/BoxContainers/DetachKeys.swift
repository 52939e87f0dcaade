package import BoxModel

/// Finds the key sequence that detaches from a terminal in what is typed, without holding back more than its beginning.
package struct DetachKeys: Sendable {
    package static let standard = "ctrl-p,ctrl-q"

    private let sequence: [UInt8]
    private var matched = 0

    /// Parses keys such as `ctrl-p,ctrl-q` or `a,b`; an empty text detaches never.
    package init(_ text: String) throws(BoxFailure) {
        var sequence: [UInt8] = []
        for key in text.split(separator: ",", omittingEmptySubsequences: true) {
            guard let byte = Self.byte(key) else {
                throw BoxFailure(
                    .invalid, "use --detach-keys", "\"\(text)\"", reason: "\"\(key)\" is no key",
                    hint: "write single characters or ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-\\, ctrl-], ctrl-^, ctrl-_"
                )
            }
            sequence.append(byte)
        }
        self.sequence = sequence
    }

    private static func byte(_ key: Substring) -> UInt8? {
        if key.utf8.count == 1 { return key.utf8.first }
        guard key.lowercased().hasPrefix("ctrl-"), let last = key.utf8.last, key.utf8.count == 6 else { return nil }
        switch last {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): return last - 96
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): return last - 64
        case UInt8(ascii: "@"): return 0
        case UInt8(ascii: "[")...UInt8(ascii: "_"): return last - 64
        default: return nil
        }
    }

    /// Takes typed bytes and gives those to pass on.
    ///
    /// - Returns: the bytes for the container, and whether the sequence is complete.
    package mutating func filter(_ input: some Sequence<UInt8>) -> (output: [UInt8], detached: Bool) {
        var output: [UInt8] = []
        guard !sequence.isEmpty else { return (Array(input), false) }
        for byte in input {
            if byte == sequence[matched] {
                matched += 1
                if matched == sequence.count { return (output, true) }
                continue
            }
            output += sequence[..<matched]
            matched = 0
            if byte == sequence[0] { matched = 1 } else { output.append(byte) }
            if matched == sequence.count { return (output, true) }
        }
        return (output, false)
    }
}
