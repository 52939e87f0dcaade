internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The sockets of a resolver inside a container's network namespace.
final class ResolverSockets {
    let datagrams: OwnedFD
    let streams: OwnedFD
    private var source: box_inet_address

    /// Makes them in the calling thread's namespace, whose loopback interface may still be down.
    init(_ server: NameServer) throws(SystemFailure) {
        source = server.socketAddress
        datagrams = try Self.bound(server, CInt(BOX_DATAGRAM))
        streams = try Self.bound(server, CInt(BOX_STREAM))
        try check(box_inet_listen(streams.raw, 64), "listen", server.address.description)
    }

    /// Leads what is sent to the server's own port to these sockets.
    func redirect(_ server: NameServer) throws(SystemFailure) {
        let redirect = ResolverRedirect(
            address: server.address, port: server.port, datagrams: try Self.port(datagrams),
            streams: try Self.port(streams))
        try redirect.install()
    }

    /// Sends an answer; one that finds no room is lost like any datagram.
    func send(_ answer: [UInt8], to peer: inout box_inet_address) {
        // Said each time: a socket bound while the interface was down has no address of its own to send from.
        _ = answer.withUnsafeBytes { box_inet_send(datagrams.raw, $0.baseAddress, $0.count, &peer, &source) }
    }

    private static func bound(_ server: NameServer, _ type: CInt) throws(SystemFailure) -> OwnedFD {
        var address = server.socketAddress
        let fd = OwnedFD(adopting: try check(box_inet_socket(address.family, type, 0), "socket"))
        try check(box_inet_free_bind(fd.raw, address.family), "setsockopt", server.address.description)
        if type == CInt(BOX_DATAGRAM) {
            // Programs that ask for a thousand names at once would lose most of them in the default of 208 KiB. Only
            // a privileged process may have more (socket(7)); others keep the default.
            var size: CInt = 1 << 20
            _ = setsockopt(fd.raw, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size))
        } else {
            try check(box_inet_reuse_address(fd.raw, true), "setsockopt", server.address.description)
        }
        try check(box_inet_bind(fd.raw, &address), "bind", "\(server.address):\(server.port)")
        return fd
    }

    private static func port(_ fd: borrowing OwnedFD) throws(SystemFailure) -> UInt16 {
        var address = box_inet_address()
        try check(box_inet_local(fd.raw, &address), "getsockname")
        return address.port
    }
}
