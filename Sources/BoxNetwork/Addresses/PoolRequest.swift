package import BoxModel

/// The ranges of a new network as the flags of `network create` name them.
package struct PoolRequest: Hashable, Sendable {
    /// `--subnet`.
    package var subnets: [String]
    /// `--ip-range`.
    package var ranges: [String]
    /// `--gateway`.
    package var gateways: [String]
    /// `--aux-address`, each `NAME=ADDRESS`.
    package var auxiliary: [String]

    package init(
        subnets: [String] = [], ranges: [String] = [], gateways: [String] = [], auxiliary: [String] = []
    ) {
        self.subnets = subnets
        self.ranges = ranges
        self.gateways = gateways
        self.auxiliary = auxiliary
    }

    /// Checks the flags by Docker's rules and gives every range, gateway and address to the sub-network it lies in.
    ///
    /// - Parameters:
    ///   - others: the sub-networks that other networks use already, with the networks' names.
    ///   - withGateways: whether a sub-network without `--gateway` gets its first address as one.
    /// - Returns: one pool for each `--subnet`, in order; none where there is no such flag.
    /// - Throws: `invalid` naming the flag and its value, or `conflict` naming the other network.
    package func pools(
        others: [(name: String, subnet: IPPrefix)] = [], withGateways: Bool = true
    ) throws(BoxFailure) -> [NetworkRecord.Pool] {
        var pools: [NetworkRecord.Pool] = []
        for text in subnets { pools.append(try subnet(text, others, pools)) }
        for text in ranges { try addRange(text, to: &pools) }
        for text in gateways { try addGateway(text, to: &pools) }
        for text in auxiliary { try addAuxiliary(text, to: &pools) }
        if withGateways {
            for index in pools.indices where pools[index].gateway == nil {
                pools[index].gateway = pools[index].firstGateway
            }
        }
        return pools
    }

    // MARK: The flags

    private func subnet(
        _ text: String, _ others: [(name: String, subnet: IPPrefix)], _ pools: [NetworkRecord.Pool]
    ) throws(BoxFailure) -> NetworkRecord.Pool {
        let subnet = try Self.prefix(text, flag: "--subnet")
        guard !Self.special.contains(where: { $0.overlaps(subnet) })
        else {
            throw Self.invalid(
                "--subnet", text, "these addresses have a meaning of their own",
                hint: "choose a private range, for example 10.89.0.0/24 or fd00:89::/64")
        }
        if let pool = pools.first(where: { $0.subnet.overlaps(subnet) }) {
            throw Self.invalid("--subnet", text, "it overlaps with --subnet \(pool.subnet)")
        }
        if let other = others.first(where: { $0.subnet.overlaps(subnet) }) {
            throw BoxFailure(
                .conflict, "use --subnet", text,
                reason: "Pool overlaps with other one on this address space: \(other.subnet) of network \(other.name)",
                hint: "choose another range, or remove that network with `box network rm \(other.name)`")
        }
        return NetworkRecord.Pool(subnet: subnet)
    }

    private func addRange(_ text: String, to pools: inout [NetworkRecord.Pool]) throws(BoxFailure) {
        let range = try Self.prefix(text, flag: "--ip-range")
        try requireSubnets("--ip-range", text)
        guard let index = pools.firstIndex(where: { $0.subnet.contains(range) }) else {
            let parent = pools.first { $0.subnet.overlaps(range) }
            throw Self.invalid(
                "--ip-range", text,
                parent.map { "it is bigger than its sub-network \($0.subnet)" } ?? Self.outside(pools))
        }
        if let before = pools[index].range {
            throw Self.invalid(
                "--ip-range", text, "sub-network \(pools[index].subnet) has --ip-range \(before) already")
        }
        pools[index].range = range
    }

    private func addGateway(_ text: String, to pools: inout [NetworkRecord.Pool]) throws(BoxFailure) {
        guard let address = IPAddress(text) else {
            throw Self.invalid("--gateway", text, "it is not an address", hint: "write for example 10.89.0.1")
        }
        try requireSubnets("--gateway", text)
        guard let index = pools.firstIndex(where: { $0.subnet.contains(address) }) else {
            throw Self.invalid("--gateway", text, Self.outside(pools))
        }
        if let before = pools[index].gateway {
            throw Self.invalid("--gateway", text, "sub-network \(pools[index].subnet) has --gateway \(before) already")
        }
        try Self.refuseStructural(address, of: pools[index], "--gateway", text)
        pools[index].gateway = address
    }

    private func addAuxiliary(_ text: String, to pools: inout [NetworkRecord.Pool]) throws(BoxFailure) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex,
            let address = IPAddress(String(text[text.index(after: equals)...]))
        else {
            throw Self.invalid(
                "--aux-address", text, "it is not NAME=ADDRESS", hint: "write for example router=10.89.0.5")
        }
        let name = String(text[..<equals])
        try requireSubnets("--aux-address", text)
        guard let index = pools.firstIndex(where: { $0.subnet.contains(address) }) else {
            throw Self.invalid("--aux-address", text, Self.outside(pools))
        }
        if let before = pools.lazy.compactMap({ $0.auxiliary[name] }).first(where: { $0.version == address.version }) {
            throw Self.invalid("--aux-address", text, "\(name) is \(before) already")
        }
        if address == pools[index].gateway {
            throw Self.invalid("--aux-address", text, "it is the gateway of \(pools[index].subnet)")
        }
        if let other = pools[index].auxiliary.first(where: { $0.value == address }) {
            throw Self.invalid("--aux-address", text, "the address is that of \(other.key) already")
        }
        try Self.refuseStructural(address, of: pools[index], "--aux-address", text)
        pools[index].auxiliary[name] = address
    }

    // MARK: Reasons

    /// This network, loopback, link-local, multicast and reserved (RFC 6890): on a bridge they cut the host off.
    private static let special = [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/127", "fe80::/10", "ff00::/8",
    ].compactMap { IPPrefix($0) }

    private static func prefix(_ text: String, flag: String) throws(BoxFailure) -> IPPrefix {
        guard let prefix = IPPrefix(text) else {
            throw invalid(flag, text, "it is not ADDRESS/LENGTH", hint: "write for example 10.89.0.0/24")
        }
        guard prefix == prefix.network else { throw invalid(flag, text, "it should be \(prefix.network)") }
        return prefix
    }

    private func requireSubnets(_ flag: String, _ text: String) throws(BoxFailure) {
        guard subnets.isEmpty else { return }
        throw Self.invalid(
            flag, text, "every \(flag) needs the --subnet that it lies in", hint: "name the sub-network with --subnet")
    }

    private static func outside(_ pools: [NetworkRecord.Pool]) -> String {
        let shown = pools.prefix(4).map(\.subnet.description).joined(separator: ", ")
        return "it is outside of --subnet \(shown)\(pools.count > 4 ? ", …" : "")"
    }

    private static func refuseStructural(
        _ address: IPAddress, of pool: NetworkRecord.Pool, _ flag: String, _ text: String
    ) throws(BoxFailure) {
        guard pool.isStructural(address) else { return }
        throw invalid(
            flag, text,
            "it is the \(address == pool.subnet.first ? "network" : "broadcast") address of \(pool.subnet)")
    }

    private static func invalid(_ flag: String, _ text: String, _ reason: String, hint: String? = nil) -> BoxFailure {
        BoxFailure(
            .invalid, "use \(flag)", text.isEmpty ? "\"\"" : String(text.prefix(200)), reason: reason, hint: hint)
    }
}
