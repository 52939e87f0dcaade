package import BoxModel
package import BoxNetwork

/// How the monitor connects its container, with every network looked up.
package struct NetworkPlan: Codable, Sendable {
    /// One network and what the container wants of it.
    package struct Join: Codable, Sendable {
        package var network: NetworkRecord
        package var request: EndpointRequest
    }

    /// In the order of the interfaces.
    package var joins: [Join] = []
    package var ports: [PortMapping] = []
    package var owner: ContainerID
    package var name: ContainerName
    package var names: NameFiles.Names

    package init(_ config: ContainerConfig) {
        owner = config.id
        name = config.name
        names = NameFiles.Names(config)
    }

    /// Every name that others on a network find the container by, as Docker has it.
    func names(on request: EndpointRequest) -> [String] {
        var seen: Set<String> = []
        return ([name.text] + request.aliases + [owner.short, names.hostname]).filter {
            !$0.isEmpty && seen.insert($0.lowercased()).inserted
        }
    }
}

extension NameFiles.Names {
    init(_ config: ContainerConfig) {
        self.init(
            hostname: config.hostname, domainname: config.domainname, extraHosts: config.extraHosts, dns: config.dns,
            dnsSearch: config.dnsSearch, dnsOptions: config.dnsOptions)
    }
}
