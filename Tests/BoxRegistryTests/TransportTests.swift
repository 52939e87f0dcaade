import BoxModel
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import BoxRegistry

/// A transport that answers from a script, for hosts that no test may reach.
private final class FakeTransport: RegistryTransport {
    typealias Script = @Sendable (TransportRequest) -> Result<(Int, [String: String], String), TransportFailure>

    private final class Body: TransportBody {
        private var rest: ByteBuffer?

        init(_ text: String) {
            rest = ByteBuffer(string: text)
        }

        func next() async throws(TransportFailure) -> ByteBuffer? {
            defer { rest = nil }
            return rest
        }
    }

    private let script: Script
    private let log = Mutex<[TransportRequest]>([])

    var requests: [TransportRequest] { log.withLock { $0 } }

    init(_ script: @escaping Script) {
        self.script = script
    }

    func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse {
        log.withLock { $0.append(request) }
        let (status, headers, body) = try script(request).get()
        return TransportResponse(
            status: status, headers: HTTPHeaders(headers.map { ($0.key, $0.value) }), body: Body(body))
    }

    func shutdown() async {}
}

@Suite struct TransportTests {
    private static let manifest = String(decoding: Sample.manifest, as: UTF8.self)

    private func client(
        _ transport: FakeTransport, _ configuration: RegistryConfiguration = quick(),
        _ credentials: [String: Credential] = [:]
    ) -> RegistryClient {
        RegistryClient(configuration, transport: transport, credentials: FixedCredentials(credentials))
    }

    @Test func dockerHub() async throws {
        let transport = FakeTransport { request in
            if request.url.host == "auth.docker.io" { return .success((200, [:], #"{"token":"t"}"#)) }
            if request.headers["Authorization"] == ["Bearer t"] { return .success((200, [:], Self.manifest)) }
            return .success(
                (
                    401,
                    ["WWW-Authenticate": #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#],
                    ""
                ))
        }
        let client = client(transport, quick(), ["docker.io": .password(user: "u", secret: "p")])
        _ = try await client.resolve(ImageReference("debian:12"))
        #expect(
            transport.requests.map(\.url.text) == [
                "https://registry-1.docker.io/v2/library/debian/manifests/12",
                "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fdebian%3Apull&account=u",
                "https://registry-1.docker.io/v2/library/debian/manifests/12",
            ])
        #expect(transport.requests.map { $0.headers["Authorization"] } == [[], ["Basic dTpw"], ["Bearer t"]])
        #expect(transport.requests.allSatisfy { $0.security.verifies })
    }

    @Test func mirrorNeverGetsTheRegistrysSecret() async throws {
        let transport = FakeTransport { request in
            request.url.host == "mirror.example"
                ? .success((401, ["WWW-Authenticate": "Basic realm=x"], "")) : .success((200, [:], Self.manifest))
        }
        let configuration = quick {
            $0.mirrors = ["docker.io": [RegistryURL("https://mirror.example")].compactMap(\.self)]
        }
        _ = try await client(transport, configuration, ["docker.io": .password(user: "u", secret: "p")])
            .resolve(ImageReference("debian"))
        #expect(transport.requests.map(\.url.host) == ["mirror.example", "registry-1.docker.io"])
        #expect(transport.requests.allSatisfy { $0.headers["Authorization"].isEmpty })
    }

    @Test(arguments: [([], false), (["cdn.example"], true), (["r.example"], true)])
    func fromHTTPSToHTTP(insecure: [String], isAllowed: Bool) async throws {
        let transport = FakeTransport { request in
            request.url.host == "cdn.example"
                ? .success((200, [:], Self.manifest)) : .success((307, ["Location": "http://cdn.example/blob"], ""))
        }
        let client = client(transport, quick { $0.insecureRegistries = insecure })
        let failure = await failure { try await client.resolve(ImageReference("r.example/a")) }
        #expect((failure == nil) == isAllowed)
        if !isAllowed { #expect(failure?.kind == .denied && transport.requests.count == 1) }
    }

    @Test func tokenServerWithoutTLS() async throws {
        let transport = FakeTransport { _ in
            .success((401, ["WWW-Authenticate": #"Bearer realm="http://auth.example/token""#], ""))
        }
        let failure = await failure { try await client(transport).resolve(ImageReference("r.example/a")) }
        #expect(failure?.kind == .denied && transport.requests.count == 1)
    }

    @Test(arguments: [
        // Loopback: plain first, TLS when the server says that it is meant; remembered afterwards.
        ("127.0.0.1:5000/a", "https", ["http", "https", "https"]), ("127.0.0.1:5000/a", "http", ["http", "http"]),
        ("r.example:5000/a", "http", ["https", "http", "http"]), ("r.example:5000/a", "https", ["https", "https"]),
    ])
    func schemes(name: String, speaks: String, expected: [String]) async throws {
        let transport = FakeTransport { request in
            if request.url.scheme.rawValue == speaks { return .success((200, [:], Self.manifest)) }
            return speaks == "https"
                ? .success((400, ["Content-Type": "text/plain"], "Client sent an HTTP request to an HTTPS server.\n"))
                : .failure(.handshake("it does not speak TLS"))
        }
        let client = client(transport, quick { $0.insecureRegistries = ["r.example:5000"] })
        let reference = try ImageReference(name)
        for _ in 0..<2 { _ = try await client.resolve(reference) }
        #expect(transport.requests.map(\.url.scheme.rawValue) == expected)
    }

    @Test func secureRegistriesNeverFallBack() async throws {
        let transport = FakeTransport { _ in .failure(.handshake("it does not speak TLS")) }
        let failure = await failure { try await client(transport).resolve(ImageReference("r.example/a")) }
        #expect(failure?.hint?.contains("insecure-registries") == true)
        #expect(transport.requests.map(\.url.scheme) == [.https])
    }

    @Test(arguments: [
        (TransportFailure.nameLookup("r.example"), BoxFailure.Kind.unavailable, "cannot be resolved"),
        (.refused, .unavailable, "refused"), (.connectTimeout, .unavailable, "within 3 s"),
        (.stalled, .unavailable, "silent"),
        (.closed, .unavailable, "closed"), (.untrusted("why"), .denied, "/etc/box/certs.d/r.example/ca.crt"),
        (.proxy("why"), .unavailable, "HTTPS_PROXY"), (.unreachable("no route"), .unavailable, "no route"),
        (.cancelled, .cancelled, "interrupted"), (.other("odd"), .unavailable, "odd"),
    ])
    func sentences(reason: TransportFailure, kind: BoxFailure.Kind, words: String) async throws {
        let transport = FakeTransport { _ in .failure(reason) }
        let failure = try #require(await failure { try await client(transport).resolve(ImageReference("r.example/a")) })
        #expect(failure.kind == kind && "\(failure)".contains(words), "\(failure)")
        #expect("\(failure)".hasPrefix("cannot pull r.example/a:latest: "))
    }
}
