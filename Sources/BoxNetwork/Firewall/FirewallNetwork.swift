package import BoxModel

/// What the host's firewall has to know of one bridge network.
package struct FirewallNetwork: Hashable, Sendable {
    package var bridge: String
    package var subnets: [IPPrefix]
    /// Nothing goes in or out but between its containers and the host.
    package var isInternal = false
    /// Those of ``subnets`` whose containers appear outside with the host's address.
    package var masqueraded: [IPPrefix]
    package var allowsInterContainer = true
    /// Whether other machines are kept from ports that are not published.
    package var isProtected = true
    /// Interfaces whose machines reach all ports nevertheless.
    package var trusted: [String] = []

    package init(
        bridge: String, subnets: [IPPrefix], isInternal: Bool = false, masquerades: Bool = true,
        allowsInterContainer: Bool = true
    ) {
        self.bridge = bridge
        self.subnets = subnets.map(\.network)
        self.isInternal = isInternal
        masqueraded = masquerades && !isInternal ? self.subnets : []
        self.allowsInterContainer = allowsInterContainer
    }

    /// What a bridge network's record says, with Docker's options.
    package init(_ record: NetworkRecord) {
        self.init(
            bridge: record.interface, subnets: record.pools.map(\.subnet), isInternal: record.isInternal,
            masquerades: record.masquerades, allowsInterContainer: record.allowsInterContainer)
        for version in [IPAddress.Version.v4, .v6] {
            switch record.options["com.docker.network.bridge.gateway_mode_ipv\(version.rawValue)"] {
            case "nat-unprotected": isProtected = false
            case "routed":
                isProtected = false
                masqueraded.removeAll { $0.version == version }
            case "isolated": isInternal = true
            default: break
            }
        }
        if isInternal { masqueraded = [] }
        let names = record.options["com.docker.network.bridge.trusted_host_interfaces"] ?? ""
        trusted = names.split(separator: ":").map(String.init)
    }

    /// Fails where a name would mean something else inside a script.
    func check() throws(BoxFailure) {
        for name in [bridge] + trusted {
            let fits = name.utf8.count <= 15 && !name.isEmpty
            guard fits, name.utf8.allSatisfy({ $0.isWordByte || "-.:@+=".utf8.contains($0) }) else {
                throw BoxFailure(
                    .invalid, "make firewall rules for interface", "\"\(name.prefix(60))\"",
                    reason: "a name has at most 15 of a-z A-Z 0-9 _ - . : @ + =", hint: "choose another name")
            }
        }
    }
}
