package import BoxModel

/// The three files by which programs in a container find names, as Docker writes them.
package struct NameFiles: Hashable, Sendable {
    /// Whom the files are for.
    package struct Names: Hashable, Sendable, Codable {
        package var hostname: String
        package var domainname: String
        /// `--add-host` values.
        package var extraHosts: [String]
        package var dns: [String]
        package var dnsSearch: [String]
        package var dnsOptions: [String]

        package init(
            hostname: String, domainname: String, extraHosts: [String], dns: [String], dnsSearch: [String],
            dnsOptions: [String]
        ) {
            self.hostname = hostname
            self.domainname = domainname
            self.extraHosts = extraHosts
            self.dns = dns
            self.dnsSearch = dnsSearch
            self.dnsOptions = dnsOptions
        }
    }

    /// How the container is connected.
    package enum Connection: Hashable, Sendable {
        /// By loopback only.
        case none
        /// With the machine's own network, whose files it gets.
        case host
        /// By interfaces with these addresses; `host-gateway` stands for `gateway`, and names are asked of
        /// `resolver` where the container's monitor answers them.
        case interfaces([IPAddress], gateway: IPAddress?, resolver: IPAddress?)
    }

    package let hosts: String
    package let resolvConf: String
    package let hostname: String

    /// - Parameters:
    ///   - hostHosts: the machine's `/etc/hosts`, used as it is with the host's network.
    ///   - hostResolver: what the machine itself uses.
    /// - Throws: `invalid` where an `--add-host` value is none.
    package init(
        _ names: Names, _ connection: Connection, hostHosts: String, hostResolver: ResolverConfiguration
    ) throws(BoxFailure) {
        hostname = names.hostname + "\n"
        hosts = try Self.hosts(names, connection, hostHosts)
        resolvConf = Self.resolvConf(names, connection, hostResolver)
    }

    private static func hosts(
        _ names: Names, _ connection: Connection, _ hostHosts: String
    ) throws(BoxFailure) -> String {
        var lines = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::\tip6-localnet
            ff00::\tip6-mcastprefix
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters

            """
        var gateway = "127.0.0.1"
        let own =
            names.domainname.isEmpty ? names.hostname : "\(names.hostname).\(names.domainname) \(names.hostname)"
        switch connection {
        case .host:
            lines = hostHosts
            if !lines.isEmpty && !lines.hasSuffix("\n") { lines += "\n" }
        case .none:
            // Without an interface of its own the container's name leads to itself.
            if !names.hostname.isEmpty { lines += "127.0.1.1\t\(own)\n" }
        case .interfaces(let addresses, let first, _):
            if let first { gateway = "\(first)" }
            if !names.hostname.isEmpty { for address in addresses { lines += "\(address)\t\(own)\n" } }
        }
        for extra in names.extraHosts {
            let (name, address) = try splitExtraHost(extra)
            lines += "\(address == "host-gateway" ? gateway : address)\t\(name)\n"
        }
        return lines
    }

    /// Splits `name:address` or `name=address`; brackets around an IPv6 address are taken off.
    package static func splitExtraHost(_ text: String) throws(BoxFailure) -> (name: String, address: String) {
        guard let index = text.firstIndex(of: "=") ?? text.firstIndex(of: ":") else { throw badExtraHost(text) }
        let name = String(text[..<index])
        var address = String(text[text.index(after: index)...])
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        guard !name.isEmpty,
            name.utf8.allSatisfy({ $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }),
            address == "host-gateway" || IPAddress(address) != nil
        else { throw badExtraHost(text) }
        return (name, address)
    }

    private static func badExtraHost(_ text: String) -> BoxFailure {
        BoxFailure(
            .invalid, "use --add-host", "\"\(text)\"", reason: "it is not NAME:ADDRESS",
            hint: "write for example --add-host db:10.0.0.5 or --add-host self:host-gateway")
    }

    private static func resolvConf(
        _ names: Names, _ connection: Connection, _ host: ResolverConfiguration
    ) -> String {
        var servers = names.dns.isEmpty ? host.servers : names.dns
        var search = host.search
        var options = host.options
        if !names.dnsSearch.isEmpty { search = names.dnsSearch == ["."] ? [] : names.dnsSearch }
        if !names.dnsOptions.isEmpty { options = names.dnsOptions }
        if case .interfaces(_, _, let resolver?) = connection {
            servers = ["\(resolver)"]
            // Names without a dot are the other containers'.
            if !options.contains(where: { $0.hasPrefix("ndots:") }) { options.append("ndots:0") }
        }
        var lines = servers.map { "nameserver \($0)\n" }.joined()
        if !search.isEmpty { lines += "search \(search.joined(separator: " "))\n" }
        if !options.isEmpty { lines += "options \(options.joined(separator: " "))\n" }
        return lines
    }
}
