internal import BoxModel

/// What an action prints: Go's %v, except that nothing is `<no value>`.
func goText(_ value: TemplateValue) throws -> String {
    switch value {
    case .missing, .json(.null): "<no value>"
    case .json(let json): goText(json)
    case .record, .list: goText(try value.json())
    }
}

/// Go's %v: `[a b]` for slices, `map[k:v]` with sorted keys for maps.
func goText(_ value: JSON) -> String {
    switch value {
    case .null: "<nil>"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): DecimalText.shortest(value)
    case .string(let value): value
    case .array(let elements): "[" + elements.map { goText($0) }.joined(separator: " ") + "]"
    case .object(let object):
        "map[" + object.sorted().map { "\($0.key):\(goText($0.value))" }.joined(separator: " ") + "]"
    }
}

/// The name of the Go type that such a value would have.
func goTypeName(_ value: JSON) -> String {
    switch value {
    case .null: "<nil>"
    case .bool: "bool"
    case .integer: "int"
    case .number: "float64"
    case .string: "string"
    case .array: "[]interface {}"
    case .object: "map[string]interface {}"
    }
}

/// A Go string literal (strconv.Quote), as the COMMAND column of `ps` shows commands.
package func goQuoted(_ text: String) -> String {
    "\"" + goEscaped(text, quote: "\"") + "\""
}

func goEscaped(_ text: String, quote: Unicode.Scalar, asciiOnly: Bool = false) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case quote, "\\": result += "\\\(scalar)"
        case "\u{07}": result += "\\a"
        case "\u{08}": result += "\\b"
        case "\u{0C}": result += "\\f"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{0B}": result += "\\v"
        default:
            if isPrintable(scalar), !asciiOnly || scalar.isASCII {
                result.unicodeScalars.append(scalar)
            } else if scalar.value < 0x80 {
                result += "\\x" + hexadecimal(scalar.value, digits: 2)
            } else if scalar.value < 0x10000 {
                result += "\\u" + hexadecimal(scalar.value, digits: 4)
            } else {
                result += "\\U" + hexadecimal(scalar.value, digits: 8)
            }
        }
    }
    return result
}

/// Whether a character is seen: a letter, mark, number, sign, or the space.
func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7F }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
        return false
    default:
        return true
    }
}

func hexadecimal(_ value: UInt32, digits: Int, uppercase: Bool = false) -> String {
    let text = String(value, radix: 16, uppercase: uppercase)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// Go's template.HTMLEscapeString.
func htmlEscaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "&#34;"
        case "'": result += "&#39;"
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\0": result += "\u{FFFD}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Go's template.JSEscapeString.
func scriptEscaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": result += "\\\\"
        case "'": result += "\\'"
        case "\"": result += "\\\""
        case "<", ">", "&", "=":
            result += "\\u" + hexadecimal(scalar.value, digits: 4, uppercase: true)
        default:
            if isPrintable(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u" + hexadecimal(scalar.value, digits: 4, uppercase: true)
            }
        }
    }
    return result
}

/// Go's url.QueryEscape.
func queryEscaped(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "~"):
            result.unicodeScalars.append(Unicode.Scalar(byte))
        case UInt8(ascii: " "): result += "+"
        default: result += "%" + hexadecimal(UInt32(byte), digits: 2, uppercase: true)
        }
    }
    return result
}
