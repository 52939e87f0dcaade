package import BoxModel
internal import BoxSystem
internal import SystemPackage

/// Looks up a variable of the environment.
package typealias Environment = @Sendable (String) -> String?

/// How registries are reached: what the configuration files and the environment say.
package struct RegistryConfiguration: Sendable {
    /// Where names without a registry lead.
    package var defaultRegistry = ImageReference.defaultRegistry
    /// Per registry the base URLs that are asked before it, in order.
    package var mirrors: [String: [RegistryURL]] = [:]
    /// Hosts (`host`, `host:port`, as written in references) and address ranges (CIDR) whose certificate is not
    /// checked and which may speak plain HTTP.
    package var insecureRegistries: [String] = []
    package var maxConcurrentDownloads = 3
    /// How often a request, or a blob without progress, is tried.
    package var maxAttempts = 5
    package var connectTimeout = Duration.seconds(15)
    /// How long a server may be silent.
    package var stallTimeout = Duration.seconds(30)
    /// The first pause between two attempts; it doubles.
    package var retryDelay = Duration.milliseconds(500)
    /// The longest pause, also where a server asks for more.
    package var maxRetryDelay = Duration.seconds(60)
    /// What follows `box/` in `User-Agent`.
    package var version = "0"
    var proxies = ProxySettings.none
    /// Folders with certificates per host (`certs.d`), the user's own first.
    var certificateFolders: [String] = []
    /// The certificate authorities of the system: a file in PEM, or nil where none was found.
    var systemAuthorities: String?
    var systemAuthorityFolders: [String] = []

    package init() {}

    /// Reads, the later ones overriding the earlier: `/etc/docker/daemon.json` (only `registry-mirrors` and
    /// `insecure-registries`), `/etc/box/config.json`, `$XDG_CONFIG_HOME/box/config.json` (or
    /// `~/.config/box/config.json`), and the variables `BOX_DEFAULT_REGISTRY`, `BOX_REGISTRY_MIRRORS`,
    /// `BOX_INSECURE_REGISTRIES`, `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`,
    /// `SSL_CERT_DIR`.
    ///
    /// - Parameters:
    ///   - environment: looks a variable up.
    ///   - system: the folder of the system's configuration.
    /// - Throws: `invalid`, naming the file or variable and what is wrong with it.
    package static func load(
        environment: Environment = { environmentVariable($0) }, system: String = "/etc"
    ) throws(BoxFailure) -> RegistryConfiguration {
        var result = RegistryConfiguration()
        let home = userConfigurationFolder(environment)
        try result.readFile("\(system)/docker/daemon.json", isDocker: true)
        try result.readFile("\(system)/box/config.json")
        if let home { try result.readFile("\(home)/box/config.json") }
        try result.readEnvironment(environment)
        result.proxies = try ProxySettings(environment: environment)
        for folder in [home, system].compactMap(\.self) {
            for owner in ["box", "docker", "containers"] {
                result.certificateFolders.append("\(folder)/\(owner)/certs.d")
            }
        }
        result.findAuthorities(environment)
        return result
    }

    /// `$XDG_CONFIG_HOME` or `~/.config`.
    static func userConfigurationFolder(_ environment: Environment) -> String? {
        // Relative paths in XDG variables are to be ignored (XDG Base Directory Specification).
        if let folder = environment("XDG_CONFIG_HOME"), folder.hasPrefix("/") { return folder }
        return environment("HOME").flatMap { $0.hasPrefix("/") ? "\($0)/.config" : nil }
    }

    /// Whether a host may be reached without a trusted certificate.
    func isInsecure(_ registry: String) -> Bool {
        let address = HostAndPort(registry).flatMap { IPAddress($0.host)?.unmapped }
        return insecureRegistries.contains { entry in
            if let range = IPPrefix(entry) { return address.map { range.contains($0) } ?? false }
            return entry.lowercased() == registry.lowercased()
        }
    }

    // MARK: Files

    private mutating func readFile(_ path: String, isDocker: Bool = false) throws(BoxFailure) {
        guard let json = try readJSONFile(path, "read the configuration", limit: 1 << 20) else { return }
        func invalid(_ key: String, _ expected: String) -> BoxFailure {
            BoxFailure(.invalid, "use the configuration", path, reason: "\"\(key)\" must be \(expected)")
        }
        guard json.objectValue != nil else {
            throw BoxFailure(.invalid, "use the configuration", path, reason: "it is not a JSON object")
        }
        if let value = json["registry-mirrors"] {
            let expected = "an object of lists of http or https URLs, like {\"docker.io\": [\"https://mirror\"]}"
            let lists: [(key: String, value: JSON)]
            if let object = value.objectValue {
                lists = Array(object)
            } else {
                lists = [(ImageReference.defaultRegistry, value)]
            }
            for (registry, list) in lists {
                guard let urls = list.stringArray?.map(Self.mirror), !urls.contains(nil) else {
                    throw invalid("registry-mirrors", expected)
                }
                mirrors[registry] = urls.compactMap(\.self)
            }
        }
        if let value = json["insecure-registries"] {
            guard let list = value.stringArray else { throw invalid("insecure-registries", "a list of hosts") }
            insecureRegistries += list
        }
        if isDocker { return }
        if let value = json["default-registry"] {
            guard let text = value.stringValue, HostAndPort(text) != nil else {
                throw invalid("default-registry", "a host with or without port")
            }
            defaultRegistry = text
        }
        func count(_ key: String, into target: inout Int) throws(BoxFailure) {
            guard let value = json[key] else { return }
            guard let number = value.intValue, (1...100).contains(number) else {
                throw invalid(key, "a number from 1 to 100")
            }
            target = Int(number)
        }
        try count("max-concurrent-downloads", into: &maxConcurrentDownloads)
        try count("max-download-attempts", into: &maxAttempts)
    }

    private mutating func readEnvironment(_ environment: Environment) throws(BoxFailure) {
        func list(_ name: String) -> [String]? {
            environment(name).map { $0.split { $0 == "," || $0 == " " }.map(String.init) }
        }
        if let text = environment("BOX_DEFAULT_REGISTRY"), !text.isEmpty {
            guard HostAndPort(text) != nil else {
                throw BoxFailure(.invalid, "use the variable", "BOX_DEFAULT_REGISTRY", reason: "it is not a host")
            }
            defaultRegistry = text
        }
        if let entries = list("BOX_REGISTRY_MIRRORS") {
            var found: [String: [RegistryURL]] = [:]
            for entry in entries {
                let parts = entry.split(separator: "=", maxSplits: 1)
                let registry = parts.count == 2 ? String(parts[0]) : ImageReference.defaultRegistry
                guard let url = parts.last.flatMap({ Self.mirror(String($0)) }) else {
                    throw BoxFailure(
                        .invalid, "use the variable", "BOX_REGISTRY_MIRRORS",
                        reason: "it is not a list of http or https URLs", hint: "write [registry=]https://host[:port],…"
                    )
                }
                found[registry, default: []].append(url)
            }
            mirrors.merge(found) { $1 }
        }
        insecureRegistries += list("BOX_INSECURE_REGISTRIES") ?? []
    }

    private static func mirror(_ text: String) -> RegistryURL? {
        guard let url = RegistryURL(text), url.user == nil, !url.target.contains("?") else { return nil }
        return url
    }

    // MARK: Certificate authorities

    private mutating func findAuthorities(_ environment: Environment) {
        // A static program has no default of its own: the places where the distributions keep their bundle.
        let usual = [
            "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
            "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
        ]
        if let file = environment("SSL_CERT_FILE"), !file.isEmpty {
            systemAuthorities = file
        } else {
            systemAuthorities = usual.first(where: fileExists)
        }
        systemAuthorityFolders = (environment("SSL_CERT_DIR") ?? "").split(separator: ":").map(String.init)
    }
}

/// Whether a path leads to something.
func fileExists(_ path: String) -> Bool {
    let path = FilePath(path)
    guard let name = path.lastComponent, let folder = try? Directory(opening: path.removingLastComponent().string)
    else {
        return false
    }
    return (try? folder.status(name.string, follow: true)) != nil
}

/// Reads a JSON file; nil where there is none.
func readJSONFile(_ path: String, _ operation: String, limit: Int) throws(BoxFailure) -> JSON? {
    let bytes: [UInt8]
    do throws(SystemFailure) {
        bytes = try readFile(path, limit: limit)
    } catch {
        if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return nil }
        throw BoxFailure(error, operation, path)
    }
    // A file that was emptied, or just made, says nothing.
    if bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { return nil }
    do throws(JSONError) {
        return try JSON(parsing: bytes)
    } catch {
        throw BoxFailure(.invalid, operation, path, reason: "it is not JSON (\(error))")
    }
}
