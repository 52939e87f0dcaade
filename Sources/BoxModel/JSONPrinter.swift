/// How JSON is written.
package struct JSONStyle: Sendable {
    /// Spaces per level; nothing means one line without spaces.
    package var indent: Int?
    /// Writes `<`, `>` and `&` as `\u003c`, `\u003e` and `\u0026`, as Go's encoder does by default.
    package var escapesHTML: Bool
    /// Writes object members in the byte order of their keys, as Go does with maps.
    package var sortsKeys: Bool

    package init(indent: Int? = nil, escapesHTML: Bool = false, sortsKeys: Bool = false) {
        self.indent = indent
        self.escapesHTML = escapesHTML
        self.sortsKeys = sortsKeys
    }

    /// One line.
    package static let compact = JSONStyle()
    /// Four spaces per level, as `inspect` prints.
    package static let inspect = JSONStyle(indent: 4)
}

extension JSON {
    /// The JSON text in bytes, without a final newline; a slash is never escaped.
    package func bytes(_ style: JSONStyle = .compact) -> [UInt8] {
        var printer = JSONPrinter(style: style)
        printer.print(self, level: 0)
        return printer.output
    }

    /// The JSON text, without a final newline.
    package func text(_ style: JSONStyle = .compact) -> String {
        String(decoding: bytes(style), as: UTF8.self)
    }
}

extension JSON: CustomStringConvertible {
    package var description: String { text() }
}

private struct JSONPrinter {
    let style: JSONStyle
    var output: [UInt8] = []

    init(style: JSONStyle) {
        self.style = style
    }

    mutating func print(_ value: JSON, level: Int) {
        switch value {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.append(contentsOf: String(value).utf8)
        case .number(let value): output.append(contentsOf: ShortestDecimal(value).jsonText.utf8)
        case .string(let value): print(string: value)
        case .array(let elements): print(array: elements, level: level)
        case .object(let object): print(object: style.sortsKeys ? object.sorted() : object, level: level)
        }
    }

    private mutating func print(array: [JSON], level: Int) {
        output.append(UInt8(ascii: "["))
        for (place, element) in array.enumerated() {
            if place > 0 { output.append(UInt8(ascii: ",")) }
            newLine(level + 1)
            print(element, level: level + 1)
        }
        if !array.isEmpty { newLine(level) }
        output.append(UInt8(ascii: "]"))
    }

    private mutating func print(object: JSONObject, level: Int) {
        output.append(UInt8(ascii: "{"))
        for (place, member) in object.enumerated() {
            if place > 0 { output.append(UInt8(ascii: ",")) }
            newLine(level + 1)
            print(string: member.key)
            output.append(UInt8(ascii: ":"))
            if style.indent != nil { output.append(UInt8(ascii: " ")) }
            print(member.value, level: level + 1)
        }
        if !object.isEmpty { newLine(level) }
        output.append(UInt8(ascii: "}"))
    }

    private mutating func newLine(_ level: Int) {
        guard let indent = style.indent else { return }
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
    }

    private mutating func print(string: String) {
        output.append(UInt8(ascii: "\""))
        var string = string
        string.withUTF8 { bytes in
            for (place, byte) in bytes.enumerated() {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    output.append(UInt8(ascii: "\\"))
                    output.append(byte)
                case 0..<0x20:
                    print(control: byte)
                case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                    if style.escapesHTML { print(unicodeEscape: byte) } else { output.append(byte) }
                case 0xA8, 0xA9:
                    // U+2028 and U+2029 end a line in JavaScript; Go's encoder always escapes them.
                    if place >= 2, bytes[place - 2] == 0xE2, bytes[place - 1] == 0x80 {
                        output.removeLast(2)
                        output.append(contentsOf: (byte == 0xA8 ? "\\u2028" : "\\u2029").utf8)
                    } else {
                        output.append(byte)
                    }
                default:
                    output.append(byte)
                }
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func print(control byte: UInt8) {
        switch byte {
        case 0x08: output.append(contentsOf: "\\b".utf8)
        case 0x09: output.append(contentsOf: "\\t".utf8)
        case 0x0A: output.append(contentsOf: "\\n".utf8)
        case 0x0C: output.append(contentsOf: "\\f".utf8)
        case 0x0D: output.append(contentsOf: "\\r".utf8)
        default: print(unicodeEscape: byte)
        }
    }

    private mutating func print(unicodeEscape byte: UInt8) {
        let digits = Array("0123456789abcdef".utf8)
        output.append(contentsOf: "\\u00".utf8)
        output.append(digits[Int(byte >> 4)])
        output.append(digits[Int(byte & 15)])
    }
}
