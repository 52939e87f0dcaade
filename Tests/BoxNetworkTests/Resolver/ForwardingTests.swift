import BoxModel
import BoxSystem
import CBoxSys
import Foundation
import Testing

@testable import BoxNetwork

private let hasTools = geteuid() == 0 && findProgram("ip") != nil && findProgram("dig") != nil

private func configuration(_ servers: [NameServer]) -> Resolver.Configuration {
    var configuration = Resolver.Configuration()
    configuration.servers = servers
    return configuration
}

private func outside(_ last: UInt8) -> @Sendable (DNSQuery, Bool) -> [UInt8]? {
    { query, _ in query.reply(0, [DNSRecord(type: query.type, data: [192, 0, 2, last])], limit: 4096) }
}

@Suite(.enabled(if: hasTools, "needs root to make network namespaces, and iproute2 and dnsutils"))
struct ForwardingTests {
    /// A port of 127.0.0.1 where nobody listens.
    private func deafServer() throws -> NameServer {
        let server = try ScriptedServer { _, _ in nil }
        server.stop()
        return server.server
    }

    @Test func aServerThatIsNotThereIsPassedOverAtOnce() throws {
        let upstream = try ScriptedServer(outside(7))
        defer { upstream.stop() }
        let bench = try ResolverBench(configuration([try deafServer(), upstream.server]))
        let start = SystemClock.monotonic
        #expect(try bench.dig("www.example.org") == ["192.0.2.7"])
        #expect(try bench.dig("+tcp", "www.example.org") == ["192.0.2.7"])
        #expect(SystemClock.monotonic - start < 1_500_000_000)
    }

    @Test func aSilentServerIsPassedOverAfterItsTime() throws {
        let silent = try ScriptedServer { _, _ in nil }
        let upstream = try ScriptedServer(outside(7))
        defer {
            silent.stop()
            upstream.stop()
        }
        let bench = try ResolverBench(configuration([silent.server, upstream.server]))
        let start = SystemClock.monotonic
        #expect(try bench.dig("www.example.org") == ["192.0.2.7"])
        #expect((1_900_000_000..<4_000_000_000).contains(SystemClock.monotonic - start))
        #expect(silent.questions.count == 1)
    }

    /// A name that one server cannot find says nothing of the others that it knows.
    @Test func oneBadNameDoesNotChangeTheOrder() throws {
        let first = try ScriptedServer { query, _ in
            query.name == "broken.example"
                ? query.reply(DNSCode.serverFailure, limit: 512) : outside(1)(query, false)
        }
        let second = try ScriptedServer(outside(2))
        defer {
            first.stop()
            second.stop()
        }
        let bench = try ResolverBench(configuration([first.server, second.server]))
        #expect(try bench.dig("broken.example") == ["192.0.2.2"])
        #expect(try bench.dig("broken.example") == ["192.0.2.2"])
        #expect(try bench.dig("fine.example") == ["192.0.2.1"])
    }

    @Test(arguments: [DNSCode.serverFailure, DNSCode.refused, DNSCode.notImplemented])
    func aServerThatCannotAnswerIsPassedOver(_ code: UInt16) throws {
        let bad = try ScriptedServer { query, _ in query.reply(code, limit: 512) }
        let good = try ScriptedServer(outside(8))
        defer {
            bad.stop()
            good.stop()
        }
        let bench = try ResolverBench(configuration([bad.server, good.server]))
        #expect(try bench.dig("www.example.org") == ["192.0.2.8"])
        #expect(bad.questions.count == 1)
    }

    @Test func withoutAnyServerTheClientIsToldSo() throws {
        let bench = try ResolverBench(configuration([try deafServer(), try deafServer()]))
        let start = SystemClock.monotonic
        #expect(try bench.digAll("www.example.org").contains("status: SERVFAIL"))
        #expect(try bench.digAll("+tcp", "www.example.org").contains("status: SERVFAIL"))
        #expect(SystemClock.monotonic - start < 1_500_000_000)
        let refusing = try ScriptedServer { query, _ in query.reply(DNSCode.refused, limit: 512) }
        defer { refusing.stop() }
        let changed = configuration([refusing.server])
        bench.change { $0.configuration = changed }
        #expect(try bench.digAll("www.example.org").contains("status: REFUSED"), "what the last server said")
        #expect(refusing.questions.count == 1)
    }

    @Test func afterThreeTriesTheClientIsToldSo() throws {
        let silent = try ScriptedServer { _, _ in nil }
        defer { silent.stop() }
        let bench = try ResolverBench(configuration([silent.server]))
        #expect(try bench.digAll("www.example.org").contains("status: SERVFAIL"))
        #expect(silent.questions.count == 3)
    }

    @Test func anAnswerThatIsTooLongComesOverTCP() throws {
        let upstream = try ScriptedServer { query, overStream in
            let records = (0..<900).map { DNSRecord(type: 1, data: [10, 1, UInt8($0 / 256), UInt8($0 % 256)]) }
            return query.reply(0, records, limit: overStream ? 65_535 : query.datagramLimit)
        }
        defer { upstream.stop() }
        let bench = try ResolverBench(configuration([upstream.server]))
        #expect(try bench.dig("big.example.org").count == 900)
        #expect(upstream.questions.map(\.overStream) == [false, true])
        #expect(try bench.digAll("+ignore", "+noedns", "big.example.org").contains("flags: qr tc rd ra"))
    }

    @Test func manyContainersUnderOneAliasComeOverTCP() throws {
        let folder = try NameFolder()
        let table = NameTable(folder: folder.path)
        for number in 0..<600 {
            let address = "10.3.\(number / 256).\(number % 256)"
            try table.publish(namedEndpoint(["all"], address), owner: nameOwner(number), name: "c\(number)")
        }
        let bench = try ResolverBench(configuration([]), [table])
        #expect(try bench.dig("all").count == 600)
        #expect(try bench.digAll("+ignore", "+noedns", "all").contains("flags: qr tc rd ra"))
    }

    /// A namespace that stands for the host, with stub resolvers on its loopback as systemd-resolved has one.
    @Test func theHostsOwnResolversAreAskedWhereTheHostIs() throws {
        let host = try ResolverNamespace()
        let folder = try NameFolder()
        let file = folder.path + "/resolv.conf"
        let stubs = try ["127.0.0.53", "127.0.0.54"].map { text in
            let address = try #require(IPAddress(text))
            return try NetworkNamespace(path: host.path).perform(
                { () throws in try ScriptedServer(at: NameServer(address), outside(address.bytes[3])) },
                orFail: { $0 as any Error })
        }
        defer { for stub in stubs { stub.stop() } }
        try "nameserver 127.0.0.53\n".write(toFile: file, atomically: true, encoding: .utf8)
        var followed = Resolver.Configuration()
        followed.hostFile = file
        let bench = try ResolverBench(followed, host: host.path)
        #expect(try bench.dig("www.example.org") == ["192.0.2.53"])
        #expect(try bench.dig("+tcp", "www.example.org") == ["192.0.2.53"])
        try "nameserver 127.0.0.54\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try bench.dig("www.example.org") == ["192.0.2.54"])
        // The last one went where it was told to, the others did not.
        #expect(stubs.map(\.questions.count) == [2, 1])
    }

    @Test func aConnectionThatEndsEarlyIsPassedOver() throws {
        let hasty = try ScriptedServer { _, _ in nil }
        let upstream = try ScriptedServer(outside(7))
        defer {
            hasty.stop()
            upstream.stop()
        }
        let bench = try ResolverBench(configuration([hasty.server, upstream.server]))
        #expect(try bench.dig("+tcp", "www.example.org") == ["192.0.2.7"])
        #expect(hasty.questions.map(\.overStream) == [true])
    }

    @Test func nonsenseDoesNotStopIt() throws {
        let folder = try NameFolder()
        let table = NameTable(folder: folder.path)
        try table.publish(namedEndpoint(["web"], "172.18.0.2"), owner: nameOwner(1), name: "web")
        let silent = try ScriptedServer { _, _ in nil }
        defer { silent.stop() }
        let bench = try ResolverBench(configuration([silent.server]), [table])
        let socket = try #require(try makeSockets(bench, 1).first)
        var random = SplitMix(state: 11)
        for round in 0..<3000 {
            var packet = round % 2 == 0 ? dnsQuery("web", 1, payload: 1232) : []
            for _ in 0..<Int.random(in: 0..<40, using: &random) {
                packet.insert(
                    UInt8.random(in: 0...255, using: &random), at: Int.random(in: 0...packet.count, using: &random))
            }
            _ = packet.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }
            if round % 100 == 0 { usleep(1000) }
        }
        let large = [UInt8](repeating: 0, count: 60_000)
        _ = large.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }
        #expect(try bench.dig("web") == ["172.18.0.2"])
        #expect(try bench.dig("+tcp", "web") == ["172.18.0.2"])
    }

    @Test func theHostsFileIsReadAgainWhenItChanges() throws {
        let folder = try NameFolder()
        let file = folder.path + "/resolv.conf"
        var source = NameServerSource(given: [], file: file)
        #expect(source.current() == [NameServer(.loopbackV4)])
        try "# comment\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 \nnameserver nonsense\nsearch a\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        #expect(source.current().map(\.address.description) == ["192.0.2.1", "2001:db8::1"])
        try "nameserver fe80::1%7\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(source.current() == [NameServer(try #require(IPAddress("fe80::1")), scope: 7)])
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: folder.path + "/real")
        #expect(source.current() == [NameServer(.loopbackV4)])
        try "nameserver 192.0.2.2\n".write(toFile: folder.path + "/real", atomically: true, encoding: .utf8)
        #expect(source.current().map(\.address.description) == ["192.0.2.2"])
        try "nameserver 192.0.2.3\n".write(toFile: folder.path + "/real", atomically: true, encoding: .utf8)
        #expect(source.current().map(\.address.description) == ["192.0.2.3"])
    }

    /// Whoever guesses wrong is not believed: another id, another question, another port.
    @Test func forgedAnswersAreNotTaken() throws {
        let forger = try ScriptedServer { query, _ in
            var wrong = query.reply(0, [DNSRecord(type: 1, data: [6, 6, 6, 6])], limit: 512)
            if query.name == "id.example" { wrong[0] ^= 1 }
            if query.name == "question.example" { wrong[13] = UInt8(ascii: "x") }
            return wrong
        }
        let honest = try ScriptedServer(outside(9))
        defer {
            forger.stop()
            honest.stop()
        }
        let bench = try ResolverBench(configuration([forger.server, honest.server]))
        #expect(try bench.dig("id.example") == ["192.0.2.9"])
        bench.change { $0.configuration.servers.reverse() }
        bench.change { $0.configuration.servers.reverse() }
        #expect(try bench.dig("question.example") == ["192.0.2.9"])
    }

    @Test func aThousandQuestionsAtOnceAreAnswered() throws {
        let upstream = try ScriptedServer { query, _ in
            let number = query.name.flatMap { UInt8($0.prefix { $0 != "." }) } ?? 0
            return query.reply(0, [DNSRecord(type: 1, data: [192, 0, 2, number])], limit: 512)
        }
        defer { upstream.stop() }
        let bench = try ResolverBench(configuration([upstream.server]))
        let sockets = try makeSockets(bench, 10)
        // 100 questions from each of ten clients before the first answer is taken.
        for id in 0..<100 {
            for socket in sockets {
                let query = dnsQuery("\(id).example", 1, id: UInt16(id))
                try check(query.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }, "send")
            }
        }
        for socket in sockets {
            var seen: Set<UInt16> = []
            while seen.count < 100 {
                guard let answer = receive(socket, 3000) else { break }
                let id = UInt16(answer[0]) << 8 | UInt16(answer[1])
                #expect(answer.suffix(4) == [192, 0, 2, UInt8(id)])
                seen.insert(id)
            }
            #expect(seen.count == 100)
        }
        let questions = upstream.questions
        #expect(questions.count == 1000)
        #expect(Set(questions.map(\.port)).count >= 40, "source ports of their own")
        #expect(Set(questions.map { $0.bytes[..<2] }).count > 900, "ids of their own")
    }

    @Test func moreThanAThousandAreRefusedAtOnce() throws {
        let silent = try ScriptedServer { _, _ in nil }
        defer { silent.stop() }
        let bench = try ResolverBench(configuration([silent.server]))
        let socket = try #require(try makeSockets(bench, 1).first)
        for id in 0..<1100 {
            let query = dnsQuery("\(id).example", 1, id: UInt16(id))
            _ = query.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }
            if id % 50 == 0 { usleep(2000) }
        }
        var refused = 0
        while refused < 100, let answer = receive(socket, 500) {
            #expect(answer[3] & 15 == 2)
            refused += 1
        }
        #expect(refused == 100)
    }

    /// Clients that connect and say nothing, or nonsense, do not keep others away.
    @Test func idleConnectionsGiveWay() throws {
        let folder = try NameFolder()
        let table = NameTable(folder: folder.path)
        try table.publish(namedEndpoint(["web"], "172.18.0.2"), owner: nameOwner(1), name: "web")
        let bench = try ResolverBench(configuration([]), [table])
        var idle: [SharedFD] = []
        for number in 0..<100 {
            let raw: CInt = try NetworkNamespace(path: bench.namespace.path).perform { () throws(SystemFailure) in
                try check(box_inet_socket(4, CInt(BOX_STREAM), 0), "socket")
            }
            var to = NameServer(Resolver.address).socketAddress
            _ = box_inet_connect(raw, &to)
            idle.append(SharedFD(OwnedFD(adopting: raw)))
            let nonsense: [UInt8] = number % 2 == 0 ? [0xff, 0xff, 1] : [0, 3, 1, 2, 3, 0, 0, 0]
            if number % 3 == 0 {
                _ = box_poll(raw, 4, 1000)
                _ = nonsense.withUnsafeBytes { box_send(raw, $0.baseAddress, $0.count) }
            }
        }
        #expect(try bench.dig("+tcp", "web") == ["172.18.0.2"])
        #expect(idle.count == 100)
    }

    private func makeSockets(_ bench: ResolverBench, _ count: Int) throws -> [SharedFD] {
        try (0..<count).map { _ in
            let raw: CInt = try NetworkNamespace(path: bench.namespace.path).perform { () throws(SystemFailure) in
                try check(box_inet_socket(4, CInt(BOX_DATAGRAM), 0), "socket")
            }
            var to = NameServer(Resolver.address).socketAddress
            try check(box_inet_connect(raw, &to), "connect")
            return SharedFD(OwnedFD(adopting: raw))
        }
    }

    private func receive(_ socket: SharedFD, _ milliseconds: CInt) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 512)
        guard box_poll(socket.raw, 1, milliseconds) > 0 else { return nil }
        let got = buffer.withUnsafeMutableBytes { box_receive(socket.raw, $0.baseAddress, $0.count) }
        return got > 12 ? Array(buffer[..<Int(got)]) : nil
    }
}
