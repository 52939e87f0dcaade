internal import BoxModel

/// An absolute `http` or `https` URL, taken apart.
package struct RegistryURL: Hashable, Sendable {
    package enum Scheme: String, Sendable {
        case http
        case https

        var defaultPort: UInt16 { self == .http ? 80 : 443 }
    }

    package var scheme: Scheme
    /// In lower case; an IPv6 address without its brackets.
    package var host: String
    package var port: UInt16
    /// Path and query, starting with a slash.
    package var target: String
    /// What stood before the `@`, decoded; only proxies are allowed to have it.
    package var user: String?
    package var password: String?

    package init(scheme: Scheme, host: String, port: UInt16? = nil, target: String = "/") {
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port ?? scheme.defaultPort
        self.target = target
    }

    /// Parses an absolute URL; characters that do not belong into one are escaped, control characters refused.
    package init?(_ text: String) {
        guard let clean = Self.escaped(text), let colon = clean.firstRange(of: "://") else { return nil }
        guard let scheme = Scheme(rawValue: clean[..<colon.lowerBound].lowercased()) else { return nil }
        let rest = clean[colon.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        var authority = rest[..<end]
        var user: String?
        var password: String?
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            user = Percent.decode(parts[0])
            password = parts.count == 2 ? Percent.decode(parts[1]) : nil
            authority = authority[authority.index(after: at)...]
        }
        guard let place = HostAndPort(authority) else { return nil }
        self.init(scheme: scheme, host: place.host, port: place.port, target: Self.target(rest[end...]))
        self.user = user
        self.password = password
    }

    /// The URL of a `Location` or `Link` found in the answer to this one (RFC 3986, section 5.2, without dot segments).
    func resolving(_ location: String) -> RegistryURL? {
        guard let clean = Self.escaped(location), !clean.isEmpty else { return nil }
        if clean.hasPrefix("//") { return RegistryURL("\(scheme.rawValue):\(clean)")?.withoutUser }
        if let colon = clean.firstRange(of: "://") {
            let scheme = clean[..<colon.lowerBound]
            if scheme.utf8.allSatisfy(\.isAlphanumericByte) { return RegistryURL(clean)?.withoutUser }
        }
        var result = withoutUser
        let path = target.prefix { $0 != "?" }
        if clean.hasPrefix("/") {
            result.target = Self.target(clean[...])
        } else if clean.hasPrefix("?") {
            result.target = String(path) + Self.target(clean[...]).dropFirst()
        } else {
            let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
            result.target = Self.target(Substring(String(folder) + clean))
        }
        return result
    }

    /// The same without secrets.
    var withoutUser: RegistryURL {
        var copy = self
        copy.user = nil
        copy.password = nil
        return copy
    }

    /// Host and port as they stand in a URL; the usual port is left out.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == scheme.defaultPort ? name : "\(name):\(port)"
    }

    /// The whole URL, for the HTTP library.
    ///
    /// Not for messages: the query of a redirect is a secret.
    var text: String { "\(scheme.rawValue)://\(authority)\(target)" }

    /// Scheme and authority, for messages.
    package var origin: String { "\(scheme.rawValue)://\(authority)" }

    func hasSameOrigin(as other: RegistryURL) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    func appending(_ path: String) -> RegistryURL {
        var copy = self
        copy.target = (target.hasSuffix("/") ? String(target.dropLast()) : target) + path
        return copy
    }

    private static func target(_ text: Substring) -> String {
        let plain = text.prefix { $0 != "#" }
        return plain.hasPrefix("/") ? String(plain) : "/" + plain
    }

    private static func escaped(_ text: String) -> String? {
        guard text.utf8.count <= 16 * 1024 else { return nil }
        var clean = ""
        for byte in text.utf8 {
            switch byte {
            case 0..<0x20, 0x7F: return nil
            case 0x20, 0x22, 0x3C, 0x3E, 0x5C, 0x5E, 0x60, 0x7B...0x7D, 0x80...: clean += Percent.encode(byte)
            default: clean.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return clean
    }
}

/// `host`, `host:port`, `[v6]:port`.
struct HostAndPort: Hashable, Sendable {
    let host: String
    let port: UInt16?

    init?(_ text: some StringProtocol) {
        var host = text[...]
        var rest = text[text.endIndex...]
        if host.hasPrefix("[") {
            guard let close = host.firstIndex(of: "]") else { return nil }
            rest = host[host.index(after: close)...]
            host = host[host.index(after: host.startIndex)..<close]
            guard IPAddress(String(host))?.isV4 == false else { return nil }
        } else if let colon = host.lastIndex(of: ":") {
            rest = host[colon...]
            host = host[..<colon]
            guard !host.contains(":") else { return nil }
        }
        var port: UInt16?
        if !rest.isEmpty {
            guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()), number > 0 else { return nil }
            port = number
        }
        // Hosts become names of folders too (`certs.d`).
        guard !host.isEmpty, !host.hasPrefix("."), !host.contains(".."),
            host.utf8.allSatisfy({ $0.isWordByte || $0 == 45 || $0 == 46 || $0 == 58 })
        else {
            return nil
        }
        self.host = host.lowercased()
        self.port = port
    }
}

/// Percent-encoding (RFC 3986).
enum Percent {
    static func encode(_ byte: UInt8) -> String { "%" + Hex.encode([byte]).uppercased() }

    /// Encodes everything but the unreserved characters, for queries and forms.
    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if byte.isWordByte || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "~") {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += encode(byte)
            }
        }
        return result
    }

    static func decode(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
