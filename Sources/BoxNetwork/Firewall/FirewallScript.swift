internal import BoxModel

/// The text that nft(8) is given for box's own table.
///
/// The rules are the same however many networks there are; what differs is in sets, which cost one look-up. So a
/// packet is not slowed by the number of networks, adding a network changes no rule, and two processes that add two
/// networks at once cannot undo each other's work.
enum FirewallScript {
    static let table = "box"

    /// A rule of a chain; the comment names it in listings and in checks.
    struct Rule: Hashable {
        let chain: String
        let comment: String
        let text: String
    }

    /// The sets that say which networks the rules are about.
    enum Members: String, CaseIterable {
        /// Every bridge of box.
        case bridges
        /// Pairs of one bridge with itself: its containers reach each other.
        case within
        case `internal`
        /// Bridges whose unpublished ports are closed to other machines.
        case protected
        /// Pairs of an interface of the host and a bridge that it may reach.
        case trusted
        case masquerade4
        case masquerade6

        var type: String {
            switch self {
            case .bridges, .internal, .protected: "type ifname;"
            case .within, .trusted: "type ifname . ifname;"
            case .masquerade4: "type ipv4_addr; flags interval;"
            case .masquerade6: "type ipv6_addr; flags interval;"
            }
        }
    }

    /// One element of a set: as nft reads it and as the kernel keeps it.
    struct Element: Hashable {
        let set: Members
        let text: String
        let key: [UInt8]
    }

    /// Base chains. Everything is decided where packets are forwarded:
    ///
    /// - not in `input`, so that what the host itself serves, published ports included, obeys the host's rules only;
    /// - not in `prerouting` as Docker does, whose rules would also catch packets for the bridge's own address, which
    ///   the host answers; in `forward` the route has told the two apart, and connection tracking (priority -200,
    ///   after `raw`) has told answers from new connections.
    ///
    /// The policies accept: a packet that is none of box's business is none of box's decisions.
    private static let chains = [
        ("forward", "type filter hook forward priority filter; policy accept;"),
        ("postrouting", "type nat hook postrouting priority srcnat; policy accept;"),
    ]

    private static let plainRules = [
        // Only with br_netfilter do packets inside one bridge come here; both kinds of machine must behave alike.
        Rule(chain: "forward", comment: "inside one network", text: "iifname . oifname @within accept"),
        Rule(chain: "forward", comment: "networks are apart", text: "iifname @bridges oifname @bridges drop"),
        Rule(chain: "forward", comment: "nothing leaves an internal network", text: "iifname @internal drop"),
        Rule(chain: "forward", comment: "nothing enters an internal network", text: "oifname @internal drop"),
        // What the administrator's own rules have redirected to a container was asked for.
        Rule(chain: "forward", comment: "redirected by the host", text: "oifname @protected ct status dnat accept"),
        Rule(chain: "forward", comment: "trusted interfaces", text: "iifname . oifname @trusted accept"),
        Rule(
            chain: "forward", comment: "unpublished ports are closed to others",
            text: "oifname @protected ct state new,invalid,untracked drop"),
        // Not between bridges: there nothing passes, and the host's own packets keep their address.
        Rule(
            chain: "postrouting", comment: "leave with an address of the host",
            text: "oifname != @bridges ip saddr @masquerade4 masquerade"),
        Rule(
            chain: "postrouting", comment: "leave with an IPv6 address of the host",
            text: "oifname != @bridges ip6 saddr @masquerade6 masquerade"),
    ]

    /// The rules; their comments end with a number made of all of them, so that those of another version of box are
    /// seen to be others.
    static let rules: [Rule] = {
        var hash: UInt32 = 2_166_136_261  // FNV-1a
        let all = chains.map { $0.0 + $0.1 } + plainRules.map(\.text) + Members.allCases.map { $0.rawValue + $0.type }
        for byte in all.joined(separator: "\n").utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let mark = String(hash, radix: 16)
        return plainRules.map { Rule(chain: $0.chain, comment: "\($0.comment) [\(mark)]", text: $0.text) }
    }()

    /// What of the sets belongs to a network.
    static func elements(_ network: FirewallNetwork) -> [Element] {
        func name(_ set: Members) -> Element {
            Element(set: set, text: "\"\(network.bridge)\"", key: interfaceKey(network.bridge))
        }
        func pair(_ set: Members, _ first: String) -> Element {
            Element(
                set: set, text: "\"\(first)\" . \"\(network.bridge)\"",
                key: interfaceKey(first) + interfaceKey(network.bridge))
        }
        var elements = [name(.bridges)]
        if network.allowsInterContainer { elements.append(pair(.within, network.bridge)) }
        if network.isInternal {
            elements.append(name(.internal))
        } else if network.isProtected {
            elements.append(name(.protected))
            elements += network.trusted.map { pair(.trusted, $0) }
        }
        for subnet in network.masqueraded {
            let set = subnet.version == .v4 ? Members.masquerade4 : .masquerade6
            elements.append(Element(set: set, text: "\(subnet.network)", key: subnet.first.bytes))
        }
        return elements
    }

    /// Elements that the network does not have but another of the same name may have left.
    private static func absent(_ network: FirewallNetwork) -> [Element] {
        var everything = network
        everything.allowsInterContainer = true
        everything.isInternal = true
        var open = network
        open.isInternal = false
        open.isProtected = true
        open.masqueraded = network.subnets
        let own = Set(elements(network))
        return (elements(everything) + elements(open)).filter { !own.contains($0) }
    }

    /// Makes table, chains and sets where they are missing and the rules anew; what is in the sets stays.
    static func frame() -> String {
        var text = "add table inet \(table)\n"
        for (name, definition) in chains { text += "add chain inet \(table) \(name) { \(definition) }\n" }
        for set in Members.allCases { text += "add set inet \(table) \(set.rawValue) { \(set.type) }\n" }
        for (name, _) in chains { text += "flush chain inet \(table) \(name)\n" }
        for rule in rules {
            text += "add rule inet \(table) \(rule.chain) \(rule.text) comment \"\(rule.comment)\"\n"
        }
        return text
    }

    /// Adds networks; those that are there already stay as they are.
    static func add(_ networks: [FirewallNetwork]) -> String {
        var seen = Set<Element>()
        var text = ""
        for network in networks {
            // `delete` of what is not there fails (and `destroy` is newer than Debian's nft), so it is added first.
            for element in absent(network) where !seen.contains(element) {
                text += line("add", element) + line("delete", element)
            }
            for element in elements(network) where seen.insert(element).inserted { text += line("add", element) }
        }
        return text
    }

    /// Takes out what is a network's alone.
    static func remove(_ network: FirewallNetwork, remaining: [FirewallNetwork]) -> String {
        let kept = Set(remaining.flatMap(elements))
        return elements(network).filter { !kept.contains($0) }.map { line("add", $0) + line("delete", $0) }.joined()
    }

    /// Takes the whole table away; it need not be there.
    static let removeTable = "add table inet \(table)\ndelete table inet \(table)\n"

    /// The table as it should be, made from nothing in one transaction.
    static func whole(_ networks: [FirewallNetwork]) -> String {
        removeTable + frame() + add(networks)
    }

    private static func line(_ verb: String, _ element: Element) -> String {
        "\(verb) element inet \(table) \(element.set.rawValue) { \(element.text) }\n"
    }

    /// An interface name as the kernel compares it: 16 bytes, filled with zeros (IFNAMSIZ).
    private static func interfaceKey(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8.prefix(15))
        return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
    }
}
