package import BoxModel
package import BoxSystem
internal import CBoxSys
internal import Glibc

/// Makes and removes network interfaces, on the host and in containers, by rtnetlink(7) in this process.
///
/// All calls without a namespace concern that of the calling thread, the host's.
package struct Interfaces {
    package init() {}

    // MARK: Looking

    /// Every interface of the host.
    package func interfaces() throws(BoxFailure) -> [InterfaceInfo] {
        do throws(RouteFailure) {
            return try socket().list(LinkRequest.list()).compactMap { InterfaceInfo($0) }
        } catch {
            throw error.failure("list the network interfaces", nil)
        }
    }

    /// Ranges of addresses that the host uses or has routes to, without the default route.
    package func occupiedRanges() throws(BoxFailure) -> [IPPrefix] {
        do throws(RouteFailure) {
            let socket = try socket()
            let routes = try socket.list(LinkRequest.routes()).compactMap(Self.destination)
            let addresses = try socket.list(LinkRequest.addresses()).compactMap { Self.address($0)?.prefix.network }
            return Array(Set(routes + addresses)).sorted { ($0.first, $0.length) < ($1.first, $1.length) }
        } catch {
            throw error.failure("list the routes", nil)
        }
    }

    private func socket() throws(RouteFailure) -> RouteSocket {
        do { return try RouteSocket() } catch { throw RouteFailure(error) }
    }

    /// Where a route leads to; nil for default routes and those to single addresses of the host's own.
    static func destination(_ message: RouteSocket.Message) -> IPPrefix? {
        guard message.type == RouteRequest.Kind.newRoute.rawValue, message.payload.count >= 12 else { return nil }
        let length = Int(message.payload.number(at: 1) as UInt8)
        let attributes = NetlinkAttributes(message.payload.dropFirst(12))
        let table = attributes.number(15) ?? UInt32(message.payload.number(at: 4) as UInt8)
        // RT_TABLE_LOCAL holds what follows from addresses; RTN_MULTICAST and the link-local range are everywhere.
        guard length > 0, table != 255, let address = attributes[1].flatMap({ IPAddress(bytes: $0) }),
            !address.isMulticast, !address.isLinkLocal
        else { return nil }
        return IPPrefix(address, length: length)?.network
    }

    /// The interface's index and the address with its length in an RTM_NEWADDR message.
    static func address(_ message: RouteSocket.Message) -> (index: Int32, prefix: IPPrefix)? {
        guard message.type == RouteRequest.Kind.newAddress.rawValue, message.payload.count >= 8 else { return nil }
        let attributes = NetlinkAttributes(message.payload.dropFirst(8))
        guard let address = (attributes[2] ?? attributes[1]).flatMap({ IPAddress(bytes: $0) }),
            let prefix = IPPrefix(address, length: Int(message.payload.number(at: 1) as UInt8))
        else { return nil }
        return (message.payload.number(at: 4), prefix)
    }

    // MARK: The host's side of a network

    static func alias(of network: NetworkRecord) -> String { "box network \(network.id)" }

    /// Makes sure that the host's interface of a network is there, up and has its addresses.
    ///
    /// Costs two questions where nothing is to be done; any number of processes may call it at once.
    ///
    /// - Throws: `conflict` where an interface of that name is somebody else's, `unsupported` naming the kernel module
    ///   that is missing, `notFound` where the parent of a macvlan or ipvlan network does not exist.
    package func prepare(_ network: NetworkRecord) throws(BoxFailure) {
        do throws(RouteFailure) {
            let socket = try socket()
            switch network.driver {
            case .bridge: try prepareBridge(network, socket)
            case .macvlan, .ipvlan: try prepareParent(network, socket)
            case .host, .null: break
            }
        } catch {
            throw error.failure("set up the network \(network.name) with", network.interface)
        }
    }

    private func prepareBridge(_ network: NetworkRecord, _ socket: borrowing RouteSocket) throws(RouteFailure) {
        var found = try find(network.interface, socket)
        if found == nil {
            let mac = MACAddress(bits: 0x0242_0000_0000 | UInt64.random(in: 0...0xffff_ffff))
            var make = LinkRequest.bridge(network.interface, mac: mac, mtu: network.mtu)
            // Another process was faster.
            make.tolerated = [EEXIST]
            try socket.perform([
                make, LinkRequest.claim(network.interface, alias: Self.alias(of: network), ownAddresses: true),
            ])
            found = try find(network.interface, socket)
        }
        // Another process has just made it and is about to write its name on it.
        for _ in 0..<20 where found?.alias.isEmpty == true {
            usleep(1000)
            found = try find(network.interface, socket)
        }
        guard let found else { throw RouteFailure(LinkRequest.get(network.interface), errno: ENODEV, reason: nil) }
        try requireOwn(found, network, kind: "bridge")
        let present = try socket.list(LinkRequest.addresses()).compactMap(Self.address).filter {
            $0.index == found.index
        }
        let wanted = network.pools.compactMap { pool in
            pool.gateway.flatMap { IPPrefix($0, length: pool.subnet.length) }
        }
        var requests = wanted.filter { prefix in !present.contains { $0.prefix == prefix } }.map {
            LinkRequest.address($0, on: found.index)
        }
        if !found.isUp { requests.append(LinkRequest.raise(network.interface)) }
        try socket.perform(requests)
    }

    private func find(_ name: String, _ socket: borrowing RouteSocket) throws(RouteFailure) -> InterfaceInfo? {
        try socket.get(LinkRequest.get(name)).flatMap { InterfaceInfo($0) }
    }

    private func requireOwn(_ found: InterfaceInfo, _ network: NetworkRecord, kind: String) throws(RouteFailure) {
        guard found.kind == kind, found.alias == Self.alias(of: network) else {
            throw RouteFailure(LinkRequest.get(found.name), errno: EEXIST, reason: Self.foreign)
        }
    }

    static let foreign = "an interface of this name exists already and is not box's"

    /// The interface that macvlan and ipvlan go through: the user's, a VLAN of it, or one that leads nowhere.
    private func prepareParent(_ network: NetworkRecord, _ socket: borrowing RouteSocket) throws(RouteFailure) {
        let name = network.interface
        if let found = try find(name, socket) {
            if !found.isUp { try socket.perform([LinkRequest.raise(name)]) }
            return
        }
        let alias = Self.alias(of: network)
        var make: RouteRequest
        if network.options["parent"] == nil {
            make = LinkRequest.dummy(name)
        } else if let dot = name.lastIndex(of: "."), let id = UInt16(name[name.index(after: dot)...]),
            (1...4094).contains(id),
            let parent = try find(String(name[..<dot]), socket)
        {
            make = LinkRequest.vlan(name, on: parent.index, id: id)
        } else {
            throw RouteFailure(LinkRequest.get(name), errno: ENODEV, reason: "there is no such interface to go through")
        }
        make.tolerated = [EEXIST]
        try socket.perform([make, LinkRequest.claim(name, alias: alias, ownAddresses: false), LinkRequest.raise(name)])
    }

    /// Takes the host's interface of a network away, where it is box's; fine when it is gone.
    package func remove(_ network: NetworkRecord) throws(BoxFailure) {
        do throws(RouteFailure) {
            let socket = try socket()
            guard let found = try find(network.interface, socket), found.alias == Self.alias(of: network) else {
                return
            }
            try socket.perform([LinkRequest.delete(network.interface)])
        } catch {
            throw error.failure("remove the interface", network.interface)
        }
    }

    // MARK: A container's interface

    /// Connects a container: an interface in its namespace with the endpoint's name and addresses, up.
    ///
    /// The interface is born in the container's namespace and dies with it, its other end too, so that a kill at any
    /// instant leaves nothing.
    package func connect(
        _ endpoint: Endpoint, of network: NetworkRecord, owner: ContainerID, to namespace: NetworkNamespace
    ) throws(BoxFailure) {
        do throws(RouteFailure) {
            let socket = try socket()
            guard let base = try find(network.interface, socket) else {
                throw RouteFailure(LinkRequest.get(network.interface), errno: ENODEV, reason: nil)
            }
            try make(endpoint, network, owner, base, namespace, socket)
            do throws(RouteFailure) {
                try configure(endpoint, namespace)
            } catch {
                try? disconnect(endpoint, from: namespace)
                throw error
            }
        } catch {
            throw error.failure("connect the container to the network \(network.name) with", endpoint.interface)
        }
    }

    private func make(
        _ endpoint: Endpoint, _ network: NetworkRecord, _ owner: ContainerID, _ base: InterfaceInfo,
        _ namespace: NetworkNamespace, _ socket: borrowing RouteSocket
    ) throws(RouteFailure) {
        switch network.driver {
        case .bridge:
            let host = endpoint.hostInterface
            try socket.perform([
                LinkRequest.pair(
                    host: host, bridge: base.index, inside: endpoint.interface, mac: endpoint.mac,
                    namespace: namespace.fd.raw, mtu: network.mtu),
                LinkRequest.claim(host, alias: "box \(owner)", ownAddresses: false), LinkRequest.raise(host),
            ])
            guard !network.allowsInterContainer else { return }
            let index = Int32(bitPattern: box_interface_index(host))
            try socket.perform([LinkRequest.isolate(port: index, host)])
        case .macvlan:
            let modes: [String: UInt32] = ["private": 1, "vepa": 2, "bridge": 4, "passthru": 8]
            let mode = modes[network.options["macvlan_mode"] ?? "bridge"] ?? 4
            try socket.perform([
                LinkRequest.over(
                    parent: base.index, kind: "macvlan", mode: withUnsafeBytes(of: mode) { Array($0) },
                    inside: endpoint.interface, mac: endpoint.mac, namespace: namespace.fd.raw, mtu: network.mtu)
            ])
        case .ipvlan:
            let modes: [String: UInt16] = ["l2": 0, "l3": 1, "l3s": 2]
            let mode = modes[network.options["ipvlan_mode"] ?? "l2"] ?? 0
            try socket.perform([
                LinkRequest.over(
                    parent: base.index, kind: "ipvlan", mode: withUnsafeBytes(of: mode) { Array($0) },
                    inside: endpoint.interface, mac: nil, namespace: namespace.fd.raw, mtu: network.mtu)
            ])
        case .host, .null: break
        }
    }

    private func configure(_ endpoint: Endpoint, _ namespace: NetworkNamespace) throws(RouteFailure) {
        try namespace.perform(
            { () throws(RouteFailure) in
                let socket = try socket()
                let index = Int32(bitPattern: box_interface_index(endpoint.interface))
                guard index > 0 else {
                    throw RouteFailure(LinkRequest.get(endpoint.interface), errno: ENODEV, reason: nil)
                }
                // Without an IPv6 address of the network's it gets none at all, as with Docker (ip-sysctl, disable_ipv6).
                // A kernel without IPv6 has no such file.
                if endpoint.v6 == nil, !endpoint.request.linkLocal.contains(where: { !$0.isV4 }) {
                    try? writeControl("/proc/sys/net/ipv6/conf/\(endpoint.interface)/disable_ipv6", "1")
                }
                var requests = [endpoint.v4, endpoint.v6].compactMap(\.self).map { LinkRequest.address($0, on: index) }
                for address in endpoint.request.linkLocal {
                    // RT_SCOPE_LINK
                    if let prefix = IPPrefix(address, length: address.isV4 ? 16 : 64) {
                        requests.append(LinkRequest.address(prefix, on: index, scope: 253))
                    }
                }
                requests.append(LinkRequest.raise(endpoint.interface))
                try socket.perform(requests)
            }, orFail: { RouteFailure($0) })
    }

    /// Sets where a container sends what is for no network of its own; nil takes the default route away.
    ///
    /// - Parameters:
    ///   - interfaceV4: the interface that the route leads out of; with no gateway and a name the route needs none, as
    ///     in the layer 3 modes of ipvlan.
    package func setDefaultRoutes(
        v4: IPAddress?, v6: IPAddress?, interfaceV4: String, interfaceV6: String, in namespace: NetworkNamespace
    ) throws(BoxFailure) {
        do throws(RouteFailure) {
            try namespace.perform(
                { () throws(RouteFailure) in
                    let socket = try socket()
                    for (version, gateway, interface) in [
                        (IPAddress.Version.v4, v4, interfaceV4), (.v6, v6, interfaceV6),
                    ] {
                        guard !interface.isEmpty else {
                            try socket.perform([LinkRequest.withoutDefaultRoute(version)])
                            continue
                        }
                        let index = Int32(bitPattern: box_interface_index(interface))
                        try socket.perform([LinkRequest.defaultRoute(version, through: gateway, index)])
                    }
                }, orFail: { RouteFailure($0) })
        } catch {
            throw error.failure("set the container's default route", "")
        }
    }

    /// Takes a container's interface away; fine when it is gone.
    package func disconnect(_ endpoint: Endpoint, from namespace: NetworkNamespace) throws(BoxFailure) {
        do throws(RouteFailure) {
            try namespace.perform(
                { () throws(RouteFailure) in
                    try socket().perform([LinkRequest.delete(endpoint.interface)])
                }, orFail: { RouteFailure($0) })
        } catch {
            throw error.failure("remove the container's interface", endpoint.interface)
        }
    }
}

extension RouteFailure {
    /// The sentence for the user.
    func failure(_ operation: String, _ subject: String?) -> BoxFailure {
        if let reason, reason == Interfaces.foreign {
            return BoxFailure(
                .conflict, operation, subject ?? "", reason: reason,
                hint: "choose another name with -o com.docker.network.bridge.name=NAME, or delete the interface")
        }
        // EOPNOTSUPP: a kind of interface that no module of the kernel makes.
        if errno == EOPNOTSUPP, let module {
            return BoxFailure(
                .unsupported, operation, subject ?? "", reason: "the kernel module \(module) is missing",
                hint: "load it with `modprobe \(module)`", errno: errno)
        }
        let words = reason.map { "\(failure.reason): \($0)" } ?? failure.reason
        return BoxFailure(
            BoxFailure.Kind(errno: errno), operation, subject ?? failure.subject, reason: "\(words) (\(failure.call))",
            hint: errno == EPERM ? "run as root" : nil, errno: errno)
    }
}
