internal import BoxModel

/// A chain of the `filter` tables that iptables(8), Docker and ufw(8) share.
///
/// A verdict of one table accepts for that table only: where the FORWARD chain of another drops what it does not know,
/// containers have no way out unless there are rules for their bridges in that table too.
struct ForeignChain: Hashable {
    static let table = "filter"
    static let forward = "FORWARD"
    /// Docker's chain for rules of others; it stands before Docker's own.
    static let dockerUser = "DOCKER-USER"

    let family: NetfilterMessage.Family
    let name: String

    var familyName: String { family == .v4 ? "ip" : "ip6" }

    /// The chains that may matter to a network, FORWARD before DOCKER-USER.
    static func candidates(_ network: FirewallNetwork) -> [ForeignChain] {
        var chains: [ForeignChain] = []
        for (version, family) in [(IPAddress.Version.v4, NetfilterMessage.Family.v4), (.v6, .v6)]
        where network.subnets.contains(where: { $0.version == version }) {
            chains += [forward, dockerUser].map { ForeignChain(family: family, name: $0) }
        }
        return chains
    }

    /// Where rules are needed: in DOCKER-USER where there is one, else in a FORWARD chain that drops by policy.
    static func closed(_ found: [(chain: ForeignChain, answer: NetfilterAnswer?)]) -> [ForeignChain] {
        found.compactMap { chain, answer in
            guard let answer else { return nil }
            if chain.name == dockerUser { return chain }
            let hasDocker = found.contains {
                $0.chain.name == dockerUser && $0.chain.family == chain.family && $0.answer != nil
            }
            // NFTA_CHAIN_POLICY; NF_DROP is 0.
            return !hasDocker && answer.bigEndian(5) == UInt32(0) ? chain : nil
        }
    }
}

/// One of the two rules for a bridge in somebody else's chain.
struct ForeignRule: Hashable {
    enum Direction: String, CaseIterable {
        case out, back
    }

    static let prefix = "box:"
    let bridge: String
    let direction: Direction

    static func both(_ bridge: String) -> [ForeignRule] {
        Direction.allCases.map { ForeignRule(bridge: bridge, direction: $0) }
    }

    /// Names the rule; found again by its bytes, which are the same whoever made the rule.
    var comment: String { "\(Self.prefix)\(bridge):\(direction.rawValue)" }

    /// What comes from the bridge may pass, since box's own table has decided already, and answers may come back; new
    /// connections to the bridge stay closed here even if box's table is taken away.
    var arguments: [String] {
        let match =
            direction == .out ? ["-i", bridge] : ["-o", bridge, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
        return match + ["-m", "comment", "--comment", comment, "-j", "ACCEPT"]
    }

    /// The same in the words of nft(8).
    var text: String {
        let match = direction == .out ? "iifname \"\(bridge)\"" : "oifname \"\(bridge)\" ct state established,related"
        return "\(match) counter accept comment \"\(comment)\""
    }

    /// Reads a comment of box; nil where it is somebody else's.
    init?(comment: some StringProtocol) {
        guard comment.hasPrefix(Self.prefix), let colon = comment.lastIndex(of: ":"),
            let direction = Direction(rawValue: String(comment[comment.index(after: colon)...]))
        else { return nil }
        let name = comment.dropFirst(Self.prefix.count)
        guard name.startIndex < colon else { return nil }
        bridge = String(name[..<colon])
        self.direction = direction
    }

    init(bridge: String, direction: Direction) {
        self.bridge = bridge
        self.direction = direction
    }

    /// The rule that the kernel's message is about, or nil.
    ///
    /// nft(8) keeps a comment as user data and iptables(8) as a match of its own; its bytes are the same.
    init?(message: ArraySlice<UInt8>) {
        let prefix = Array(Self.prefix.utf8)
        for start in message.indices where message[start] == prefix[0] && message[start...].starts(with: prefix) {
            let text = String(decoding: message[start...].prefix(40).prefix { $0 != 0 }, as: UTF8.self)
            guard let rule = ForeignRule(comment: text) else { continue }
            self = rule
            return
        }
        return nil
    }
}
