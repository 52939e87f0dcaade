import BoxModel
import BoxNetwork
import Testing

@Suite struct SubnetChoiceTests {
    private static let seed: [UInt8] = [0x12, 0x34, 0x56, 0x78, 0x9a]

    private static func prefixes(_ texts: [String]) throws -> [IPPrefix] {
        try texts.map { try #require(IPPrefix($0), "\($0)") }
    }

    @Test(
        "the first default range that nothing overlaps",
        arguments: [
            ([], nil, "172.17.0.0/16"),
            (["172.17.0.0/16"], nil, "172.18.0.0/16"),
            (["172.17.4.0/24", "172.18.255.255/32"], nil, "172.19.0.0/16"),
            (["172.16.0.0/12"], nil, "192.168.0.0/20"),
            (["172.16.0.0/12", "192.168.0.0/24", "192.168.17.53/32"], nil, "192.168.32.0/20"),
            (["172.16.0.0/12", "192.168.0.0/17"], nil, "192.168.128.0/20"),
            // A default route or the host's IPv6 routes overlap with nothing.
            (["0.0.0.0/0", "::/0", "fd00::/8"], nil, "172.17.0.0/16"),
            (["10.0.0.0/8"], "172.17.0.0/16", "172.17.0.0/16"),
            (["172.17.0.0/24"], "172.17.0.0/16", "172.18.0.0/16"),
            ([], "172.30.0.0/16", "172.30.0.0/16"),
        ] as [([String], String?, String)])
    func choosesV4(taken: [String], preferred: String?, expected: String) throws {
        let chosen = try SubnetChoice.choose(
            .v4, taken: Self.prefixes(taken), preferred: preferred.flatMap { IPPrefix($0) }, seed: Self.seed)
        #expect(chosen.description == expected)
    }

    @Test("every default range can be chosen, none twice, in Docker's number")
    func exhausts() throws {
        var taken: [IPPrefix] = []
        for _ in 0..<31 {
            let next = try SubnetChoice.choose(.v4, taken: taken, preferred: nil, seed: Self.seed)
            #expect(!taken.contains { $0.overlaps(next) })
            taken.append(next)
        }
        #expect(taken[14].description == "172.31.0.0/16")
        #expect(taken[30].description == "192.168.240.0/20")
        let failure = #expect(throws: BoxFailure.self) {
            try SubnetChoice.choose(.v4, taken: taken, preferred: nil, seed: Self.seed)
        }
        #expect(failure?.kind == .exhausted)
        #expect(failure?.description.contains("--subnet") == true)
    }

    @Test(
        "IPv6 ranges are this machine's own",
        arguments: [
            ([], "fd12:3456:789a::/64"),
            (["fd12:3456:789a::/64"], "fd12:3456:789a:1::/64"),
            (["fd12:3456:789a::/50"], "fd12:3456:789a:4000::/64"),
            (["fd12:3456:789a:0:5::/80", "fd12:3456:789a:1::7/128", "172.17.0.0/16"], "fd12:3456:789a:2::/64"),
        ] as [([String], String)])
    func choosesV6(taken: [String], expected: String) throws {
        let chosen = try SubnetChoice.choose(.v6, taken: Self.prefixes(taken), preferred: nil, seed: Self.seed)
        #expect(chosen.description == expected)
    }

    @Test("a machine whose IPv6 ranges are all routed is told so")
    func exhaustsV6() throws {
        let failure = #expect(throws: BoxFailure.self) {
            try SubnetChoice.choose(.v6, taken: Self.prefixes(["fd00::/8"]), preferred: nil, seed: Self.seed)
        }
        #expect(failure?.kind == .exhausted)
    }

    @Test(
        "hardware addresses",
        arguments: [
            ("172.17.0.2", "02:42:ac:11:00:02"), ("10.255.0.1", "02:42:0a:ff:00:01"), (nil, "fe:00:00:00:00:07"),
            ("fd00::2", "fe:00:00:00:00:07"),
        ] as [(String?, String)])
    func mac(v4: String?, expected: String) {
        let made = MACAddress.made(for: v4.flatMap { IPAddress($0) }, random: [0xff, 0, 0, 0, 0, 7])
        #expect(made.description == expected)
        #expect(!made.isMulticast)
        #expect(!MACAddress.made(for: nil, random: [1, 0, 0, 0, 0, 0]).isMulticast)
        #expect(MACAddress.made(for: nil, random: [1, 0, 0, 0, 0, 0]).bytes[0] == 2)
    }
}
