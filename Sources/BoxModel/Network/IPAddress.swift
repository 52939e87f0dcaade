/// An Internet address, version 4 or 6, as a number.
package struct IPAddress: Hashable, Sendable {
    package enum Version: Int, Hashable, Sendable {
        case v4 = 4
        case v6 = 6

        /// Bits of an address.
        package var width: Int { self == .v4 ? 32 : 128 }
    }

    package let version: Version
    package let bits: UInt128

    package init(_ version: Version, bits: UInt128) {
        self.version = version
        self.bits = version == .v4 ? bits & 0xffff_ffff : bits
    }

    /// - Parameter bytes: four or sixteen, most significant first.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.init(bytes.count == 4 ? .v4 : .v6, bits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    package static let anyV4 = IPAddress(.v4, bits: 0)
    package static let anyV6 = IPAddress(.v6, bits: 0)
    package static let loopbackV4 = IPAddress(.v4, bits: 0x7f00_0001)
    package static let loopbackV6 = IPAddress(.v6, bits: 1)

    /// Most significant first: four or sixteen.
    package var bytes: [UInt8] {
        (0..<version.width / 8).reversed().map { UInt8(truncatingIfNeeded: bits >> (UInt128($0) * 8)) }
    }

    package var isV4: Bool { version == .v4 }
    /// `0.0.0.0` or `::`: every address of the machine.
    package var isUnspecified: Bool { bits == 0 }

    package var isLoopback: Bool { isV4 ? bits >> 24 == 127 : bits == 1 }
    package var isLinkLocal: Bool { isV4 ? bits >> 16 == 0xa9fe : bits >> 118 == 0x3fa }
    package var isMulticast: Bool { isV4 ? bits >> 28 == 0xe : bits >> 120 == 0xff }

    /// The IPv4 address inside `::ffff:a.b.c.d`, else the address itself.
    package var unmapped: IPAddress {
        !isV4 && bits >> 32 == 0xffff ? IPAddress(.v4, bits: bits & 0xffff_ffff) : self
    }
}

extension IPAddress: Comparable {
    /// IPv4 comes before IPv6.
    package static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.version == right.version ? left.bits < right.bits : left.isV4
    }
}

extension IPAddress: LosslessStringConvertible {
    /// Reads the dotted form or the forms of RFC 4291, section 2.2; no zone, no brackets.
    package init?(_ text: String) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let bits = Self.v6(text) else { return nil }
            self.init(.v6, bits: bits)
        } else {
            guard let bits = Self.v4(text[...]) else { return nil }
            self.init(.v4, bits: bits)
        }
    }

    private static func v4(_ text: Substring) -> UInt128? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt128 = 0
        for part in parts {
            // A leading zero means octal to some and not to others, so it is refused (as inet_pton(3) does).
            guard part.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), part.count == 1 || part.first != "0",
                let byte = UInt8(part)
            else { return nil }
            bits = bits << 8 | UInt128(byte)
        }
        return bits
    }

    private static func v6(_ text: String) -> UInt128? {
        var head: [UInt16] = []
        var tail: [UInt16]?
        let sides = text.components(separatedByDouble: ":")
        guard sides.count <= 2 else { return nil }
        guard let first = groups(sides[0], isLast: sides.count == 1) else { return nil }
        head = first
        if sides.count == 2 {
            guard let second = groups(sides[1], isLast: true) else { return nil }
            tail = second
        }
        let given = head.count + (tail?.count ?? 0)
        guard tail == nil ? given == 8 : given < 8 else { return nil }
        let all = head + [UInt16](repeating: 0, count: 8 - given) + (tail ?? [])
        return all.reduce(0) { $0 << 16 | UInt128($1) }
    }

    /// The groups of one side of `::`; the last of an address may be four dotted bytes.
    private static func groups(_ text: Substring, isLast: Bool) -> [UInt16]? {
        if text.isEmpty { return [] }
        var result: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if isLast, index == parts.count - 1, part.contains(".") {
                guard let low = v4(part) else { return nil }
                result += [UInt16(truncatingIfNeeded: low >> 16), UInt16(truncatingIfNeeded: low)]
            } else {
                guard !part.isEmpty, part.count <= 4, part.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                    let value = UInt16(part, radix: 16)
                else { return nil }
                result.append(value)
            }
        }
        return result
    }

    /// The dotted form, or the canonical form of RFC 5952.
    package var description: String {
        if isV4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = (0..<8).reversed().map { UInt16(truncatingIfNeeded: bits >> (UInt128($0) * 16)) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            guard groups[start] == 0 else {
                start += 1
                continue
            }
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = end
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return text(groups[...]) }
        if best == 0..<5, groups[5] == 0xffff { return "::ffff:\(unmapped)" }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}

extension IPAddress: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let address = IPAddress(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not an address: \(text.prefix(60))"))
        }
        self = address
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension String {
    /// The parts between two of a separator in a row.
    fileprivate func components(separatedByDouble separator: Character) -> [Substring] {
        var parts: [Substring] = []
        var start = startIndex
        var index = startIndex
        while index < endIndex {
            let next = self.index(after: index)
            if self[index] == separator, next < endIndex, self[next] == separator {
                parts.append(self[start..<index])
                start = self.index(after: next)
                index = start
            } else {
                index = next
            }
        }
        parts.append(self[start...])
        return parts
    }
}
