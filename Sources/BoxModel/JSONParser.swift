/// Why a text is not JSON, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package let reason: String
    /// Counted from 1.
    package let line: Int
    /// Counted from 1, in bytes.
    package let column: Int

    package var description: String { "line \(line), column \(column): \(reason)" }
}

extension JSON {
    /// Arrays and objects may not be nested deeper than this.
    package static let depthLimit = 256

    /// Reads one JSON text (RFC 8259), strictly; of equal keys the last one wins.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { JSON.parse($0) }.get()
    }

    /// Reads one JSON text out of a part of a buffer.
    package init(parsing bytes: ArraySlice<UInt8>) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { JSON.parse($0) }.get()
    }

    /// Reads one JSON text.
    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<JSON, JSONError> {
        var parser = JSONParser(bytes)
        do throws(JSONParser.Complaint) {
            return .success(try parser.parseDocument())
        } catch {
            return .failure(parser.located(error))
        }
    }
}

/// Recursive descent over the bytes; the depth is bounded, so the stack is as well.
private struct JSONParser {
    /// A complaint before its place was looked up; that happens once, for the error that is thrown.
    struct Complaint: Error {
        let reason: String
        let offset: Int
    }

    /// Borrowed from the caller for the time of one parse.
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0
    private var depth = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    func located(_ complaint: Complaint) -> JSONError {
        var line = 1
        var lineStart = 0
        for place in 0..<min(complaint.offset, bytes.count) where bytes[place] == UInt8(ascii: "\n") {
            line += 1
            lineStart = place + 1
        }
        return JSONError(reason: complaint.reason, line: line, column: complaint.offset - lineStart + 1)
    }

    mutating func parseDocument() throws(Complaint) -> JSON {
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw Complaint(reason: "byte order mark before the JSON text", offset: 0)
        }
        let value = try parseValue()
        skipSpace()
        guard offset == bytes.count else { throw complaint("unexpected text after the JSON value") }
        return value
    }

    private func complaint(_ reason: String) -> Complaint {
        Complaint(reason: offset >= bytes.count ? "unexpected end of the JSON text" : reason, offset: offset)
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func parseValue() throws(Complaint) -> JSON {
        skipSpace()
        guard offset < bytes.count else { throw complaint("") }
        switch bytes[offset] {
        case UInt8(ascii: "{"): return try parseObject()
        case UInt8(ascii: "["): return try parseArray()
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        default: throw complaint("expected a JSON value")
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSON) throws(Complaint) -> JSON {
        for place in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count, bytes[offset] == word.utf8Start[place] else {
                throw complaint("expected \(word)")
            }
            offset += 1
        }
        return value
    }

    private mutating func enter() throws(Complaint) {
        depth += 1
        guard depth <= JSON.depthLimit else { throw complaint("nested deeper than \(JSON.depthLimit) levels") }
        offset += 1
        skipSpace()
    }

    /// Whether another element follows; consumes the comma or the closing bracket.
    private mutating func continues(until close: UInt8, _ expectation: String) throws(Complaint) -> Bool {
        skipSpace()
        guard offset < bytes.count else { throw complaint("") }
        switch bytes[offset] {
        case UInt8(ascii: ","):
            offset += 1
            skipSpace()
            return true
        case close:
            offset += 1
            depth -= 1
            return false
        default:
            throw complaint(expectation)
        }
    }

    private mutating func closesAtOnce(_ close: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == close else { return false }
        offset += 1
        depth -= 1
        return true
    }

    private mutating func parseArray() throws(Complaint) -> JSON {
        try enter()
        var elements: [JSON] = []
        if closesAtOnce(UInt8(ascii: "]")) { return .array(elements) }
        repeat {
            elements.append(try parseValue())
        } while try continues(until: UInt8(ascii: "]"), "expected , or ] in the array")
        return .array(elements)
    }

    private mutating func parseObject() throws(Complaint) -> JSON {
        try enter()
        var object = JSONObject()
        if closesAtOnce(UInt8(ascii: "}")) { return .object(object) }
        repeat {
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
                throw complaint("expected a key in double quotes")
            }
            let key = try parseString()
            skipSpace()
            guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
                throw complaint("expected : after the key")
            }
            offset += 1
            object[key] = try parseValue()
        } while try continues(until: UInt8(ascii: "}"), "expected , or } in the object")
        return .object(object)
    }
}

// MARK: - Numbers

extension JSONParser {
    private mutating func skipDigits() throws(Complaint) {
        let start = offset
        while offset < bytes.count, isDigit(bytes[offset]) { offset += 1 }
        guard offset > start else { throw complaint("expected a digit") }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private mutating func parseNumber() throws(Complaint) -> JSON {
        let start = offset
        var isInteger = true
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        let firstDigit = offset
        try skipDigits()
        if bytes[firstDigit] == UInt8(ascii: "0"), offset > firstDigit + 1 {
            throw Complaint(reason: "number with a leading zero", offset: firstDigit)
        }
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try skipDigits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            offset += 1
            if offset < bytes.count, bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-") {
                offset += 1
            }
            try skipDigits()
        }
        if isInteger, let value = integer(start..<offset) { return .integer(value) }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard let value = Double(text), value.isFinite else {
            throw Complaint(reason: "number out of range", offset: start)
        }
        return .number(value)
    }

    /// The integer in a checked range, or nothing if it does not fit; `-0` is left to the floating-point numbers.
    private func integer(_ range: Range<Int>) -> Int64? {
        let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
        var value: Int64 = 0
        for place in (isNegative ? range.lowerBound + 1 : range.lowerBound)..<range.upperBound {
            let digit = Int64(bytes[place] &- UInt8(ascii: "0"))
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(isNegative ? -digit : digit)
            if overflow || carry { return nil }
            value = sum
        }
        return isNegative && value == 0 ? nil : value
    }
}

// MARK: - Strings

extension JSONParser {
    private mutating func parseString() throws(Complaint) -> String {
        offset += 1
        let start = offset
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                let text = validText(start..<offset)
                guard let text else { throw Complaint(reason: "string that is not UTF-8", offset: start) }
                offset += 1
                return text
            case UInt8(ascii: "\\"):
                return try parseEscapedString(from: start)
            case 0..<0x20:
                throw complaint("control character in a string")
            default:
                offset += 1
            }
        }
        throw complaint("")
    }

    private func validText(_ range: Range<Int>) -> String? {
        String(validating: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    private mutating func parseEscapedString(from start: Int) throws(Complaint) -> String {
        var text: [UInt8] = []
        for place in start..<offset { text.append(bytes[place]) }
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw Complaint(reason: "string that is not UTF-8", offset: start)
                }
                offset += 1
                return result
            case UInt8(ascii: "\\"):
                offset += 1
                try parseEscape(into: &text)
            case 0..<0x20:
                throw complaint("control character in a string")
            default:
                text.append(byte)
                offset += 1
            }
        }
        throw complaint("")
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(Complaint) {
        guard offset < bytes.count else { throw complaint("") }
        let letter = bytes[offset]
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            offset += 1
            text.append(contentsOf: String(try parseScalar()).utf8)
            return
        default: throw complaint("unknown escape in a string")
        }
        offset += 1
    }

    private mutating func parseScalar() throws(Complaint) -> Unicode.Scalar {
        let start = offset
        var code = try parseHexQuad()
        if code & 0xFC00 == 0xD800 {
            guard offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
            else { throw Complaint(reason: "surrogate without its partner", offset: start) }
            offset += 2
            let low = try parseHexQuad()
            guard low & 0xFC00 == 0xDC00 else {
                throw Complaint(reason: "surrogate without its partner", offset: start)
            }
            code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw Complaint(reason: "surrogate without its partner", offset: start)
        }
        return scalar
    }

    private mutating func parseHexQuad() throws(Complaint) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard offset < bytes.count else { throw complaint("") }
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): code = code << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): code = code << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): code = code << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw complaint("expected four hexadecimal digits")
            }
            offset += 1
        }
        return code
    }
}
