import BoxModel
import BoxSystem
import CBoxSys
import Foundation
import Synchronization
import Testing

@testable import BoxNetwork

/// The forwarder without a container, with shorter times.
@Suite struct ForwarderTests {
    private func answer(_ forwarder: Forwarder, _ name: String, _ servers: [NameServer]) throws -> [UInt8] {
        let message = dnsQuery(name, 1)
        var found: [UInt8]?
        forwarder.forward(try parsedQuery(message), message: message, overStream: false, servers: servers) {
            found = $0
        }
        let end = SystemClock.monotonic + 10_000_000_000
        while found == nil, SystemClock.monotonic < end {
            if box_poll(forwarder.descriptor, 1, 10) > 0 { forwarder.work() }
        }
        return try #require(found)
    }

    @Test func aSilentServerIsAskedLastAndInItsTurnAgainAfterAWhile() throws {
        let isSilent = Atomic(true)
        let shared = Shared(isSilent)
        let flaky = try ScriptedServer { query, _ in
            shared.value.load(ordering: .relaxed)
                ? nil : query.reply(0, [DNSRecord(type: 1, data: [192, 0, 2, 1])], limit: 512)
        }
        let good = try ScriptedServer { query, _ in
            query.reply(0, [DNSRecord(type: 1, data: [192, 0, 2, 2])], limit: 512)
        }
        defer {
            flaky.stop()
            good.stop()
        }
        var limits = Forwarder.Limits()
        limits.timeout = 200_000_000
        limits.penance = 500_000_000
        let forwarder = try Forwarder(limits)
        let servers = [flaky.server, good.server]
        for _ in 0..<4 { #expect(try answer(forwarder, "a.example", servers).last == 2) }
        shared.value.store(false, ordering: .relaxed)
        let start = SystemClock.monotonic
        #expect(try answer(forwarder, "b.example", servers).last == 2)
        #expect(SystemClock.monotonic - start < limits.timeout, "the silent one is asked last")
        #expect(flaky.questions.count == 4)
        SystemClock.sleep(milliseconds: 600)
        #expect(try answer(forwarder, "c.example", servers).last == 1)
    }

    private final class Shared: Sendable {
        let value: Atomic<Bool>
        init(_ value: consuming Atomic<Bool>) { self.value = value }
    }

    @Test func triesAreCounted() throws {
        let silent = try ScriptedServer { _, _ in nil }
        defer { silent.stop() }
        var limits = Forwarder.Limits()
        limits.timeout = 50_000_000
        let forwarder = try Forwarder(limits)
        #expect(try answer(forwarder, "a.example", [silent.server])[3] & 15 == 2)
        #expect(silent.questions.count == 3)
        #expect(try answer(forwarder, "a.example", [])[3] & 15 == 2, "nobody to ask")
    }

    /// What comes after its time or a second time is nobody's answer.
    @Test func lateAnswersAreDropped() throws {
        let slow = try ScriptedServer { query, _ in
            usleep(150_000)
            return query.reply(0, [DNSRecord(type: 1, data: [192, 0, 2, 3])], limit: 512)
        }
        defer { slow.stop() }
        var limits = Forwarder.Limits()
        limits.timeout = 40_000_000
        let forwarder = try Forwarder(limits)
        #expect(try answer(forwarder, "a.example", [slow.server])[3] & 15 == 2)
        SystemClock.sleep(milliseconds: 400)
        forwarder.work()
    }

    @Test(arguments: [1232, 4096, 65_000])
    func serversAreToldNoMoreThanCanBeReceived(_ payload: UInt16) throws {
        let server = try ScriptedServer { query, _ in
            // As large as the query allows, to the byte.
            let size = query.datagramLimit - query.reply(0, [], limit: 4096).count
            let count = size / 16
            return query.reply(0, (0..<count).map { _ in DNSRecord(type: 1, data: [1, 2, 3, 4]) }, limit: 4096)
        }
        defer { server.stop() }
        let forwarder = try Forwarder(Forwarder.Limits())
        let message = dnsQuery("big.example", 1, payload: payload)
        var found: [UInt8]?
        forwarder.forward(try parsedQuery(message), message: message, overStream: false, servers: [server.server]) {
            found = $0
        }
        while found == nil, box_poll(forwarder.descriptor, 1, 3000) > 0 { forwarder.work() }
        #expect(try #require(found).count > Int(min(payload, 4096)) - 16)
        let seen = try #require(server.questions.first)
        #expect(try parsedQuery(seen.bytes).edns?.payload == min(payload, 4096))
    }
}
