internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The datagrams between clients and the container's servers: one socket inside for each client of a port.
final class DatagramFlows {
    /// As long as Docker's proxy keeps a silent flow.
    static let idleSeconds = 90

    private struct Key: Hashable {
        let listener: UInt64
        let client: IPAddress
        let port: UInt16
        let local: IPAddress
    }

    private final class Flow {
        let key: Key
        let socket: OwnedFD
        let listener: PortListener
        var client: box_inet_address
        var local: box_inet_address
        var lastUse: Int64

        init(
            _ key: Key, _ socket: consuming OwnedFD, _ listener: PortListener, _ client: box_inet_address,
            _ local: box_inet_address
        ) {
            self.key = key
            self.socket = socket
            self.listener = listener
            self.client = client
            self.local = local
            lastUse = SystemClock.monotonic
        }
    }

    private let limit: Int
    private var ids: [Key: UInt64] = [:]
    private var flows: [UInt64: Flow] = [:]
    /// Oldest first, for the one that has to go when there are too many.
    private var order: [UInt64] = []
    private var head = 0
    private var buffer: [UInt8] = []

    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { flows.isEmpty }

    /// Takes datagrams of clients from a listener, at most `share` of them.
    ///
    /// - Parameter watch: gives a new flow's socket to the event loop and returns its token.
    func receive(
        _ listener: PortListener, id: UInt64, _ inner: InnerSocket, share: Int = 64,
        watch: (CInt) throws(SystemFailure) -> UInt64
    ) {
        for _ in 0..<share {
            var client = box_inet_address()
            var local = box_inet_address()
            let got = take(listener.fd.raw, &client, &local)
            guard got >= 0 else { return }
            let key = Key(listener: id, client: client.address, port: client.port, local: local.address)
            let flow: Flow
            if let known = ids[key].flatMap({ flows[$0] }) {
                flow = known
            } else {
                if flows.count >= limit { evict() }
                // A datagram that finds no way is lost, as datagrams may be.
                guard let socket = try? inner.connect(listener.published.port, from: client),
                    let token = try? watch(socket.raw)
                else { continue }
                flow = Flow(key, socket, listener, client, local)
                ids[key] = token
                flows[token] = flow
                order.append(token)
            }
            flow.lastUse = SystemClock.monotonic
            // An error of an earlier datagram (ECONNREFUSED) is reported once in place of sending; so try again.
            for _ in 0..<2 where put(flow.socket.raw, got, nil, nil) >= 0 { break }
        }
    }

    /// Takes answers from the server and sends them to the client from the address that it had asked.
    func answer(_ token: UInt64, share: Int = 64) {
        guard let flow = flows[token] else { return }
        for _ in 0..<share {
            let got = take(flow.socket.raw, nil, nil)
            guard got >= 0 else { return }
            flow.lastUse = SystemClock.monotonic
            _ = put(flow.listener.fd.raw, got, &flow.client, &flow.local)
        }
    }

    /// Forgets flows that have been silent for too long.
    func expire() {
        let oldest = SystemClock.monotonic - Int64(Self.idleSeconds) * 1_000_000_000
        for (token, flow) in flows where flow.lastUse < oldest { remove(token) }
        order = order[head...].filter { flows[$0] != nil }
        head = 0
    }

    /// Forgets the flows of a listener that is closed.
    func close(listener id: UInt64) {
        for (token, flow) in flows where flow.key.listener == id { remove(token) }
    }

    private func remove(_ token: UInt64) {
        guard let flow = flows.removeValue(forKey: token) else { return }
        ids[flow.key] = nil
    }

    private func evict() {
        while head < order.count {
            let token = order[head]
            head += 1
            if head > 1024 {
                order.removeFirst(head)
                head = 0
            }
            guard flows[token] == nil else { return remove(token) }
        }
    }

    private func take(
        _ fd: CInt, _ peer: UnsafeMutablePointer<box_inet_address>?, _ local: UnsafeMutablePointer<box_inet_address>?
    ) -> Int {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: 65536) }
        return buffer.withUnsafeMutableBytes { box_inet_receive(fd, $0.baseAddress, $0.count, peer, local) }
    }

    private func put(
        _ fd: CInt, _ count: Int, _ peer: UnsafePointer<box_inet_address>?, _ local: UnsafePointer<box_inet_address>?
    ) -> Int {
        buffer.withUnsafeBytes { box_inet_send(fd, $0.baseAddress, count, peer, local) }
    }
}
