internal import AsyncHTTPClient
internal import BoxModel
internal import BoxSystem
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// The transport over AsyncHTTPClient: one client per TLS configuration and proxy, threads on first use.
final class HTTPTransport: RegistryTransport {
    private struct Key: Hashable {
        let security: TransportSecurity
        let proxy: RegistryURL?
    }

    private struct State {
        var clients: [Key: HTTPClient] = [:]
    }

    private let configuration: RegistryConfiguration
    private let state = Mutex(State())

    init(_ configuration: RegistryConfiguration) {
        self.configuration = configuration
    }

    func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse {
        let client = try client(for: request)
        var outgoing = HTTPClientRequest(url: request.url.text)
        outgoing.method = request.method
        outgoing.headers = request.headers
        if !request.body.isEmpty { outgoing.body = .bytes(ByteBuffer(bytes: request.body)) }
        do {
            let response = try await client.execute(outgoing, deadline: request.deadline)
            return TransportResponse(
                status: Int(response.status.code), headers: response.headers,
                body: HTTPTransportBody(response.body.makeAsyncIterator()))
        } catch {
            throw TransportFailure(error)
        }
    }

    func shutdown() async {
        let clients = state.withLock { state in
            defer { state = State() }
            return Array(state.clients.values)
        }
        // What fails while closing was already reported, or is of no use to anybody.
        for client in clients { try? await client.shutdown() }
    }

    private func client(for request: TransportRequest) throws(TransportFailure) -> HTTPClient {
        let proxy = configuration.proxies.proxy(for: request.url)
        let key = Key(security: request.url.scheme == .https ? request.security : TransportSecurity(), proxy: proxy)
        return try state.withLock { state throws(TransportFailure) in
            if let client = state.clients[key] { return client }
            var settings = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
            if request.url.scheme == .https { settings.tlsConfiguration = try tls(key.security) }
            settings.timeout.connect = TimeAmount(configuration.connectTimeout)
            settings.timeout.read = TimeAmount(configuration.stallTimeout)
            // HTTP/2 has no advantage for few large downloads; each gets its own connection and window.
            settings.httpVersion = .http1Only
            settings.connectionPool.retryConnectionEstablishment = false
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(
                8, configuration.maxConcurrentDownloads + 2)
            if let proxy {
                settings.proxy = .server(
                    host: proxy.host, port: Int(proxy.port),
                    authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") })
            }
            // The process's own group is never shut down: a name look-up that was given up may still answer to it.
            let client = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: settings)
            state.clients[key] = client
            return client
        }
    }

    private func tls(_ security: TransportSecurity) throws(TransportFailure) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = security.verifies ? .fullVerification : .none
        if security.verifies {
            // The library's own search does not know SSL_CERT_FILE.
            if let file = configuration.systemAuthorities { tls.trustRoots = .file(file) }
            var files = security.authorities
            for folder in configuration.systemAuthorityFolders {
                let names = (try? Directory(opening: folder).names()) ?? []
                files += names.filter { $0.hasSuffix(".pem") || $0.hasSuffix(".crt") }.sorted().map {
                    "\(folder)/\($0)"
                }
            }
            for file in files {
                let certificates = try material(file, Self.certificates)
                tls.additionalTrustRoots.append(.certificates(certificates))
            }
        }
        if let file = security.clientCertificate, let key = security.clientKey {
            tls.certificateChain = try material(file, Self.certificates).map { .certificate($0) }
            tls.privateKey = .privateKey(try material(key) { try NIOSSLPrivateKey(bytes: $0, format: .pem) })
        }
        return tls
    }

    private static func certificates(_ bytes: [UInt8]) throws -> [NIOSSLCertificate] {
        let certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
        if certificates.isEmpty { throw NIOSSLError.failedToLoadCertificate }
        return certificates
    }

    private func material<Value>(_ path: String, _ parse: ([UInt8]) throws -> Value) throws(TransportFailure) -> Value {
        do {
            return try parse(try readFile(path, limit: 4 << 20))
        } catch let failure as SystemFailure {
            throw .material(BoxFailure(failure, "use the certificate", path))
        } catch {
            throw .material(
                BoxFailure(.invalid, "use the certificate", path, reason: "it is not a certificate or key in PEM"))
        }
    }
}

/// The body of one answer; used by one task at a time.
private final class HTTPTransportBody: TransportBody {
    private var iterator: HTTPClientResponse.Body.AsyncIterator

    init(_ iterator: HTTPClientResponse.Body.AsyncIterator) {
        self.iterator = iterator
    }

    func next() async throws(TransportFailure) -> ByteBuffer? {
        do {
            return try await iterator.next()
        } catch {
            throw TransportFailure(error)
        }
    }
}
