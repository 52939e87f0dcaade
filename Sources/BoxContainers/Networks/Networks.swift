package import BoxModel
internal import BoxNetwork
internal import BoxRuntime
package import BoxStore
internal import BoxSystem

/// What can be done with networks.
package struct Networks: Sendable {
    package let store: Store

    package init(store: Store) {
        self.store = store
    }

    private var folders: NetworkFolders { NetworkFolders(store: store) }

    // MARK: Looking

    /// Every network, those that always exist included, sorted by name.
    package func list() throws(BoxFailure) -> NetworkListing {
        var listing = try store.networks()
        listing.records += Store.predefinedNetworks
        listing.records.sort { $0.name < $1.name }
        return listing
    }

    /// The network of a name or id; the default one is made at its first mention.
    package func find(_ text: String) throws(BoxFailure) -> NetworkRecord {
        if text == "bridge" || text == "default" { return try defaultBridge() }
        return try store.findNetwork(text)
    }

    /// Who is on a network now, by container.
    package func endpoints(
        of network: NetworkRecord, among summaries: [ContainerSummary]
    ) -> [(container: ContainerSummary, endpoint: Endpoint)] {
        summaries.compactMap { summary in
            guard summary.state.status.isActive,
                let endpoint = (try? store.runtimeDirectory(summary.id))?.endpoints().first(where: {
                    $0.networkID == network.id
                })
            else { return nil }
            return (summary, endpoint)
        }
    }

    // MARK: Making

    /// What a user asks of a new network; the address flags as they were written.
    package struct Request: Sendable {
        package var name: String
        package var driver = "bridge"
        package var subnets: [String] = []
        package var ranges: [String] = []
        package var gateways: [String] = []
        package var auxiliary: [String] = []
        package var isInternal = false
        package var hasIPv4 = true
        package var hasIPv6 = false
        package var labels: [String: String] = [:]
        package var options: [String: String] = [:]

        package init(name: String) {
            self.name = name
        }
    }

    /// Makes a network known; its interface on the host is made when the first container joins it.
    package func create(_ request: Request) throws(BoxFailure) -> NetworkRecord {
        try Store.checkNetworkName(request.name)
        guard let driver = NetworkRecord.Driver(rawValue: request.driver), driver != .host, driver != .null else {
            throw BoxFailure(
                .invalid, "use the network driver", "\"\(request.driver)\"", reason: "there is no such driver",
                hint: "choose bridge, macvlan or ipvlan")
        }
        let lease = try store.lease()
        let lock = try store.networksLock()
        guard try store.network(named: request.name) == nil, request.name != "bridge", request.name != "default" else {
            throw BoxFailure(
                .conflict, "create the network", request.name, reason: "a network of this name exists already",
                hint: "choose another name, or remove it with `box network rm \(request.name)`")
        }
        let record = try add(request, driver)
        _ = consume lock
        lease.end()
        return record
    }

    /// The network that containers join when nothing is asked for.
    package func defaultBridge() throws(BoxFailure) -> NetworkRecord {
        if let present = try store.network(named: "bridge") { return present }
        let lease = try store.lease()
        let lock = try store.networksLock()
        if let present = try store.network(named: "bridge") { return present }
        let record = try add(Request(name: "bridge"), .bridge)
        _ = consume lock
        lease.end()
        return record
    }

    /// The caller holds the lock of the networks.
    private func add(_ request: Request, _ driver: NetworkRecord.Driver) throws(BoxFailure) -> NetworkRecord {
        var record = NetworkRecord(
            id: Hex.encode(randomBytes(32)), name: request.name, driver: driver,
            created: Timestamp(nanoseconds: SystemClock.now))
        record.isInternal = request.isInternal
        record.hasIPv6 = request.hasIPv6
        record.labels = request.labels
        record.options = request.options
        try NetworkOptions.check(request.options, driver)
        let others = try store.networks().records
        let ranges = others.flatMap { other in other.pools.map { (other.name, $0.subnet) } }
        record.pools = try PoolRequest(
            subnets: request.subnets, ranges: request.ranges, gateways: request.gateways,
            auxiliary: request.auxiliary
        ).pools(others: driver == .bridge ? ranges : [])
        try choosePools(&record, request, taken: ranges.map(\.1))
        record.interface = try interface(record, others)
        try store.addNetwork(record)
        return record
    }

    private func choosePools(
        _ record: inout NetworkRecord, _ request: Request, taken: [IPPrefix]
    ) throws(BoxFailure) {
        var wanted: [IPAddress.Version] = []
        if request.hasIPv4 && !record.pools.contains(where: { $0.subnet.version == .v4 }) { wanted.append(.v4) }
        if request.hasIPv6 && !record.pools.contains(where: { $0.subnet.version == .v6 }) { wanted.append(.v6) }
        guard !wanted.isEmpty else { return }
        let servers = ResolverConfiguration((try? readText("/etc/resolv.conf", limit: 1 << 16)) ?? "")
            .servers.compactMap { IPAddress($0) }.compactMap { IPPrefix($0, length: $0.version.width) }
        // The default network's range is kept for it, also before its first use.
        let reserved = record.isDefault ? [] : [SubnetChoice.preferredForDefault].compactMap(\.self)
        let occupied = try taken + reserved + record.pools.map(\.subnet) + servers + Interfaces().occupiedRanges()
        for version in wanted {
            let preferred = record.isDefault && version == .v4 ? SubnetChoice.preferredForDefault : nil
            var pool = NetworkRecord.Pool(
                subnet: try SubnetChoice.choose(version, taken: occupied, preferred: preferred, seed: machineSeed))
            pool.gateway = pool.firstGateway
            record.pools.append(pool)
        }
    }

    /// What makes this machine's IPv6 ranges its own.
    private var machineSeed: [UInt8] {
        let identity = (try? readText("/etc/machine-id", limit: 256)) ?? ""
        return identity.isEmpty ? randomBytes(16) : Digest.sha256(of: Array("box networks \(identity)".utf8)).bytes
    }

    /// The name of the bridge, or of the interface that macvlan and ipvlan go through.
    private func interface(_ record: NetworkRecord, _ others: [NetworkRecord]) throws(BoxFailure) -> String {
        guard record.driver == .bridge else { return record.options["parent"] ?? "dm-\(record.shortID)" }
        if let name = record.options[NetworkOptions.bridgeName] {
            if let other = others.first(where: { $0.interface == name }) {
                throw BoxFailure(
                    .conflict, "use the bridge", name, reason: "the network \(other.name) has it",
                    hint: "choose another with -o \(NetworkOptions.bridgeName)=NAME")
            }
            return name
        }
        guard record.isDefault else { return "br-\(record.shortID)" }
        // Another store's default network may have the first name.
        let taken = Set(try Interfaces().interfaces().map(\.name) + others.map(\.interface))
        var number = 0
        while taken.contains("box\(number)") { number += 1 }
        return "box\(number)"
    }

    // MARK: Removing

    /// Removes a network that nobody is on.
    package func remove(_ record: NetworkRecord) throws(BoxFailure) {
        guard !record.isDefault, record.driver != .host, record.driver != .null else {
            throw BoxFailure(
                .denied, "remove the network", record.name, reason: "it is one that always exists")
        }
        let lease = try store.lease()
        let lock = try store.networksLock()
        try refuseInUse(record)
        try store.forgetNetwork(record)
        do throws(BoxFailure) {
            // A container may have joined between the two looks; one that comes later sees that the record is gone.
            try refuseInUse(record)
        } catch {
            try store.addNetwork(record)
            throw error
        }
        try? Firewall().remove(
            FirewallNetwork(record), remaining: try store.networks().records.map { FirewallNetwork($0) })
        try Interfaces().remove(record)
        store.removeNetworkState(record)
        _ = consume lock
        lease.end()
    }

    private func refuseInUse(_ record: NetworkRecord) throws(BoxFailure) {
        let users = Set(try folders.leases(record.id).all().map(\.owner)).filter { store.isMonitored($0) }
        guard let user = users.min(by: { $0.text < $1.text }) else { return }
        let names = users.sorted { $0.text < $1.text }.prefix(5).map { id in
            (try? store.container(id)?.summary().name.text) ?? id.short
        }
        throw BoxFailure(
            .conflict, "remove the network", record.name,
            reason: "it has active endpoints: \(names.joined(separator: ", "))",
            hint: "stop them, or use `box network disconnect \(record.name) \(user.short)`")
    }

    /// Whether a container runs on the network or is to, once it is started.
    package func isUsed(_ record: NetworkRecord, by summaries: [ContainerSummary]) -> Bool {
        summaries.contains { $0.networks.contains(record.name) || $0.networks.contains(record.id) }
    }

    // MARK: Mending

    /// Makes bridges and firewall rules anew where somebody took them away.
    package func reload() throws(BoxFailure) {
        let bridges = try store.networks().records.filter { $0.driver == .bridge }
        for network in bridges where try !folders.leases(network.id).all().isEmpty { try Interfaces().prepare(network) }
        try Firewall().reload(all: bridges.map { FirewallNetwork($0) })
    }
}

/// The `-o` keys that box knows.
package enum NetworkOptions {
    package static let bridgeName = "com.docker.network.bridge.name"

    private static let bridge: Set<String> = [
        bridgeName, "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.enable_ip_masquerade",
        "com.docker.network.bridge.host_binding_ipv4", "com.docker.network.driver.mtu",
    ]
    private static let parented: Set<String> = [
        "parent", "macvlan_mode", "ipvlan_mode", "com.docker.network.driver.mtu",
    ]

    /// Refuses keys that would do nothing, and values that are none.
    static func check(_ options: [String: String], _ driver: NetworkRecord.Driver) throws(BoxFailure) {
        let known = driver == .bridge ? bridge : parented
        for (key, value) in options.sorted(by: { $0.key < $1.key }) {
            func invalid(_ reason: String) -> BoxFailure {
                BoxFailure(.invalid, "use the network option", "\(key)=\(value)", reason: reason)
            }
            guard known.contains(key) else {
                throw BoxFailure(
                    .unsupported, "use the network option", key,
                    reason: "the driver \(driver.rawValue) has no such option",
                    hint: "known are \(known.sorted().joined(separator: ", "))")
            }
            switch key {
            case bridgeName, "parent":
                let bytes = Array(value.utf8)
                guard !bytes.isEmpty, bytes.count <= 15, value != ".", value != "..",
                    bytes.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") })
                else { throw invalid("it is no name of an interface") }
            case "com.docker.network.driver.mtu":
                guard let mtu = Int(value), (68...65535).contains(mtu) else { throw invalid("it is no packet size") }
            case "com.docker.network.bridge.host_binding_ipv4":
                guard IPAddress(value)?.isV4 == true else { throw invalid("it is no IPv4 address") }
            case "macvlan_mode":
                guard ["bridge", "private", "vepa", "passthru"].contains(value) else {
                    throw invalid("there is no such mode")
                }
            case "ipvlan_mode":
                guard ["l2", "l3", "l3s"].contains(value) else { throw invalid("there is no such mode") }
            default:
                guard NetworkRecord.flag(value) != nil else { throw invalid("it is neither true nor false") }
            }
        }
    }
}
