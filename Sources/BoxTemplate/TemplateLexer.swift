/// Cuts a template into tokens.
struct TemplateLexer {
    private let source: [UInt8]
    /// Whether `\t` and `\n` in the text outside of actions mean the control characters.
    private let interpretsEscapes: Bool
    private var offset = 0
    private var tokens: [TemplateToken] = []

    init(_ source: [UInt8], interpretsEscapes: Bool) {
        self.source = source
        self.interpretsEscapes = interpretsEscapes
    }

    /// All tokens; the last one is `end`.
    static func tokens(of source: [UInt8], interpretsEscapes: Bool) throws(TemplateError) -> [TemplateToken] {
        var lexer = TemplateLexer(source, interpretsEscapes: interpretsEscapes)
        try lexer.scanTemplate()
        return lexer.tokens
    }

    private func failure(_ reason: String, at place: Int? = nil) -> TemplateError {
        TemplateError(reason, at: place ?? offset, in: source)
    }

    private func byte(_ distance: Int = 0) -> UInt8? {
        offset + distance < source.count ? source[offset + distance] : nil
    }

    private func starts(with text: StaticString, at place: Int) -> Bool {
        guard place + text.utf8CodeUnitCount <= source.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where source[place + index] != text.utf8Start[index] { return false }
        return true
    }

    private mutating func add(_ kind: TemplateToken.Kind, at place: Int, followsSpace: Bool = false) {
        tokens.append(TemplateToken(kind: kind, offset: place, followsSpace: followsSpace))
    }

    // MARK: Text and delimiters

    private mutating func scanTemplate() throws(TemplateError) {
        var trimsStart = false
        while true {
            let start = offset
            while offset < source.count, !starts(with: "{{", at: offset) { offset += 1 }
            let isAction = offset < source.count
            let trimsEnd = isAction && byte(2) == UInt8(ascii: "-") && isSpace(byte(3))
            addText(source[start..<offset], at: start, trimsStart: trimsStart, trimsEnd: trimsEnd)
            guard isAction else { break }
            let open = offset
            offset += trimsEnd ? 4 : 2
            if starts(with: "/*", at: offset) {
                trimsStart = try scanComment()
            } else {
                add(.open, at: open)
                trimsStart = try scanAction(from: open)
            }
        }
        add(.end, at: source.count)
    }

    private mutating func addText(_ bytes: ArraySlice<UInt8>, at place: Int, trimsStart: Bool, trimsEnd: Bool) {
        var bytes = bytes
        if trimsStart { bytes = bytes.drop { isSpace($0) } }
        if trimsEnd { while let last = bytes.last, isSpace(last) { bytes.removeLast() } }
        guard !bytes.isEmpty else { return }
        let text = interpretsEscapes ? interpreted(bytes) : Array(bytes)
        add(.text(String(decoding: text, as: UTF8.self)), at: place)
    }

    private func interpreted(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var place = bytes.startIndex
        while place < bytes.endIndex {
            if bytes[place] == UInt8(ascii: "\\"), place + 1 < bytes.endIndex {
                switch bytes[place + 1] {
                case UInt8(ascii: "t"):
                    result.append(0x09)
                    place += 2
                    continue
                case UInt8(ascii: "n"):
                    result.append(0x0A)
                    place += 2
                    continue
                default: break
                }
            }
            result.append(bytes[place])
            place += 1
        }
        return result
    }

    /// Consumes `/* … */}}`; tells whether the text after it is trimmed.
    private mutating func scanComment() throws(TemplateError) -> Bool {
        let start = offset
        offset += 2
        while offset < source.count, !starts(with: "*/", at: offset) { offset += 1 }
        guard offset < source.count else { throw failure("unclosed comment", at: start) }
        offset += 2
        if isSpace(byte()), starts(with: "-}}", at: offset + 1) {
            offset += 4
            return true
        }
        guard starts(with: "}}", at: offset) else { throw failure("comment ends before closing delimiter") }
        offset += 2
        return false
    }

    // MARK: Actions

    /// Consumes up to and including `}}`; tells whether the text after it is trimmed.
    private mutating func scanAction(from open: Int) throws(TemplateError) -> Bool {
        var depth = 0
        while true {
            let spaceStart = offset
            while isSpace(byte()) { offset += 1 }
            let followsSpace = offset > spaceStart
            let trims = followsSpace && starts(with: "-}}", at: offset)
            if trims || starts(with: "}}", at: offset) {
                guard depth == 0 else { throw failure("unclosed left parenthesis") }
                add(.close, at: offset)
                offset += trims ? 3 : 2
                return trims
            }
            guard let first = byte() else { throw failure("unclosed action", at: open) }
            let start = offset
            let kind = try scanToken(first)
            if kind == .leftParenthesis { depth += 1 }
            if kind == .rightParenthesis {
                depth -= 1
                guard depth >= 0 else { throw failure("unexpected right parenthesis", at: start) }
            }
            add(kind, at: start, followsSpace: followsSpace)
        }
    }

    private mutating func scanToken(_ first: UInt8) throws(TemplateError) -> TemplateToken.Kind {
        switch first {
        case UInt8(ascii: "\""): return .string(try scanQuoted())
        case UInt8(ascii: "`"): return .string(try scanRaw())
        case UInt8(ascii: "'"): return .integer(try scanCharacter())
        case UInt8(ascii: "("): return take(1, .leftParenthesis)
        case UInt8(ascii: ")"): return take(1, .rightParenthesis)
        case UInt8(ascii: "|"): return take(1, .pipe)
        case UInt8(ascii: ","): return take(1, .comma)
        case UInt8(ascii: "="): return take(1, .assign)
        case UInt8(ascii: ":"):
            guard byte(1) == UInt8(ascii: "=") else { throw failure("expected :=") }
            return take(2, .declare)
        case UInt8(ascii: "$"):
            offset += 1
            return .variable(scanWord())
        case UInt8(ascii: "."):
            if isDigit(byte(1)) { return try scanNumber() }
            offset += 1
            let name = scanWord()
            return name.isEmpty ? .dot : .field(name)
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return try scanNumber()
        default:
            let word = scanWord()
            guard !word.isEmpty else {
                throw failure("unexpected \(goQuoted(String(UnicodeScalar(first)))) in action")
            }
            return Self.kind(ofWord: word)
        }
    }

    private mutating func take(_ length: Int, _ kind: TemplateToken.Kind) -> TemplateToken.Kind {
        offset += length
        return kind
    }

    private static func kind(ofWord word: String) -> TemplateToken.Kind {
        switch word {
        case "true": .bool(true)
        case "false": .bool(false)
        case "nil": .null
        default: TemplateToken.Keyword(rawValue: word).map { .keyword($0) } ?? .identifier(word)
        }
    }

    /// Letters, digits and underscores; every byte of a character outside ASCII counts as a letter.
    private mutating func scanWord() -> String {
        let start = offset
        while let next = byte(), isWord(next) { offset += 1 }
        return String(decoding: source[start..<offset], as: UTF8.self)
    }

    private mutating func scanNumber() throws(TemplateError) -> TemplateToken.Kind {
        let start = offset
        if byte() == UInt8(ascii: "+") || byte() == UInt8(ascii: "-") { offset += 1 }
        let isHex = byte() == UInt8(ascii: "0") && byte(1).map { $0 | 0x20 } == UInt8(ascii: "x")
        while let next = byte(), isWord(next) || next == UInt8(ascii: ".") {
            offset += 1
            let isExponent = next | 0x20 == (isHex ? UInt8(ascii: "p") : UInt8(ascii: "e"))
            if isExponent, byte() == UInt8(ascii: "+") || byte() == UInt8(ascii: "-") { offset += 1 }
        }
        let text = String(decoding: source[start..<offset].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        if let integer = Self.integer(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw failure("bad number syntax: \(goQuoted(text))", at: start)
        }
        return .float(number)
    }

    private static func integer(_ text: String) -> Int64? {
        var digits = Substring(text)
        let isNegative = digits.hasPrefix("-")
        if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
        var radix = 10
        for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] where digits.lowercased().hasPrefix(prefix) {
            radix = base
            digits.removeFirst(2)
        }
        if radix == 10, digits.count > 1, digits.hasPrefix("0"), digits.allSatisfy({ $0.isNumber }) { radix = 8 }
        guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
        return Int64((isNegative ? "-" : "") + digits, radix: radix)
    }

    // MARK: Quoted constants

    private mutating func scanRaw() throws(TemplateError) -> String {
        let start = offset
        offset += 1
        while let next = byte(), next != UInt8(ascii: "`") { offset += 1 }
        guard offset < source.count else { throw failure("unterminated raw quoted string", at: start) }
        offset += 1
        return String(decoding: source[(start + 1)..<(offset - 1)], as: UTF8.self)
    }

    private mutating func scanQuoted() throws(TemplateError) -> String {
        let start = offset
        offset += 1
        var text: [UInt8] = []
        while let next = byte(), next != UInt8(ascii: "\n") {
            if next == UInt8(ascii: "\"") {
                offset += 1
                return String(decoding: text, as: UTF8.self)
            }
            text.append(contentsOf: try scanCharacterBytes(quote: UInt8(ascii: "\"")))
        }
        throw failure("unterminated quoted string", at: start)
    }

    private mutating func scanCharacter() throws(TemplateError) -> Int64 {
        let start = offset
        offset += 1
        var text: [UInt8] = []
        while let next = byte(), next != UInt8(ascii: "\n") {
            if next == UInt8(ascii: "'") {
                let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
                guard scalars.count == 1, let scalar = scalars.first else { break }
                offset += 1
                return Int64(scalar.value)
            }
            text.append(contentsOf: try scanCharacterBytes(quote: UInt8(ascii: "'")))
        }
        throw failure("malformed character constant", at: start)
    }

    /// One byte of a quoted constant, or what one escape stands for.
    private mutating func scanCharacterBytes(quote: UInt8) throws(TemplateError) -> [UInt8] {
        guard let first = byte() else { return [] }
        offset += 1
        guard first == UInt8(ascii: "\\") else { return [first] }
        guard let letter = byte() else { throw failure("unterminated quoted string") }
        offset += 1
        switch letter {
        case UInt8(ascii: "a"): return [0x07]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "v"): return [0x0B]
        case UInt8(ascii: "\\"), quote: return [letter]
        case UInt8(ascii: "x"): return [UInt8(truncatingIfNeeded: try scanDigits(2, radix: 16))]
        case UInt8(ascii: "u"): return try scanScalar(digits: 4)
        case UInt8(ascii: "U"): return try scanScalar(digits: 8)
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            offset -= 1
            return [UInt8(truncatingIfNeeded: try scanDigits(3, radix: 8))]
        default:
            throw failure("unknown escape in a quoted string", at: offset - 2)
        }
    }

    private mutating func scanDigits(_ count: Int, radix: Int) throws(TemplateError) -> UInt32 {
        let end = min(offset + count, source.count)
        let text = String(decoding: source[offset..<end], as: UTF8.self)
        guard text.utf8.count == count, let value = UInt32(text, radix: radix) else {
            throw failure("malformed escape in a quoted string")
        }
        offset = end
        return value
    }

    private mutating func scanScalar(digits: Int) throws(TemplateError) -> [UInt8] {
        guard let scalar = Unicode.Scalar(try scanDigits(digits, radix: 16)) else {
            throw failure("escape of an invalid code point")
        }
        return Array(String(scalar).utf8)
    }
}

private func isSpace(_ byte: UInt8?) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
}

private func isDigit(_ byte: UInt8?) -> Bool {
    byte.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
}

private func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_") || byte >= 0x80
}
