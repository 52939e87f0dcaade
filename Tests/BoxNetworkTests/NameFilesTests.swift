import BoxModel
import BoxNetwork
import Testing

@Suite struct NameFilesTests {
    private static let host = "nameserver 9.9.9.9\nsearch example.org\noptions ndots:2\n"

    private func names(_ change: (inout NameFiles.Names) -> Void = { _ in }) -> NameFiles.Names {
        var names = NameFiles.Names(
            hostname: "web", domainname: "", extraHosts: [], dns: [], dnsSearch: [], dnsOptions: [])
        change(&names)
        return names
    }

    private func files(
        _ names: NameFiles.Names, _ connection: NameFiles.Connection = .none, hosts: String = "", host: String = ""
    ) throws -> NameFiles {
        try NameFiles(names, connection, hostHosts: hosts, hostResolver: ResolverConfiguration(host))
    }

    @Test func writesHostsWithNameAndExtras() throws {
        let own = names { $0.extraHosts = ["db:10.0.0.5", "six=[fe80::1]", "self:host-gateway"] }
        let files = try files(own, hosts: "ignored")
        #expect(files.hosts.hasPrefix("127.0.0.1\tlocalhost\n"))
        #expect(files.hosts.contains("127.0.1.1\tweb\n"))
        #expect(files.hosts.contains("10.0.0.5\tdb\n"))
        #expect(files.hosts.contains("fe80::1\tsix\n"))
        #expect(files.hosts.contains("127.0.0.1\tself\n"))
        #expect(!files.hosts.contains("ignored"))
        #expect(files.hostname == "web\n")
    }

    @Test func namesEveryAddressOfItsInterfaces() throws {
        let addresses = try ["172.17.0.2", "fd00::2"].map { try #require(IPAddress($0)) }
        let own = names {
            $0.domainname = "example.org"
            $0.extraHosts = ["host.docker.internal:host-gateway"]
        }
        let files = try files(
            own, .interfaces(addresses, gateway: IPAddress("172.17.0.1"), resolver: nil), host: Self.host)
        #expect(files.hosts.contains("172.17.0.2\tweb.example.org web\nfd00::2\tweb.example.org web\n"))
        #expect(files.hosts.contains("172.17.0.1\thost.docker.internal\n"))
        #expect(!files.hosts.contains("127.0.1.1"))
        #expect(files.resolvConf == Self.host)
    }

    @Test func asksItsMonitorForNames() throws {
        let own = names { $0.dns = ["1.1.1.1"] }
        let resolver = IPAddress("127.0.0.11")
        let files = try files(own, .interfaces([], gateway: nil, resolver: resolver), host: "search example.org\n")
        #expect(files.resolvConf == "nameserver 127.0.0.11\nsearch example.org\noptions ndots:0\n")
    }

    @Test func takesTheHostsFileWithTheHostsNetwork() throws {
        #expect(try files(names(), .host, hosts: "1.2.3.4 x").hosts == "1.2.3.4 x\n")
    }

    @Test func flagsReplaceWhatTheHostSays() throws {
        #expect(try files(names(), host: Self.host).resolvConf == Self.host)
        let own = names {
            $0.dns = ["1.1.1.1", "::1"]
            $0.dnsSearch = ["."]
            $0.dnsOptions = ["rotate"]
        }
        let files = try files(own, host: Self.host)
        #expect(files.resolvConf == "nameserver 1.1.1.1\nnameserver ::1\noptions rotate\n")
    }

    @Test func tellsServersOnLoopbackFromOthers() {
        let configuration = ResolverConfiguration("nameserver 127.0.0.53\nnameserver ::1\nnameserver fe80::1%eth0\n")
        #expect(configuration.servers.count == 3)
        #expect(configuration.reachableServers == ["fe80::1%eth0"])
    }

    @Test(arguments: ["db", "db:", ":1.2.3.4", "db:nonsense", "a b:1.2.3.4", "db:1.2.3.4\nevil"])
    func refusesWhatIsNoExtraHost(text: String) throws {
        let own = names { $0.extraHosts = [text] }
        #expect { try files(own) } throws: { ($0 as? BoxFailure)?.kind == .invalid }
    }
}
