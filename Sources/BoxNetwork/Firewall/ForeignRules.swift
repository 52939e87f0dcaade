internal import BoxModel
internal import BoxSystem

/// Box's rules in tables that are not its own.
struct ForeignRules {
    private let nft: NftProgram
    /// Finds a program by name, or nil.
    private let find: (String) -> String?

    init(_ nft: NftProgram, find: @escaping (String) -> String? = NftProgram.find) {
        self.nft = nft
        self.find = find
    }

    /// Adds what a network needs where the other tables would drop its packets; what is there stays.
    func add(
        _ network: FirewallNetwork, to closed: [ForeignChain], _ socket: borrowing NetfilterSocket
    ) throws(BoxFailure) {
        for chain in closed {
            let present = try Self.messages(chain, socket).compactMap { ForeignRule(message: $0.payload) }
            for rule in ForeignRule.both(network.bridge) where !present.contains(rule) {
                try insert(rule, into: chain)
            }
        }
        try LegacyTables().add(network)
    }

    private func insert(_ rule: ForeignRule, into chain: ForeignChain) throws(BoxFailure) {
        // iptables refuses to show a table with expressions of nft that it does not know (`ct` is one), and with it
        // Docker and ufw; so its own program writes into its tables. Without that program nobody is hurt.
        if let program = find(chain.family == .v4 ? "iptables-nft" : "ip6tables-nft") {
            try IptablesProgram(path: program).run(["-I", chain.name] + rule.arguments)
        } else {
            try nft.run("insert rule \(chain.familyName) \(ForeignChain.table) \(chain.name) \(rule.text)\n")
        }
    }

    /// Takes away the rules of every bridge that `isStale` names.
    func remove(
        _ socket: borrowing NetfilterSocket, where isStale: (String) -> Bool
    ) throws(BoxFailure) {
        var script = ""
        for family in [NetfilterMessage.Family.v4, .v6] {
            for name in [ForeignChain.forward, ForeignChain.dockerUser] {
                let chain = ForeignChain(family: family, name: name)
                for message in try Self.messages(chain, socket) {
                    guard let rule = ForeignRule(message: message.payload), isStale(rule.bridge),
                        let handle: UInt64 = message.bigEndian(3)
                    else { continue }
                    script += "delete rule \(chain.familyName) \(ForeignChain.table) \(name) handle \(handle)\n"
                }
            }
        }
        if !script.isEmpty { try nft.run(script) }
        try LegacyTables().remove(where: isStale)
    }

    private static func messages(
        _ chain: ForeignChain, _ socket: borrowing NetfilterSocket
    ) throws(BoxFailure) -> [NetfilterAnswer] {
        do {
            return try socket.list(
                NetfilterMessage.rules(chain.family, ForeignChain.table, chain.name, sequence: 0))
        } catch {
            throw NftProgram.explain(error)
        }
    }
}

/// One of the programs of iptables(8).
struct IptablesProgram {
    let path: String

    /// Waits for the lock that the legacy programs share.
    @discardableResult
    func run(_ arguments: [String]) throws(BoxFailure) -> String {
        let result: (status: Int32, output: [UInt8], error: [UInt8])
        do {
            result = try Spawn.capture(path, ["-w"] + arguments)
        } catch {
            throw BoxFailure(error, "change the firewall with", path)
        }
        guard result.status == 0 else { throw NftProgram.refused(path, result.status, result.error) }
        return String(decoding: result.output, as: UTF8.self)
    }
}
