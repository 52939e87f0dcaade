package import BoxModel
package import BoxSystem
internal import CBoxSys
internal import Glibc

/// Serves the published ports of one container inside the event loop of its monitor.
///
/// The listeners are sockets of the machine, so its firewall treats them as any service; the server in the container
/// sees the address of the client. SIGPIPE must be blocked or ignored: splice(2) knows no MSG_NOSIGNAL.
package final class PortForwarder: LoopMember {
    private static let most = 4096
    private static let doorbell: UInt64 = 1
    private static let clock: UInt64 = 2

    /// Says the name of the container whose monitor a process is, for messages about ports in use.
    package var nameOfHolder: ((Int32) -> String?)?

    private let loop: EventLoop
    private let inner: InnerSocket
    private let pipes = RelayPipePool()
    private let flows: DatagramFlows
    private let timer: Timer
    /// Readable while `unfinished` is not empty.
    private let bell: OwnedFD
    private let limit: Int
    private var listeners: [UInt64: PortListener] = [:]
    private var relays: [UInt64: StreamRelay] = [:]
    /// Connections that had more to move than their share.
    private var unfinished: [UInt64] = []
    private var lastToken: UInt64 = 2
    private var isTicking = false

    /// - Parameter namespace: the container's network namespace.
    package init(namespace: NetworkNamespace) throws(BoxFailure) {
        inner = InnerSocket(namespace)
        var soft: UInt64 = 1024
        var hard: UInt64 = 1024
        _ = box_getrlimit(7, &soft, &hard)
        // Two sockets for a connection, and a pipe for those that wait for their receiver.
        limit = min(Self.most, max(16, (Int(clamping: soft) - 64) / 3))
        flows = DatagramFlows(limit: limit)
        do {
            loop = try EventLoop()
            timer = try Timer()
            bell = OwnedFD(adopting: try check(box_eventfd(), "eventfd"))
            try loop.add(bell.raw, .readable, token: Self.doorbell)
            try loop.add(timer.fd.raw, .readable, token: Self.clock)
        } catch {
            throw BoxFailure(error, "prepare for published ports")
        }
    }

    package var descriptor: CInt { loop.descriptor }

    /// The ports that are held now.
    package var published: [PublishedPort] {
        listeners.sorted { $0.key < $1.key }.map(\.value.published)
    }

    /// Takes ports of the machine, all of them or none.
    ///
    /// - Parameter defaultAddress: where a mapping names no address; nil is every address of both versions.
    package func publish(
        _ mappings: [PortMapping], defaultAddress: IPAddress?
    ) throws(BoxFailure) -> [PublishedPort] {
        var bound: [PortListener] = []
        for mapping in mappings {
            do throws(SystemFailure) {
                bound += try PortListener.bind(mapping, defaultAddress: defaultAddress)
            } catch {
                throw BoxFailure(publishing: mapping, error, nameOfHolder: nameOfHolder)
            }
        }
        for listener in bound { listeners[nextToken()] = listener }
        watchListeners()
        return bound.map(\.published)
    }

    /// Gives ports back.
    ///
    /// Connections that are open go on; datagrams of the ports stop.
    package func unpublish(_ ports: [PublishedPort]) {
        for (token, listener) in listeners where ports.contains(listener.published) {
            loop.remove(listener.fd.raw)
            listeners[token] = nil
            flows.close(listener: token)
        }
    }

    /// Says where the container's servers are and which addresses stand for the machine itself.
    ///
    /// Clients that came before wait in the backlog.
    package func setTarget(v4: IPAddress?, v6: IPAddress?, gatewayV4: IPAddress?, gatewayV6: IPAddress?) {
        inner.target = InnerSocket.Target(v4: v4, v6: v6, gatewayV4: gatewayV4, gatewayV6: gatewayV6)
        watchListeners()
    }

    package func work() {
        guard let events = try? loop.wait(timeout: 0) else { return }
        for event in events {
            switch event.token {
            case Self.doorbell: continueUnfinished()
            case Self.clock: tick()
            default: handle(event.token)
            }
        }
    }

    private func handle(_ token: UInt64) {
        if let relay = relays[token] {
            turn(relay, token)
        } else if let listener = listeners[token] {
            if listener.published.port.transport == .udp {
                flows.receive(listener, id: token, inner) { fd throws(SystemFailure) in
                    let token = nextToken()
                    try loop.add(fd, .readable, token: token)
                    return token
                }
                if !flows.isEmpty { startTicking() }
            } else {
                accept(listener)
            }
        } else {
            flows.answer(token)
        }
    }

    private func accept(_ listener: PortListener) {
        for _ in 0..<16 {
            guard relays.count < limit else { return watchListeners() }
            var peer = box_inet_address()
            let raw = box_inet_accept(listener.fd.raw, &peer)
            guard raw >= 0 else {
                // Level-triggered: without descriptors this would spin until a connection ends.
                if raw == -EMFILE || raw == -ENFILE, !relays.isEmpty { pause(listener) }
                return
            }
            open(OwnedFD(adopting: raw), peer, listener)
        }
    }

    private func open(_ client: consuming OwnedFD, _ peer: box_inet_address, _ listener: PortListener) {
        let port = listener.published.port
        if port.transport == .tcp {
            _ = box_inet_no_delay(client.raw)
            _ = box_inet_keep_alive(client.raw)
        }
        guard let server = try? inner.connect(port, from: peer) else { return StreamRelay.resetOnClose(client.raw) }
        do {
            let relay = StreamRelay(client: client, server: server, transport: port.transport)
            let token = nextToken()
            let interest: EventLoop.Interest = [.readable, .writable, .edge]
            try loop.add(relay.server.raw, interest, token: token)
            try loop.add(relay.client.raw, interest, token: token)
            relays[token] = relay
        } catch {
            // The client sees its connection end, as with a server that is gone.
        }
    }

    private func turn(_ relay: StreamRelay, _ token: UInt64) {
        switch relay.turn(pipes) {
        case .waiting: break
        case .more:
            if unfinished.isEmpty {
                var one: UInt64 = 1
                _ = box_write(bell.raw, &one, 8)
            }
            if !unfinished.contains(token) { unfinished.append(token) }
        case .finished:
            // close(2) takes both sockets out of the epoll set.
            relays[token] = nil
            watchListeners()
        }
    }

    private func continueUnfinished() {
        var count: UInt64 = 0
        _ = box_read(bell.raw, &count, 8)
        let tokens = unfinished
        unfinished = []
        for token in tokens {
            if let relay = relays[token] { turn(relay, token) }
        }
    }

    private func tick() {
        timer.drain()
        isTicking = false
        flows.expire()
        if !flows.isEmpty { startTicking() }
    }

    private func startTicking() {
        guard !isTicking else { return }
        isTicking = true
        timer.set(nanoseconds: 15_000_000_000)
    }

    /// Listens where connections can be served now and lets the backlog hold them otherwise.
    private func watchListeners() {
        let hasRoom = relays.count < limit
        for (token, listener) in listeners {
            let wanted = inner.target.isKnown && (hasRoom || listener.published.port.transport == .udp)
            guard wanted != listener.isWatched else { continue }
            if wanted {
                listener.isWatched = (try? loop.add(listener.fd.raw, .readable, token: token)) != nil
            } else {
                pause(listener)
            }
        }
    }

    private func pause(_ listener: PortListener) {
        loop.remove(listener.fd.raw)
        listener.isWatched = false
    }

    private func nextToken() -> UInt64 {
        lastToken += 1
        return lastToken
    }
}
