import Foundation

/// Debian's docker-registry on a free port of the loopback address.
final class Registry: Sendable {
    struct Options: Sendable {
        /// Demands this user by basic authentication (htpasswd with bcrypt).
        var user: (name: String, password: String)?
        /// Speaks TLS with a certificate of a throw-away authority; see ``Registry/authority``.
        var usesTLS = false
        /// Answers deletes.
        var allowsDelete = true
    }

    let port: UInt16
    let directory: String
    let options: Options
    private let process: RunningProgram

    var host: String { "\(options.usesTLS ? "localhost" : "127.0.0.1"):\(port)" }
    /// The certificate of the authority, to be trusted by the client.
    var authority: String { "\(trust)/ca.crt" }
    /// A folder with the authority and nothing else, as `certs.d` has one per host.
    var trust: String { "\(directory)/trust" }

    /// Starts one that ends with the scope.
    static func start(in scope: Scope, _ options: Options = Options()) throws -> Registry {
        // Between finding a free port and using it somebody else may take it.
        for _ in 0..<4 {
            let registry = try Registry(scope, options)
            if try registry.answers() {
                scope.atEnd { registry.stop() }
                return registry
            }
            registry.stop()
        }
        throw FixtureError("docker-registry does not start")
    }

    private init(_ scope: Scope, _ options: Options) throws {
        self.options = options
        port = try Socket.freePort()
        directory = scope.path("registry-\(port)")
        var config = """
            version: 0.1
            log: { level: error, accesslog: { disabled: true } }
            storage:
              filesystem: { rootdirectory: \(directory)/data }
              delete: { enabled: \(options.allowsDelete) }
              maintenance: { uploadpurging: { enabled: false } }
            http:
              addr: 127.0.0.1:\(port)
              secret: not-secret

            """
        try FileManager.default.createDirectory(atPath: "\(directory)/data", withIntermediateDirectories: true)
        if options.usesTLS {
            try Registry.makeCertificates(directory)
            config += "  tls: { certificate: \(directory)/server.crt, key: \(directory)/server.key }\n"
        }
        if let user = options.user {
            let entry = try Command.tool("htpasswd", "-nbB", "-C", "4", user.name, user.password)
            try writeFile("\(directory)/htpasswd", entry.stdout)
            config += "auth:\n  htpasswd: { realm: test, path: \(directory)/htpasswd }\n"
        }
        try writeFile("\(directory)/config.yml", config)
        process = try Registry.guarded("docker-registry", ["serve", "\(directory)/config.yml"])
    }

    /// Starts a server that ends with the test process, however that ends.
    ///
    /// The shell waits on a pipe whose other end only the test process holds.
    private static func guarded(_ program: String, _ arguments: [String]) throws -> RunningProgram {
        let script = #"""
            "$@" & server=$!
            trap 'kill $server 2>/dev/null' EXIT
            (while kill -0 $server 2>/dev/null; do sleep 0.2; done; kill $$ 2>/dev/null) &
            read -r _
            """#
        var command = Command("/bin/sh", ["-c", script, "sh", program] + arguments, input: .pipe)
        command.environment = ["OTEL_TRACES_EXPORTER": "none"]
        return try command.start()
    }

    private func answers() throws -> Bool {
        let up = eventually(within: .seconds(20)) {
            process.hasEnded || (try? Socket.connected(to: port)) != nil
        }
        return up && !process.hasEnded
    }

    func stop() {
        process.closeInput()
        _ = try? process.wait(timeout: .seconds(10))
    }

    private static func makeCertificates(_ directory: String) throws {
        try Command.shell(
            """
            cd "$1"; mkdir trust
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=throw-away" \
                -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out trust/ca.crt
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=localhost" \
                -keyout server.key -out server.csr
            printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n' >server.ext
            openssl x509 -req -in server.csr -CA trust/ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
                -out server.crt
            """, directory)
    }

    /// Copies an image with skopeo; sources and targets as skopeo names them, `@` stands for this registry.
    ///
    /// Example: `try registry.copy("oci:/tmp/layout:latest", "@/app:1")`.
    @discardableResult
    func copy(_ source: String, _ target: String, _ more: String...) throws -> Output {
        func name(_ text: String) -> String { text.hasPrefix("@") ? "docker://\(host)\(text.dropFirst())" : text }
        var flags = ["copy", "--quiet", "--insecure-policy"]
        for (side, text) in [("src", source), ("dest", target)] where text.hasPrefix("@") {
            flags += options.usesTLS ? ["--\(side)-cert-dir", trust] : ["--\(side)-tls-verify=false"]
            if let user = options.user { flags += ["--\(side)-creds", "\(user.name):\(user.password)"] }
        }
        return try Command("skopeo", flags + more + [name(source), name(target)], timeout: .seconds(180)).run()
            .succeeded()
    }

    /// The manifest's bytes as the registry keeps them.
    func manifest(_ name: String, _ reference: String = "latest") throws -> HTTPAnswer {
        let types = [
            "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ]
        return try HTTPAnswer.get(
            port: port, "/v2/\(name)/manifests/\(reference)", headers: ["Accept": types.joined(separator: ", ")])
    }
}
