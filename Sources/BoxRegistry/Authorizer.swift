internal import BoxModel
internal import BoxSystem
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Turns challenges into `Authorization` values and remembers them (distribution's token specification).
final class Authorizer: Sendable {
    /// Sends without authorisation of its own and follows redirects.
    typealias Send = @Sendable (TransportRequest, Endpoint) async throws(ExchangeFailure) -> TransportResponse

    private struct TokenKey: Hashable {
        let realm: String
        let service: String
        let scope: String
        let registry: String
    }

    private struct Place: Hashable {
        let endpoint: Endpoint
        let scope: String
    }

    private struct Value {
        let header: String
        /// Of the monotonic clock, in nanoseconds.
        let expires: Int64
    }

    private struct State {
        var known: [Place: Value] = [:]
        var tokens: [TokenKey: Value] = [:]
        var credentials: [String: Credential?] = [:]
    }

    private static let bodyLimit = 1 << 20

    private let source: any CredentialSource
    private let state = Mutex(State())

    init(_ source: any CredentialSource) {
        self.source = source
    }

    /// What worked the last time.
    func known(_ endpoint: Endpoint, scope: String) -> String? {
        state.withLock { state in
            state.known[Place(endpoint: endpoint, scope: scope)].flatMap {
                $0.expires > SystemClock.monotonic ? $0.header : nil
            }
        }
    }

    /// Answers a 401.
    ///
    /// - Parameters:
    ///   - refused: the value that was sent with the request, which is of no use any more.
    ///   - base: the base URL that challenged.
    func answer(
        _ challenges: [Challenge], refused: String?, from base: RegistryURL, endpoint: Endpoint, ask: Ask,
        send: Send
    ) async throws(ExchangeFailure) -> String {
        let credential = try await credential(endpoint, ask.repository)
        let value: Value
        if case .registryToken(let token) = credential {
            value = Value(header: "Bearer \(token)", expires: .max)
        } else if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            value = try await token(
                challenge, refused: refused, credential: credential, from: base, endpoint: endpoint, ask: ask,
                send: send)
        } else if challenges.contains(where: { $0.scheme == "basic" }) {
            guard let basic = credential?.basic else {
                throw .unauthorised(reason: "\(base.authority) wants a login", registry: endpoint.registry)
            }
            value = Value(header: basic, expires: .max)
        } else {
            let schemes = challenges.map { CleanText.line($0.scheme, limit: 30) }.joined(separator: ", ")
            throw .rule(
                .unsupported, reason: "\(base.authority) wants a login of a kind that is not known (\(schemes))",
                hint: nil)
        }
        guard value.header != refused else {
            throw .unauthorised(reason: "\(base.authority) refused the credentials", registry: endpoint.registry)
        }
        guard value.header.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .rule(.corrupt, reason: "the token for \(base.authority) has control characters", hint: nil)
        }
        state.withLock { $0.known[Place(endpoint: endpoint, scope: ask.scope)] = value }
        return value.header
    }

    private func credential(_ endpoint: Endpoint, _ repository: String) async throws(ExchangeFailure) -> Credential? {
        let key = "\(endpoint.registry)/\(repository)"
        if let known = state.withLock({ $0.credentials[key] }) { return known }
        do {
            let found = try await source.credential(registry: endpoint.registry, repository: repository)
            state.withLock { $0.credentials[key] = .some(found) }
            return found
        } catch {
            throw .failure(error)
        }
    }

    // MARK: Bearer tokens

    private func token(
        _ challenge: Challenge, refused: String?, credential: Credential?, from base: RegistryURL, endpoint: Endpoint,
        ask: Ask, send: Send
    ) async throws(ExchangeFailure) -> Value {
        guard let text = challenge.parameters["realm"], let realm = RegistryURL(text)?.withoutUser else {
            throw .corrupt("the login that \(base.authority) wants names no token server")
        }
        guard realm.scheme == .https || base.scheme == .http else {
            throw .rule(
                .denied, reason: "\(base.authority) names a token server without TLS, \(realm.authority)", hint: nil)
        }
        // Secrets never go in clear text to a host that is not the registry itself.
        let credential = realm.scheme == .https || realm.host == base.host ? credential : nil
        let service = challenge.parameters["service"] ?? ""
        let scope = challenge.parameters["scope"] ?? ask.scope
        let key = TokenKey(realm: text, service: service, scope: scope, registry: endpoint.registry)
        if let cached = state.withLock({ $0.tokens[key] }), cached.expires > SystemClock.monotonic,
            cached.header != refused
        {
            return cached
        }
        let request = Self.request(realm, service: service, scope: scope, credential: credential)
        let response = try await send(request, endpoint)
        let bytes: [UInt8]?
        do throws(TransportFailure) {
            bytes = try await response.body.collect(limit: Self.bodyLimit)
        } catch {
            throw .transport(error, at: realm)
        }
        guard let bytes else { throw .corrupt("the token server \(realm.authority) sent more than 1 MiB") }
        guard (200..<300).contains(response.status) else {
            let said = ErrorBody.text(bytes, contentType: response.headers.first(name: "Content-Type"))
            if [400, 401, 403].contains(response.status) {
                let who = credential == nil ? "without credentials" : "with the stored credentials"
                throw .unauthorised(
                    reason: "\(realm.authority) gave no token \(who)" + (said.isEmpty ? "" : ": \(said)"),
                    registry: endpoint.registry)
            }
            throw .status(
                response.status, text: said, retryAfter: RegistrySession.retryAfter(response.headers), at: realm)
        }
        guard let json = try? JSON(parsing: bytes),
            let token = [json["token"], json["access_token"]].compactMap({ $0?.stringValue }).first(where: {
                !$0.isEmpty
            })
        else { throw .corrupt("the token server \(realm.authority) sent no token") }
        // The specification's default; a token that is about to expire is of no use for a request to come.
        let lifetime = min(max(json["expires_in"]?.intValue ?? 60, 1), 86_400)
        let value = Value(
            header: "Bearer \(token)",
            expires: SystemClock.monotonic + lifetime * 1_000_000_000 - min(lifetime * 100_000_000, 10_000_000_000))
        state.withLock { $0.tokens[key] = value }
        return value
    }

    private static func request(
        _ realm: RegistryURL, service: String, scope: String, credential: Credential?
    ) -> TransportRequest {
        var parameters: [(String, String)] = []
        if !service.isEmpty { parameters.append(("service", service)) }
        if case .identityToken(let token) = credential {
            parameters += [
                ("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "box"), ("scope", scope),
            ]
            var request = TransportRequest(method: .POST, url: realm)
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = Array(form(parameters).utf8)
            return request
        }
        // Several scopes stand in one challenge, separated by spaces.
        parameters += scope.split(separator: " ").map { ("scope", String($0)) }
        if case .password(let user, _) = credential { parameters.append(("account", user)) }
        var request = TransportRequest(url: realm)
        request.url.target += (realm.target.contains("?") ? "&" : "?") + form(parameters)
        if let basic = credential?.basic { request.headers.add(name: "Authorization", value: basic) }
        return request
    }

    private static func form(_ parameters: [(String, String)]) -> String {
        parameters.map { "\($0.0)=\(Percent.encode($0.1))" }.joined(separator: "&")
    }
}
