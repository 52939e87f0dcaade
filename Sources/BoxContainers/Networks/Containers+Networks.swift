package import BoxModel
internal import BoxNetwork
internal import BoxRuntime
package import BoxStore
internal import BoxSystem

extension Containers {
    /// Connects a container to a network, at once where it runs, and for its later starts.
    package func connect(
        _ record: ContainerRecord, to network: NetworkRecord, _ request: EndpointRequest, name: String
    ) throws(BoxFailure) {
        let lock = try record.lock()
        let config = try requireNetworks(record, name)
        var networks = try record.networks(config)
        var request = request
        request.network = network.name
        guard !networks.endpoints.contains(where: { $0.network == network.name }) else {
            throw BoxFailure(
                .conflict, "connect \(name) to", network.name, reason: "it is connected already",
                hint: "see `box inspect \(name)`")
        }
        try Self.check(request, network)
        try change(
            record, .connect(join(network, request)), "connect \(name) to", network.name)
        networks.endpoints.append(request)
        try record.write(networks)
        try recordNames(record, networks)
        _ = consume lock
    }

    /// Disconnects a container from a network.
    package func disconnect(
        _ record: ContainerRecord, from network: NetworkRecord, name: String
    ) throws(BoxFailure) {
        let lock = try record.lock()
        let config = try requireNetworks(record, name)
        var networks = try record.networks(config)
        guard networks.endpoints.contains(where: { $0.network == network.name }) else {
            throw BoxFailure(
                .conflict, "disconnect \(name) from", network.name, reason: "it is not connected",
                hint: "see `box inspect \(name)`")
        }
        try change(record, .disconnect(network.id), "disconnect \(name) from", network.name)
        networks.endpoints.removeAll { $0.network == network.name }
        try record.write(networks)
        try recordNames(record, networks)
        _ = consume lock
    }

    /// Publishes and withdraws ports, at once where the container runs, and for its later starts.
    package func updatePorts(
        _ record: ContainerRecord, add: [PortMapping], remove: [ContainerPort], name: String
    ) throws(BoxFailure) {
        let lock = try record.lock()
        let config = try requireNetworks(record, name)
        var networks = try record.networks(config)
        let known = Set(networks.mappings(exposed: config.ports).map(\.port))
        for port in remove where !known.contains(port) {
            throw BoxFailure(
                .notFound, "withdraw the port", "\(port)", reason: "\(name) does not publish it",
                hint: "`box port \(name)` lists what it publishes")
        }
        if networks.publishesAll {
            networks.ports = networks.mappings(exposed: config.ports)
            networks.publishesAll = false
        }
        if !remove.isEmpty { try change(record, .unpublish(remove), "withdraw ports of", name) }
        networks.ports.removeAll { remove.contains($0.port) }
        if !add.isEmpty {
            // What is withdrawn stays so, whatever becomes of the rest.
            try record.write(networks)
            try change(record, .publish(add), "publish ports of", name)
        }
        networks.ports += add
        try record.write(networks)
        _ = consume lock
    }

    /// Refuses containers whose network is not their own to change.
    private func requireNetworks(_ record: ContainerRecord, _ name: String) throws(BoxFailure) -> ContainerConfig {
        let config = try record.config()
        guard config.network == .networks else {
            throw BoxFailure(
                .conflict, "change the networks of", name,
                reason: "it was created with --network \(Self.text(config.network))",
                hint: "create it anew without that flag")
        }
        return config
    }

    /// Lets the monitor of a running container carry a change out; a container that does not run has nothing to do.
    private func change(
        _ record: ContainerRecord, _ change: NetworkChange, _ operation: String, _ subject: String
    ) throws(BoxFailure) {
        guard let socket = try connect(record.id) else { return }
        let message = ControlMessage.change(try JSON.encode(change, operation))
        switch try exchange(message, socket, operation, subject) {
        case .done(0)?: return
        case .refused(let kind, let reason)?:
            throw BoxFailure(
                BoxFailure.Kind(rawValue: kind) ?? .conflict, operation, subject, reason: reason)
        default:
            throw BoxFailure(
                .unavailable, operation, subject, reason: "its monitor ended meanwhile, or an older box started it")
        }
    }

    /// Keeps what `ps` shows in step; while the container runs its monitor writes that record.
    private func recordNames(_ record: ContainerRecord, _ networks: ContainerNetworks) throws(BoxFailure) {
        guard !store.isMonitored(record.id) else { return }
        try record.write(try record.state(), networkNames: networks.endpoints.map(\.network))
    }

    // MARK: Plans

    private func join(_ network: NetworkRecord, _ request: EndpointRequest) -> NetworkPlan.Join {
        NetworkPlan.Join(network: network, request: request)
    }

    /// Looks every network up that a container joins.
    func networkPlan(_ config: ContainerConfig, _ record: ContainerRecord) throws(BoxFailure) -> NetworkPlan? {
        guard config.network == .networks else { return nil }
        let networks = try record.networks(config)
        let known = Networks(store: store)
        var plan = NetworkPlan(config)
        for request in networks.endpoints {
            plan.joins.append(join(try known.find(request.network), request))
        }
        plan.ports = networks.mappings(exposed: config.ports)
        return plan
    }

    /// Looks the networks of a new container up, refuses what they cannot give, and calls each by its own name.
    func resolveNetworks(_ request: CreateRequest) throws(BoxFailure) -> ContainerNetworks? {
        guard request.network == .networks else {
            if let networks = request.networks, !networks.ports.isEmpty || networks.publishesAll,
                request.network != .host
            {
                throw BoxFailure(
                    .invalid, "publish ports", reason: "the container has no network of its own to publish them from",
                    hint: "leave --network \(Self.text(request.network)) or the ports out")
            }
            return nil
        }
        var networks = request.networks ?? ContainerNetworks()
        let known = Networks(store: store)
        var seen: Set<String> = []
        for index in networks.endpoints.indices {
            let network = try known.find(networks.endpoints[index].network)
            guard network.driver != .host, network.driver != .null else {
                throw BoxFailure(
                    .invalid, "use --network", network.name, reason: "it cannot be combined with other networks")
            }
            guard seen.insert(network.id).inserted else {
                throw BoxFailure(.invalid, "use --network", network.name, reason: "it is named twice")
            }
            networks.endpoints[index].network = network.name
            try Self.check(networks.endpoints[index], network)
        }
        return networks
    }

    private static func check(_ request: EndpointRequest, _ network: NetworkRecord) throws(BoxFailure) {
        if network.isDefault, !request.aliases.isEmpty {
            throw BoxFailure(
                .invalid, "use --network-alias", request.aliases.joined(separator: ", "),
                reason: "names are known on networks that you made, not on the default one",
                hint: "make one with `box network create NAME`")
        }
        for address in [request.v4, request.v6].compactMap(\.self) {
            guard !network.isDefault else {
                throw BoxFailure(
                    .invalid, "use the address", "\(address)",
                    reason: "addresses can be chosen on networks that you made, not on the default one",
                    hint: "make one with `box network create --subnet RANGE NAME`")
            }
            guard network.pools.contains(where: { $0.subnet.contains(address) }) else {
                let ranges = network.pools.map { "\($0.subnet)" }.joined(separator: ", ")
                throw BoxFailure(
                    .invalid, "use the address", "\(address)",
                    reason: "it is outside of the network \(network.name) (\(ranges))")
            }
        }
        if let mac = request.mac, mac.isMulticast || mac.bits == 0 {
            throw BoxFailure(.invalid, "use --mac-address", "\(mac)", reason: "no interface may have it")
        }
        for address in request.linkLocal where !address.isLinkLocal {
            throw BoxFailure(.invalid, "use --link-local-ip", "\(address)", reason: "it is not link-local")
        }
    }
}
