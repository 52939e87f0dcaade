import BoxModel
import NIOPosix
import Testing

@testable import BoxRegistry

@Suite struct ClientTests {
    private static let oci = ["Content-Type": "application/vnd.oci.image.manifest.v1+json"]

    private func reference(_ server: ScriptedServer, _ rest: String = "a/b:c") throws -> ImageReference {
        try ImageReference("\(server.host)/\(rest)")
    }

    /// Resolves an image against a script.
    private func resolve(
        _ rest: String = "a/b:c", configuration: RegistryConfiguration = quick(),
        credentials: [String: Credential] = [:], _ script: @escaping ScriptedServer.Script
    ) async throws -> (result: Result<ResolvedManifest, BoxFailure>, requests: [ScriptedServer.Request]) {
        try await ScriptedServer.with(script) { server in
            let known = Dictionary(uniqueKeysWithValues: credentials.map { ($0 == "self" ? server.host : $0, $1) })
            let reference = try reference(server, rest)
            let result = try await withClient(configuration, credentials: FixedCredentials(known)) {
                client async throws in
                do throws(BoxFailure) {
                    return Result<ResolvedManifest, BoxFailure>.success(try await client.resolve(reference))
                } catch {
                    return .failure(error)
                }
            }
            return (result, server.requests)
        }
    }

    // MARK: Manifests

    @Test func plain() async throws {
        let (result, requests) = try await resolve { _, _ in answer(200, Self.oci, Sample.manifest) }
        let resolved = try result.get()
        #expect(resolved.bytes == Sample.manifest)
        #expect(resolved.descriptor == Sample.descriptor(Sample.manifest, .ociManifest))
        #expect(requests.map(\.target) == ["/v2/a/b/manifests/c"])
        #expect(requests[0].headers["user-agent"] == "box/0")
        #expect(requests[0].headers["accept"]?.contains("manifest.list.v2+json") == true)
        #expect(requests[0].headers["authorization"] == nil)
    }

    @Test func byDigest() async throws {
        let digest = Digest(of: Sample.manifest, .sha256)
        let (good, requests) = try await resolve("a/b:c@\(digest)") { _, _ in answer(200, Self.oci, Sample.manifest) }
        #expect(try good.get().descriptor.digest == digest)
        #expect(requests[0].target == "/v2/a/b/manifests/\(digest)")
        let (bad, _) = try await resolve("a/b@\(digest)") { _, _ in answer(200, Self.oci, Sample.manifest + [10]) }
        #expect(throws: BoxFailure.self) { try bad.get() }
    }

    private static let schema1 = #"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[]}"#
    private static let html = "<html><body>Welcome</body></html>"
    private static let both = #"{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}"#
    private static let other = "sha256:" + String(repeating: "0", count: 64)

    @Test(arguments: [
        (schema1, "application/vnd.docker.distribution.manifest.v1+prettyjws", BoxFailure.Kind.unsupported, "schema 1"),
        (schema1, "application/json", .unsupported, "schema 1"),
        (html, "text/html; charset=utf-8", .corrupt, "text/html"),
        ("{\"schemaVersion\":2,", "application/vnd.oci.image.manifest.v1+json", .corrupt, "line 1"),
        (both, "application/vnd.oci.image.index.v1+json", .corrupt, "at once"),
        (#"{"schemaVersion":2}"#, "application/json", .unsupported, "neither"),
        ("[]", "application/json", .corrupt, "object"),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
            "application/vnd.oci.image.manifest.v1+json", .corrupt, "calls itself"
        ),
        (String(repeating: "[", count: 3000), "application/json", .corrupt, "nested"),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.cncf.helm.chart.v1","layers":[]}"#, "application/json",
            .unsupported, "helm"
        ),
    ])
    func badManifests(body: String, type: String, kind: BoxFailure.Kind, words: String) async throws {
        let (result, requests) = try await resolve { _, _ in answer(200, ["Content-Type": type], Array(body.utf8)) }
        let failure = try #require(throws: BoxFailure.self) { try result.get() }
        #expect(failure.kind == kind)
        #expect("\(failure)".contains(words), "\(failure)")
        #expect(requests.count == 1)
    }

    @Test(arguments: [
        (#"{"schemaVersion":2,"config":{},"layers":[]}"#, "application/json", MediaType.ociManifest),
        (#"{"schemaVersion":2,"manifests":[]}"#, "text/plain", .ociIndex),
        (
            #"{"schemaVersion":2,"manifests":[]}"#,
            "application/vnd.docker.distribution.manifest.list.v2+json; charset=x",
            .dockerList
        ),
        (
            #"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","layers":[]}"#,
            "application/octet-stream", .dockerManifest
        ),
    ])
    func sniffing(body: String, type: String, expected: MediaType) async throws {
        let (result, _) = try await resolve { _, _ in answer(200, ["Content-Type": type], Array(body.utf8)) }
        #expect(try result.get().descriptor.mediaType == expected)
    }

    @Test func digestHeader() async throws {
        let (bad, _) = try await resolve { _, _ in
            answer(200, Self.oci.merging(["Docker-Content-Digest": Self.other]) { $1 }, Sample.manifest)
        }
        let failure = try #require(throws: BoxFailure.self) { try bad.get() }
        #expect(failure.kind == .corrupt && failure.reason.contains("0000"))
    }

    @Test func hugeManifests() async throws {
        let (announced, _) = try await resolve { _, _ in
            answer(200, Self.oci, [], length: 100_000_000) + [.hang]
        }
        #expect(
            "\(try #require(throws: BoxFailure.self) { try announced.get() })".contains(
                "manifest of 96 MB is larger than"))
        let chunk = ScriptedServer.Step.send(Array("10000\r\n".utf8) + [UInt8](repeating: 32, count: 65536) + [13, 10])
        let (chunked, _) = try await resolve { _, _ in
            [.text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")] + Array(repeating: chunk, count: 1600)
        }
        #expect("\(try #require(throws: BoxFailure.self) { try chunked.get() })".contains("larger than the 4 MB"))
    }

    @Test func namedByIndex() async throws {
        try await ScriptedServer.with({ _, _ in answer(200, Self.oci, Sample.manifest) }) { server in
            let reference = try reference(server)
            try await withClient { client async throws in
                var descriptor = Sample.descriptor(Sample.manifest, .ociManifest)
                descriptor.platform = Platform(os: "linux", architecture: "arm64")
                #expect(
                    try await client.manifest(descriptor, of: reference).descriptor.platform?.architecture == "arm64")
                #expect(try await client.smallBlob(descriptor, of: reference) == Sample.manifest)
                descriptor.size += 1
                #expect(await failure { try await client.manifest(descriptor, of: reference) }?.kind == .corrupt)
                #expect(await failure { try await client.smallBlob(descriptor, of: reference) }?.kind == .corrupt)
                descriptor.size = 1 << 40
                #expect(await failure { try await client.manifest(descriptor, of: reference) }?.kind == .corrupt)
                #expect(await failure { try await client.smallBlob(descriptor, of: reference) }?.kind == .corrupt)
                let wrong = Sample.descriptor(Array(repeating: 1, count: Sample.manifest.count))
                #expect(await failure { try await client.smallBlob(wrong, of: reference) }?.kind == .corrupt)
            }
        }
    }

    @Test func head() async throws {
        let digest = Digest(of: Sample.manifest, .sha256)
        try await ScriptedServer.with({ request, _ in
            if request.target.hasSuffix("/missing") { return answer(404) }
            if request.target.hasSuffix("/old") { return answer(405) }
            return answer(
                200, Self.oci.merging(["Docker-Content-Digest": "\(digest)"]) { $1 }, [], length: Sample.manifest.count)
        }) { server in
            let good = try reference(server)
            try await withClient { client async throws in
                #expect(try await client.head(good) == Sample.descriptor(Sample.manifest, .ociManifest))
                #expect(try await client.head(good.with(tag: "old", digest: nil)) == nil)
                #expect(
                    await failure { try await client.head(good.with(tag: "missing", digest: nil)) }?.kind == .notFound)
            }
            #expect(server.requests.allSatisfy { $0.method == "HEAD" })
        }
    }

    // MARK: Errors

    @Test(arguments: [
        (404, BoxFailure.Kind.notFound, 1), (403, .denied, 1), (401, .denied, 1), (400, .unavailable, 1),
        (500, .unavailable, 5),
        (503, .unavailable, 5), (429, .exhausted, 5), (418, .unavailable, 1),
    ])
    func statuses(status: Int, kind: BoxFailure.Kind, attempts: Int) async throws {
        let body = Array(#"{"errors":[{"code":"SOME_CODE","message":"so\nit \u001b[1mis","detail":"x"}]}"#.utf8)
        let (result, requests) = try await resolve { _, _ in answer(status, ["Content-Type": "application/json"], body)
        }
        let failure = try #require(throws: BoxFailure.self) { try result.get() }
        #expect(failure.kind == kind)
        #expect(failure.reason.hasSuffix("SOME_CODE: so it [1mis"), "\(failure)")
        #expect(requests.count == attempts)
    }

    @Test func recovers() async throws {
        let (result, requests) = try await resolve { _, number in
            switch number {
            case 1: answer(500)
            case 2: answer(429, ["Retry-After": "0"])
            case 3: [.close]
            case 4: answer(200, Self.oci, Array(Sample.manifest.prefix(20)), length: Sample.manifest.count) + [.close]
            default: answer(200, Self.oci, Sample.manifest)
            }
        }
        #expect(try result.get().bytes == Sample.manifest)
        #expect(requests.count >= 5)
    }

    @Test func retryAfterIsHonouredAndBounded() async throws {
        let start = ContinuousClock.now
        let (good, _) = try await resolve { _, number in
            number == 1 ? answer(429, ["Retry-After": "1"]) : answer(200, Self.oci, Sample.manifest)
        }
        #expect(try good.get().bytes == Sample.manifest)
        #expect(ContinuousClock.now - start >= .seconds(1))
        let (bad, requests) = try await resolve { _, _ in answer(429, ["Retry-After": "86400"]) }
        let failure = try #require(throws: BoxFailure.self) { try bad.get() }
        #expect(failure.hint?.contains("86400 s") == true && requests.count == 1)
    }

    @Test func hangs() async throws {
        let impatient = quick { $0.stallTimeout = .milliseconds(400) }
        let (result, requests) = try await resolve(configuration: impatient) { _, _ in [.hang] }
        let failure = try #require(throws: BoxFailure.self) { try result.get() }
        #expect(failure.kind == .unavailable && failure.reason.contains("silent"))
        #expect(requests.count == 2)
    }

    @Test func refusedAndUnknown() async throws {
        let server = try await ScriptedServer { _, _ in [] }
        await server.stop()
        let reference = try reference(server)
        try await withClient { client async throws in
            let refused = try #require(await failure { try await client.resolve(reference) })
            #expect(refused.kind == .unavailable && refused.reason.contains("refused"))
            let unknown = try ImageReference("does-not-exist.invalid/a")
            let lookup = try #require(await failure { try await client.resolve(unknown) })
            #expect(lookup.kind == .unavailable && lookup.reason.contains("cannot be resolved"))
        }
    }

    @Test func notHTTP() async throws {
        let (result, _) = try await resolve { _, _ in [.text("SSH-2.0-OpenSSH\r\n\r\n")] }
        #expect(throws: BoxFailure.self) { try result.get() }
    }

    @Test func cancelled() async throws {
        try await ScriptedServer.with({ _, _ in [.hang] }) { server in
            let reference = try reference(server)
            try await withClient(quick { $0.stallTimeout = .seconds(60) }) { client async throws in
                let task = Task { try await client.resolve(reference) }
                while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                task.cancel()
                #expect(await failure { try await task.value }?.kind == .cancelled)
            }
        }
    }

    // MARK: Redirects

    @Test func redirectWithoutCredentials() async throws {
        try await ScriptedServer.with({ _, _ in answer(200, Self.oci, Sample.manifest) }) { target in
            let (result, requests) = try await resolve(credentials: ["self": .password(user: "u", secret: "p")]) {
                request, _ in
                request.headers["authorization"] == nil
                    ? answer(401, ["WWW-Authenticate": "Basic realm=x"])
                    : answer(307, ["Location": "http://\(target.host)/elsewhere?signature=1"])
            }
            #expect(try result.get().bytes == Sample.manifest)
            #expect(requests.last?.headers["authorization"] == "Basic dTpw")
            #expect(target.requests.map(\.target) == ["/elsewhere?signature=1"])
            #expect(target.requests[0].headers["authorization"] == nil)
        }
    }

    @Test func redirectLoop() async throws {
        let (result, requests) = try await resolve { request, _ in answer(302, ["Location": request.path]) }
        let failure = try #require(throws: BoxFailure.self) { try result.get() }
        #expect(failure.reason.contains("more than 10"))
        #expect(requests.count == 11)
        let (nowhere, _) = try await resolve { _, _ in answer(302, ["Location": "gopher://x y"]) }
        #expect(throws: BoxFailure.self) { try nowhere.get() }
    }

    // MARK: Login

    @Test func basic() async throws {
        let script: ScriptedServer.Script = { request, _ in
            request.headers["authorization"] == "Basic dTpw"
                ? answer(200, Self.oci, Sample.manifest) : answer(401, ["WWW-Authenticate": #"Basic realm="x""#])
        }
        let (good, _) = try await resolve(credentials: ["self": .password(user: "u", secret: "p")], script)
        #expect(try good.get().bytes == Sample.manifest)
        let (wrong, requests) = try await resolve(credentials: ["self": .password(user: "u", secret: "hush")], script)
        let failure = try #require(throws: BoxFailure.self) { try wrong.get() }
        #expect(failure.kind == .denied && failure.hint?.contains("a login for 127.0.0.1") == true)
        #expect(!"\(failure)".contains("hush") && requests.count == 2)
        let (none, _) = try await resolve(credentials: [:], script)
        #expect(try #require(throws: BoxFailure.self) { try none.get() }.kind == .denied)
    }

    @Test(
        arguments: [
            (nil, "GET", nil, #"{"token":"t1","expires_in":300}"#),
            (.password(user: "u", secret: "p"), "GET", "Basic dTpw", #"{"access_token":"t1"}"#),
            (.identityToken("refresh me"), "POST", nil, #"{"access_token":"t1","refresh_token":"x"}"#),
            (.registryToken("t1"), nil, nil, ""),
        ] as [(Credential?, String?, String?, String)])
    func bearer(credential: Credential?, method: String?, basic: String?, token: String) async throws {
        let (result, requests) = try await resolve(credentials: credential.map { ["self": $0] } ?? [:]) { request, _ in
            if request.path == "/token" { return answer(200, [:], Array(token.utf8)) }
            if request.headers["authorization"] == "Bearer t1" { return answer(200, Self.oci, Sample.manifest) }
            let realm = "http://\(request.headers["host"] ?? "")/token"
            return answer(
                401, ["WWW-Authenticate": #"Bearer realm="\#(realm)",service="reg",scope="repository:a/b:pull""#])
        }
        #expect(try result.get().bytes == Sample.manifest)
        let asked = requests.filter { $0.path == "/token" }
        #expect(asked.map(\.method) == [method].compactMap(\.self))
        guard let asked = asked.first else { return }
        #expect(asked.headers["authorization"] == basic)
        if method == "POST" {
            #expect(asked.body.contains("grant_type=refresh_token&refresh_token=refresh%20me"))
            #expect(asked.body.contains("service=reg") && asked.body.contains("scope=repository%3Aa%2Fb%3Apull"))
        } else {
            #expect(asked.target.hasPrefix("/token?service=reg&scope=repository%3Aa%2Fb%3Apull"))
        }
    }

    @Test func tokenIsKeptAndRenewed() async throws {
        try await ScriptedServer.with({ request, number in
            if request.path == "/token" { return answer(200, [:], Array(#"{"token":"t\#(number)"}"#.utf8)) }
            let realm = "http://\(request.headers["host"] ?? "")/token"
            // The first token is good until the fifth request.
            let wanted = number < 5 ? "Bearer t2" : "Bearer t6"
            return request.headers["authorization"] == wanted
                ? answer(200, Self.oci, Sample.manifest)
                : answer(401, ["WWW-Authenticate": #"Bearer realm="\#(realm)",service="reg""#])
        }) { server in
            let reference = try reference(server)
            try await withClient { client async throws in
                for _ in 0..<4 { #expect(try await client.resolve(reference).bytes == Sample.manifest) }
            }
            #expect(server.requests.map(\.path).filter { $0 == "/token" }.count == 2)
            #expect(server.requests.count == 8)
        }
    }

    @Test func tokenServerElsewhereGetsNoSecretInTheClear() async throws {
        try await ScriptedServer.with({ _, _ in answer(403, [:], Array(#"{"details":"go away"}"#.utf8)) }) { server in
            let realm = "http://localhost:\(server.port)/token"
            let (result, _) = try await resolve(credentials: ["self": .password(user: "u", secret: "p")]) { _, _ in
                answer(401, ["WWW-Authenticate": #"Bearer realm="\#(realm)""#])
            }
            let failure = try #require(throws: BoxFailure.self) { try result.get() }
            #expect(failure.kind == .denied && failure.reason.contains("go away"))
            #expect(server.requests.count == 1 && server.requests[0].headers["authorization"] == nil)
        }
    }

    @Test(arguments: [
        (#"Bearer realm="not a url""#, "token server"), ("Negotiate", "not known"), ("Bearer", "token server"),
    ])
    func strangeChallenges(challenge: String, words: String) async throws {
        let (result, _) = try await resolve { _, _ in answer(401, ["WWW-Authenticate": challenge]) }
        #expect("\(try #require(throws: BoxFailure.self) { try result.get() })".contains(words))
    }

    // MARK: Tags

    @Test func tags() async throws {
        try await ScriptedServer.with({ request, _ in
            request.target.contains("last=")
                ? answer(200, [:], Array(#"{"name":"a/b","tags":["y","../bad"]}"#.utf8))
                : answer(
                    200, ["Link": "</v2/a/b/tags/list?n=1000&last=x>; rel=\"next\""],
                    Array(#"{"name":"a/b","tags":["w","x"]}"#.utf8))
        }) { server in
            let reference = try reference(server)
            #expect(try await withClient { try await $0.tags(reference) } == ["w", "x", "y"])
        }
    }

    @Test func endlessTags() async throws {
        let pages: [@Sendable (Int) -> String] = [
            { _ in "/v2/a/b/tags/list?n=1000" }, { "/v2/a/b/tags/list?last=\($0)" },
            { _ in "http://other.invalid/v2/a/b/tags/list" },
        ]
        for page in pages {
            try await ScriptedServer.with({ _, number in
                answer(200, ["Link": "<\(page(number))>; rel=\"next\""], Array(#"{"tags":["x"]}"#.utf8))
            }) { server in
                let reference = try reference(server)
                let failure = await failure { try await withClient { try await $0.tags(reference) } }
                #expect(failure?.kind == .corrupt)
                #expect(server.requests.count <= 1001)
            }
        }
    }

    @Test func noTags() async throws {
        try await ScriptedServer.with({ _, _ in answer(200, [:], Array(#"{"name":"a","tags":null}"#.utf8)) }) {
            server in
            let reference = try reference(server)
            #expect(try await withClient { try await $0.tags(reference) } == [])
        }
    }

    // MARK: Mirrors

    @Test func mirrors() async throws {
        try await ScriptedServer.with({ _, _ in answer(200, Self.oci, Sample.manifest) }) { good in
            try await ScriptedServer.with({ _, _ in answer(404) }) { empty in
                try await ScriptedServer.with({ _, _ in answer(500) }) { broken in
                    let mirrors = try [broken, empty, good].map { try #require(RegistryURL("http://\($0.host)/pre/")) }
                    let configuration = quick { $0.mirrors = ["docker.io": mirrors] }
                    let reference = try ImageReference("debian")
                    let resolved = try await withClient(configuration) { try await $0.resolve(reference) }
                    #expect(resolved.bytes == Sample.manifest)
                    #expect(good.requests.map(\.target) == ["/pre/v2/library/debian/manifests/latest"])
                    #expect(empty.requests.count == 1 && broken.requests.count == 2)
                }
            }
        }
    }
}
