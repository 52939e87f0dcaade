import BoxModel
import BoxSystem
import Foundation
import Testing

@testable import BoxNetwork

@Suite(.enabled(if: isRoot, "namespaces and firewall rules are root's"))
struct FirewallFaultTests {
    private static let network = FirewallNetwork(bridge: "br-a", subnets: [IPPrefix("172.30.1.0/24")].compactMap { $0 })

    private func failure(_ body: (TestNamespace) throws -> Void) throws -> BoxFailure {
        let namespace = try TestNamespace()
        return try #require(throws: BoxFailure.self) { try body(namespace) }
    }

    private func ensure(_ program: String) throws -> BoxFailure {
        try failure { namespace in
            try namespace.inside {
                try Firewall(program: program).ensure(Self.network, all: { () throws(BoxFailure) in [] })
            }
        }
    }

    @Test("a missing nft is said, with the package")
    func missing() throws {
        let failure = try ensure("/nonexistent/nft")
        #expect(failure.kind == .unsupported)
        #expect(
            failure.description
                == "cannot make firewall rules: there is no program /nonexistent/nft; install it with `apt-get install "
                + "nftables`")
    }

    @Test(
        "what a refusing nft says is passed on",
        arguments: [
            (
                "echo 'Error: syntax error, unexpected end of file' >&2; exit 1", BoxFailure.Kind.unavailable,
                "status 1: Error: syntax error"
            ),
            (
                "echo 'netlink: Error: cache initialization failed: Protocol not supported' >&2; exit 1", .unsupported,
                "modprobe nf_tables"
            ),
            (
                "echo 'Error: Could not process rule: Operation not supported' >&2; exit 1", .unsupported,
                "modprobe nf_tables"
            ),
            ("echo 'Error: Could not process rule: Operation not permitted' >&2; exit 1", .denied, "run as root"),
            (
                "printf '%s\\n' '/dev/stdin:26:1-9: Error: Could not process rule: No such file or directory' "
                    + "'add rule inet box postrouting ip saddr @masquerade4 masquerade comment \"x\"' >&2; exit 1",
                .unsupported, "modprobe nft_masq"
            ),
            (
                "printf '%s\\n' '/dev/stdin:3:1-9: Error: Could not process rule: Operation not supported' "
                    + "'add chain inet box postrouting { type nat hook postrouting priority srcnat; }' >&2; exit 1",
                .unsupported, "modprobe nft_chain_nat"
            ),
            ("exit 7", .unavailable, "status 7: no message"),
            ("kill -9 $$", .unavailable, "status 137: no message"),
        ])
    func refusing(script: String, kind: BoxFailure.Kind, text: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("nft-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        let failure = try ensure(path)
        #expect(failure.kind == kind)
        #expect(failure.description.contains(text), "\(failure)")
        #expect(!failure.description.contains("\n"))
    }

    @Test("what the real nft refuses leaves the table as it was")
    func atomic() throws {
        let namespace = try TestNamespace()
        try namespace.inside {
            try Firewall().reload(all: [Self.network])
            let before = try namespace.command("nft", "list", "ruleset")
            let failure = try #require(throws: BoxFailure.self) {
                try NftProgram(path: nil).run(FirewallScript.removeTable + "delete chain inet nowhere c\n")
            }
            #expect(failure.kind == .unavailable)
            #expect(try namespace.command("nft", "list", "ruleset") == before)
        }
    }

    @Test("forwarding is switched on, and left alone where it is on already")
    func forwarding() throws {
        let namespace = try TestNamespace()
        try namespace.inside {
            for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/default/forwarding"] {
                try writeControl("/proc/sys/net/" + setting, "0")
            }
            try Firewall().enableForwarding(v6: false)
            #expect(try readText("/proc/sys/net/ipv4/ip_forward").hasPrefix("1"))
            #expect(try readText("/proc/sys/net/ipv6/conf/all/forwarding").hasPrefix("0"))
            try Firewall().enableForwarding(v6: true)
            #expect(try readText("/proc/sys/net/ipv6/conf/all/forwarding").hasPrefix("1"))
            #expect(try readText("/proc/sys/net/ipv6/conf/default/forwarding").hasPrefix("1"))
        }
    }

    @Test("a /proc/sys that cannot be written is said with the setting")
    func forwardingRefused() throws {
        let missing = #expect(throws: BoxFailure.self) {
            try Forwarding.enable("net.ipv6.conf.all.forwarding", root: "/dev/shm/box-no-sysctl")
        }
        #expect(missing?.kind == .unsupported)
        // A setting that says 0 and that nobody may change stands for a read-only /proc/sys.
        let failure = try failure { namespace in
            try namespace.inside { try Forwarding.enable("net.netfilter.nf_conntrack_count") }
        }
        #expect(failure.kind == .denied)
        #expect(
            failure.description.hasPrefix(
                "cannot let the host forward packets with net.netfilter.nf_conntrack_count: permission denied"))
        #expect(failure.hint == "set it on the host with `sysctl -w net.netfilter.nf_conntrack_count=1`")
    }
}
