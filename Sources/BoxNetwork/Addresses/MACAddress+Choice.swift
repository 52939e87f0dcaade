package import BoxModel

extension MACAddress {
    /// Makes an address for an interface: from its IPv4 address as Docker did until version 27, else a random one.
    ///
    /// - Parameters:
    ///   - v4: nil makes a random address.
    ///   - random: at least six bytes.
    package static func made(for v4: IPAddress?, random: [UInt8]) -> MACAddress {
        if let v4, v4.isV4 { return MACAddress(bits: 0x0242 << 32 | UInt64(truncatingIfNeeded: v4.bits)) }
        let bits = random.prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Of the first byte bit 0 is "group", bit 1 "locally administered" (IEEE 802, section 8.2).
        return MACAddress(bits: bits & ~(1 << 40) | 1 << 41)
    }
}
