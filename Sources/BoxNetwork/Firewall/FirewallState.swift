internal import BoxSystem

/// What of box's table is in the kernel now.
struct FirewallState {
    /// Whether exactly the rules of this version of box are there, in their order.
    var hasRules = false
    /// Whether there is anything at all to take away.
    var isThere = false
    /// Elements of the asked network that are not in their sets.
    var missing: [FirewallScript.Element] = []
    /// Chains of other tables that would drop packets which box's table lets pass.
    var closed: [ForeignChain] = []

    init(_ network: FirewallNetwork, _ socket: borrowing NetfilterSocket) throws(SystemFailure) {
        let elements = FirewallScript.elements(network)
        let candidates = ForeignChain.candidates(network)
        var questions: [[UInt8]] = []
        for element in elements {
            questions.append(
                NetfilterMessage.element(
                    FirewallScript.table, element.set.rawValue, key: element.key, sequence: UInt32(questions.count)))
        }
        for chain in candidates {
            questions.append(
                NetfilterMessage.chain(
                    chain.family, ForeignChain.table, chain.name, sequence: UInt32(questions.count)))
        }
        let answers = try socket.ask(questions)
        missing = zip(elements, answers).filter { $0.1 == nil }.map(\.0)
        closed = ForeignChain.closed(Array(zip(candidates, answers.dropFirst(elements.count))))

        let rules = try socket.list(NetfilterMessage.rules(.inet, FirewallScript.table, nil, sequence: 0))
        isThere = !rules.isEmpty || missing.count < elements.count
        let found = rules.map { "\($0.text(2) ?? "")\n\(Self.comment($0))" }
        hasRules = found == FirewallScript.rules.map { "\($0.chain)\n\($0.comment)" }
    }

    /// The comment that nft(8) keeps in a rule's user data: type 0, length, text with a final zero.
    static func comment(_ rule: NetfilterAnswer) -> String {
        guard var rest = rule.attribute(7) else { return "" }
        while rest.count >= 2, let type = rest.first {
            let length = Int(rest[rest.startIndex + 1])
            if type == 0 { return String(decoding: rest.dropFirst(2).prefix(length).prefix { $0 != 0 }, as: UTF8.self) }
            rest = rest.dropFirst(2 + length)
        }
        return ""
    }
}
