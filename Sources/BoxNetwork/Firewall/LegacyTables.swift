internal import BoxModel
internal import BoxSystem

/// The tables of the kernel's older packet filter, which nft(8) cannot see; only its own programs change them.
struct LegacyTables {
    private struct Version {
        let version: IPAddress.Version
        let tables: String
        let program: String
    }

    /// Which tables there are is told per namespace, of the calling thread (proc(5) shows the main thread's else).
    private static let versions = [
        Version(version: .v4, tables: "/proc/thread-self/net/ip_tables_names", program: "iptables-legacy"),
        Version(version: .v6, tables: "/proc/thread-self/net/ip6_tables_names", program: "ip6tables-legacy"),
    ]

    func add(_ network: FirewallNetwork) throws(BoxFailure) {
        for version in Self.versions where network.subnets.contains(where: { $0.version == version.version }) {
            guard let program = Self.program(version) else { continue }
            let listing = LegacyListing(try program.run(["-S"]))
            guard let chain = listing.closed else { continue }
            for rule in ForeignRule.both(network.bridge) where !listing.has(rule, in: chain) {
                try program.run(["-I", chain] + rule.arguments)
            }
        }
    }

    func remove(where isStale: (String) -> Bool) throws(BoxFailure) {
        for version in Self.versions {
            guard let program = Self.program(version) else { continue }
            for (chain, rule) in LegacyListing(try program.run(["-S"])).rules where isStale(rule.bridge) {
                try program.run(["-D", chain] + rule.arguments)
            }
        }
    }

    /// The program, where the table `filter` is in use at all.
    private static func program(_ version: Version) -> IptablesProgram? {
        guard let names = try? readText(version.tables, limit: 4096),
            names.split(separator: "\n").contains(Substring(ForeignChain.table)),
            let path = NftProgram.find(version.program)
        else { return nil }
        return IptablesProgram(path: path)
    }
}

/// What `iptables -S` lists.
struct LegacyListing {
    private let lines: [Substring]

    init(_ text: String) {
        lines = text.split(separator: "\n")
    }

    /// The chain where rules are needed, or nil.
    var closed: String? {
        if lines.contains("-N \(ForeignChain.dockerUser)") { return ForeignChain.dockerUser }
        return lines.contains("-P \(ForeignChain.forward) DROP") ? ForeignChain.forward : nil
    }

    func has(_ rule: ForeignRule, in chain: String) -> Bool {
        rules.contains { $0.chain == chain && $0.rule == rule }
    }

    /// Box's rules and the chains they are in.
    var rules: [(chain: String, rule: ForeignRule)] {
        lines.compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 2, words[0] == "-A",
                let comment = words.first(where: { $0.contains(ForeignRule.prefix) }),
                let rule = ForeignRule(comment: comment.filter { $0 != "\"" })
            else { return nil }
            return (String(words[1]), rule)
        }
    }
}
