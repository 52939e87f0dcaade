/// A range of addresses that share their leading bits, `192.168.0.0/24`; or an address with the length of its
/// network, `192.168.0.7/24`.
package struct IPPrefix: Hashable, Sendable {
    package let address: IPAddress
    /// Leading bits that count.
    package let length: Int

    /// Nil where the length is longer than the address.
    package init?(_ address: IPAddress, length: Int) {
        guard length >= 0, length <= address.version.width else { return nil }
        self.address = address
        self.length = length
    }

    private init(unchecked address: IPAddress, length: Int) {
        self.address = address
        self.length = length
    }

    package var version: IPAddress.Version { address.version }

    private var hostBits: UInt128 {
        let width = version.width - length
        return width == 128 ? UInt128.max : (UInt128(1) << UInt128(width)) - 1
    }

    /// The first address: the network's own.
    package var first: IPAddress { IPAddress(version, bits: address.bits & ~hostBits) }
    /// The last address: in IPv4 the broadcast address.
    package var last: IPAddress { IPAddress(version, bits: address.bits | hostBits) }
    /// The range itself, without the bits of one address in it.
    package var network: IPPrefix { IPPrefix(unchecked: first, length: length) }

    /// How many addresses there are, at most `UInt128.max`.
    package var count: UInt128 { hostBits == UInt128.max ? hostBits : hostBits + 1 }

    package func contains(_ other: IPAddress) -> Bool {
        other.version == version && other >= first && other <= last
    }

    package func contains(_ other: IPPrefix) -> Bool {
        other.length >= length && contains(other.address)
    }

    package func overlaps(_ other: IPPrefix) -> Bool {
        version == other.version && first <= other.last && other.first <= last
    }
}

extension IPPrefix: LosslessStringConvertible, Codable {
    package init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/"), let address = IPAddress(String(text[..<slash])) else { return nil }
        let digits = text[text.index(after: slash)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let length = Int(digits) else {
            return nil
        }
        self.init(address, length: length)
    }

    package var description: String { "\(address)/\(length)" }

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let prefix = IPPrefix(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a range: \(text.prefix(60))"))
        }
        self = prefix
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
