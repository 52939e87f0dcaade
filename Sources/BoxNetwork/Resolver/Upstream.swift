internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// A connected socket to one server and the questions that wait for answers on it.
final class DatagramUpstream {
    let fd: OwnedFD
    let server: NameServer
    let token: UInt64
    var waiting: [UInt16: (query: ForwardedQuery, deadline: Int64)] = [:]

    init(_ server: NameServer, token: UInt64) throws(SystemFailure) {
        self.server = server
        self.token = token
        var to = server.socketAddress
        fd = OwnedFD(adopting: try check(box_inet_socket(to.family, CInt(BOX_DATAGRAM), 0), "socket"))
        // The kernel chooses the port at random when it connects.
        try check(box_inet_connect(fd.raw, &to), "connect", server.address.description)
    }
}

/// A connection to one server for one question (RFC 7766).
final class StreamUpstream {
    enum State {
        case writing, reading, failed
        case done([UInt8])
    }

    let fd: OwnedFD
    let server: NameServer
    let query: ForwardedQuery
    let deadline: Int64
    private var output: ArraySlice<UInt8>
    private var input = DNSStreamBuffer()

    init(_ server: NameServer, _ query: ForwardedQuery, _ message: [UInt8], deadline: Int64) throws(SystemFailure) {
        self.server = server
        self.query = query
        self.deadline = deadline
        output = DNSStreamBuffer.frame(message)[...]
        var to = server.socketAddress
        fd = OwnedFD(adopting: try check(box_inet_socket(to.family, CInt(BOX_STREAM), 0), "socket"))
        let result = box_inet_connect(fd.raw, &to)
        if result != -EINPROGRESS { try check(result, "connect", server.address.description) }
    }

    /// Goes on as far as it can without waiting.
    func advance() -> State {
        while !output.isEmpty {
            let sent = output.withUnsafeBytes { box_send(fd.raw, $0.baseAddress, $0.count) }
            if sent == -EAGAIN { return .writing }
            guard sent > 0 else { return .failed }
            output = output.dropFirst(Int(sent))
            if output.isEmpty { return .reading }
        }
        switch input.fill(from: fd, limit: 65_535) {
        case .open: return input.next(limit: 65_535).map { .done($0) } ?? .reading
        case .closed: return input.next(limit: 65_535).map { .done($0) } ?? .failed
        }
    }
}
