internal import BoxModel
internal import BoxSystem
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// One exchange with one endpoint: scheme, redirects, authorisation.
///
/// No retries, no mirrors.
final class RegistrySession: Sendable {
    private struct State {
        /// The scheme that an endpoint has answered on.
        var schemes: [Endpoint: RegistryURL.Scheme] = [:]
        /// Origins that have answered at all.
        var contacted: Set<String> = []
        var securities: [String: TransportSecurity?] = [:]
    }

    static let redirectLimit = 10
    private static let errorBodyLimit = 64 << 10

    private let configuration: RegistryConfiguration
    private let transport: any RegistryTransport
    private let authorizer: Authorizer
    private let certificates: CertificateFolders
    private let state = Mutex(State())

    init(_ configuration: RegistryConfiguration, transport: any RegistryTransport, credentials: any CredentialSource) {
        self.configuration = configuration
        self.transport = transport
        authorizer = Authorizer(credentials)
        certificates = CertificateFolders(folders: configuration.certificateFolders)
    }

    func shutdown() async {
        await transport.shutdown()
    }

    /// Where a reference's content can be had, in the order in which it is to be tried.
    func endpoints(_ registry: String) throws(BoxFailure) -> [Endpoint] {
        let mirrors = (configuration.mirrors[registry] ?? []).map {
            Endpoint(mirror: $0, insecure: configuration.isInsecure($0.authority))
        }
        let own = try Endpoint(
            registry: registry, insecure: configuration.isInsecure(registry),
            hasCertificates: try security(registry) != nil)
        return mirrors + [own]
    }

    func isContacted(_ failure: ExchangeFailure) -> Bool {
        switch failure {
        case .transport(_, let url), .status(_, _, _, let url): state.withLock { $0.contacted.contains(url.origin) }
        default: false
        }
    }

    /// Sends a request and gives the answer where its status is 2xx or one that was asked for.
    func exchange(_ ask: Ask, at endpoint: Endpoint) async throws(ExchangeFailure) -> TransportResponse {
        try await exchangeAt(ask, at: endpoint).response
    }

    /// Like ``exchange(_:at:)``, with the URL of the endpoint that answered.
    func exchangeAt(
        _ ask: Ask, at endpoint: Endpoint
    ) async throws(ExchangeFailure) -> (response: TransportResponse, base: RegistryURL) {
        if let scheme = state.withLock({ $0.schemes[endpoint] }) {
            let base = endpoint.base(scheme)
            return (try await authorised(ask, at: endpoint, base: base), base)
        }
        var first: ExchangeFailure?
        for scheme in endpoint.schemes {
            let base = endpoint.base(scheme)
            do throws(ExchangeFailure) {
                let response = try await authorised(ask, at: endpoint, base: base)
                state.withLock { $0.schemes[endpoint] = scheme }
                return (response, base)
            } catch {
                guard scheme != endpoint.schemes.last, Self.meansOtherScheme(error, scheme) else {
                    // Of two failed connections the first tells more.
                    if let first, case .transport = error { throw first }
                    if case .status = error { state.withLock { $0.schemes[endpoint] = scheme } }
                    throw error
                }
                first = error
            }
        }
        throw first ?? .corrupt("no scheme is left to try")
    }

    private static func meansOtherScheme(_ failure: ExchangeFailure, _ scheme: RegistryURL.Scheme) -> Bool {
        switch failure {
        case .transport(let reason, _):
            switch reason {
            case .closed: true
            case .handshake, .refused, .connectTimeout, .other: scheme == .https
            default: false
            }
        // Go's server and nginx: "client sent an HTTP request to an HTTPS server", "sent to HTTPS port".
        case .status(400, let text, _, _): scheme == .http && text.lowercased().contains("https")
        default: false
        }
    }

    // MARK: Authorisation

    private func authorised(
        _ ask: Ask, at endpoint: Endpoint, base: RegistryURL
    ) async throws(ExchangeFailure) -> TransportResponse {
        var authorization = authorizer.known(endpoint, scope: ask.scope)
        for isLast in [false, true] {
            var request = TransportRequest(method: ask.method, url: base.appending(ask.path), deadline: ask.deadline)
            for (name, value) in ask.headers { request.headers.add(name: name, value: value) }
            if let authorization { request.headers.replaceOrAdd(name: "Authorization", value: authorization) }
            let answer = try await followed(request, endpoint)
            let response = answer.response
            if (200..<300).contains(response.status) || ask.accepted.contains(response.status) { return response }
            let challenges = Challenge.parse(response.headers["WWW-Authenticate"])
            guard response.status == 401, answer.url.hasSameOrigin(as: base), !challenges.isEmpty, !isLast else {
                throw await Self.failure(response, at: answer.url)
            }
            _ = try? await response.body.collect(limit: Self.errorBodyLimit)
            authorization = try await authorizer.answer(
                challenges, refused: authorization, from: base, endpoint: endpoint, ask: ask
            ) { [self] request, endpoint throws(ExchangeFailure) in
                var request = request
                request.deadline = .now() + .seconds(120)
                return try await followed(request, endpoint).response
            }
        }
        throw .unauthorised(reason: "\(base.authority) refused the credentials", registry: endpoint.registry)
    }

    private static func failure(_ response: TransportResponse, at url: RegistryURL) async -> ExchangeFailure {
        let bytes = (try? await response.body.collect(limit: errorBodyLimit)) ?? []
        var text = ErrorBody.text(bytes, contentType: response.headers.first(name: "Content-Type"))
        // Go's server says it without a type, nginx in HTML.
        if text.isEmpty, response.status == 400, String(decoding: bytes, as: UTF8.self).contains("HTTPS") {
            text = "the plain HTTP request was sent to HTTPS port"
        }
        return .status(response.status, text: text, retryAfter: retryAfter(response.headers), at: url)
    }

    static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        RetryAfter.delay(headers.first(name: "Retry-After"), now: SystemClock.now / 1_000_000_000)
    }

    // MARK: Redirects

    private func followed(
        _ request: TransportRequest, _ endpoint: Endpoint
    ) async throws(ExchangeFailure) -> (response: TransportResponse, url: RegistryURL) {
        let start = request.url
        let authorization = request.headers["Authorization"]
        var request = request
        request.headers.replaceOrAdd(name: "User-Agent", value: "box/\(configuration.version)")
        request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
        for _ in 0...Self.redirectLimit {
            // Secrets are for the place that they were made for, and for no other.
            request.headers.remove(name: "Authorization")
            if request.url.hasSameOrigin(as: start) {
                for value in authorization { request.headers.add(name: "Authorization", value: value) }
            }
            request.security = try security(request.url, endpoint)
            let response: TransportResponse
            do throws(TransportFailure) {
                response = try await transport.send(request)
            } catch {
                throw .transport(error, at: request.url)
            }
            let origin = request.url.origin
            state.withLock { _ = $0.contacted.insert(origin) }
            guard [301, 302, 303, 307, 308].contains(response.status), request.method != .POST else {
                return (response, request.url)
            }
            guard let location = response.headers.first(name: "Location"), let next = request.url.resolving(location)
            else {
                throw .corrupt("\(request.url.authority) redirects to nowhere")
            }
            if request.url.scheme == .https && next.scheme == .http && endpoint.verifies
                && !configuration.isInsecure(next.authority)
            {
                throw .rule(
                    .denied, reason: "\(request.url.authority) redirects from HTTPS to plain HTTP at \(next.authority)",
                    hint: "if that is meant, name \(next.authority) in \"insecure-registries\"")
            }
            _ = try? await response.body.collect(limit: Self.errorBodyLimit)
            request.url = next
        }
        throw .rule(
            .unavailable, reason: "\(start.authority) redirects more than \(Self.redirectLimit) times", hint: nil)
    }

    // MARK: Certificates

    private func security(_ url: RegistryURL, _ endpoint: Endpoint) throws(ExchangeFailure) -> TransportSecurity {
        guard url.scheme == .https else { return TransportSecurity() }
        let isOwn = url.host == endpoint.host && url.port == (endpoint.port ?? url.scheme.defaultPort)
        let name = isOwn ? endpoint.registry : url.authority
        do throws(BoxFailure) {
            var found = try security(name) ?? TransportSecurity()
            found.verifies = isOwn ? endpoint.verifies : !configuration.isInsecure(name)
            return found
        } catch {
            throw .failure(error)
        }
    }

    private func security(_ registry: String) throws(BoxFailure) -> TransportSecurity? {
        if let known = state.withLock({ $0.securities[registry] }) { return known }
        let found = try certificates.security(for: registry)
        state.withLock { $0.securities[registry] = .some(found) }
        return found
    }
}
