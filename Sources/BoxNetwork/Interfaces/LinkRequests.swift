internal import BoxModel

/// The requests that box makes of the kernel, as plain values.
enum LinkRequest {
    /// `struct ifinfomsg`.
    private static func header(
        _ content: inout NetlinkBytes, family: UInt8 = 0, index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0
    ) {
        content.append([family, 0, 0, 0])
        content.append(index)
        content.append(flags)
        content.append(change)
    }

    static func get(_ name: String) -> RouteRequest {
        RouteRequest(.getLink, [], about: name) { content in
            header(&content)
            content.attribute(Link.name, text: name)
        }
    }

    static func list() -> RouteRequest {
        RouteRequest(.getLink, .dump, about: "interfaces") { header(&$0) }
    }

    static func delete(_ name: String) -> RouteRequest {
        var request = RouteRequest(.deleteLink, .acknowledge, about: name) { content in
            header(&content)
            content.attribute(Link.name, text: name)
        }
        // ENODEV: it went by itself.
        request.tolerated = [19]
        return request
    }

    static func raise(_ name: String, alias: String? = nil) -> RouteRequest {
        RouteRequest(.setLink, .acknowledge, about: name) { content in
            header(&content, flags: Link.up, change: Link.up)
            content.attribute(Link.name, text: name)
            if let alias { content.attribute(Link.alias, text: alias) }
        }
    }

    /// Writes down whose an interface is, and keeps the kernel from giving it an IPv6 address of its own.
    static func claim(_ name: String, alias: String, ownAddresses: Bool) -> RouteRequest {
        RouteRequest(.setLink, .acknowledge, about: name) { content in
            header(&content)
            content.attribute(Link.name, text: name)
            content.attribute(Link.alias, text: alias)
            guard !ownAddresses else { return }
            // AF_INET6 > IFLA_INET6_ADDR_GEN_MODE = IN6_ADDR_GEN_MODE_NONE
            content.nested(Link.familySpecific) { $0.nested(10) { $0.attribute(Link.v6AddressGeneration, [1]) } }
        }
    }

    /// Keeps a bridge's ports from reaching each other (bridge(8), isolated).
    static func isolate(port index: Int32, _ name: String) -> RouteRequest {
        RouteRequest(.setLink, .acknowledge, about: name) { content in
            // PF_BRIDGE
            header(&content, family: 7, index: index)
            content.nested(Link.protocolInfo | Link.nested) { $0.attribute(Link.bridgePortIsolated, [1]) }
        }
    }

    /// A bridge that forwards at once; its own MAC address keeps it from taking over that of a port.
    static func bridge(_ name: String, mac: MACAddress, mtu: Int?) -> RouteRequest {
        var request = RouteRequest(.newLink, [.acknowledge, .create, .exclusive], about: name) { content in
            header(&content)
            content.attribute(Link.name, text: name)
            content.attribute(Link.address, mac.bytes)
            if let mtu { content.attribute(Link.mtu, number: UInt32(mtu)) }
            content.nested(Link.info) { info in
                info.attribute(Link.infoKind, text: "bridge")
                info.nested(Link.infoData) { data in
                    data.attribute(Link.bridgeForwardDelay, number: UInt32(0))
                    data.attribute(Link.bridgeSpanningTree, number: UInt32(0))
                }
            }
        }
        request.module = "bridge"
        return request
    }

    static func dummy(_ name: String) -> RouteRequest {
        var request = RouteRequest(.newLink, [.acknowledge, .create, .exclusive], about: name) { content in
            header(&content)
            content.attribute(Link.name, text: name)
            content.nested(Link.info) { $0.attribute(Link.infoKind, text: "dummy") }
        }
        request.module = "dummy"
        return request
    }

    static func vlan(_ name: String, on parent: Int32, id: UInt16) -> RouteRequest {
        var request = RouteRequest(.newLink, [.acknowledge, .create, .exclusive], about: name) { content in
            header(&content)
            content.attribute(Link.name, text: name)
            content.attribute(Link.lower, number: parent)
            content.nested(Link.info) { info in
                info.attribute(Link.infoKind, text: "vlan")
                info.nested(Link.infoData) { $0.attribute(Link.vlanID, number: id) }
            }
        }
        request.module = "8021q"
        return request
    }

    /// A pair of interfaces, one on a bridge of the host, the other born in a container's namespace.
    static func pair(
        host: String, bridge: Int32, inside: String, mac: MACAddress, namespace: Int32, mtu: Int?
    ) -> RouteRequest {
        var request = RouteRequest(.newLink, [.acknowledge, .create, .exclusive], about: host) { content in
            header(&content)
            content.attribute(Link.name, text: host)
            content.attribute(Link.master, number: bridge)
            if let mtu { content.attribute(Link.mtu, number: UInt32(mtu)) }
            content.nested(Link.info) { info in
                info.attribute(Link.infoKind, text: "veth")
                info.nested(Link.infoData) { data in
                    data.nested(Link.vethPeer) { peer in
                        header(&peer)
                        peer.attribute(Link.name, text: inside)
                        peer.attribute(Link.address, mac.bytes)
                        peer.attribute(Link.namespace, number: namespace)
                        if let mtu { peer.attribute(Link.mtu, number: UInt32(mtu)) }
                    }
                }
            }
        }
        request.module = "veth"
        return request
    }

    /// A macvlan or ipvlan interface over a parent of the host, born in a container's namespace.
    static func over(
        parent: Int32, kind: String, mode: [UInt8], inside: String, mac: MACAddress?, namespace: Int32, mtu: Int?
    ) -> RouteRequest {
        var request = RouteRequest(.newLink, [.acknowledge, .create, .exclusive], about: inside) { content in
            header(&content)
            content.attribute(Link.name, text: inside)
            content.attribute(Link.lower, number: parent)
            content.attribute(Link.namespace, number: namespace)
            if let mac { content.attribute(Link.address, mac.bytes) }
            if let mtu { content.attribute(Link.mtu, number: UInt32(mtu)) }
            content.nested(Link.info) { info in
                info.attribute(Link.infoKind, text: kind)
                info.nested(Link.infoData) { $0.attribute(Link.macvlanMode, mode) }
            }
        }
        request.module = kind
        return request
    }

    /// Gives an interface an address (`struct ifaddrmsg`).
    ///
    /// IPv6 addresses come without the search for duplicates, which would keep them unusable for a second; the leases
    /// know that there are none.
    static func address(_ prefix: IPPrefix, on index: Int32, scope: UInt8 = 0) -> RouteRequest {
        RouteRequest(.newAddress, [.acknowledge, .create, .replace], about: "\(prefix)") { content in
            let isV4 = prefix.version == .v4
            content.append([isV4 ? 2 : 10, UInt8(prefix.length), isV4 ? 0 : 2, scope])
            content.append(index)
            content.attribute(2, prefix.address.bytes)
            content.attribute(1, prefix.address.bytes)
            if isV4, prefix.length < 31 { content.attribute(4, prefix.last.bytes) }
        }
    }

    static func addresses() -> RouteRequest {
        RouteRequest(.getAddress, .dump, about: "addresses") { $0.append([0, 0, 0, 0, 0, 0, 0, 0]) }
    }

    static func routes() -> RouteRequest {
        RouteRequest(.getRoute, .dump, about: "routes") { $0.append([UInt8](repeating: 0, count: 12)) }
    }

    /// The default route (`struct rtmsg`), through a gateway or, without one, straight out of the interface.
    static func defaultRoute(_ version: IPAddress.Version, through gateway: IPAddress?, _ index: Int32) -> RouteRequest
    {
        RouteRequest(.newRoute, [.acknowledge, .create, .replace], about: "default") { content in
            route(&content, version, scope: gateway == nil ? 253 : 0)
            if let gateway { content.attribute(5, gateway.bytes) }
            content.attribute(4, number: index)
        }
    }

    static func withoutDefaultRoute(_ version: IPAddress.Version) -> RouteRequest {
        var request = RouteRequest(.deleteRoute, .acknowledge, about: "default") {
            route(&$0, version, scope: version == .v4 ? 255 : 0)
        }
        // ESRCH: there is none.
        request.tolerated = [3]
        return request
    }

    /// Table main, protocol boot, unicast.
    private static func route(_ content: inout NetlinkBytes, _ version: IPAddress.Version, scope: UInt8) {
        content.append([version == .v4 ? 2 : 10, 0, 0, 0, 254, 3, scope, 1])
        content.append(UInt32(0))
    }
}
