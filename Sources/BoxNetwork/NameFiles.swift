package import BoxModel
internal import BoxSystem

/// The three files by which programs in a container find names, as Docker writes them.
package struct NameFiles: Hashable, Sendable {
    package let hosts: String
    package let resolvConf: String
    package let hostname: String

    /// - Parameters:
    ///   - config: host name, extra hosts, DNS flags and network mode.
    ///   - hostHosts: the machine's `/etc/hosts`, used as it is with the host's network.
    ///   - hostResolvConf: the machine's `/etc/resolv.conf`.
    /// - Throws: `invalid` where an `--add-host` value is none.
    package init(_ config: ContainerConfig, hostHosts: String, hostResolvConf: String) throws(BoxFailure) {
        hostname = config.hostname + "\n"
        var lines: String
        if config.network == .host {
            lines = hostHosts
            if !lines.isEmpty && !lines.hasSuffix("\n") { lines += "\n" }
        } else {
            lines = """
                127.0.0.1\tlocalhost
                ::1\tlocalhost ip6-localhost ip6-loopback
                fe00::\tip6-localnet
                ff00::\tip6-mcastprefix
                ff02::1\tip6-allnodes
                ff02::2\tip6-allrouters

                """
            // Without an interface of its own the container's name leads to itself.
            let names =
                config.domainname.isEmpty
                ? config.hostname : "\(config.hostname).\(config.domainname) \(config.hostname)"
            if !config.hostname.isEmpty { lines += "127.0.1.1\t\(names)\n" }
        }
        for extra in config.extraHosts {
            let (name, address) = try Self.splitExtraHost(extra)
            lines += "\(address == "host-gateway" ? "127.0.0.1" : address)\t\(name)\n"
        }
        hosts = lines
        resolvConf = Self.resolvConf(config, host: hostResolvConf)
    }

    /// Splits `name:address` or `name=address`; brackets around an IPv6 address are taken off.
    package static func splitExtraHost(_ text: String) throws(BoxFailure) -> (name: String, address: String) {
        guard let index = text.firstIndex(of: "=") ?? text.firstIndex(of: ":") else { throw badExtraHost(text) }
        let name = String(text[..<index])
        var address = String(text[text.index(after: index)...])
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        guard !name.isEmpty,
            name.utf8.allSatisfy({ $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }),
            address == "host-gateway" || InternetAddress.isValid(address)
        else { throw badExtraHost(text) }
        return (name, address)
    }

    private static func badExtraHost(_ text: String) -> BoxFailure {
        BoxFailure(
            .invalid, "use --add-host", "\"\(text)\"", reason: "it is not NAME:ADDRESS",
            hint: "write for example --add-host db:10.0.0.5 or --add-host self:host-gateway")
    }

    private static func resolvConf(_ config: ContainerConfig, host: String) -> String {
        var servers: [String] = []
        var search: [String] = []
        var options: [String] = []
        for line in host.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            switch words.first {
            case "nameserver": servers += words.dropFirst().prefix(1)
            case "search", "domain": search = Array(words.dropFirst())
            case "options": options += words.dropFirst()
            default: break
            }
        }
        if !config.dns.isEmpty { servers = config.dns }
        if !config.dnsSearch.isEmpty { search = config.dnsSearch == ["."] ? [] : config.dnsSearch }
        if !config.dnsOptions.isEmpty { options = config.dnsOptions }
        var lines = servers.map { "nameserver \($0)\n" }.joined()
        if !search.isEmpty { lines += "search \(search.joined(separator: " "))\n" }
        if !options.isEmpty { lines += "options \(options.joined(separator: " "))\n" }
        return lines
    }
}
