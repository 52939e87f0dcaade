internal import BoxModel

/// Go's fmt.Sprintf over JSON values.
struct GoFormatter {
    private static let widthLimit = 10_000

    /// One `%…` of a format.
    private struct Directive {
        var minus = false
        var plus = false
        var sharp = false
        var space = false
        var zero = false
        var width: Int?
        var precision: Int?
        var verb: Unicode.Scalar = "v"
    }

    private let format: [Unicode.Scalar]
    private let arguments: [JSON]
    private var position = 0
    private var nextArgument = 0
    private var usesIndexes = false
    private var output = ""

    /// The format filled in; mistakes show up in the text as `%!d(string=x)`, as in Go.
    static func format(_ format: String, _ arguments: [JSON]) -> String {
        var formatter = GoFormatter(format: Array(format.unicodeScalars), arguments: arguments)
        formatter.run()
        return formatter.output
    }

    private init(format: [Unicode.Scalar], arguments: [JSON]) {
        self.format = format
        self.arguments = arguments
    }

    private mutating func run() {
        while position < format.count {
            let scalar = format[position]
            position += 1
            if scalar == "%" { formatDirective() } else { output.unicodeScalars.append(scalar) }
        }
        if !usesIndexes, nextArgument < arguments.count {
            let extra = arguments[nextArgument...].map { "\(goTypeName($0))=\(goText($0))" }
            output += "%!(EXTRA \(extra.joined(separator: ", ")))"
        }
    }

    // MARK: Directives

    private mutating func formatDirective() {
        var directive = Directive()
        scanFlags(&directive)
        scanIndex()
        directive.width = scanNumber()
        if let width = directive.width, width < 0 {
            directive.minus = true
            directive.width = -width
        }
        if position < format.count, format[position] == "." {
            position += 1
            scanIndex()
            directive.precision = scanNumber() ?? 0
        }
        scanIndex()
        guard position < format.count else {
            output += "%!(NOVERB)"
            return
        }
        directive.verb = format[position]
        position += 1
        if directive.verb == "%" {
            output += "%"
        } else if !arguments.indices.contains(nextArgument) {
            output += "%!\(directive.verb)(\(usesIndexes ? "BADINDEX" : "MISSING"))"
        } else {
            output += text(of: arguments[nextArgument], directive)
            nextArgument += 1
        }
    }

    private mutating func scanFlags(_ directive: inout Directive) {
        while position < format.count {
            switch format[position] {
            case "-": directive.minus = true
            case "+": directive.plus = true
            case "#": directive.sharp = true
            case " ": directive.space = true
            case "0": directive.zero = true
            default: return
            }
            position += 1
        }
    }

    /// `[n]`, the argument to go on with.
    private mutating func scanIndex() {
        guard position < format.count, format[position] == "[" else { return }
        usesIndexes = true
        guard let end = format[position...].firstIndex(of: "]") else { return }
        let digits = String(String.UnicodeScalarView(format[(position + 1)..<end]))
        position = end + 1
        nextArgument = (Int(digits) ?? 0) - 1
    }

    private mutating func scanNumber() -> Int? {
        guard position < format.count else { return nil }
        if format[position] == "*" {
            position += 1
            guard arguments.indices.contains(nextArgument), let value = arguments[nextArgument].intValue else {
                return nil
            }
            nextArgument += 1
            return Int(max(-Int64(Self.widthLimit), min(Int64(Self.widthLimit), value)))
        }
        var number: Int?
        while position < format.count, let digit = Int(String(format[position])) {
            number = min(Self.widthLimit, (number ?? 0) * 10 + digit)
            position += 1
        }
        return number
    }

    // MARK: Values

    private func text(of value: JSON, _ directive: Directive) -> String {
        if directive.verb == "T" { return padded(goTypeName(value), directive) }
        switch value {
        case .null:
            if directive.verb == "v" { return padded("<nil>", directive) }
            return "%!\(directive.verb)(<nil>)"
        case .bool(let bool):
            guard ["v", "t"].contains(directive.verb) else { return mismatch(value, directive) }
            return padded(bool ? "true" : "false", directive)
        case .integer(let integer): return text(of: integer, directive)
        case .number(let number): return text(of: number, directive)
        case .string(let string): return text(of: string, directive)
        case .array(let elements):
            return "[" + elements.map { text(of: $0, directive) }.joined(separator: " ") + "]"
        case .object(let object):
            let members = object.sorted().map {
                text(of: .string($0.key), directive) + ":" + text(of: $0.value, directive)
            }
            return "map[" + members.joined(separator: " ") + "]"
        }
    }

    private func mismatch(_ value: JSON, _ directive: Directive) -> String {
        "%!\(directive.verb)(\(goTypeName(value))=\(goText(value)))"
    }

    private func text(of string: String, _ directive: Directive) -> String {
        var string = string
        if let precision = directive.precision {
            string = String(String.UnicodeScalarView(string.unicodeScalars.prefix(precision)))
        }
        switch directive.verb {
        case "v": return padded(directive.sharp ? goQuoted(string) : string, directive)
        case "s": return padded(string, directive)
        case "q":
            if directive.sharp, !string.contains("`"), string.unicodeScalars.allSatisfy({ isPrintable($0) }) {
                return padded("`\(string)`", directive)
            }
            return padded("\"" + goEscaped(string, quote: "\"", asciiOnly: directive.plus) + "\"", directive)
        case "x", "X":
            let prefix = directive.sharp ? (directive.verb == "x" ? "0x" : "0X") : ""
            let pairs = string.utf8.map { hexadecimal(UInt32($0), digits: 2, uppercase: directive.verb == "X") }
            if directive.space { return padded(pairs.map { prefix + $0 }.joined(separator: " "), directive) }
            return padded((pairs.isEmpty ? "" : prefix) + pairs.joined(), directive)
        default: return mismatch(.string(string), directive)
        }
    }

    private func text(of integer: Int64, _ directive: Directive) -> String {
        let prefix: String
        let radix: Int
        switch directive.verb {
        case "d", "v": (radix, prefix) = (10, "")
        case "x": (radix, prefix) = (16, directive.sharp ? "0x" : "")
        case "X": (radix, prefix) = (16, directive.sharp ? "0X" : "")
        case "o": (radix, prefix) = (8, directive.sharp ? "0" : "")
        case "O": (radix, prefix) = (8, "0o")
        case "b": (radix, prefix) = (2, directive.sharp ? "0b" : "")
        case "c", "q", "U": return text(ofCharacter: integer, directive)
        default: return mismatch(.integer(integer), directive)
        }
        var digits = String(integer.magnitude, radix: radix, uppercase: directive.verb == "X")
        if directive.precision == 0, integer == 0 { digits = "" }
        let missing = (directive.precision ?? 0) - digits.utf8.count
        digits = String(repeating: "0", count: max(0, missing)) + digits
        return numeric(sign(isNegative: integer < 0, directive) + prefix, digits, directive, directive.precision == nil)
    }

    private func text(ofCharacter code: Int64, _ directive: Directive) -> String {
        let scalar = UInt32(exactly: code).flatMap { Unicode.Scalar($0) } ?? "\u{FFFD}"
        switch directive.verb {
        case "c": return padded(String(scalar), directive)
        case "q":
            return padded("'" + goEscaped(String(scalar), quote: "'", asciiOnly: directive.plus) + "'", directive)
        default:
            return padded("U+" + hexadecimal(UInt32(truncatingIfNeeded: code), digits: 4, uppercase: true), directive)
        }
    }

    private func text(of number: Double, _ directive: Directive) -> String {
        let magnitude = number.magnitude
        var digits: String
        switch directive.verb {
        case "f", "F": digits = DecimalText.fixed(magnitude, precision: directive.precision ?? 6)
        case "e", "E": digits = DecimalText.exponent(magnitude, precision: directive.precision ?? 6)
        case "g", "G", "v":
            digits =
                directive.precision.map { DecimalText.general(magnitude, precision: $0) }
                ?? DecimalText.shortest(magnitude)
        default: return mismatch(.number(number), directive)
        }
        if directive.verb == "E" || directive.verb == "G" { digits = digits.uppercased() }
        return numeric(sign(isNegative: number.sign == .minus, directive), digits, directive, number.isFinite)
    }

    private func sign(isNegative: Bool, _ directive: Directive) -> String {
        if isNegative { return "-" }
        return directive.plus ? "+" : directive.space ? " " : ""
    }

    /// Zeros of a padded number go between its sign and its digits.
    private func numeric(_ sign: String, _ digits: String, _ directive: Directive, _ takesZeros: Bool) -> String {
        guard directive.zero, !directive.minus, takesZeros, let width = directive.width else {
            return padded(sign + digits, directive, withZeros: false)
        }
        let missing = width - sign.utf8.count - digits.utf8.count
        return sign + String(repeating: "0", count: max(0, missing)) + digits
    }

    private func padded(_ text: String, _ directive: Directive, withZeros: Bool = true) -> String {
        guard let width = directive.width else { return text }
        let missing = max(0, width - text.unicodeScalars.count)
        if directive.minus { return text + String(repeating: " ", count: missing) }
        return String(repeating: directive.zero && withZeros ? "0" : " ", count: missing) + text
    }
}
