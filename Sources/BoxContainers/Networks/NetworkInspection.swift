package import BoxModel
internal import BoxNetwork
package import BoxStore
internal import BoxSystem

extension Containers {
    /// `NetworkSettings` of a container's document, as Docker names things.
    func networkJSON(
        _ config: ContainerConfig, _ record: ContainerRecord, _ state: ContainerState
    ) throws(BoxFailure) -> JSON {
        let live = state.status.isActive ? (try store.runtimeDirectory(record.id))?.endpoints() ?? [] : []
        var networks = JSONObject()
        if config.network == .networks {
            for request in try record.networks(config).endpoints {
                networks[request.network] = Self.endpointJSON(
                    request, live.first { $0.networkName == request.network })
            }
        } else {
            networks[Self.text(config.network)] = Self.endpointJSON(EndpointRequest(network: ""), nil)
        }
        // As in Docker these fields are the default network's.
        let standard = live.first { $0.networkName == "bridge" }
        return [
            "SandboxKey": .string(state.pid > 0 ? "/proc/\(state.pid)/ns/net" : ""),
            "Ports": Self.portsJSON(state, exposed: config.ports),
            "EndpointID": .string(standard?.id ?? ""),
            "Gateway": .string(standard?.gatewayV4?.description ?? ""),
            "GlobalIPv6Address": .string(standard?.v6?.address.description ?? ""),
            "GlobalIPv6PrefixLen": .integer(Int64(standard?.v6?.length ?? 0)),
            "IPAddress": .string(standard?.v4?.address.description ?? ""),
            "IPPrefixLen": .integer(Int64(standard?.v4?.length ?? 0)),
            "IPv6Gateway": .string(standard?.gatewayV6?.description ?? ""),
            "MacAddress": .string(standard?.mac.description ?? ""),
            "Networks": .object(networks),
        ]
    }

    private static func endpointJSON(_ request: EndpointRequest, _ live: Endpoint?) -> JSON {
        var wanted = JSONObject()
        if let address = request.v4 { wanted["IPv4Address"] = .string("\(address)") }
        if let address = request.v6 { wanted["IPv6Address"] = .string("\(address)") }
        if !request.linkLocal.isEmpty { wanted["LinkLocalIPs"] = JSON(request.linkLocal.map(\.description)) }
        return [
            "IPAMConfig": wanted.isEmpty ? .null : .object(wanted),
            "Links": .null,
            "Aliases": request.aliases.isEmpty ? .null : JSON(request.aliases),
            "MacAddress": .string((live?.mac ?? request.mac)?.description ?? ""),
            "DriverOpts": request.options.isEmpty ? .null : JSON(request.options),
            "GwPriority": .integer(Int64(request.gatewayPriority)),
            "NetworkID": .string(live?.networkID ?? ""),
            "EndpointID": .string(live?.id ?? ""),
            "Gateway": .string(live?.gatewayV4?.description ?? ""),
            "IPAddress": .string(live?.v4?.address.description ?? ""),
            "IPPrefixLen": .integer(Int64(live?.v4?.length ?? 0)),
            "IPv6Gateway": .string(live?.gatewayV6?.description ?? ""),
            "GlobalIPv6Address": .string(live?.v6?.address.description ?? ""),
            "GlobalIPv6PrefixLen": .integer(Int64(live?.v6?.length ?? 0)),
            "DNSNames": live.map { $0.names.isEmpty ? .null : JSON($0.names) } ?? .null,
        ]
    }

    /// Every port that is exposed or published, with where it is published.
    private static func portsJSON(_ state: ContainerState, exposed: [ContainerPort]) -> JSON {
        guard state.status.isActive else { return [:] }
        var ports = JSONObject()
        for port in Set(exposed + state.ports.map(\.port)).sorted() {
            let bindings = state.ports.filter { $0.port == port }
            ports["\(port)"] =
                bindings.isEmpty
                ? .null
                : .array(
                    bindings.map { ["HostIp": .string("\($0.hostAddress)"), "HostPort": .string("\($0.hostPort)")] })
        }
        return .object(ports)
    }

    static func portBindings(_ mappings: [PortMapping]) -> JSON {
        var bindings = JSONObject()
        for port in Set(mappings.map(\.port)).sorted() {
            bindings["\(port)"] = .array(
                mappings.filter { $0.port == port }.map { mapping in
                    let last = mapping.hostPortLast > mapping.hostPort ? "-\(mapping.hostPortLast)" : ""
                    return [
                        "HostIp": .string(mapping.hostAddress?.description ?? ""),
                        "HostPort": .string(mapping.hostPort == 0 ? "" : "\(mapping.hostPort)\(last)"),
                    ]
                })
        }
        return .object(bindings)
    }

    static func networkMode(_ config: ContainerConfig, _ networks: ContainerNetworks) -> String {
        config.network == .networks ? networks.endpoints.first?.network ?? "bridge" : text(config.network)
    }
}

extension Networks {
    /// A network in the words of Docker's `network inspect`.
    ///
    /// - Parameters:
    ///   - summaries: the containers among which those on the network are.
    ///   - time: writes an instant as Docker does.
    package func inspect(
        _ network: NetworkRecord, among summaries: [ContainerSummary], time: (Timestamp) -> String
    ) -> JSON {
        var containers = JSONObject()
        for (container, endpoint) in endpoints(of: network, among: summaries) {
            containers[container.id.text] = [
                "Name": .string(container.name.text), "EndpointID": .string(endpoint.id),
                "MacAddress": .string("\(endpoint.mac)"),
                "IPv4Address": .string(endpoint.v4?.description ?? ""),
                "IPv6Address": .string(endpoint.v6?.description ?? ""),
            ]
        }
        let pools: [JSON] = network.pools.map { pool in
            var json = JSONObject()
            json["Subnet"] = .string("\(pool.subnet)")
            if let range = pool.range { json["IPRange"] = .string("\(range)") }
            if let gateway = pool.gateway { json["Gateway"] = .string("\(gateway)") }
            if !pool.auxiliary.isEmpty { json["AuxiliaryAddresses"] = JSON(pool.auxiliary.mapValues(\.description)) }
            return .object(json)
        }
        var options = network.options
        if network.driver == .bridge { options["com.docker.network.bridge.name"] = network.interface }
        return [
            "Name": .string(network.name), "Id": .string(network.id), "Created": .string(time(network.created)),
            "Scope": "local", "Driver": .string(network.driver.rawValue),
            "EnableIPv4": .bool(network.pools.contains { $0.subnet.version == .v4 }),
            "EnableIPv6": .bool(network.hasIPv6),
            "IPAM": ["Driver": "default", "Options": .null, "Config": .array(pools)],
            "Internal": .bool(network.isInternal), "Attachable": false, "Ingress": false,
            "ConfigFrom": ["Network": ""], "ConfigOnly": false, "Containers": .object(containers),
            "Options": JSON(options), "Labels": JSON(network.labels),
            "Leases": JSON(leases(of: network)),
        ]
    }

    /// Addresses in use and the containers that hold them.
    private func leases(of network: NetworkRecord) -> [String: String] {
        let all = (try? NetworkFolders(store: store).leases(network.id).all()) ?? []
        return Dictionary(all.map { ("\($0.address)", $0.owner.text) }, uniquingKeysWith: { first, _ in first })
    }
}
