import BoxModel
import BoxSystem
import Foundation
import Testing

@testable import BoxNetwork

/// Beside the tables of iptables, Docker and ufw.
@Suite(.enabled(if: isRoot, "namespaces and firewall rules are root's"))
struct ForeignRulesTests {
    private static func has(_ programs: String...) -> Bool { programs.allSatisfy { NftProgram.find($0) != nil } }

    @Test(
        "a FORWARD policy of DROP does not cut containers off, and nothing is opened",
        .enabled(if: has("iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"), "needs iptables"),
        arguments: [
            ("iptables-nft", false, "172.30.1.0/24", TestHost.outsideV4),
            ("iptables-nft", true, "172.30.1.0/24", TestHost.outsideV4),
            ("iptables-legacy", false, "172.30.1.0/24", TestHost.outsideV4),
            ("iptables-legacy", true, "172.30.1.0/24", TestHost.outsideV4),
            ("ip6tables-nft", false, "fd00:30:1::/64", TestHost.outsideV6),
            ("ip6tables-legacy", false, "fd00:30:1::/64", TestHost.outsideV6),
        ])
    func dropPolicy(program: String, withDocker: Bool, subnet: String, outside: String) throws {
        let test = try TestHost()
        let network = try test.bridge("br-a", subnet)
        let container = try test.container(2, on: network)
        let neighbour = try test.container(3, on: network)
        let outsideServer = try test.outside.server(port: 80)
        let server = try container.server(port: 80)
        let own = "\(TestHost.address(2, of: network.subnets[0]))"
        let tables = { (words: [String]) in
            try TestNamespace.run("ip", ["netns", "exec", test.host.name, program] + words)
        }
        try _ = tables(["-P", "FORWARD", "DROP"])
        if withDocker {
            _ = try tables(["-N", "DOCKER-USER"])
            _ = try tables(["-A", "FORWARD", "-j", "DOCKER-USER"])
        }
        let before = try tables(["-S"])
        #expect(try container.cannotReach(outsideServer, at: outside))

        for _ in 0..<2 { try test.ensure(network) }
        let after = try tables(["-S"])
        #expect(after.split(separator: "\n").count == before.split(separator: "\n").count + 2)
        #expect(after.contains("-A \(withDocker ? "DOCKER-USER" : "FORWARD") -i br-a"))
        #expect(try container.reach(outsideServer, at: outside) != nil)
        #expect(try neighbour.reach(server, at: own) != nil)
        #expect(try test.outside.cannotReach(server, at: own))
        // Even without box's table new connections from outside meet the host's policy.
        try test.host.command("nft", "delete table inet box")
        #expect(try test.outside.cannotReach(server, at: own))

        try test.ensure(network)
        if !program.contains("legacy") {
            try test.host.inside {
                try Firewall(program: "/nonexistent/nft").ensure(network, all: { () throws(BoxFailure) in [] })
            }
        }
        _ = try tables(["-F", withDocker ? "DOCKER-USER" : "FORWARD"])
        try test.host.inside { try Firewall().reload(all: [network]) }
        #expect(try tables(["-S"]).contains("br-a"))
        try test.host.inside { try Firewall().remove(network, remaining: []) }
        #expect(try !tables(["-S"]).contains("br-a"))
        if !withDocker { #expect(try tables(["-S"]) == before) }
    }

    @Test("without the program of iptables nft itself writes the rules")
    func native() throws {
        let test = try TestHost()
        try test.host.command(
            "nft",
            "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }")
        let network = try test.bridge("br-a", "172.30.1.0/24")
        let container = try test.container(2, on: network)
        let outsideServer = try test.outside.server(port: 80)
        try test.host.inside {
            try Firewall().reload(all: [])
            let socket = try NetfilterSocket()
            let chain = ForeignChain(family: .v4, name: ForeignChain.forward)
            for _ in 0..<2 {
                try ForeignRules(NftProgram(path: nil), find: { _ in nil }).add(network, to: [chain], socket)
            }
        }
        try test.ensure(network)
        let text = try test.host.command("nft", "list", "chain", "ip", "filter", "FORWARD")
        #expect(text.components(separatedBy: "box:br-a:").count == 3, "\(text)")
        #expect(try container.reach(outsideServer, at: TestHost.outsideV4) != nil)
        try test.host.inside { try Firewall().remove(network, remaining: []) }
        #expect(try !test.ruleset.contains("br-a"))
    }

    @Test("an accepting FORWARD chain is left alone", .enabled(if: has("iptables-nft"), "needs iptables"))
    func acceptPolicy() throws {
        let test = try TestHost()
        let network = try test.bridge("br-a", "172.30.1.0/24", "fd00:30:1::/64")
        try test.host.command("iptables-nft", "-A", "FORWARD", "-i", "other", "-j", "DROP")
        let before = try test.host.command("iptables-nft", "-S")
        try test.ensure(network)
        #expect(try test.host.command("iptables-nft", "-S") == before)
    }

    @Test("reload takes away rules of networks that are no more", .enabled(if: has("iptables-nft"), "needs iptables"))
    func stale() throws {
        let test = try TestHost()
        try test.host.command("iptables-nft", "-P", "FORWARD", "DROP")
        let a = try test.bridge("br-a", "172.30.1.0/24")
        let b = try test.bridge("br-b", "172.30.2.0/24")
        try test.ensure(a)
        try test.ensure(b)
        try test.host.inside { try Firewall().reload(all: [b]) }
        let rules = try test.host.command("iptables-nft", "-S")
        #expect(!rules.contains("br-a") && rules.contains("br-b"))
        #expect(try !test.ruleset.contains("br-a"))
    }
}
