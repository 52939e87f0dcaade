/// A network that containers can be connected to, as it was asked for.
package struct NetworkRecord: Hashable, Sendable, Codable {
    package static let currentFormat = 1

    package enum Driver: String, Hashable, Sendable, Codable, CaseIterable {
        case bridge, macvlan, ipvlan
        /// The machine's own network; it exists always and has no record on the disk.
        case host
        /// No network; exists always.
        case null
    }

    /// One range of addresses that containers get theirs from.
    package struct Pool: Hashable, Sendable, Codable {
        package var subnet: IPPrefix
        /// Addresses are chosen from here; nil is the whole sub-network.
        package var range: IPPrefix?
        /// The bridge's own address; nil where there is none (`--internal` macvlan).
        package var gateway: IPAddress?
        /// Addresses that are somebody else's, by name (`--aux-address`).
        package var auxiliary: [String: IPAddress] = [:]

        package init(subnet: IPPrefix) {
            self.subnet = subnet
        }
    }

    package var format = NetworkRecord.currentFormat
    /// 64 hexadecimal digits.
    package var id: String
    package var name: String
    package var driver: Driver
    package var created: Timestamp
    /// At most one of each version where box chose them; several of one version are allowed.
    package var pools: [Pool] = []
    package var isInternal = false
    package var hasIPv6 = false
    package var labels: [String: String] = [:]
    /// Docker's keys, `com.docker.network.…`, and `parent`, `macvlan_mode`, `ipvlan_mode`.
    package var options: [String: String] = [:]
    /// The bridge on the host, at most 15 bytes; of other drivers the parent interface.
    package var interface = ""

    package init(id: String, name: String, driver: Driver, created: Timestamp) {
        self.id = id
        self.name = name
        self.driver = driver
        self.created = created
    }

    /// The network that containers join when nothing is asked for; names are not resolved on it.
    package var isDefault: Bool { name == "bridge" }
    package var shortID: String { String(id.prefix(12)) }

    /// Bytes of the largest packet; nil is the kernel's default.
    package var mtu: Int? { options["com.docker.network.driver.mtu"].flatMap { Int($0) } }
    /// Whether containers of the network reach each other.
    package var allowsInterContainer: Bool { Self.flag(options["com.docker.network.bridge.enable_icc"]) ?? true }
    package var masquerades: Bool { Self.flag(options["com.docker.network.bridge.enable_ip_masquerade"]) ?? true }
    /// Where ports are published when no address is given.
    package var hostBinding: IPAddress? {
        options["com.docker.network.bridge.host_binding_ipv4"].flatMap { IPAddress($0) }
    }

    package static func flag(_ text: String?) -> Bool? {
        switch text?.lowercased() {
        case "true", "1", "t": true
        case "false", "0", "f": false
        default: nil
        }
    }
}

/// How a container asked to be connected to one network.
package struct EndpointRequest: Hashable, Sendable, Codable {
    /// The network's name.
    package var network: String
    package var aliases: [String] = []
    package var v4: IPAddress?
    package var v6: IPAddress?
    package var mac: MACAddress?
    package var linkLocal: [IPAddress] = []
    package var options: [String: String] = [:]
    /// The highest decides which network the default route leads through.
    package var gatewayPriority = 0

    package init(network: String) {
        self.network = network
    }
}

/// How a running container is connected to one network.
package struct Endpoint: Hashable, Sendable, Codable {
    /// 64 hexadecimal digits.
    package var id: String
    package var networkID: String
    package var networkName: String
    package var request: EndpointRequest
    /// Inside the container: `eth0`.
    package var interface: String
    /// The host's end of a veth pair; empty where there is none.
    package var hostInterface = ""
    package var mac: MACAddress
    /// Address and length of the network.
    package var v4: IPPrefix?
    package var v6: IPPrefix?
    package var gatewayV4: IPAddress?
    package var gatewayV6: IPAddress?
    /// Every name that it answers to on this network: the container's name, its short id, aliases.
    package var names: [String] = []

    package init(
        id: String, networkID: String, networkName: String, request: EndpointRequest, interface: String,
        mac: MACAddress
    ) {
        self.id = id
        self.networkID = networkID
        self.networkName = networkName
        self.request = request
        self.interface = interface
        self.mac = mac
    }
}
