internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// One forwarded connection: what a client and the container's server say to each other.
final class StreamRelay {
    enum Outcome {
        /// Nothing to do until one of the sockets changes.
        case waiting
        /// There is more to move, but others come first.
        case more
        case finished
    }

    /// The bytes under way in one direction.
    private struct Flow {
        var pipe: RelayPipe?
        var level = 0
        /// Bytes of a transport that cannot be spliced.
        var buffer: [UInt8] = []
        /// The sender has said its last.
        var isEnded = false
        /// Nothing more will be moved; the receiver knows it.
        var isClosed = false
    }

    private enum Fault: Error { case reading, writing, pipe }

    /// Moved in one turn at most, so that no connection keeps the others waiting.
    private static let share = 4 << 20

    let client: OwnedFD
    let server: OwnedFD
    private let copies: Bool
    private var upward = Flow()
    private var downward = Flow()
    private var isConnecting = true

    init(client: consuming OwnedFD, server: consuming OwnedFD, transport: TransportProtocol) {
        self.client = client
        self.server = server
        copies = transport == .sctp
    }

    /// Moves what can be moved; must be called again for each change of a socket.
    func turn(_ pool: RelayPipePool) -> Outcome {
        if isConnecting {
            let ready = box_poll(server.raw, CInt(POLLOUT), 0)
            guard ready != 0 else { return .waiting }
            guard box_inet_error(server.raw) == 0 else { return abort(pool) }
            isConnecting = false
        }
        do throws(Fault) {
            let first = try pump(&upward, from: client.raw, to: server.raw, against: downward, pool)
            let second = try pump(&downward, from: server.raw, to: client.raw, against: upward, pool)
            guard !upward.isClosed || !downward.isClosed else { return finish(pool) }
            return first || second ? .more : .waiting
        } catch {
            return abort(pool)
        }
    }

    /// Moves bytes in one direction.
    ///
    /// - Returns: whether it stopped only because its share was used up.
    private func pump(
        _ flow: inout Flow, from: CInt, to: CInt, against other: borrowing Flow, _ pool: RelayPipePool
    ) throws(Fault) -> Bool {
        guard !flow.isClosed else { return false }
        var moved = 0
        while moved < Self.share {
            let got = flow.isEnded ? 0 : copies ? try receive(&flow, from) : try fill(&flow, from, pool)
            let put: Int
            do throws(Fault) {
                put = flow.level == 0 ? 0 : copies ? try send(&flow, to) : try drain(&flow, to)
            } catch {
                // A receiver that had said its last and then went: what it said is still to be delivered.
                guard other.isEnded else { throw error }
                if flow.pipe != nil { pool.drop() }
                flow = Flow(isEnded: true, isClosed: true)
                return false
            }
            moved += put
            if flow.level == 0, flow.isEnded {
                flow.isClosed = true
                _ = box_inet_shutdown(to, CInt(SHUT_WR))
                break
            }
            if got == 0, put == 0 { break }
        }
        if flow.level == 0, let pipe = flow.pipe {
            pool.give(pipe)
            flow.pipe = nil
        }
        return moved >= Self.share && !flow.isClosed
    }

    private func fill(_ flow: inout Flow, _ from: CInt, _ pool: RelayPipePool) throws(Fault) -> Int {
        let pipe: RelayPipe
        if let held = flow.pipe {
            pipe = held
        } else {
            guard let taken = try? pool.take() else { throw .pipe }
            flow.pipe = taken
            pipe = taken
        }
        guard flow.level < pipe.capacity else { return 0 }
        // SPLICE_F_MOVE and SPLICE_F_NONBLOCK. EAGAIN also means that all of the pipe's slots are taken.
        let got = box_splice(from, pipe.writer.raw, pipe.capacity - flow.level, 3)
        if got == 0 { flow.isEnded = true }
        if got < 0, got != -Int(EAGAIN) { throw .reading }
        flow.level += max(got, 0)
        return max(got, 0)
    }

    private func drain(_ flow: inout Flow, _ to: CInt) throws(Fault) -> Int {
        guard let pipe = flow.pipe else { return 0 }
        let put = box_splice(pipe.reader.raw, to, flow.level, 3)
        if put < 0, put != -Int(EAGAIN) { throw .writing }
        flow.level -= max(put, 0)
        return max(put, 0)
    }

    private func receive(_ flow: inout Flow, _ from: CInt) throws(Fault) -> Int {
        guard flow.level == 0 else { return 0 }
        var buffer = [UInt8](repeating: 0, count: 65536)
        let got = buffer.withUnsafeMutableBytes { box_read(from, $0.baseAddress, $0.count) }
        if got == 0 { flow.isEnded = true }
        if got < 0, got != -Int(EAGAIN) { throw .reading }
        guard got > 0 else { return 0 }
        buffer.removeSubrange(got...)
        flow.buffer = buffer
        flow.level = got
        return got
    }

    private func send(_ flow: inout Flow, _ to: CInt) throws(Fault) -> Int {
        let put = flow.buffer.withUnsafeBytes { box_send(to, $0.baseAddress, $0.count) }
        if put < 0, put != -Int(EAGAIN) { throw .writing }
        guard put > 0 else { return 0 }
        flow.buffer.removeFirst(put)
        flow.level -= put
        return put
    }

    /// Ends both sides with a reset, as a server that is gone would.
    private func abort(_ pool: RelayPipePool) -> Outcome {
        Self.resetOnClose(client.raw)
        Self.resetOnClose(server.raw)
        return finish(pool)
    }

    /// Makes close(2) send RST: SO_LINGER with no time (socket(7), tcp(7)).
    static func resetOnClose(_ fd: CInt) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    private func finish(_ pool: RelayPipePool) -> Outcome {
        for flow in [upward, downward] where flow.pipe != nil { pool.drop() }
        upward = Flow()
        downward = Flow()
        return .finished
    }
}
