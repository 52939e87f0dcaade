internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// One port of the machine, held by a socket in the calling thread's network namespace.
final class PortListener {
    let published: PublishedPort
    let fd: OwnedFD
    /// Whether the event loop reports to it.
    var isWatched = false

    private init(_ published: PublishedPort, _ fd: consuming OwnedFD) {
        self.published = published
        self.fd = fd
    }

    /// Binds one address and port; port 0 takes what the kernel chooses.
    static func bind(
        _ port: ContainerPort, _ address: IPAddress, _ number: UInt16
    ) throws(SystemFailure) -> PortListener {
        let family = CInt(address.version.rawValue)
        let kind = port.transport.socketKind
        let text = "\(address):\(number)"
        let fd = OwnedFD(adopting: try check(box_inet_socket(family, kind.type, kind.number), "socket"))
        if !address.isV4 { try check(box_inet_only_v6(fd.raw, true), "setsockopt", text) }
        if port.transport == .udp {
            // Without SO_REUSEADDR, which would let two share the port. To answer from the address that was asked,
            // that address must be known (ip(7), IP_PKTINFO).
            try check(box_inet_want_destination(fd.raw, family), "setsockopt", text)
            var size: CInt = 1 << 20
            _ = setsockopt(fd.raw, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size))
        } else {
            // Old connections in TIME-WAIT must not keep a restarted container from its port (socket(7)).
            try check(box_inet_reuse_address(fd.raw, true), "setsockopt", text)
        }
        var wanted = box_inet_address(address, port: number)
        try check(box_inet_bind(fd.raw, &wanted), "bind", text)
        if port.transport != .udp { try check(box_inet_listen(fd.raw, 4096), "listen", text) }
        var got = box_inet_address()
        try check(box_inet_local(fd.raw, &got), "getsockname", text)
        return PortListener(PublishedPort(port, hostAddress: address, hostPort: got.port), fd)
    }

    /// Binds what one mapping asks for, with the same number for both versions of the address.
    static func bind(_ mapping: PortMapping, defaultAddress: IPAddress?) throws(SystemFailure) -> [PortListener] {
        let addresses = (mapping.hostAddress ?? defaultAddress).map { [$0] } ?? [.anyV4, .anyV6]
        var busy: SystemFailure?
        // The number that the kernel chose for one version may be taken for the other; then the next is tried.
        let candidates: [UInt16] =
            mapping.hostPort == 0
            ? [UInt16](repeating: 0, count: 32)
            : [UInt16](mapping.hostPort...max(mapping.hostPort, mapping.hostPortLast))
        for candidate in candidates {
            do throws(SystemFailure) {
                var number = candidate
                var bound: [PortListener] = []
                for address in addresses {
                    do throws(SystemFailure) {
                        let listener = try bind(mapping.port, address, number)
                        number = listener.published.hostPort
                        bound.append(listener)
                    } catch {
                        // A machine without IPv6 publishes what it has.
                        guard !bound.isEmpty,
                            error.errno == .addressFamilyNotSupported || error.errno == .addressNotAvailable
                        else { throw error }
                    }
                }
                return bound
            } catch {
                guard error.errno == .addressInUse else { throw error }
                busy = busy ?? error
            }
        }
        throw busy ?? SystemFailure("bind", "\(mapping.hostPort)", errno: .addressInUse)
    }
}

extension BoxFailure {
    /// Says why a port could not be published, and who holds it where somebody does.
    init(publishing mapping: PortMapping, _ failure: SystemFailure, nameOfHolder: ((Int32) -> String?)?) {
        let ports =
            mapping.hostPort == mapping.hostPortLast
            ? "\(mapping.hostPort)" : "\(mapping.hostPort)-\(mapping.hostPortLast)"
        let transport = mapping.port.transport
        let place = mapping.hostAddress.map { $0.isV4 ? "\($0):\(ports)" : "[\($0)]:\(ports)" } ?? "port \(ports)"
        let subject = "\(place)/\(transport.rawValue)"
        switch failure.errno {
        case .addressInUse:
            var reason = mapping.hostPort == mapping.hostPortLast ? "it is in use" : "every port of the range is in use"
            if mapping.hostPort > 0,
                let holder = PortHolder.find(mapping.hostPort, transport, address: mapping.hostAddress)
            {
                let who =
                    nameOfHolder?(holder.pid).map { "the container \($0)" }
                    ?? "\(holder.command), process \(holder.pid)"
                reason =
                    "\(mapping.hostPort == mapping.hostPortLast ? "it" : "\(mapping.hostPort)") is in use by \(who)"
            }
            self.init(
                .conflict, "publish", subject, reason: reason, hint: "choose another port or stop what holds it",
                errno: failure.errno.rawValue)
        case .permissionDenied where mapping.hostPort > 0 && mapping.hostPort < 1024:
            self.init(
                .denied, "publish", subject, reason: "ports below 1024 are for the privileged here",
                hint:
                    "choose a higher one, or allow it with `sysctl net.ipv4.ip_unprivileged_port_start=\(mapping.hostPort)`",
                errno: failure.errno.rawValue)
        case .addressNotAvailable:
            self.init(
                .invalid, "publish", subject, reason: "no interface of this machine has the address",
                hint: "`ip address` lists those it has", errno: failure.errno.rawValue)
        case .protocolNotSupported where transport == .sctp:
            self.init(
                .unsupported, "publish", subject, reason: "the kernel has no SCTP", hint: "load the module `sctp`",
                errno: failure.errno.rawValue)
        default:
            self.init(failure, "publish", subject)
        }
    }
}
