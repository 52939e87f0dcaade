import BoxModel
import Testing

@testable import BoxRegistry

@Suite struct CredentialTests {
    private static let secret = "dXNlcjpoNHg6eA=="

    private func find(
        _ registry: String, _ repository: String = "a/b", config: String? = nil, variables: [String: String] = [:],
        helpers: [String: String] = [:], auth: String? = nil
    ) async throws -> Credential? {
        let folder = try Folder()
        if let config { try folder.write("docker/config.json", config) }
        if let auth { try folder.write("run/containers/auth.json", auth) }
        for (name, script) in helpers {
            try folder.write("bin/docker-credential-\(name)", "#!/bin/sh\n" + script, mode: 0o755)
        }
        var all = [
            "DOCKER_CONFIG": "\(folder.path)/docker", "XDG_RUNTIME_DIR": "\(folder.path)/run",
            "PATH": "\(folder.path)/bin",
        ]
        all.merge(variables) { $1 }
        return try await CredentialFiles(environment: environment(all)).credential(
            registry: registry, repository: repository)
    }

    @Test(arguments: [
        ("docker.io", #"{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpoNHg6eA=="}}}"#),
        ("h:5000", #"{"auths":{"https://h:5000/v2/":{"username":"user","password":"h4x:x"}}}"#),
        ("h", #"{"auths":{"h/a":{"auth":"dXNlcjpoNHg6eA=="},"h":{"auth":"Zm9vOmJhcg=="}}}"#),
        ("h", #"{"auths":{"h/a/b":{"auth":"dXNlcjpoNHg6eA=="},"h/a":{"auth":"Zm9vOmJhcg=="}}}"#),
    ])
    func passwords(registry: String, config: String) async throws {
        #expect(try await find(registry, config: config) == .password(user: "user", secret: "h4x:x"))
    }

    @Test func nothing() async throws {
        #expect(try await find("h") == nil)
        #expect(try await find("h", config: #"{"auths":{"other":{"auth":"Zm9vOmJhcg=="},"h":{}}}"#) == nil)
        #expect(try await find("h", "a/bc", config: #"{"auths":{"h/a/b":{"auth":"Zm9vOmJhcg=="}}}"#) == nil)
    }

    @Test func tokens() async throws {
        let config = #"{"auths":{"i":{"auth":"dTo=","identitytoken":"t1"},"r":{"registrytoken":"t2"}}}"#
        #expect(try await find("i", config: config) == .identityToken("t1"))
        #expect(try await find("r", config: config) == .registryToken("t2"))
    }

    @Test func order() async throws {
        let config = #"{"auths":{"h":{"username":"file","password":"x"}}}"#
        let variable = ["DOCKER_AUTH_CONFIG": #"{"auths":{"h":{"username":"variable","password":"x"}}}"#]
        #expect(try await find("h", config: config, variables: variable) == .password(user: "variable", secret: "x"))
        let auth = #"{"auths":{"h":{"username":"podman","password":"x"}}}"#
        #expect(try await find("h", config: config, auth: auth) == .password(user: "file", secret: "x"))
        #expect(try await find("h", config: "{}", auth: auth) == .password(user: "podman", secret: "x"))
    }

    @Test func helpers() async throws {
        // The helper answers with what it was asked, so that the protocol itself is seen.
        let echo = #"read -r server; printf '{"ServerURL":"%s","Username":"%s","Secret":"s"}' "$server" "$1:$server""#
        let config = #"{"credHelpers":{"h":"one"},"credsStore":"two","auths":{"h":{"username":"file","password":"x"}}}"#
        let scripts = [
            "one": echo, "two": #"read -r server; echo "{\"Username\":\"<token>\",\"Secret\":\"of $server\"}""#,
        ]
        #expect(try await find("h", config: config, helpers: scripts) == .password(user: "get:h", secret: "s"))
        #expect(
            try await find("docker.io", config: config, helpers: scripts)
                == .identityToken("of https://index.docker.io/v1/"))
        let empty = ["two": "echo 'credentials not found in native keychain'; exit 1"]
        let store = #"{"credsStore":"two","auths":{"h":{"username":"file","password":"x"}}}"#
        #expect(try await find("h", config: store, helpers: empty) == .password(user: "file", secret: "x"))
    }

    @Test(
        arguments: [
            ("../evil", "true", BoxFailure.Kind.invalid, "plain word"), ("missing", nil, .notFound, "PATH"),
            ("broken", "echo 'no bus'; exit 3", .denied, "status 3: no bus"),
            ("odd", "echo hello", .corrupt, "not JSON"),
        ] as [(String, String?, BoxFailure.Kind, String)])
    func helperFailures(name: String, script: String?, kind: BoxFailure.Kind, words: String) async throws {
        let helpers = name.contains("/") ? [:] : script.map { [name: $0] } ?? [:]
        let failure = await failure { try await find("h", config: #"{"credsStore":"\#(name)"}"#, helpers: helpers) }
        #expect(failure?.kind == kind)
        #expect("\(try #require(failure))".contains(words))
    }

    @Test(arguments: [
        (#"{"auths":{"h":{"auth":"!!!secret"}}}"#, "Base64"), (#"{"auths": secret"#, "not JSON"),
        (#"{"auths":{"h":{"auth":"c2VjcmV0"}}}"#, "Base64"),
    ])
    func mistakesWithoutSecrets(config: String, words: String) async throws {
        let failure = try #require(await failure { try await find("h", config: config) })
        #expect("\(failure)".contains("docker/config.json") && "\(failure)".contains(words))
        #expect(!"\(failure)".contains("secret"))
    }

    @Test func neverPrinted() {
        let all: [Credential] = [
            .password(user: "user", secret: "hush"), .identityToken("hush"), .registryToken("hush"),
        ]
        for credential in all {
            #expect(!"\(credential)".contains("hush") && !String(reflecting: credential).contains("hush"))
            var dumped = ""
            dump(credential, to: &dumped)
            #expect(!dumped.contains("hush"))
        }
    }
}
