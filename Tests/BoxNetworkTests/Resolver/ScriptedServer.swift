import BoxModel
import BoxSystem
import CBoxSys
import Foundation
import Synchronization

@testable import BoxNetwork

/// A name server of the test on 127.0.0.1 that answers what a closure says, over UDP and TCP.
final class ScriptedServer: Sendable {
    struct Question: Sendable {
        let bytes: [UInt8]
        let overStream: Bool
        let port: UInt16
    }

    /// Where it listens.
    let server: NameServer
    private let state = Mutex<(questions: [Question], isStopped: Bool)>(([], false))
    private let ended = DispatchSemaphore(value: 0)

    var questions: [Question] { state.withLock { $0.questions } }

    /// - Parameter script: the answer to a query, nil for silence; the id is put in.
    convenience init(_ script: @escaping @Sendable (_ query: DNSQuery, _ overStream: Bool) -> [UInt8]?) throws {
        try self.init(at: NameServer(.loopbackV4, port: 0), script)
    }

    /// - Parameter place: in the calling thread's namespace; port 0 is one that is free.
    init(
        at place: NameServer, _ script: @escaping @Sendable (_ query: DNSQuery, _ overStream: Bool) -> [UInt8]?
    ) throws {
        var address = place.socketAddress
        let streams = OwnedFD(adopting: try check(box_inet_socket(4, CInt(BOX_STREAM), 0), "socket"))
        try check(box_inet_bind(streams.raw, &address), "bind")
        try check(box_inet_listen(streams.raw, 16), "listen")
        try check(box_inet_local(streams.raw, &address), "getsockname")
        server = NameServer(place.address, port: address.port)
        let datagrams = OwnedFD(adopting: try check(box_inet_socket(4, CInt(BOX_DATAGRAM), 0), "socket"))
        try check(box_inet_bind(datagrams.raw, &address), "bind")
        var size: CInt = 1 << 21
        _ = setsockopt(datagrams.raw, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<CInt>.size))
        let udp = datagrams.release()
        let tcp = streams.release()
        Thread.detachNewThread { [self] in serve(OwnedFD(adopting: udp), OwnedFD(adopting: tcp), script) }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        ended.wait()
    }

    private func serve(
        _ datagrams: consuming OwnedFD, _ streams: consuming OwnedFD, _ script: (DNSQuery, Bool) -> [UInt8]?
    ) {
        defer { ended.signal() }
        var buffer = [UInt8](repeating: 0, count: 70_000)
        while !state.withLock({ $0.isStopped }) {
            if box_poll(datagrams.raw, 1, 5) > 0 {
                while true {
                    var peer = box_inet_address()
                    let got = buffer.withUnsafeMutableBytes {
                        box_inet_receive(datagrams.raw, $0.baseAddress, $0.count, &peer, nil)
                    }
                    guard got >= 0 else { break }
                    guard let answer = answer(Array(buffer[..<Int(got)]), false, peer.port, script) else { continue }
                    _ = answer.withUnsafeBytes { box_inet_send(datagrams.raw, $0.baseAddress, $0.count, &peer, nil) }
                }
            }
            let accepted = box_inet_accept(streams.raw, nil)
            if accepted >= 0 { serve(OwnedFD(adopting: accepted), script) }
        }
    }

    private func serve(_ connection: consuming OwnedFD, _ script: (DNSQuery, Bool) -> [UInt8]?) {
        var input = DNSStreamBuffer()
        while box_poll(connection.raw, 1, 1000) > 0 {
            let end = input.fill(from: connection, limit: 65_535)
            if let question = input.next(limit: 65_535) {
                guard let answer = answer(question, true, 0, script) else { return }
                // In two parts, as a network may deliver it.
                let framed = DNSStreamBuffer.frame(answer)
                for part in [framed[..<5], framed[5...]] {
                    _ = part.withUnsafeBytes { box_send(connection.raw, $0.baseAddress, $0.count) }
                    usleep(2000)
                }
            }
            if end == .closed { return }
        }
    }

    private func answer(
        _ bytes: [UInt8], _ overStream: Bool, _ port: UInt16, _ script: (DNSQuery, Bool) -> [UInt8]?
    ) -> [UInt8]? {
        state.withLock { $0.questions.append(Question(bytes: bytes, overStream: overStream, port: port)) }
        guard case .query(let query) = DNSQuery.read(bytes[...]) else { return nil }
        return script(query, overStream)
    }
}
