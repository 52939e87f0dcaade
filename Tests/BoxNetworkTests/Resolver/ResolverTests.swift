import BoxModel
import BoxSystem
import CBoxSys
import Foundation
import Synchronization
import Testing

@testable import BoxNetwork

private let hasTools = geteuid() == 0 && findProgram("ip") != nil && findProgram("dig") != nil

/// Answers of the outside: the last byte tells which server it was.
private func outside(_ last: UInt8) -> @Sendable (DNSQuery, Bool) -> [UInt8]? {
    { query, _ in query.reply(0, [DNSRecord(type: query.type, data: [192, 0, 2, last])], limit: 4096) }
}

private func configuration(_ servers: NameServer...) -> Resolver.Configuration {
    var configuration = Resolver.Configuration()
    configuration.servers = servers
    return configuration
}

@Suite(.enabled(if: hasTools, "needs root to make network namespaces, and iproute2 and dnsutils"))
struct ResolverTests {
    private let folder: NameFolder
    private let table: NameTable

    init() throws {
        folder = try NameFolder()
        table = NameTable(folder: folder.path, network: "front")
        try table.publish(
            namedEndpoint(["web", nameOwner(1).short, "www"], "172.18.0.2", "fd00::2"), owner: nameOwner(1), name: "web"
        )
        try table.publish(namedEndpoint(["db", "www"], "172.18.0.3"), owner: nameOwner(2), name: "db")
    }

    @Test func namesOfContainersAreAnswered() throws {
        let bench = try ResolverBench(configuration(), [table])
        #expect(bench.obstacle == nil, "nf_tables leads port 53 elsewhere")
        #expect(try bench.dig("web") == ["172.18.0.2"])
        #expect(try bench.dig("WeB") == ["172.18.0.2"])
        #expect(try bench.dig("web.") == ["172.18.0.2"])
        #expect(try bench.dig("web.front") == ["172.18.0.2"])
        #expect(try bench.dig(nameOwner(1).short) == ["172.18.0.2"])
        #expect(try bench.dig("www") == ["172.18.0.2", "172.18.0.3"])
        #expect(try bench.dig("web", "AAAA") == ["fd00::2"])
        #expect(try bench.dig("www", "AAAA") == ["fd00::2"])
        #expect(try bench.dig("web", "ANY", "+notcp") == ["172.18.0.2", "fd00::2"])
        #expect(try bench.dig("+tcp", "web") == ["172.18.0.2"])
        #expect(try bench.dig("-x", "172.18.0.2") == ["web.front."])
        #expect(try bench.dig("-x", "fd00::2") == ["web.front."])
        let whole = try bench.digAll("web", "+noedns")
        #expect(whole.contains("status: NOERROR"))
        #expect(whole.contains("web.\t\t\t600\tIN\tA\t172.18.0.2"))
        #expect(whole.contains("flags: qr rd ra;"))
    }

    /// A name that has no record of the type is ours all the same: it is never asked for outside.
    @Test(arguments: ["AAAA", "MX", "TXT", "HTTPS", "SRV"])
    func otherTypesOfAKnownNameAreEmpty(_ type: String) throws {
        let upstream = try ScriptedServer(outside(1))
        defer { upstream.stop() }
        let bench = try ResolverBench(configuration(upstream.server), [table])
        let whole = try bench.digAll("db", type)
        #expect(whole.contains("status: NOERROR"))
        #expect(whole.contains("ANSWER: 0"))
        #expect(upstream.questions.isEmpty)
    }

    @Test func whatIsNotKnownHereIsForwarded() throws {
        let upstream = try ScriptedServer(outside(1))
        defer { upstream.stop() }
        let bench = try ResolverBench(configuration(upstream.server), [table])
        #expect(try bench.dig("www.example.org") == ["192.0.2.1"])
        #expect(try bench.dig("+tcp", "www.example.org") == ["192.0.2.1"])
        #expect(upstream.questions.map(\.overStream) == [false, true])
        // The case of the letters comes back as it was asked, even if the server changes it.
        #expect(try bench.digAll("wWw.ExAmple.org").contains(";wWw.ExAmple.org."))
        // Addresses of others too.
        _ = try bench.dig("-x", "172.18.0.99")
        #expect(upstream.questions.count == 4)
    }

    @Test func librariesOfTheSystemFindNames() throws {
        let upstream = try ScriptedServer { query, _ in query.reply(3, limit: 512) }
        defer { upstream.stop() }
        let bench = try ResolverBench(configuration(upstream.server), [table])
        let file = folder.path + "/resolv.conf"
        try "nameserver 127.0.0.11\nsearch example.org\noptions ndots:0\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        // Libraries ask only for versions that an interface besides the loopback has (getaddrinfo(3), AI_ADDRCONFIG).
        let name = bench.namespace.name
        try ResolverNamespace.ip(["-n", name, "link", "add", "e0", "type", "veth", "peer", "name", "e1"])
        try ResolverNamespace.ip(["-n", name, "address", "add", "172.18.0.9/16", "dev", "e0"])
        try ResolverNamespace.ip(["-n", name, "address", "add", "fd00::9/64", "dev", "e0", "nodad"])
        for link in ["e0", "e1"] { try ResolverNamespace.ip(["-n", name, "link", "set", link, "up"]) }
        func getent(_ arguments: String) throws -> [[String]] {
            try bench.run("unshare", "-m", "sh", "-c", "mount --bind \(file) /etc/resolv.conf && getent \(arguments)")
                .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        }
        #expect(try getent("ahostsv4 web").first?.first == "172.18.0.2")
        #expect(try getent("ahostsv6 web").first?.first == "fd00::2")
        #expect(try getent("hosts db") == [["172.18.0.3", "db"]])
        #expect(try getent("hosts 172.18.0.3") == [["172.18.0.3", "db.front"]])
        #expect(try getent("hosts nobody").isEmpty)
    }

    @Test func theAddressesOfAnAliasTakeTurns() throws {
        let bench = try ResolverBench(configuration(), [table])
        let first = try (0..<4).map { _ in
            try bench.run("dig", "@127.0.0.11", "+short", "www").split(separator: "\n").first.map(String.init)
        }
        #expect(first == ["172.18.0.2", "172.18.0.3", "172.18.0.2", "172.18.0.3"])
    }

    @Test func theDeadAreNotAnswered() throws {
        let dead = Mutex<Set<ContainerID>>([])
        let shared = Shared(dead)
        let upstream = try ScriptedServer { query, _ in query.reply(3, limit: 512) }
        defer { upstream.stop() }
        let bench = try ResolverBench(
            configuration(upstream.server), [table], isAlive: { id in !shared.value.withLock { $0.contains(id) } })
        #expect(try bench.dig("www") == ["172.18.0.2", "172.18.0.3"])
        shared.value.withLock { _ = $0.insert(nameOwner(2)) }
        #expect(try bench.dig("www") == ["172.18.0.2"])
        #expect(try bench.digAll("db").contains("status: NXDOMAIN"))
        #expect(try bench.digAll("-x", "172.18.0.3").contains("status: NXDOMAIN"))
    }

    private final class Shared: Sendable {
        let value: Mutex<Set<ContainerID>>
        init(_ value: consuming Mutex<Set<ContainerID>>) { self.value = value }
    }

    @Test func changesAreSeenAtOnce() throws {
        let bench = try ResolverBench(noForwarding, [table])
        #expect(try bench.digAll("late").contains("status: SERVFAIL"))
        try table.publish(namedEndpoint(["late"], "172.18.0.4"), owner: nameOwner(3), name: "late")
        #expect(try bench.dig("late") == ["172.18.0.4"])
        table.withdraw(owner: nameOwner(3))
        #expect(try bench.digAll("late").contains("status: SERVFAIL"))
    }

    @Test func networksComeAndGo() throws {
        let other = try NameFolder()
        let back = NameTable(folder: other.path, network: "back")
        try back.publish(namedEndpoint(["cache", "web"], "172.19.0.2"), owner: nameOwner(4), name: "cache")
        let bench = try ResolverBench(noForwarding, [table])
        #expect(try bench.digAll("cache").contains("status: SERVFAIL"))
        let (front, both) = (table, [table, back])
        bench.change { $0.tables = both }
        #expect(try bench.dig("cache") == ["172.19.0.2"])
        #expect(try bench.dig("web") == ["172.18.0.2"], "the first network that knows the name")
        #expect(try bench.dig("web.back") == ["172.19.0.2"])
        bench.change { $0.tables = [front] }
        #expect(try bench.digAll("cache").contains("status: SERVFAIL"))
    }

    private var noForwarding: Resolver.Configuration {
        var configuration = configuration()
        configuration.forwards = false
        return configuration
    }

    @Test func internalNetworksAskNobodyOutside() throws {
        let upstream = try ScriptedServer(outside(1))
        defer { upstream.stop() }
        var configuration = configuration(upstream.server)
        configuration.forwards = false
        let bench = try ResolverBench(configuration, [table])
        #expect(try bench.digAll("www.example.org").contains("status: SERVFAIL"))
        #expect(try bench.digAll("+tcp", "www.example.org").contains("status: SERVFAIL"))
        #expect(try bench.dig("web") == ["172.18.0.2"])
        bench.change { $0.configuration.forwards = true }
        #expect(try bench.dig("www.example.org") == ["192.0.2.1"])
        #expect(upstream.questions.count == 1)
    }

    @Test func aContainerMayHaveANameServerOfItsOwn() throws {
        let bench = try ResolverBench(configuration(), [table])
        let program = """
            import socket, sys
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("0.0.0.0", 53))
            tcp = socket.socket(); tcp.bind(("0.0.0.0", 53)); tcp.listen()
            print("bound")
            """
        #expect(try bench.run("python3", "-c", program) == "bound\n")
        #expect(try bench.run("nft", "list", "tables") == "table ip box_resolver\n")
    }

    /// Starting again in the same namespace puts the rules in place of the old ones.
    @Test func rulesAreReplaced() throws {
        let bench = try ResolverBench(configuration(), [table])
        let path = bench.namespace.path
        let (redirected, port): (SystemFailure?, UInt16) = try NetworkNamespace(path: path).perform {
            () throws(SystemFailure) in
            let redirect = ResolverRedirect(address: Resolver.address, port: 53, datagrams: 1111, streams: 2222)
            try redirect.install()
            return (nil, 1111)
        }
        #expect(redirected == nil && port == 1111)
        let rules = try bench.run("nft", "list", "ruleset")
        #expect(rules.components(separatedBy: "dnat to").count == 3)
        #expect(rules.contains("ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:1111"))
        #expect(rules.contains("ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:2222"))
    }

    @Test func flushedRulesComeBack() throws {
        let bench = try ResolverBench(configuration(), [table])
        try bench.run("nft", "flush", "ruleset")
        #expect(try bench.dig("web") != ["172.18.0.2"])
        let path = bench.namespace.path
        for _ in 0..<2 {
            bench.change { resolver in
                do { try resolver.restoreRules(in: NetworkNamespace(path: path)) } catch { Issue.record("\(error)") }
            }
        }
        #expect(try bench.dig("web") == ["172.18.0.2"])
        #expect(try bench.dig("+tcp", "web") == ["172.18.0.2"])
    }

    /// Where nf_tables refuses, the resolver stands at port 53 itself.
    @Test func withoutRulesThePortItselfIsBound() throws {
        let namespace = try ResolverNamespace()
        // A table that another netlink socket owns can neither be made nor removed while that is open.
        let owner = Process()
        let input = Pipe()
        owner.executableURL = URL(fileURLWithPath: findProgram("ip") ?? "/sbin/ip")
        owner.arguments = ["netns", "exec", namespace.name, "nft", "-i"]
        owner.standardInput = input
        owner.standardOutput = FileHandle.nullDevice
        try owner.run()
        defer {
            try? input.fileHandleForWriting.close()
            owner.waitUntilExit()
        }
        input.fileHandleForWriting.write(Data("add table ip box_resolver { flags owner; }\n".utf8))
        for _ in 0..<200 where try !namespace.run(["nft", "list", "tables"]).contains("box_resolver") { usleep(10_000) }
        let bench = try ResolverBench(configuration(), [table], in: namespace)
        #expect(bench.obstacle?.call == "nf_tables")
        #expect(try bench.dig("web") == ["172.18.0.2"])
        #expect(try bench.dig("+tcp", "web") == ["172.18.0.2"])
    }

    /// A container with a user namespace of its own, whose network namespace belongs to that.
    @Test func containersWithUsersOfTheirOwnAreServed() throws {
        let container = Process()
        container.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        container.arguments = ["--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up; exec sleep 60"]
        try container.run()
        defer {
            container.terminate()
            container.waitUntilExit()
        }
        let pid = container.processIdentifier
        func net(_ path: String) -> String? { try? FileManager.default.destinationOfSymbolicLink(atPath: path) }
        for _ in 0..<200 where net("/proc/\(pid)/ns/net") == net("/proc/self/ns/net") { usleep(5000) }
        #expect(net("/proc/\(pid)/ns/user") != net("/proc/self/ns/user"))
        let bench = try ResolverBench(configuration(), [table], path: "/proc/\(pid)/ns/net")
        #expect(bench.obstacle == nil)
        let found = try Spawn.capture(
            "/usr/bin/nsenter",
            ["-t", "\(pid)", "-n", "-U", "--preserve-credentials", "dig", "@127.0.0.11", "+short", "web"])
        #expect(String(decoding: found.output, as: UTF8.self) == "172.18.0.2\n")
    }

    @Test func theLoopbackInterfaceMayComeUpLater() throws {
        let bench = try ResolverBench(configuration(), [table], isLoopbackUp: false)
        #expect(bench.obstacle == nil)
        try ResolverNamespace.ip(["-n", bench.namespace.name, "link", "set", "lo", "up"])
        #expect(try bench.dig("web") == ["172.18.0.2"])
    }

    /// What the answer to a name costs, seen from inside the container.
    @Test func aLocalNameIsAnsweredFast() throws {
        let bench = try ResolverBench(configuration(), [table])
        let median = try medianMicroseconds(bench, "web", 2000)
        print("resolver: \(median) us for a local name (median), \(bench.startNanoseconds / 1000) us to start")
        #expect(median <= 200)
    }

    /// Asks over UDP from inside the namespace, one after the other.
    private func medianMicroseconds(_ bench: ResolverBench, _ name: String, _ rounds: Int) throws -> Int64 {
        let path = bench.namespace.path
        let raw: CInt = try NetworkNamespace(path: path).perform { () throws(SystemFailure) in
            try check(box_inet_socket(4, CInt(BOX_DATAGRAM), 0), "socket")
        }
        let socket = OwnedFD(adopting: raw)
        var to = NameServer(Resolver.address).socketAddress
        try check(box_inet_connect(socket.raw, &to), "connect")
        var times: [Int64] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        for round in 0..<rounds {
            let query = dnsQuery(name, 1, id: UInt16(round))
            let start = SystemClock.monotonic
            _ = query.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }
            try #require(box_poll(socket.raw, 1, 2000) > 0)
            let got = buffer.withUnsafeMutableBytes { box_receive(socket.raw, $0.baseAddress, $0.count) }
            times.append(SystemClock.monotonic - start)
            #expect(got > 12 && buffer[7] == 1)
        }
        return times.sorted()[rounds / 2] / 1000
    }
}
