package import BoxModel
package import BoxSystem
internal import CBoxSys

/// Answers the names that one container asks for, at the address where Docker's resolver stands.
///
/// Names and addresses of containers come from the tables of the networks that the container is on; everything else goes
/// to the name servers of the host from the host's own namespace, so that resolvers on the host's loopback and those of
/// a VPN answer as they do for the host. Nothing here waits: the owner's loop watches ``descriptor``.
package final class Resolver: LoopMember {
    package struct Configuration: Sendable {
        /// `--dns`; the host's own where it is empty.
        package var servers: [NameServer] = []
        /// Where the host's own servers stand; followed while it changes.
        package var hostFile = "/etc/resolv.conf"
        /// Whether names of others are asked for; a container that is only on internal networks has no way out.
        package var forwards = true

        package init() {}
    }

    /// The name server that a container is told of.
    package static let address = IPAddress(.v4, bits: 0x7f00_000b)

    private static let streamLimit = 32

    package var configuration: Configuration {
        didSet { source = NameServerSource(given: configuration.servers, file: configuration.hostFile) }
    }
    /// Of the networks that the container is on, in the order in which they are asked.
    package var tables: [NameTable] {
        get { names.tables }
        set { names.tables = newValue }
    }
    /// Why port 53 is bound itself and not led elsewhere by nftables; nil where it is led.
    package let obstacle: SystemFailure?

    private let loop: EventLoop
    private let sockets: ResolverSockets
    private let forwarder: Forwarder
    private var names: LocalNames
    private var source: NameServerSource
    private var clients: [UInt64: ResolverClient] = [:]
    private var nextToken: UInt64 = 3
    // One byte more than a query may have, to tell those that were cut.
    private var scratch = [UInt8](repeating: 0, count: DNSQuery.longest + 1)

    /// Makes the sockets and rules inside the namespace; its loopback interface may come up later.
    ///
    /// - Parameter isAlive: whether the owner of a name still lives; asked for each name found.
    package init(
        namespace: NetworkNamespace, configuration: Configuration, tables: [NameTable],
        isAlive: @escaping (ContainerID) -> Bool
    ) throws(BoxFailure) {
        self.configuration = configuration
        names = LocalNames(tables: tables, isAlive: isAlive)
        source = NameServerSource(given: configuration.servers, file: configuration.hostFile)
        do {
            forwarder = try Forwarder(Forwarder.Limits())
            var obstacle: SystemFailure?
            sockets = try namespace.perform { () throws(SystemFailure) in try Self.open(&obstacle) }
            self.obstacle = obstacle
            loop = try EventLoop()
            try loop.add(sockets.datagrams.raw, .readable, token: 0)
            try loop.add(sockets.streams.raw, .readable, token: 1)
            try loop.add(forwarder.descriptor, .readable, token: 2)
        } catch {
            throw BoxFailure(error, "start the container's resolver")
        }
    }

    private static func open(_ obstacle: inout SystemFailure?) throws(SystemFailure) -> ResolverSockets {
        let hidden = try ResolverSockets(NameServer(address, port: 0))
        do {
            try hidden.redirect(NameServer(address))
            return hidden
        } catch {
            // Without address translation the container only loses port 53 of this one address.
            obstacle = error
            return try ResolverSockets(NameServer(address))
        }
    }

    /// Puts the rules back that lead port 53 to the resolver, where somebody in the container has flushed them.
    package func restoreRules(in namespace: NetworkNamespace) throws(BoxFailure) {
        guard obstacle == nil else { return }
        do {
            try namespace.perform { () throws(SystemFailure) in try sockets.redirect(NameServer(Self.address)) }
        } catch {
            throw BoxFailure(error, "lead names to the container's resolver")
        }
    }

    package var descriptor: CInt { loop.descriptor }

    package func work() {
        guard let events = try? loop.wait(timeout: 0) else { return }
        for event in events {
            switch event.token {
            case 0: receiveDatagrams()
            case 1: acceptClients()
            case 2: forwarder.work()
            default:
                guard let client = clients[event.token] else { continue }
                serve(client, event.interest)
            }
        }
    }

    // MARK: Questions

    /// Answers at once, or forwards and answers later.
    private func handle(_ message: ArraySlice<UInt8>, overStream: Bool, reply: @escaping ([UInt8]) -> Void) {
        switch DNSQuery.read(message) {
        case .dropped: return
        case .refused(let answer): reply(answer)
        case .query(let query):
            if let records = names.answer(query) {
                reply(query.reply(0, records, limit: overStream ? Int(UInt16.max) : query.datagramLimit))
            } else if configuration.forwards {
                forwarder.forward(
                    query, message: Array(message), overStream: overStream, servers: source.current(), deliver: reply)
            } else {
                reply(query.reply(DNSCode.serverFailure, limit: query.datagramLimit))
            }
        }
    }

    private func receiveDatagrams() {
        // Bounded, so that a flood from the container does not keep its monitor from everything else.
        for _ in 0..<64 {
            var peer = box_inet_address()
            let got = scratch.withUnsafeMutableBytes {
                box_inet_receive(sockets.datagrams.raw, $0.baseAddress, $0.count, &peer, nil)
            }
            guard got >= 0 else { return }
            guard got < scratch.count else { continue }
            handle(scratch[..<Int(got)], overStream: false) { [sockets] answer in
                sockets.send(answer, to: &peer)
            }
        }
    }

    // MARK: Connections

    private func acceptClients() {
        for _ in 0..<Self.streamLimit {
            let raw = box_inet_accept(sockets.streams.raw, nil)
            guard raw >= 0 else { return }
            let fd = OwnedFD(adopting: raw)
            _ = box_inet_no_delay(fd.raw)
            if clients.count >= Self.streamLimit, let idle = clients.values.min(by: { $0.lastUse < $1.lastUse }) {
                close(idle)
            }
            let client = ResolverClient(fd, token: nextToken)
            nextToken += 1
            guard (try? loop.add(client.fd.raw, .readable, token: client.token)) != nil else { continue }
            clients[client.token] = client
        }
    }

    private func serve(_ client: ResolverClient, _ events: EventLoop.Interest) {
        client.lastUse = nextToken
        nextToken += 1
        client.flush()
        for question in client.receive() {
            client.waiting += 1
            handle(question[...], overStream: true) { [weak self, weak client] answer in
                guard let client else { return }
                client.waiting -= 1
                client.send(answer)
                self?.update(client)
            }
        }
        if !events.isDisjoint(with: [.failed, .hungUp]) { client.abandon() }
        update(client)
    }

    private func update(_ client: ResolverClient) {
        guard clients[client.token] === client else { return }
        if client.isDone { return close(client) }
        try? loop.change(client.fd.raw, client.interest, token: client.token)
    }

    private func close(_ client: ResolverClient) {
        loop.remove(client.fd.raw)
        clients[client.token] = nil
    }
}
