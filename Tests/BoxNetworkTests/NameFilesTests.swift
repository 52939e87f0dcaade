import BoxModel
import BoxNetwork
import Testing

@Suite struct NameFilesTests {
    private func config(_ change: (inout ContainerConfig) -> Void) throws -> ContainerConfig {
        let digest = try #require(Digest(.sha256, bytes: [UInt8](repeating: 7, count: 32)))
        var config = ContainerConfig(
            id: ContainerID(random: [UInt8](repeating: 1, count: 32)), name: try ContainerName("test"),
            created: Timestamp(nanoseconds: 1), imageName: "image", imageID: digest, platform: .current, layers: [])
        config.hostname = "web"
        change(&config)
        return config
    }

    @Test func writesHostsWithNameAndExtras() throws {
        let config = try config { $0.extraHosts = ["db:10.0.0.5", "six=[fe80::1]", "self:host-gateway"] }
        let files = try NameFiles(config, hostHosts: "ignored", hostResolvConf: "")
        #expect(files.hosts.hasPrefix("127.0.0.1\tlocalhost\n"))
        #expect(files.hosts.contains("127.0.1.1\tweb\n"))
        #expect(files.hosts.contains("10.0.0.5\tdb\n"))
        #expect(files.hosts.contains("fe80::1\tsix\n"))
        #expect(!files.hosts.contains("ignored"))
        #expect(files.hostname == "web\n")
    }

    @Test func takesTheHostsFileWithTheHostsNetwork() throws {
        let config = try config { $0.network = .host }
        #expect(try NameFiles(config, hostHosts: "1.2.3.4 x", hostResolvConf: "").hosts == "1.2.3.4 x\n")
    }

    @Test func flagsReplaceWhatTheHostSays() throws {
        let host = "nameserver 9.9.9.9\nsearch example.org\noptions ndots:2\n"
        let plain = try NameFiles(try config { _ in }, hostHosts: "", hostResolvConf: host)
        #expect(plain.resolvConf == host)
        let own = try config {
            $0.dns = ["1.1.1.1", "::1"]
            $0.dnsSearch = ["."]
            $0.dnsOptions = ["rotate"]
        }
        let files = try NameFiles(own, hostHosts: "", hostResolvConf: host)
        #expect(files.resolvConf == "nameserver 1.1.1.1\nnameserver ::1\noptions rotate\n")
    }

    @Test(arguments: ["db", "db:", ":1.2.3.4", "db:nonsense", "a b:1.2.3.4", "db:1.2.3.4\nevil"])
    func refusesWhatIsNoExtraHost(text: String) throws {
        let config = try config { $0.extraHosts = [text] }
        #expect { try NameFiles(config, hostHosts: "", hostResolvConf: "") } throws: {
            ($0 as? BoxFailure)?.kind == .invalid
        }
    }
}
