import BoxModel
import BoxSystem
import Glibc
import Testing

@testable import BoxNetwork

/// A network namespace that a test made, removed with it.
final class TestNamespace {
    let name: String
    let namespace: NetworkNamespace

    init() throws {
        name = "box-t-" + randomBytes(5).map { String($0, radix: 16) }.joined()
        try Self.run("ip", ["netns", "add", name])
        namespace = try NetworkNamespace(path: "/run/netns/" + name)
        try command("ip", "link", "set", "lo", "up")
        // Addresses are usable at once: nobody else is on these links (RFC 4862, section 5.4).
        try inside {
            for place in ["all", "default"] { try writeControl("/proc/sys/net/ipv6/conf/\(place)/accept_dad", "0") }
        }
    }

    deinit { _ = try? Self.run("ip", ["netns", "del", name]) }

    /// Runs code in the namespace, on this thread.
    func inside<Value>(_ body: () throws -> Value) throws -> Value {
        try namespace.perform({ () throws(any Error) in try body() }, orFail: { $0 })
    }

    @discardableResult
    func command(_ words: String...) throws -> String {
        try Self.run("ip", ["netns", "exec", name] + words)
    }

    /// A wire to another namespace, both ends with addresses.
    func connect(_ own: String, _ addresses: [String], to other: TestNamespace, _ end: String, _ ends: [String]) throws
    {
        try command("ip", "link", "add", own, "type", "veth", "peer", "name", end, "netns", other.name)
        for address in addresses { try command("ip", "addr", "add", address, "dev", own, "nodad") }
        for address in ends { try other.command("ip", "addr", "add", address, "dev", end, "nodad") }
        try command("ip", "link", "set", own, "up")
        try other.command("ip", "link", "set", end, "up")
    }

    @discardableResult
    static func run(_ program: String, _ words: [String]) throws -> String {
        let path = try #require(NftProgram.find(program), "\(program) is not installed")
        let result = try Spawn.capture(path, words)
        let error = String(decoding: result.error, as: UTF8.self)
        try #require(result.status == 0, "\(program) \(words.joined(separator: " ")): \(error)")
        return String(decoding: result.output, as: UTF8.self)
    }

    /// A TCP server on every address of the namespace.
    func server(port: UInt16) throws -> TestServer { try inside { try TestServer(port: port) } }

    /// Whether no connection comes about; what is dropped is not answered, so the wait is short.
    func cannotReach(_ server: TestServer, at address: String) throws -> Bool {
        try reach(server, at: address, milliseconds: 300) == nil
    }

    /// The client's address as the server saw it, or nil where no connection came about.
    func reach(_ server: TestServer, at address: String, milliseconds: Int32 = 3_000) throws -> IPAddress? {
        let target = try #require(IPAddress(address))
        return try inside { try server.connect(to: target, milliseconds: milliseconds) }
    }
}

extension TestNamespace {
    /// Waits until a neighbour answers: with the carrier of a new bridge, and so its routes of IPv6, the kernel takes
    /// up to a second (net/core/link_watch.c).
    func wait(for neighbour: IPAddress) throws {
        let answers = try inside {
            for _ in 0..<40 where TestServer.answers(neighbour, milliseconds: 100) { return true }
            return false
        }
        try #require(answers, "\(neighbour) does not answer in \(name)")
    }
}

/// Listens on IPv4 and IPv6; the kernel alone accepts, which is enough to tell whether packets pass both ways.
final class TestServer {
    private let fd: SharedFD
    private let port: UInt16

    init(port: UInt16) throws {
        self.port = port
        fd = Self.socket()
        var no: Int32 = 0
        setsockopt(fd.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &no, 4)
        var address = Self.socketAddress(.anyV6, port)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd.raw, $0, 28) }
        }
        try #require(bound == 0 && listen(fd.raw, 64) == 0)
        _ = fcntl(fd.raw, F_SETFL, O_NONBLOCK)
    }

    /// Connects from the calling thread's namespace.
    func connect(to target: IPAddress, milliseconds: Int32) throws -> IPAddress? {
        let client = Self.socket()
        guard Self.begin(client, target, port, milliseconds) == 0 else { return nil }
        var peer = sockaddr_in6()
        var size = socklen_t(28)
        let accepted = withUnsafeMutablePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept(fd.raw, $0, &size) }
        }
        try #require(accepted >= 0)
        close(accepted)
        return withUnsafeBytes(of: peer.sin6_addr) { IPAddress(bytes: Array($0)) }?.unmapped
    }

    /// Whether a machine answers at all, if only by refusing.
    static func answers(_ address: IPAddress, milliseconds: Int32) -> Bool {
        let result = begin(socket(), address, 9, milliseconds)
        if result == ENETUNREACH || result == EHOSTUNREACH { usleep(20_000) }
        return result == 0 || result == ECONNREFUSED
    }

    /// Connects; 0 or the errno that it failed with.
    private static func begin(
        _ client: SharedFD, _ target: IPAddress, _ port: UInt16, _ milliseconds: Int32
    ) -> Int32 {
        _ = fcntl(client.raw, F_SETFL, O_NONBLOCK)
        var address = socketAddress(target, port)
        let begun = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(client.raw, $0, 28) }
        }
        if begun == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        var wait = pollfd(fd: client.raw, events: Int16(POLLOUT), revents: 0)
        guard poll(&wait, 1, milliseconds) == 1 else { return ETIMEDOUT }
        var error: Int32 = 0
        var size = socklen_t(4)
        getsockopt(client.raw, SOL_SOCKET, SO_ERROR, &error, &size)
        return error
    }

    private static func socket() -> SharedFD {
        SharedFD(
            OwnedFD(adopting: Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)))
    }

    private static func socketAddress(_ address: IPAddress, _ port: UInt16) -> sockaddr_in6 {
        var raw = sockaddr_in6()
        raw.sin6_family = sa_family_t(AF_INET6)
        raw.sin6_port = port.bigEndian
        let mapped = address.isV4 ? UInt128(0xffff) << 32 | address.bits : address.bits
        withUnsafeMutableBytes(of: &raw.sin6_addr) { $0.copyBytes(from: IPAddress(.v6, bits: mapped).bytes) }
        return raw
    }
}

/// A host with bridges, "containers" on them and another machine outside, all of them namespaces.
final class TestHost {
    static let outsideV4 = "198.51.100.2"
    static let outsideV6 = "2001:db8::2"
    let host: TestNamespace
    let outside: TestNamespace
    private(set) var containers: [TestNamespace] = []

    init() throws {
        host = try TestNamespace()
        outside = try TestNamespace()
        try host.connect(
            "ext0", ["198.51.100.1/24", "2001:db8::1/64"], to: outside, "eth0",
            [Self.outsideV4 + "/24", Self.outsideV6 + "/64"])
        try host.inside { try Firewall().enableForwarding(v6: true) }
    }

    /// A bridge with the first address of each sub-network; the machine outside knows the way there.
    func bridge(_ name: String, _ subnets: String..., change: (inout FirewallNetwork) -> Void = { _ in }) throws
        -> FirewallNetwork
    {
        try host.command("ip", "link", "add", name, "type", "bridge")
        try host.command("ip", "link", "set", name, "up")
        var prefixes: [IPPrefix] = []
        for subnet in subnets {
            let prefix = try #require(IPPrefix(subnet))
            prefixes.append(prefix)
            if prefix.version == .v6 { try host.wait(for: try #require(IPAddress(Self.outsideV6))) }
            try host.command(
                "ip", "addr", "add", "\(Self.address(1, of: prefix))/\(prefix.length)", "dev", name, "nodad")
            try outside.command(
                "ip", "route", "add", subnet, "via", prefix.version == .v4 ? "198.51.100.1" : "2001:db8::1")
        }
        var network = FirewallNetwork(bridge: name, subnets: prefixes)
        change(&network)
        return network
    }

    /// A namespace on a bridge with the n-th address of each of the sub-networks and a default route.
    func container(_ number: UInt128, on network: FirewallNetwork) throws -> TestNamespace {
        let container = try TestNamespace()
        containers.append(container)
        let end = "v\(containers.count)"
        try host.connect(
            end, [], to: container, "eth0",
            network.subnets.map { "\(Self.address(number, of: $0))/\($0.length)" })
        try host.command("ip", "link", "set", end, "master", network.bridge)
        for subnet in network.subnets {
            let gateway = Self.address(1, of: subnet)
            try container.command("ip", "route", "add", "default", "via", "\(gateway)")
            if !gateway.isV4 { try container.wait(for: gateway) }
        }
        return container
    }

    static func address(_ number: UInt128, of subnet: IPPrefix) -> IPAddress {
        IPAddress(subnet.version, bits: subnet.first.bits + number)
    }

    func ensure(_ network: FirewallNetwork, all: [FirewallNetwork] = [], program: String? = nil) throws {
        try host.inside { try Firewall(program: program).ensure(network, all: { () throws(BoxFailure) in all }) }
    }

    var ruleset: String { get throws { try host.command("nft", "list", "ruleset") } }
}

/// Namespaces, bridges and rules are root's.
let isRoot = geteuid() == 0
