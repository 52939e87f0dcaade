package import BoxModel

extension NetworkRecord.Pool {
    /// Addresses that no container gets: the network's own, the IPv4 broadcast address, the gateway, auxiliary ones.
    ///
    /// A network of one or two addresses has neither of the first two (RFC 3021, RFC 6164); in IPv6 the first is the
    /// anycast address of the routers (RFC 4291, section 2.6.1).
    package func isReserved(_ address: IPAddress) -> Bool {
        address == gateway || isStructural(address) || auxiliary.values.contains(address)
    }

    /// Whether the address means the network itself or all of it.
    package func isStructural(_ address: IPAddress) -> Bool {
        guard subnet.count > 2 else { return false }
        return address == subnet.first || (subnet.version == .v4 && address == subnet.last)
    }

    /// The gateway where the user names none: the first address that is free for one.
    package var firstGateway: IPAddress? {
        let others = Set(auxiliary.values)
        var bits = subnet.first.bits
        while bits <= subnet.last.bits {
            let address = IPAddress(subnet.version, bits: bits)
            if !isStructural(address), !others.contains(address) { return address }
            let (next, overflow) = bits.addingReportingOverflow(1)
            if overflow { return nil }
            bits = next
        }
        return nil
    }
}
