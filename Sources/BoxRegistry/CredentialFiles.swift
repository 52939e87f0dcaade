package import BoxModel
internal import BoxSystem

/// The credentials that Docker's and Podman's logins have left behind.
///
/// Asked in this order: `$DOCKER_AUTH_CONFIG`; in `$DOCKER_CONFIG/config.json` (or `~/.docker/config.json`)
/// `credHelpers`, `credsStore`, `auths`; then `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`,
/// `$XDG_CONFIG_HOME/containers/auth.json`.
package struct CredentialFiles: CredentialSource {
    private let environment: Environment

    /// - Parameter environment: looks a variable up.
    package init(environment: @escaping Environment = { environmentVariable($0) }) {
        self.environment = environment
    }

    package func credential(registry: String, repository: String) async throws(BoxFailure) -> Credential? {
        let operation = "read the credentials for \(registry) from"
        if let text = environment("DOCKER_AUTH_CONFIG"), !text.isEmpty {
            let json: JSON
            do throws(JSONError) {
                json = try JSON(parsing: text)
            } catch {
                // Neither the text nor the parser's quotation of it may be shown.
                throw BoxFailure(.invalid, operation, "DOCKER_AUTH_CONFIG", reason: "it is not JSON")
            }
            if let found = try Self.stored(json, registry, repository, file: "DOCKER_AUTH_CONFIG") { return found }
        }
        for path in files {
            guard let json = try readJSONFile(path, operation, limit: 4 << 20) else { continue }
            if let found = try await credential(in: json, registry, repository, file: path) { return found }
        }
        return nil
    }

    private var files: [String] {
        let home = environment("HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
        let docker = environment("DOCKER_CONFIG").flatMap { $0.isEmpty ? nil : $0 } ?? home.map { "\($0)/.docker" }
        return [
            docker.map { "\($0)/config.json" }, environment("REGISTRY_AUTH_FILE").flatMap { $0.isEmpty ? nil : $0 },
            environment("XDG_RUNTIME_DIR").map { "\($0)/containers/auth.json" },
            RegistryConfiguration.userConfigurationFolder(environment).map { "\($0)/containers/auth.json" },
        ].compactMap(\.self)
    }

    private func credential(
        in json: JSON, _ registry: String, _ repository: String, file: String
    ) async throws(BoxFailure) -> Credential? {
        for key in Self.keys(registry, repository) {
            for (name, helper) in json["credHelpers"]?.objectValue ?? [:] where Self.normalised(name) == key {
                guard let helper = helper.stringValue else { continue }
                let server = Self.serverAddress(registry)
                return try await CredentialHelper(name: helper, configuredIn: file, environment: environment).get(
                    server)
            }
        }
        if let store = json["credsStore"]?.stringValue, !store.isEmpty {
            let helper = CredentialHelper(name: store, configuredIn: file, environment: environment)
            if let found = try await helper.get(Self.serverAddress(registry)) { return found }
        }
        return try Self.stored(json, registry, repository, file: file)
    }

    /// What `auths` says, the longest path prefix first.
    static func stored(
        _ json: JSON, _ registry: String, _ repository: String, file: String
    ) throws(BoxFailure) -> Credential? {
        guard let entries = json["auths"]?.objectValue else { return nil }
        for key in keys(registry, repository) {
            for (name, entry) in entries where normalised(name) == key {
                if let found = try credential(entry, name: name, file: file) { return found }
            }
        }
        return nil
    }

    private static func credential(_ entry: JSON, name: String, file: String) throws(BoxFailure) -> Credential? {
        func text(_ key: String) -> String? { entry[key]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
        if let token = text("registrytoken") { return .registryToken(token) }
        if let token = text("identitytoken") { return .identityToken(token) }
        if let user = text("username"), let secret = text("password") { return .password(user: user, secret: secret) }
        guard let encoded = text("auth") else { return nil }
        let decoded = Base64.decode(encoded).map { String(decoding: $0, as: UTF8.self) }
        guard let parts = decoded?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false),
            parts.count == 2
        else {
            throw BoxFailure(
                .invalid, "read the credentials for \(name) from", file,
                reason: "\"auth\" is not user:password in Base64", hint: "store the login for \(name) again")
        }
        // Docker pads the secret with NUL bytes.
        let secret = parts[1].prefix { $0 != "\0" }
        return .password(user: String(parts[0]), secret: String(secret))
    }

    /// The keys that fit, the most exact one first: `host/a/b`, `host/a`, `host`.
    static func keys(_ registry: String, _ repository: String) -> [String] {
        var keys: [String] = []
        var path = repository[...]
        while !path.isEmpty {
            keys.append("\(registry)/\(path)")
            path = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
        }
        return keys + [registry]
    }

    /// A key of a file without scheme, version path and trailing slash; Docker Hub's spellings become `docker.io`.
    static func normalised(_ key: String) -> String {
        var name = key[...]
        for scheme in ["https://", "http://"] where name.hasPrefix(scheme) {
            name = name.dropFirst(scheme.count)
            // Only keys without a scheme are path prefixes.
            name = name.prefix { $0 != "/" }
        }
        while name.hasSuffix("/") { name.removeLast() }
        for version in ["/v1", "/v2"] where name.hasSuffix(version) { name.removeLast(version.count) }
        let parts = name.split(separator: "/", maxSplits: 1)
        guard let host = parts.first?.lowercased() else { return "" }
        let isHub = ["index.docker.io", "registry-1.docker.io", "docker.io"].contains(host)
        return ([isHub ? "docker.io" : host] + parts.dropFirst().map(String.init)).joined(separator: "/")
    }

    /// The name under which Docker's helpers know a registry.
    static func serverAddress(_ registry: String) -> String {
        registry == "docker.io" ? "https://index.docker.io/v1/" : registry
    }
}
