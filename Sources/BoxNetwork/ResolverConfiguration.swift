internal import BoxModel

/// What a `resolv.conf` says (resolv.conf(5)).
package struct ResolverConfiguration: Hashable, Sendable {
    /// Addresses as written; an IPv6 one may name its interface.
    package var servers: [String] = []
    package var search: [String] = []
    package var options: [String] = []

    package init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            switch words.first {
            case "nameserver": servers += words.dropFirst().prefix(1)
            case "search", "domain": search = Array(words.dropFirst())
            case "options": options += words.dropFirst()
            default: break
            }
        }
    }

    /// The servers that another network namespace reaches too: not those on loopback.
    package var reachableServers: [String] {
        servers.filter { text in
            guard let address = IPAddress(String(text.prefix { $0 != "%" })) else { return false }
            return !address.isLoopback
        }
    }
}
