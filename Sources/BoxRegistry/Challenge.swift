/// One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1).
struct Challenge: Equatable {
    /// In lower case: `bearer`, `basic`.
    let scheme: String
    /// Names in lower case.
    let parameters: [String: String]

    /// Reads all challenges of all header lines; what is not understood is left out.
    static func parse(_ lines: [String]) -> [Challenge] {
        lines.flatMap { line in
            var parser = ChallengeParser(bytes: Array(line.utf8.prefix(16 * 1024)))
            return parser.parse()
        }
    }
}

private struct ChallengeParser {
    let bytes: [UInt8]
    var offset = 0

    mutating func parse() -> [Challenge] {
        var challenges: [Challenge] = []
        while true {
            skip { $0 == UInt8(ascii: ",") || Self.isSpace($0) }
            guard let scheme = token() else { break }
            var parameters: [String: String] = [:]
            while true {
                let start = offset
                skip { $0 == UInt8(ascii: ",") || Self.isSpace($0) }
                guard let name = token() else { break }
                skip(Self.isSpace)
                guard peek == UInt8(ascii: "=") else {
                    // A word without `=` is the next challenge's scheme, or a token68 that no registry uses.
                    offset = start
                    break
                }
                offset += 1
                skip(Self.isSpace)
                guard let value = peek == UInt8(ascii: "\"") ? quoted() : token() else { break }
                parameters[name.lowercased()] = value
            }
            challenges.append(Challenge(scheme: scheme.lowercased(), parameters: parameters))
        }
        return challenges
    }

    private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skip(_ matches: (UInt8) -> Bool) {
        while let byte = peek, matches(byte) { offset += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private mutating func token() -> String? {
        let start = offset
        skip { $0 > 0x20 && $0 < 0x7F && !Array("\",=;".utf8).contains($0) }
        return offset > start ? String(decoding: bytes[start..<offset], as: UTF8.self) : nil
    }

    private mutating func quoted() -> String? {
        offset += 1
        var value: [UInt8] = []
        while let byte = peek {
            offset += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: value, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), let next = peek {
                offset += 1
                value.append(next)
            } else {
                value.append(byte)
            }
        }
        return nil
    }
}
