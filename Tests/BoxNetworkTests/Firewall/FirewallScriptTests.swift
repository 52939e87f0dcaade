import BoxModel
import Testing

@testable import BoxNetwork

@Suite struct FirewallScriptTests {
    private static func network(
        _ bridge: String, _ subnets: [String], change: (inout FirewallNetwork) -> Void = { _ in }
    ) -> FirewallNetwork {
        var network = FirewallNetwork(bridge: bridge, subnets: subnets.compactMap { IPPrefix($0) })
        change(&network)
        return network
    }

    private static func record(_ options: [String: String], isInternal: Bool = false) -> NetworkRecord {
        var record = NetworkRecord(id: "ab", name: "n", driver: .bridge, created: Timestamp(nanoseconds: 0))
        record.interface = "br-n"
        record.pools = ["10.1.0.0/16", "fd00:1::/64"].compactMap { text in
            IPPrefix(text).map { NetworkRecord.Pool(subnet: $0) }
        }
        record.options = options
        record.isInternal = isInternal
        return record
    }

    private static func elements(_ network: FirewallNetwork) -> [String] {
        FirewallScript.elements(network).map { "\($0.set.rawValue) \($0.text)" }
    }

    @Test(
        "Docker's options decide which sets a network is in",
        arguments: [
            (
                [:], false,
                [
                    "bridges \"br-n\"", "within \"br-n\" . \"br-n\"", "protected \"br-n\"", "masquerade4 10.1.0.0/16",
                    "masquerade6 fd00:1::/64",
                ]
            ),
            ([:], true, ["bridges \"br-n\"", "within \"br-n\" . \"br-n\"", "internal \"br-n\""]),
            (
                ["com.docker.network.bridge.enable_icc": "false"], false,
                ["bridges \"br-n\"", "protected \"br-n\"", "masquerade4 10.1.0.0/16", "masquerade6 fd00:1::/64"]
            ),
            (
                ["com.docker.network.bridge.enable_ip_masquerade": "false"], false,
                ["bridges \"br-n\"", "within \"br-n\" . \"br-n\"", "protected \"br-n\""]
            ),
            (
                ["com.docker.network.bridge.gateway_mode_ipv6": "routed"], false,
                ["bridges \"br-n\"", "within \"br-n\" . \"br-n\"", "masquerade4 10.1.0.0/16"]
            ),
            (
                ["com.docker.network.bridge.trusted_host_interfaces": "eth0:wg0"], false,
                [
                    "bridges \"br-n\"", "within \"br-n\" . \"br-n\"", "protected \"br-n\"",
                    "trusted \"eth0\" . \"br-n\"",
                    "trusted \"wg0\" . \"br-n\"", "masquerade4 10.1.0.0/16", "masquerade6 fd00:1::/64",
                ]
            ),
        ] as [([String: String], Bool, [String])])
    func options(options: [String: String], isInternal: Bool, expected: [String]) {
        #expect(Self.elements(FirewallNetwork(Self.record(options, isInternal: isInternal))) == expected)
    }

    @Test("keys are as the kernel keeps them")
    func keys() {
        let elements = FirewallScript.elements(Self.network("br0", ["172.18.0.0/16"]))
        #expect(elements[0].key == Array("br0".utf8) + [UInt8](repeating: 0, count: 13))
        #expect(elements[1].key.count == 32)
        #expect(elements.last?.key == [172, 18, 0, 0])
    }

    @Test("what is in the sets is never lost by adding, and what a network was before is taken out")
    func adding() {
        let internalOne = Self.network("br0", ["10.1.0.0/16"]) {
            $0.isInternal = true
            $0.masqueraded = []
        }
        let script = FirewallScript.frame() + FirewallScript.add([internalOne])
        #expect(!script.contains("delete table"))
        #expect(!script.contains("flush set"))
        #expect(script.contains("delete element inet box protected { \"br0\" }"))
        #expect(script.contains("delete element inet box masquerade4 { 10.1.0.0/16 }"))
        #expect(!script.contains("delete element inet box internal"))
        #expect(FirewallScript.whole([internalOne]).hasPrefix("add table inet box\ndelete table inet box\nadd table"))
    }

    @Test("what another network has too stays when one is removed")
    func removing() {
        let one = Self.network("br0", ["10.1.0.0/16"])
        let other = Self.network("br1", ["10.1.0.0/16"])
        let script = FirewallScript.remove(one, remaining: [other])
        #expect(script.contains("delete element inet box bridges { \"br0\" }"))
        #expect(!script.contains("masquerade4"))
    }

    @Test(
        "names that mean something in a script are refused",
        arguments: [
            "", "br*", "a\"b", "a b", "a;b", "a{", "$x", "a\nb", "sixteen-bytes-xx", "brü",
        ])
    func names(name: String) {
        let failure = #expect(throws: BoxFailure.self) { try Self.network(name, ["10.1.0.0/16"]).check() }
        #expect(failure?.kind == .invalid)
        #expect(throws: BoxFailure.self) {
            try Self.network("br0", []) { $0.trusted = [name] }.check()
        }
        #expect(throws: Never.self) { try Self.network("br-0a.B_c:d@e+f", []).check() }
    }

    @Test(
        "what iptables lists is understood",
        arguments: [
            ("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n", nil, []),
            ("-P FORWARD DROP\n", "FORWARD", []),
            ("-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n", "DOCKER-USER", []),
            (
                "-P FORWARD DROP\n-A FORWARD -i br0 -m comment --comment \"box:br0:out\" -j ACCEPT\n"
                    + "-A FORWARD -o a:b -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment box:a:b:back "
                    + "-j ACCEPT\n-A FORWARD -m comment --comment \"box of mine\" -j ACCEPT\n",
                "FORWARD", ["FORWARD box:br0:out", "FORWARD box:a:b:back"]
            ),
        ] as [(String, String?, [String])])
    func legacy(text: String, closed: String?, rules: [String]) {
        let listing = LegacyListing(text)
        #expect(listing.closed == closed)
        #expect(listing.rules.map { "\($0.chain) \($0.rule.comment)" } == rules)
    }

    @Test(
        "comments of others are not box's",
        arguments: ["", "box:", "box:br0", "box::out", "box:br0:in", "xbox:br0:out"])
    func comments(text: String) {
        #expect(ForeignRule(comment: text) == nil)
    }

    @Test("an answer that is cut off or lies about its lengths is not read beyond its end")
    func answers() {
        let whole = NetfilterMessage.element("box", "bridges", key: [1, 2, 3], sequence: 9)
        #expect(NetfilterAnswer.parse(whole[...]).first?.sequence == 9)
        #expect(NetfilterAnswer.parse(whole[...]).first?.text(2) == "bridges")
        for length in 0..<whole.count { #expect(NetfilterAnswer.parse(whole[..<length]).isEmpty) }
        for index in 20..<whole.count {
            var broken = whole
            broken[index] = 0xff
            let answer = NetfilterAnswer.parse(broken[...]).first
            _ = answer?.attribute(3)
            #expect(answer.map { FirewallState.comment($0) } == "")
        }
    }
}
