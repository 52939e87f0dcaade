/// The hardware address of a network interface, `02:42:ac:11:00:02`.
package struct MACAddress: Hashable, Sendable {
    package let bits: UInt64

    package init(bits: UInt64) {
        self.bits = bits & 0xffff_ffff_ffff
    }

    /// Six, most significant first.
    package var bytes: [UInt8] { (0..<6).reversed().map { UInt8(truncatingIfNeeded: bits >> (UInt64($0) * 8)) } }

    /// Whether it stands for a group, which no interface may have.
    package var isMulticast: Bool { bits >> 40 & 1 == 1 }
}

extension MACAddress: LosslessStringConvertible, Codable {
    /// Six pairs of hexadecimal digits between colons or dashes.
    package init?(_ text: String) {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        guard parts.count == 6 else { return nil }
        var bits: UInt64 = 0
        for part in parts {
            guard part.count == 2, part.allSatisfy({ $0.isASCII && $0.isHexDigit }), let byte = UInt8(part, radix: 16)
            else { return nil }
            bits = bits << 8 | UInt64(byte)
        }
        self.init(bits: bits)
    }

    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let address = MACAddress(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a MAC address: \(text.prefix(60))"))
        }
        self = address
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
