internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Makes the sockets that speak to the container's server, inside the container's network namespace.
final class InnerSocket {
    struct Target {
        var v4: IPAddress?
        var v6: IPAddress?
        var gatewayV4: IPAddress?
        var gatewayV6: IPAddress?

        var isKnown: Bool { v4 != nil || v6 != nil }
    }

    var target = Target()
    private let namespace: NetworkNamespace
    private var hasRoute = false
    private var marksDatagrams: Bool?

    init(_ namespace: NetworkNamespace) {
        self.namespace = namespace
    }

    /// Begins a connection to a port of the container, from the client's address where that is possible.
    func connect(_ port: ContainerPort, from client: box_inet_address) throws(SystemFailure) -> OwnedFD {
        let raw = try namespace.perform { () throws(SystemFailure) -> CInt in
            let preferred = client.family == 6 ? [target.v6, target.v4] : [target.v4, target.v6]
            guard let address = preferred.lazy.compactMap({ $0 }).first else {
                throw SystemFailure("connect", "\(port)", errno: .addressNotAvailable)
            }
            if let source = source(client, to: address), prepare(port.transport) {
                // Two connections may come from one client port by two published ports, and a program of the
                // container's may have the port: then the number changes, not the address.
                for number in Set([source.port, 0]).sorted(by: >) {
                    var from = source
                    from.port = number
                    do {
                        return try Self.connect(port, to: address, from: from).release()
                    } catch {
                        continue
                    }
                }
            }
            return try Self.connect(port, to: address, from: nil).release()
        }
        return OwnedFD(adopting: raw)
    }

    /// The address to connect from: the client's, or the network's gateway for a client that has none inside.
    private func source(_ client: box_inet_address, to address: IPAddress) -> box_inet_address? {
        let seen = client.address
        if seen.version == address.version, !seen.isLoopback, !seen.isLinkLocal || seen.isV4 { return client }
        let gateway = address.isV4 ? target.gatewayV4 : target.gatewayV6
        return gateway.map { box_inet_address($0, port: 0) }
    }

    /// Whether replies to foreign addresses find their way back; sets that up before the first.
    private func prepare(_ transport: TransportProtocol) -> Bool {
        if !hasRoute {
            // Tried again next time: the loopback interface may not be up yet.
            do { try ReplyRoute.install() } catch { return false }
            hasRoute = true
        }
        // SCTP associations do not inherit marks.
        guard transport == .udp else { return transport == .tcp }
        if let marksDatagrams { return marksDatagrams }
        let done = (try? ReplyRoute.markDatagramReplies()) != nil
        marksDatagrams = done
        return done
    }

    private static func connect(
        _ port: ContainerPort, to address: IPAddress, from source: box_inet_address?
    ) throws(SystemFailure) -> OwnedFD {
        let family = CInt(address.version.rawValue)
        let kind = port.transport.socketKind
        let fd = OwnedFD(adopting: try check(box_inet_socket(family, kind.type, kind.number), "socket"))
        if var source {
            try check(box_inet_transparent(fd.raw, family), "setsockopt", "IP_TRANSPARENT")
            try check(box_inet_mark(fd.raw, ReplyRoute.mark), "setsockopt", "SO_MARK")
            // Datagram sockets that share an address would take each other's replies.
            if port.transport != .udp { try check(box_inet_reuse_address(fd.raw, true), "setsockopt", "SO_REUSEADDR") }
            source.scope = 0
            try check(box_inet_bind(fd.raw, &source), "bind", "\(source.address)")
        }
        if port.transport == .tcp {
            _ = box_inet_no_delay(fd.raw)
            _ = box_inet_keep_alive(fd.raw)
        }
        var to = box_inet_address(address, port: port.number)
        let result = box_inet_connect(fd.raw, &to)
        if result != -EINPROGRESS { try check(result, "connect", "\(address):\(port)") }
        return fd
    }
}
