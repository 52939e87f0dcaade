internal import BoxContainers
internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

/// `--network` with the flags that go with it, and `--dns`.
struct NetworkFlag {
    let options: ContainerOptions
    let containers: Containers
    let isRoot: Bool

    /// Networks of its own, or one of the modes without any.
    func mode() throws(BoxFailure) -> (mode: NetworkMode, networks: ContainerNetworks?) {
        var networks = ContainerNetworks()
        for text in options.publish { networks.ports += try PortSyntax.mappings(text) }
        networks.publishesAll = options.publishAll
        var names = options.network
        if names.isEmpty, let standard = environmentVariable("BOX_NETWORK"), !standard.isEmpty { names = [standard] }
        if names.count <= 1, let mode = try plainMode(names.first ?? "default") {
            try refuseEndpointFlags(mode)
            return (mode, networks)
        }
        if names.isEmpty { names = ["default"] }
        for name in names { networks.endpoints.append(try Self.endpoint(name)) }
        try fillEndpoint(&networks)
        return (.networks, networks)
    }

    /// The modes that are no network; nil where the word names one.
    private func plainMode(_ text: String) throws(BoxFailure) -> NetworkMode? {
        switch text {
        case "none": return NetworkMode.none
        case "host": return .host
        case "default", "":
            if !isRoot { return .isolated }
        default: break
        }
        if text.hasPrefix("container:") { return .container(try containers.find(String(text.dropFirst(10))).id) }
        guard isRoot else {
            throw BoxFailure(
                .unsupported, "use --network", "\"\(text)\"",
                reason: "only root can make network interfaces on the host",
                hint: "run box as root, or choose none, host or container:NAME")
        }
        return nil
    }

    private func refuseEndpointFlags(_ mode: NetworkMode) throws(BoxFailure) {
        for (flag, isUsed) in [
            ("--network-alias", !options.networkAlias.isEmpty), ("--ip", options.ip != nil),
            ("--ip6", options.ip6 != nil), ("--mac-address", options.macAddress != nil),
            ("--link-local-ip", !options.linkLocalIP.isEmpty),
        ] where isUsed {
            throw BoxFailure(
                .invalid, "use \(flag)", reason: "the container joins no network",
                hint: "leave --network \(Containers.text(mode)) out, or name a network")
        }
    }

    /// The flags beside `--network` are about the first network.
    private func fillEndpoint(_ networks: inout ContainerNetworks) throws(BoxFailure) {
        guard !networks.endpoints.isEmpty else { return }
        networks.endpoints[0].aliases += options.networkAlias
        if let text = options.ip { networks.endpoints[0].v4 = try Self.address(text, "--ip", .v4) }
        if let text = options.ip6 { networks.endpoints[0].v6 = try Self.address(text, "--ip6", .v6) }
        if let text = options.macAddress { networks.endpoints[0].mac = try Self.mac(text, "--mac-address") }
        for text in options.linkLocalIP {
            networks.endpoints[0].linkLocal.append(try Self.address(text, "--link-local-ip", nil))
        }
    }

    /// `NAME`, or `name=NAME,alias=…`.
    static func endpoint(_ text: String) throws(BoxFailure) -> EndpointRequest {
        guard text.contains("=") else {
            return EndpointRequest(network: text == "default" || text.isEmpty ? "bridge" : text)
        }
        var endpoint = EndpointRequest(network: "")
        for field in try CommaList.fields(text) {
            guard let equals = field.firstIndex(of: "=") else {
                throw BoxFailure(
                    .invalid, "use --network", "\"\(text)\"", reason: "\(field) has no value", hint: "write KEY=VALUE")
            }
            let key = field[..<equals].lowercased()
            let value = String(field[field.index(after: equals)...])
            switch key {
            case "name": endpoint.network = value == "default" ? "bridge" : value
            case "alias": endpoint.aliases.append(value)
            case "ip": endpoint.v4 = try address(value, "--network ip", .v4)
            case "ip6": endpoint.v6 = try address(value, "--network ip6", .v6)
            case "mac-address": endpoint.mac = try mac(value, "--network mac-address")
            case "link-local-ip": endpoint.linkLocal.append(try address(value, "--network link-local-ip", nil))
            case "gw-priority":
                guard let priority = Int(value) else {
                    throw BoxFailure(.invalid, "use --network gw-priority", "\"\(value)\"", reason: "it is no number")
                }
                endpoint.gatewayPriority = priority
            default:
                let known = ["name", "alias", "ip", "ip6", "mac-address", "link-local-ip", "gw-priority"]
                throw BoxFailure(
                    .invalid, "use --network", "\"\(text)\"", reason: "there is no key \(key)",
                    hint: nearest(to: key, in: known).map { "did you mean \($0)?" }
                        ?? "known are \(known.joined(separator: ", "))")
            }
        }
        guard !endpoint.network.isEmpty else {
            throw BoxFailure(
                .invalid, "use --network", "\"\(text)\"", reason: "it names no network", hint: "add name=NAME")
        }
        return endpoint
    }

    static func address(
        _ text: String, _ flag: String, _ version: IPAddress.Version?
    ) throws(BoxFailure) -> IPAddress {
        guard let address = IPAddress(text), version == nil || address.version == version else {
            throw BoxFailure(
                .invalid, "use \(flag)", "\"\(text)\"",
                reason: "it is no \(version.map { "IPv\($0.rawValue)" } ?? "IP") address")
        }
        return address
    }

    static func mac(_ text: String, _ flag: String) throws(BoxFailure) -> MACAddress {
        guard let address = MACAddress(text) else {
            throw BoxFailure(.invalid, "use \(flag)", "\"\(text)\"", reason: "it is no hardware address")
        }
        return address
    }

    static func server(_ text: String) throws(BoxFailure) -> String {
        guard IPAddress(text) != nil else {
            throw BoxFailure(.invalid, "use --dns", "\"\(text)\"", reason: "it is no IP address")
        }
        return text
    }
}
