internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Asks the host's name servers for what containers do not know, from the namespace of the thread that works.
///
/// Each question leaves with an id and, up to ``socketsPerServer`` at a time, a port of its own, both chosen at random
/// (RFC 5452); sockets are connected, so that the kernel drops what others send.
final class Forwarder: LoopMember {
    struct Limits {
        var pending = 1000
        /// Nanoseconds until the next server is asked.
        var timeout: Int64 = 2_000_000_000
        var tries = 3
        /// Nanoseconds until a server that has been silent is asked in its turn again.
        var penance: Int64 = 30_000_000_000
    }

    private static let socketsPerServer = 48
    private static let streams = 32

    private let loop: EventLoop
    private let timer: Timer
    private let limits: Limits
    private var datagrams: [UInt64: DatagramUpstream] = [:]
    private var streams: [UInt64: StreamUpstream] = [:]
    private var nextToken: UInt64 = 1
    private var pending = 0
    private var isArmed = false
    private var silences = ServerSilences()
    private var scratch = [UInt8](repeating: 0, count: DNSQuery.payload)

    init(_ limits: Limits) throws(SystemFailure) {
        self.limits = limits
        loop = try EventLoop()
        timer = try Timer()
        try loop.add(timer.fd.raw, .readable, token: 0)
    }

    var descriptor: CInt { loop.descriptor }

    /// Sends a query on; `deliver` is called once, perhaps at once.
    func forward(
        _ query: DNSQuery, message: [UInt8], overStream: Bool, servers: [NameServer],
        deliver: @escaping ([UInt8]) -> Void
    ) {
        let ordered = silences.order(servers)
        let isFull = pending >= limits.pending || (overStream && streams.count >= Self.streams)
        let plan = isFull || ordered.isEmpty ? [] : (0..<limits.tries).map { ordered[$0 % ordered.count] }
        let forwarded = ForwardedQuery(
            query, message: message, overStream: overStream, plan: plan, deliver: deliver)
        pending += 1
        ask(forwarded)
    }

    func work() {
        guard let events = try? loop.wait(timeout: 0) else { return }
        for event in events {
            if event.token == 0 {
                timer.drain()
                expire()
            } else if let upstream = datagrams[event.token] {
                receive(upstream, event.token)
            } else if let upstream = streams[event.token] {
                advance(upstream, event.token)
            }
        }
    }

    // MARK: Asking

    /// Asks the next server that can be reached, or gives up.
    private func ask(_ forwarded: ForwardedQuery) {
        while let server = forwarded.nextServer() {
            let deadline = SystemClock.monotonic + limits.timeout
            let isSent =
                forwarded.overStream
                ? openStream(forwarded, server, deadline) : sendDatagram(forwarded, server, deadline)
            if isSent {
                arm(deadline)
                return
            }
            forwarded.strike(server)
        }
        finish(forwarded, nil)
    }

    private func finish(_ forwarded: ForwardedQuery, _ reply: [UInt8]?) {
        pending -= 1
        forwarded.finish(reply)
    }

    private func sendDatagram(_ forwarded: ForwardedQuery, _ server: NameServer, _ deadline: Int64) -> Bool {
        guard let upstream = datagramUpstream(server) else { return false }
        var id = UInt16.random(in: 0...UInt16.max)
        while upstream.waiting[id] != nil { id = id &+ 1 }
        let packet = forwarded.message(id: id)
        var sent = packet.withUnsafeBytes { box_send(upstream.fd.raw, $0.baseAddress, $0.count) }
        // The first call after an ICMP error only reports that of an earlier question (udp(7)).
        if sent == -ECONNREFUSED {
            sent = packet.withUnsafeBytes { box_send(upstream.fd.raw, $0.baseAddress, $0.count) }
        }
        // A full send queue is like a lost packet: the time-out repeats it.
        guard sent >= 0 || sent == -EAGAIN else {
            closeIfIdle(upstream)
            return false
        }
        upstream.waiting[id] = (forwarded, deadline)
        return true
    }

    private func datagramUpstream(_ server: NameServer) -> DatagramUpstream? {
        let same = datagrams.values.filter { $0.server == server }
        if same.count < Self.socketsPerServer {
            let token = nextToken
            nextToken += 1
            if let made = try? DatagramUpstream(server, token: token),
                (try? loop.add(made.fd.raw, .readable, token: token)) != nil
            {
                datagrams[token] = made
                return made
            }
        }
        return same.filter { $0.waiting.count < 1 << 12 }.randomElement()
    }

    private func openStream(_ forwarded: ForwardedQuery, _ server: NameServer, _ deadline: Int64) -> Bool {
        let token = nextToken
        nextToken += 1
        let packet = forwarded.message(id: UInt16.random(in: 0...UInt16.max))
        guard let made = try? StreamUpstream(server, forwarded, packet, deadline: deadline),
            (try? loop.add(made.fd.raw, .writable, token: token)) != nil
        else { return false }
        streams[token] = made
        return true
    }

    // MARK: Answers

    private func receive(_ upstream: DatagramUpstream, _ token: UInt64) {
        while true {
            let got = scratch.withUnsafeMutableBytes { box_receive(upstream.fd.raw, $0.baseAddress, $0.count) }
            if got == -EAGAIN { break }
            guard got >= 0 else {
                // Nobody listens there (ICMP): none of the questions on this socket will be answered.
                let lost = upstream.waiting.values.map(\.query)
                upstream.waiting = [:]
                close(upstream)
                for forwarded in lost {
                    forwarded.strike(upstream.server)
                    ask(forwarded)
                }
                return
            }
            guard got >= DNSQuery.headerSize, got <= scratch.count else { continue }
            let reply = scratch[..<Int(got)]
            let id = UInt16(reply[0]) << 8 | UInt16(reply[1])
            guard let (forwarded, _) = upstream.waiting[id], forwarded.query.isAnswered(by: reply) else { continue }
            upstream.waiting[id] = nil
            settle(forwarded, reply, upstream.server)
        }
        closeIfIdle(upstream)
    }

    private func settle(_ forwarded: ForwardedQuery, _ reply: ArraySlice<UInt8>, _ server: NameServer) {
        silences.end(server)
        guard forwarded.accepts(reply, from: server) else { return ask(forwarded) }
        finish(forwarded, Array(reply))
    }

    private func advance(_ upstream: StreamUpstream, _ token: UInt64) {
        switch upstream.advance() {
        case .writing: return
        case .reading: try? loop.change(upstream.fd.raw, .readable, token: token)
        case .failed:
            close(upstream, token)
            upstream.query.strike(upstream.server)
            ask(upstream.query)
        case .done(let reply):
            close(upstream, token)
            guard upstream.query.query.isAnswered(by: reply[...]) else {
                upstream.query.strike(upstream.server)
                return ask(upstream.query)
            }
            settle(upstream.query, reply[...], upstream.server)
        }
    }

    // MARK: Time

    private func arm(_ deadline: Int64) {
        // All questions wait equally long, so a timer that is set already ends first.
        guard !isArmed else { return }
        isArmed = true
        timer.set(nanoseconds: max(1, deadline - SystemClock.monotonic))
    }

    private func expire() {
        isArmed = false
        let now = SystemClock.monotonic
        var late: [ForwardedQuery] = []
        var next: Int64?
        for upstream in datagrams.values {
            for (id, waiting) in upstream.waiting {
                if waiting.deadline <= now {
                    upstream.waiting[id] = nil
                    late.append(waiting.query)
                    silences.add(upstream.server, until: now + limits.penance)
                } else {
                    next = min(next ?? .max, waiting.deadline)
                }
            }
            closeIfIdle(upstream)
        }
        for (token, upstream) in streams {
            if upstream.deadline <= now {
                close(upstream, token)
                late.append(upstream.query)
                silences.add(upstream.server, until: now + limits.penance)
            } else {
                next = min(next ?? .max, upstream.deadline)
            }
        }
        if let next { arm(next) }
        for forwarded in late { ask(forwarded) }
    }

    // MARK: Closing

    private func closeIfIdle(_ upstream: DatagramUpstream) {
        if upstream.waiting.isEmpty { close(upstream) }
    }

    private func close(_ upstream: DatagramUpstream) {
        loop.remove(upstream.fd.raw)
        datagrams[upstream.token] = nil
    }

    private func close(_ upstream: StreamUpstream, _ token: UInt64) {
        loop.remove(upstream.fd.raw)
        streams[token] = nil
    }
}
