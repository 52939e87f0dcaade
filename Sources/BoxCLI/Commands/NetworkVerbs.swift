internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

struct NetworkCreateVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "network create", abstract: "Create a network that containers can join")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "bridge, macvlan or ipvlan") var driver = "bridge"
    @Option(parsing: .unconditionalSingleValue, help: "Range of addresses, e.g. 10.5.0.0/16") var subnet: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Part of the range from which addresses are chosen")
    var ipRange: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Address of the bridge, or of the router") var gateway: [String] =
        []
    @Option(parsing: .unconditionalSingleValue, help: "Address that is not given to containers, NAME=ADDRESS")
    var auxAddress: [String] = []
    @Flag(name: .customLong("internal"), help: "Without a way out") var isInternal = false
    @Flag(inversion: .prefixedNo, help: "IPv4 addresses") var ipv4 = true
    @Flag(help: "IPv6 addresses too") var ipv6 = false
    @Flag(help: "Accepted for Docker's sake; every network can be joined by hand") var attachable = false
    @Option(parsing: .unconditionalSingleValue, help: "Label, KEY=VALUE") var label: [String] = []
    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "Option of the driver, KEY=VALUE")
    var opt: [String] = []
    @Argument(help: "Name of the network") var name: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        var request = Networks.Request(name: name)
        request.driver = driver
        request.subnets = subnet
        request.ranges = ipRange
        request.gateways = gateway
        request.auxiliary = auxAddress
        request.isInternal = isInternal
        request.hasIPv4 = ipv4
        request.hasIPv6 = ipv6
        request.labels = try EnvironmentFlag.pairs(flag: "--label", entries: label)
        request.options = try EnvironmentFlag.pairs(flag: "--opt", entries: opt)
        context.print(try Networks(store: try context.openStore()).create(request).id)
        return ExitStatus.success
    }
}

struct NetworkLsVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "network ls", abstract: "List networks")

    @Flag(name: .shortAndLong, help: "Print the ids only") var quiet = false
    @Flag(help: "Do not shorten ids") var noTrunc = false
    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds")
    var filter: [String] = []
    @Option(parsing: .unconditional, help: "table, json, \"table TEMPLATE\" or TEMPLATE") var format: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let networks = Networks(store: store)
        // Docker shows the default network from the first day on; where nothing may be written it waits.
        _ = try? networks.find("bridge")
        let listing = try networks.list()
        let filters = try NetworkFilters(filter) { () throws(BoxFailure) in
            try Containers(store: store, facts: context.facts).list().summaries
        }
        let rows = listing.records.filter { filters.match($0, networks) }
        if quiet && format == nil {
            for row in rows { context.print(noTrunc ? row.id : row.shortID) }
        } else {
            try Rendering.rows(
                format, #"{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"#,
                ["ID": "NETWORK ID", "CreatedAt": "CREATED AT"], rows.map(record), context)
        }
        for failure in listing.unreadable { context.complain(failure) }
        return listing.unreadable.isEmpty ? ExitStatus.success : ExitStatus.failure
    }

    private func record(_ network: NetworkRecord) -> TemplateRecord {
        TemplateRecord([
            .init("CreatedAt", TimeText.createdAt(network.created.nanoseconds, zone: SystemClock.localZone)),
            .init("Driver", network.driver.rawValue),
            .init("ID", noTrunc ? network.id : network.shortID),
            .init("IPv4", "\(network.pools.contains { $0.subnet.version == .v4 })"),
            .init("IPv6", "\(network.hasIPv6)"),
            .init("Internal", "\(network.isInternal)"),
            .init("Label", .method { .string(network.labels[$0] ?? "") }),
            .init(
                "Labels",
                network.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")),
            .init("Name", network.name),
            .init("Scope", "local"),
        ])
    }
}

/// `network ls --filter`.
struct NetworkFilters {
    private var groups: [String: [String]] = [:]
    private var summaries: [ContainerSummary] = []

    init(_ texts: [String], _ containers: () throws(BoxFailure) -> [ContainerSummary]) throws(BoxFailure) {
        for (key, value) in try Filters.parse(
            texts, known: ["driver", "id", "label", "name", "scope", "type", "dangling"])
        {
            switch key {
            case "type":
                guard value == "custom" || value == "builtin" else {
                    throw BoxFailure(
                        .invalid, "use --filter", "type=\(value)", reason: "there is no such type",
                        hint: "choose custom or builtin")
                }
            case "dangling":
                guard NetworkRecord.flag(value) != nil else {
                    throw BoxFailure(
                        .invalid, "use --filter", "dangling=\(value)", reason: "it is neither true nor false")
                }
                summaries = try containers()
            default: break
            }
            groups[key, default: []].append(value)
        }
    }

    func match(_ network: NetworkRecord, _ networks: Networks) -> Bool {
        groups.allSatisfy { key, values in values.contains { match(network, key, $0, networks) } }
    }

    private func match(_ network: NetworkRecord, _ key: String, _ value: String, _ networks: Networks) -> Bool {
        let isBuiltin = network.isDefault || network.driver == .host || network.driver == .null
        switch key {
        case "driver": return network.driver.rawValue == value
        case "id": return network.id.hasPrefix(value)
        case "label": return Filters.label(value, network.labels)
        case "name": return network.name.contains(value)
        case "scope": return value == "local"
        case "type": return isBuiltin == (value == "builtin")
        default:
            return !isBuiltin && networks.isUsed(network, by: summaries) != (NetworkRecord.flag(value) ?? false)
        }
    }
}

extension String {
    /// Whether another text occurs in this one.
    fileprivate func contains(_ part: String) -> Bool {
        if part.isEmpty { return true }
        let own = Array(utf8)
        let wanted = Array(part.utf8)
        guard own.count >= wanted.count else { return false }
        return (0...own.count - wanted.count).contains { own[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}

struct NetworkInspectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "network inspect", abstract: "Show all about networks as JSON")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "json or a template") var format: String?
    @Flag(name: .shortAndLong, help: "Accepted for Docker's sake; there is nothing more to tell") var verbose = false
    @Argument(help: "Networks") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let networks = Networks(store: store)
        let summaries = try Containers(store: store, facts: context.facts).list().summaries
        return try Inspection(format: format, context: context).show(names) { name throws(BoxFailure) in
            networks.inspect(try networks.find(name), among: summaries, time: \.rfc3339)
        }
    }
}

struct NetworkRmVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "network rm", abstract: "Remove networks")

    @Flag(name: .shortAndLong, help: "Say nothing of networks that do not exist") var force = false
    @Argument(help: "Networks") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let networks = Networks(store: try context.openStore())
        return context.forEach(names) { name throws(BoxFailure) in
            do throws(BoxFailure) {
                try networks.remove(try networks.find(name))
            } catch  where force && error.kind == .notFound {
                return
            }
            context.print(name)
        }
    }
}

struct NetworkPruneVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "network prune", abstract: "Remove all networks that no container uses")

    @Flag(name: .shortAndLong, help: "Do not ask") var force = false
    @Option(parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds: until, label, label!")
    var filter: [String] = []

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let pruning = try Pruning(context: context, filters: filter, force: force)
        guard pruning.confirm("all networks that no container uses") else { return ExitStatus.success }
        try pruning.networks()
        return ExitStatus.success
    }
}

struct NetworkConnectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "network connect", abstract: "Connect a container to a network")

    @Option(parsing: .unconditionalSingleValue, help: "Another name on the network") var alias: [String] = []
    @Option(parsing: .unconditional, help: "IPv4 address") var ip: String?
    @Option(parsing: .unconditional, help: "IPv6 address") var ip6: String?
    @Option(name: .customLong("link-local-ip"), parsing: .unconditionalSingleValue, help: "Link-local address")
    var linkLocalIP: [String] = []
    @Option(parsing: .unconditional, help: "The network of the highest priority gets the default route")
    var gwPriority = 0
    @Argument(help: "Network") var network: String
    @Argument(help: "Container") var container: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let containers = Containers(store: store, facts: context.facts)
        var request = EndpointRequest(network: network)
        request.aliases = alias
        if let ip { request.v4 = try NetworkFlag.address(ip, "--ip", .v4) }
        if let ip6 { request.v6 = try NetworkFlag.address(ip6, "--ip6", .v6) }
        for text in linkLocalIP { request.linkLocal.append(try NetworkFlag.address(text, "--link-local-ip", nil)) }
        request.gatewayPriority = gwPriority
        try containers.connect(
            try containers.find(container), to: try Networks(store: store).find(network), request, name: container)
        return ExitStatus.success
    }
}

struct NetworkDisconnectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "network disconnect", abstract: "Disconnect a container from a network")

    @Flag(name: .shortAndLong, help: "Say nothing where it is not connected") var force = false
    @Argument(help: "Network") var network: String
    @Argument(help: "Container") var container: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let containers = Containers(store: store, facts: context.facts)
        do throws(BoxFailure) {
            try containers.disconnect(
                try containers.find(container), from: try Networks(store: store).find(network), name: container)
        } catch  where force && error.kind == .conflict {
            return ExitStatus.success
        }
        return ExitStatus.success
    }
}

struct NetworkReloadVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "network reload", abstract: "Make bridges and firewall rules anew where they were taken away")

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        try Networks(store: try context.openStore()).reload()
        return ExitStatus.success
    }
}
