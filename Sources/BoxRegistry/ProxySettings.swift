internal import BoxModel

/// Which proxy a request goes through, as `HTTP_PROXY` and its relatives say.
struct ProxySettings: Hashable, Sendable {
    /// One entry of `NO_PROXY`.
    enum Exception: Hashable, Sendable {
        case everything
        case range(IPPrefix)
        /// A host, its subdomains, and the port where one is named.
        case host(String, port: UInt16?, subdomainsOnly: Bool)

        func matches(host: String, port: UInt16) -> Bool {
            switch self {
            case .everything: true
            case .range(let range): (IPAddress(host)?.unmapped).map { range.contains($0) } ?? false
            case .host(let name, let wanted, let subdomainsOnly):
                (wanted == nil || wanted == port) && (!subdomainsOnly && host == name || host.hasSuffix("." + name))
            }
        }
    }

    var http: RegistryURL?
    var https: RegistryURL?
    var exceptions: [Exception] = []

    static let none = ProxySettings()

    init() {}

    /// Reads the variables; the lower-case spelling wins, as in curl.
    init(environment: Environment) throws(BoxFailure) {
        func value(_ name: String) -> String? {
            [environment(name.lowercased()), environment(name)].compactMap(\.self).first { !$0.isEmpty }
        }
        func proxy(_ name: String) throws(BoxFailure) -> RegistryURL? {
            guard let text = value(name) ?? value("ALL_PROXY") else { return nil }
            let hint = "write it as http://[user:password@]host:port"
            guard let url = RegistryURL(text.contains("://") ? text : "http://" + text) else {
                // The value may hold a password: it is not repeated.
                throw BoxFailure(.invalid, "use the proxy of", name, reason: "it is not an HTTP URL", hint: hint)
            }
            guard url.scheme == .http else {
                throw BoxFailure(
                    .unsupported, "use the proxy of", name, reason: "proxies that speak TLS are not supported",
                    hint: hint)
            }
            return url
        }
        http = try proxy("HTTP_PROXY")
        https = try proxy("HTTPS_PROXY")
        exceptions = Self.exceptions(value("NO_PROXY") ?? "")
    }

    static func exceptions(_ text: String) -> [Exception] {
        text.split { $0 == "," || $0 == " " }.compactMap { entry in
            if entry == "*" { return .everything }
            if let range = IPPrefix(String(entry)) { return .range(range) }
            var name = entry
            var subdomainsOnly = false
            if name.hasPrefix("*.") {
                (name, subdomainsOnly) = (name.dropFirst(2), true)
            } else if name.hasPrefix(".") {
                (name, subdomainsOnly) = (name.dropFirst(), true)
            }
            // A bare IPv6 address has colons but no port.
            if IPAddress(String(name)) != nil { return .host(name.lowercased(), port: nil, subdomainsOnly: false) }
            return HostAndPort(name).map { .host($0.host, port: $0.port, subdomainsOnly: subdomainsOnly) }
        }
    }

    /// The proxy for a URL; this machine is never reached through one.
    func proxy(for url: RegistryURL) -> RegistryURL? {
        guard let proxy = url.scheme == .http ? http : https, !isLoopback(host: url.host),
            !exceptions.contains(where: { $0.matches(host: url.host, port: url.port) })
        else { return nil }
        return proxy
    }
}
