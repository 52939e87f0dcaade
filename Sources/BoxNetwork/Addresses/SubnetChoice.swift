package import BoxModel

/// Which addresses a network gets when the user names none.
package enum SubnetChoice {
    /// The ranges that Docker chooses from, in its order, each cut into sub-networks of one length.
    private static let defaultPools: [(range: String, length: Int)] = [
        ("172.17.0.0/16", 16), ("172.18.0.0/16", 16), ("172.19.0.0/16", 16), ("172.20.0.0/14", 16),
        ("172.24.0.0/14", 16), ("172.28.0.0/14", 16), ("192.168.0.0/16", 20),
    ]
    /// What the network `bridge` gets where it is free.
    package static let preferredForDefault = IPPrefix("172.17.0.0/16")
    /// Bytes of a seed that count: the global id of RFC 4193, section 3.1.
    package static let seedLength = 5

    /// Chooses the first default sub-network that nothing else uses.
    ///
    /// - Parameters:
    ///   - taken: ranges of other networks, routes of the host, its name servers; a route to everywhere is ignored.
    ///   - preferred: tried before all others.
    ///   - seed: at least five bytes that stay the same on a machine; they make its IPv6 ranges its own.
    /// - Throws: `exhausted` where every default range is taken.
    package static func choose(
        _ version: IPAddress.Version, taken: [IPPrefix], preferred: IPPrefix? = nil, seed: [UInt8]
    ) throws(BoxFailure) -> IPPrefix {
        let pools =
            version == .v4
            ? defaultPools.compactMap { pool in IPPrefix(pool.range).map { ($0, pool.length) } }
            : [(uniqueLocal(seed), 64)]
        let used = Used(taken.filter { $0.version == version && $0.length > 0 })
        if let preferred, preferred.version == version, used.first(overlapping: preferred) == nil { return preferred }
        for (range, length) in pools {
            if let free = firstFree(in: range, length: length, used) { return free }
        }
        throw BoxFailure(
            .exhausted, "choose a sub-network",
            reason: "every default \(version == .v4 ? "IPv4" : "IPv6") range overlaps with a network or a route of "
                + "the host",
            hint: "name a free one with --subnet")
    }

    /// The /48 of this machine below fd00::/8 (RFC 4193, section 3.2).
    private static func uniqueLocal(_ seed: [UInt8]) -> IPPrefix {
        let global = (0..<seedLength).reduce(UInt128(0xfd)) { $0 << 8 | UInt128(seed.count > $1 ? seed[$1] : 0) }
        let address = IPAddress(.v6, bits: global << 80)
        guard let prefix = IPPrefix(address, length: 48) else { preconditionFailure("48 is within 128") }
        return prefix
    }

    private static func firstFree(in range: IPPrefix, length: Int, _ used: Used) -> IPPrefix? {
        let step = UInt128(1) << UInt128(range.version.width - length)
        var bits = range.first.bits
        while bits <= range.last.bits {
            guard let candidate = IPPrefix(IPAddress(range.version, bits: bits), length: length) else { return nil }
            guard let hit = used.first(overlapping: candidate) else { return candidate }
            // What is in the way may be far larger than one step: go on behind it.
            let (next, overflow) = max(hit.last.bits, candidate.last.bits).addingReportingOverflow(1)
            if overflow { return nil }
            let rest = next % step
            bits = rest == 0 ? next : next + (step - rest)
        }
        return nil
    }

    private struct Used {
        let ranges: [IPPrefix]

        init(_ ranges: [IPPrefix]) {
            self.ranges = ranges
        }

        func first(overlapping other: IPPrefix) -> IPPrefix? {
            ranges.first { $0.overlaps(other) }
        }
    }
}
