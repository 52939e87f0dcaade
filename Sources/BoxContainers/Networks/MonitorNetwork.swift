internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The networks of one running container, kept by its monitor: interfaces, addresses, names and published ports.
///
/// What it makes in the kernel dies with the container's network namespace, so that a kill at any instant leaves
/// only files under the run-time folder, which the next command that looks releases.
final class MonitorNetwork {
    private let plan: NetworkPlan
    private let store: Store
    private let record: ContainerRecord
    private let runtime: RuntimeDirectory
    private let namespace: NetworkNamespace
    private let interfaces = Interfaces()
    private let folders: NetworkFolders
    private var joins: [NetworkPlan.Join] = []
    private var endpoints: [Endpoint] = []
    private var resolver: Resolver?
    private var forwarder: PortForwarder?
    /// Takes a member into the event loop.
    private let enroll: (any LoopMember) -> Void

    /// - Parameter pid: the container's first process, whose namespaces are there.
    init(
        _ plan: NetworkPlan, store: Store, record: ContainerRecord, pid: Int32,
        enroll: @escaping (any LoopMember) -> Void
    ) throws(BoxFailure) {
        self.plan = plan
        self.store = store
        self.record = record
        self.enroll = enroll
        folders = NetworkFolders(store: store)
        runtime = try store.makeRuntimeDirectory(record.id)
        do {
            namespace = try NetworkNamespace(pid: pid)
        } catch {
            throw BoxFailure(error, "set up the network of", record.id.short)
        }
    }

    /// Ports that are published now.
    var published: [PublishedPort] { forwarder?.published ?? [] }

    /// The networks it is on, by name.
    var names: [String] { endpoints.map(\.networkName) }

    // MARK: Setting up

    /// Connects the container to everything that was asked for, or to nothing.
    func setUp() throws(BoxFailure) {
        do {
            // Others' listeners on the machine are found before anything is made.
            if !plan.ports.isEmpty { try publish(plan.ports) }
            try raiseLoopback()
            for join in plan.joins { try connect(join) }
            try settle()
        } catch {
            tearDown()
            throw error
        }
    }

    /// Loopback must be up before the resolver can have an address on it.
    private func raiseLoopback() throws(BoxFailure) {
        do {
            try namespace.perform { () throws(SystemFailure) -> Void in
                try check(box_link_up("lo"), "ioctl SIOCSIFFLAGS", "lo")
            }
        } catch {
            throw BoxFailure(error, "set up the network of", record.id.short)
        }
    }

    private func connect(_ join: NetworkPlan.Join) throws(BoxFailure) {
        let network = join.network
        var endpoint = Endpoint(
            id: Hex.encode(randomBytes(32)), networkID: network.id, networkName: network.name, request: join.request,
            interface: freeInterface(), mac: MACAddress(bits: 0))
        let leases = folders.leases(network.id)
        do throws(BoxFailure) {
            try lease(&endpoint, join, leases)
            // Whoever removes a network looks for leases after it has taken the record away.
            guard try store.network(named: network.name)?.id == network.id else {
                throw BoxFailure(.notFound, "join the network", network.name, reason: "it was just removed")
            }
            try prepare(network)
            try interfaces.connect(endpoint, of: network, owner: record.id, to: namespace)
        } catch {
            release(endpoint, leases)
            throw error
        }
        endpoints.append(endpoint)
        joins.append(join)
    }

    private func freeInterface() -> String {
        var number = 0
        while endpoints.contains(where: { $0.interface == "eth\(number)" }) { number += 1 }
        return "eth\(number)"
    }

    private func lease(
        _ endpoint: inout Endpoint, _ join: NetworkPlan.Join, _ leases: AddressLeases
    ) throws(BoxFailure) {
        let network = join.network
        func take(_ version: IPAddress.Version, _ wanted: IPAddress?) throws(BoxFailure) -> IPPrefix? {
            let pools = network.pools.filter { $0.subnet.version == version }
            guard !pools.isEmpty else {
                guard let wanted else { return nil }
                throw BoxFailure(
                    .invalid, "use the address", "\(wanted)",
                    reason: "the network \(network.name) has no IPv\(version.rawValue) sub-network",
                    hint: "create the network with --subnet")
            }
            return try leases.take(from: pools, version: version, wanted: wanted, owner: record.id)
        }
        func gateway(_ prefix: IPPrefix?) -> IPAddress? {
            prefix.flatMap { prefix in network.pools.first { $0.subnet.contains(prefix.address) }?.gateway }
        }
        endpoint.v4 = try take(.v4, join.request.v4)
        endpoint.v6 = try take(.v6, join.request.v6)
        endpoint.gatewayV4 = gateway(endpoint.v4)
        endpoint.gatewayV6 = gateway(endpoint.v6)
        endpoint.mac = join.request.mac ?? MACAddress.made(for: endpoint.v4?.address, random: randomBytes(6))
        if network.driver == .bridge { endpoint.hostInterface = "veth" + endpoint.id.prefix(11) }
        endpoint.names = network.isDefault ? [] : plan.names(on: join.request)
    }

    /// The host's side of a network: bridge, forwarding, firewall.
    private func prepare(_ network: NetworkRecord) throws(BoxFailure) {
        try interfaces.prepare(network)
        guard network.driver == .bridge else { return }
        let firewall = Firewall()
        if !network.isInternal { try firewall.enableForwarding(v6: network.hasIPv6) }
        try firewall.ensure(FirewallNetwork(network)) { [store] () throws(BoxFailure) in
            try store.networks().records.filter { $0.driver == .bridge }.map { FirewallNetwork($0) }
        }
    }

    private func release(_ endpoint: Endpoint, _ leases: AddressLeases) {
        for prefix in [endpoint.v4, endpoint.v6].compactMap(\.self) {
            leases.release(prefix.address, owner: record.id)
        }
    }

    // MARK: What follows from the endpoints

    /// Makes routes, names, files and ports agree with the interfaces that there are.
    private func settle() throws(BoxFailure) {
        try setRoutes()
        for endpoint in endpoints where !endpoint.names.isEmpty {
            try folders.names(endpoint.networkID, name: endpoint.networkName).publish(
                endpoint, owner: record.id, name: plan.name.text)
        }
        try resolveNames()
        try writeNameFiles()
        let v4 = endpoints.first { $0.v4 != nil }
        let v6 = endpoints.first { $0.v6 != nil }
        forwarder?.setTarget(
            v4: v4?.v4?.address, v6: v6?.v6?.address, gatewayV4: v4?.gatewayV4, gatewayV6: v6?.gatewayV6)
        try runtime.write(endpoints)
    }

    /// The default route leads through the network of the highest priority, among equals the first by name, as in
    /// Docker.
    private func setRoutes() throws(BoxFailure) {
        let outward = zip(endpoints, joins).filter { !$0.1.network.isInternal }.sorted { left, right in
            (-left.1.request.gatewayPriority, left.0.networkName) < (
                -right.1.request.gatewayPriority, right.0.networkName
            )
        }.map(\.0)
        let v4 = outward.first { $0.gatewayV4 != nil }
        let v6 = outward.first { $0.gatewayV6 != nil }
        try interfaces.setDefaultRoutes(
            v4: v4?.gatewayV4, v6: v6?.gatewayV6, interfaceV4: v4?.interface ?? "", interfaceV6: v6?.interface ?? "",
            in: namespace)
    }

    private var hostResolver: ResolverConfiguration {
        ResolverConfiguration((try? readText("/etc/resolv.conf", limit: 1 << 16)) ?? "")
    }

    /// Whether the monitor answers for names: on networks where containers know each other by name, and where the
    /// machine's own name servers are on its loopback, out of the container's reach.
    private var needsResolver: Bool {
        if joins.contains(where: { !$0.network.isDefault }) { return true }
        let host = hostResolver
        return !joins.isEmpty && plan.names.dns.isEmpty && !host.servers.isEmpty && host.reachableServers.isEmpty
    }

    private func resolveNames() throws(BoxFailure) {
        let tables = endpoints.filter { !$0.names.isEmpty }.map {
            folders.names($0.networkID, name: $0.networkName)
        }
        if let resolver {
            resolver.tables = tables
            if resolver.configuration.forwards != forwardsNames { resolver.configuration.forwards = forwardsNames }
            return
        }
        guard needsResolver else { return }
        var configuration = Resolver.Configuration()
        configuration.servers = plan.names.dns.compactMap { NameServer($0) }
        configuration.forwards = forwardsNames
        let made = try Resolver(namespace: namespace, configuration: configuration, tables: tables) { [store] owner in
            store.isMonitored(owner)
        }
        resolver = made
        enroll(made)
    }

    /// A container with internal networks only has no way out, for names neither.
    private var forwardsNames: Bool { joins.contains { !$0.network.isInternal } }

    private func writeNameFiles() throws(BoxFailure) {
        let addresses = endpoints.flatMap { [$0.v4?.address, $0.v6?.address].compactMap(\.self) }
        let gateway = endpoints.lazy.compactMap { $0.gatewayV4 ?? $0.gatewayV6 }.first
        var host = hostResolver
        if resolver == nil { host.servers = host.reachableServers }
        let files = try NameFiles(
            plan.names,
            .interfaces(addresses, gateway: gateway, resolver: resolver == nil ? nil : Resolver.address),
            hostHosts: "", hostResolver: host)
        do {
            // In place: the container's mounts hold on to the files that are there (mount(8), bind mounts).
            for (name, text) in [("hosts", files.hosts), ("resolv.conf", files.resolvConf)] {
                try record.directory.open(name, flags: O_WRONLY | O_TRUNC).writeAll(Array(text.utf8), subject: name)
            }
        } catch {
            throw BoxFailure(error, "write the name files of", record.id.short)
        }
    }

    // MARK: Changes

    /// Does what a command asks.
    func change(_ change: NetworkChange) throws(BoxFailure) {
        switch change {
        case .connect(let join):
            guard !endpoints.contains(where: { $0.networkID == join.network.id }) else {
                throw BoxFailure(
                    .conflict, "connect the container to", join.network.name, reason: "it is connected already")
            }
            try connect(join)
            try settle()
        case .disconnect(let id):
            guard let index = endpoints.firstIndex(where: { $0.networkID == id }) else {
                throw BoxFailure(
                    .conflict, "disconnect the container from", String(id.prefix(12)), reason: "it is not connected")
            }
            let endpoint = endpoints.remove(at: index)
            joins.remove(at: index)
            folders.names(id).withdraw(owner: record.id)
            try interfaces.disconnect(endpoint, from: namespace)
            release(endpoint, folders.leases(id))
            try settle()
        case .publish(let mappings):
            try publish(mappings)
            try settle()
        case .unpublish(let ports):
            guard let forwarder else { return }
            forwarder.unpublish(forwarder.published.filter { ports.contains($0.port) })
        }
    }

    private func publish(_ mappings: [PortMapping]) throws(BoxFailure) {
        let used: PortForwarder
        if let forwarder {
            used = forwarder
        } else {
            allowManyConnections()
            used = try PortForwarder(namespace: namespace)
            used.nameOfHolder = { [store] in Self.containerName(monitor: $0, store) }
            forwarder = used
            enroll(used)
        }
        let binding = plan.joins.lazy.compactMap(\.network.hostBinding).first
        _ = try used.publish(mappings, defaultAddress: binding)
    }

    /// A connection takes three descriptors; the container's first process, which has the old limit, is made already.
    private func allowManyConnections() {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        let resource = CInt(RLIMIT_NOFILE.rawValue)
        guard box_getrlimit(resource, &soft, &hard) == 0, soft < hard else { return }
        _ = box_setrlimit(resource, hard, hard)
    }

    /// The name of the container that a monitor owns; a monitor shows its container's short id (`ps`).
    private static func containerName(monitor pid: Int32, _ store: Store) -> String? {
        guard let line = try? readFile("/proc/\(pid)/cmdline", limit: 4096) else { return nil }
        let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard words.first == MonitorRole.programName, words.count > 1 else { return nil }
        return (try? store.findContainer(words[1]).summary().name.text) ?? words[1]
    }

    /// Gives everything back that others could use.
    func tearDown() {
        forwarder?.unpublish(published)
        for endpoint in endpoints {
            folders.names(endpoint.networkID).withdraw(owner: record.id)
            release(endpoint, folders.leases(endpoint.networkID))
        }
        endpoints = []
        joins = []
    }
}
