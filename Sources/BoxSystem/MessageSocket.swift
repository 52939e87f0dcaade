internal import CBoxSys
internal import Glibc

/// A unix(7) socket that keeps message boundaries (SOCK_SEQPACKET) and carries descriptors (SCM_RIGHTS).
package struct MessageSocket: ~Copyable, Sendable {
    /// Most bytes of one message.
    package static let limit = 64 * 1024

    package let fd: OwnedFD

    package init(_ fd: consuming OwnedFD) {
        self.fd = fd
    }

    /// Two connected sockets.
    package static func pair() throws(SystemFailure) -> Pair {
        var ends: (CInt, CInt) = (-1, -1)
        try check(
            withUnsafeMutablePointer(to: &ends) { pointer in
                pointer.withMemoryRebound(to: CInt.self, capacity: 2) { box_socketpair(seqpacket, $0) }
            }, "socketpair")
        return Pair(ours: ends.0, theirs: ends.1)
    }

    /// Raw ends; each is to be adopted exactly once.
    package struct Pair {
        package let ours: CInt
        package let theirs: CInt
    }

    private static var seqpacket: CInt { CInt(SOCK_SEQPACKET.rawValue) }

    package static func connect(_ path: String) throws(SystemFailure) -> MessageSocket {
        MessageSocket(OwnedFD(adopting: try check(box_unix_connect(path, seqpacket), "connect", path)))
    }

    /// A listening, non-blocking socket at `path`, which must not exist.
    package static func listen(_ path: String) throws(SystemFailure) -> OwnedFD {
        OwnedFD(adopting: try check(box_unix_listen(path, seqpacket, 64), "bind", path))
    }

    /// The next waiting connection of a listening socket, or nil where there is none.
    package static func accept(_ listener: borrowing OwnedFD) -> MessageSocket? {
        let raw = box_accept(listener.raw)
        return raw < 0 ? nil : MessageSocket(OwnedFD(adopting: raw))
    }

    /// Sends one message with copies of the descriptors.
    package borrowing func send(
        _ bytes: [UInt8], descriptors: [CInt] = [], waiting: Bool = true
    ) throws(SystemFailure) {
        let flags = waiting ? 0 : CInt(MSG_DONTWAIT)
        try check(
            bytes.withUnsafeBytes {
                box_send_fds(fd.raw, $0.baseAddress, $0.count, descriptors, CInt(descriptors.count), flags)
            }, "sendmsg")
    }

    /// One message received; descriptors that nobody takes are closed with it.
    package final class Message {
        package let bytes: [UInt8]
        private var descriptors: [CInt]

        init(bytes: [UInt8], descriptors: [CInt]) {
            self.bytes = bytes
            self.descriptors = descriptors
        }

        package var descriptorCount: Int { descriptors.count }

        /// Takes ownership of the next descriptor.
        package func takeDescriptor() -> OwnedFD? {
            descriptors.isEmpty ? nil : OwnedFD(adopting: descriptors.removeFirst())
        }

        deinit {
            for raw in descriptors { _ = box_close(raw) }
        }
    }

    package enum Received {
        case message(Message)
        case nothingYet
        case closed
    }

    /// Receives one message; `EAGAIN` is ``Received/nothingYet``, the end of the connection ``Received/closed``.
    package borrowing func receive(waiting: Bool = true) throws(SystemFailure) -> Received {
        let capacity = Self.limit
        var count = CInt(16)
        var descriptors = [CInt](repeating: -1, count: 16)
        var filled = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            filled = box_recv_fds(
                fd.raw, buffer.baseAddress, capacity, &descriptors, &count, waiting ? 0 : CInt(MSG_DONTWAIT))
            initialized = max(0, filled)
        }
        if filled == -Int(EAGAIN) { return .nothingYet }
        if filled == 0 || filled == -Int(ECONNRESET) { return .closed }
        try check(filled, "recvmsg")
        return .message(Message(bytes: bytes, descriptors: Array(descriptors.prefix(Int(count)))))
    }
}
