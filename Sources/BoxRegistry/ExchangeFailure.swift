internal import BoxModel

/// Why one exchange with one endpoint gave nothing; decides about trying again, then becomes a `BoxFailure`.
enum ExchangeFailure: Error, Sendable, Equatable {
    /// - Parameter at: the URL that was asked; only its origin is ever shown.
    case transport(TransportFailure, at: RegistryURL)
    /// An answer with an error status; `text` is what the server said, made fit for a line.
    case status(Int, text: String, retryAfter: Duration?, at: RegistryURL)
    /// The login is missing or was refused.
    case unauthorised(reason: String, registry: String)
    /// The content is not what it must be, or a rule forbids to go on.
    case rule(BoxFailure.Kind, reason: String, hint: String?)
    /// Anything that already has its sentence.
    case failure(BoxFailure)
    /// The receiver of the bytes gave up.
    case receiver(BoxFailure)

    static func corrupt(_ reason: String) -> ExchangeFailure {
        .rule(.corrupt, reason: reason, hint: nil)
    }

    /// Whether the same request may succeed a moment later.
    ///
    /// - Parameter contacted: whether this server has answered before; where it never has, a wrong name or a
    ///   missing network is likelier than a hiccup.
    func isTransient(contacted: Bool) -> Bool {
        switch self {
        case .transport(let failure, _):
            switch failure {
            case .stalled, .closed: true
            case .nameLookup, .refused, .unreachable, .connectTimeout, .handshake, .proxy, .other: contacted
            case .untrusted, .material, .cancelled: false
            }
        case .status(let status, _, _, _): [408, 425, 429, 500, 502, 503, 504].contains(status)
        default: false
        }
    }

    var retryAfter: Duration? {
        guard case .status(_, _, let delay, _) = self else { return nil }
        return delay
    }

    /// Whether nothing at all is to be tried any more.
    var isFinal: Bool {
        switch self {
        case .transport(.cancelled, _), .receiver: true
        default: false
        }
    }

    /// Whether time was already spent on waiting for the server.
    var isTimeout: Bool {
        guard case .transport(let failure, _) = self else { return false }
        return failure == .stalled || failure == .connectTimeout
    }
}

/// What is being done, for the sentence of a failure.
struct Errand: Sendable {
    let operation: String
    let subject: String
    let reference: ImageReference
    let configuration: RegistryConfiguration

    func failure(_ failure: ExchangeFailure) -> BoxFailure {
        switch failure {
        case .failure(let sentence), .receiver(let sentence): sentence
        case .rule(let kind, let reason, let hint): make(kind, reason, hint)
        case .unauthorised(let reason, let registry):
            make(
                .denied, reason,
                "check the name; if the repository is private, \(login(registry))")
        case .transport(let failure, let url): transport(failure, url)
        case .status(let status, let text, let delay, let url): answer(status, text, delay, url)
        }
    }

    private func make(_ kind: BoxFailure.Kind, _ reason: String, _ hint: String? = nil) -> BoxFailure {
        BoxFailure(kind, operation, subject, reason: reason, hint: hint)
    }

    /// How credentials get where box looks for them.
    private func login(_ registry: String) -> String {
        "store a login for \(registry) in ~/.docker/config.json, as `docker login` and `skopeo login` do"
    }

    private func transport(_ failure: TransportFailure, _ url: RegistryURL) -> BoxFailure {
        let host = url.authority
        switch failure {
        case .nameLookup(let name):
            return make(
                .unavailable, "the host name \(CleanText.line(name, limit: 100)) cannot be resolved",
                "check the registry's name and the network")
        case .refused:
            return make(
                .unavailable, "\(host) refused the connection", "check the registry's name and port, and that it runs")
        case .unreachable(let reason): return make(.unavailable, "\(host) cannot be reached (\(reason))")
        case .connectTimeout:
            return make(
                .unavailable, "\(host) did not accept a connection within \(configuration.connectTimeout.seconds) s",
                "check the network, and HTTPS_PROXY where one is needed")
        case .stalled:
            return make(
                .unavailable, "\(host) was silent for \(configuration.stallTimeout.seconds) s", "try again later")
        case .closed: return make(.unavailable, "\(host) closed the connection", "try again later")
        case .untrusted(let reason):
            return make(
                .denied, "the certificate of \(host) is not trusted: \(reason)",
                "put its authority into /etc/box/certs.d/\(host)/ca.crt, or name the host in \"insecure-registries\"")
        case .handshake(let reason):
            return make(
                .unavailable, "no TLS connection to \(host): \(reason)",
                "if it only speaks plain HTTP, name it in \"insecure-registries\" of /etc/box/config.json")
        case .proxy(let reason):
            return make(
                .unavailable, "the proxy does not lead to \(host): \(reason)", "check HTTP_PROXY and HTTPS_PROXY")
        case .material(let failure): return failure
        case .cancelled: return make(.cancelled, "it was interrupted")
        case .other(let reason): return make(.unavailable, "the exchange with \(host) failed: \(reason)")
        }
    }

    private func answer(_ status: Int, _ text: String, _ delay: Duration?, _ url: RegistryURL) -> BoxFailure {
        let said = text.isEmpty ? "" : ": \(text)"
        let host = url.authority
        switch status {
        case 401:
            return make(
                .denied, "\(host) wants a login\(said)",
                "check the name; if the repository is private, \(login(reference.registry))"
            )
        case 403:
            return make(
                .denied, "\(host) forbids it\(said)",
                "use an account that may read it: \(login(reference.registry))")
        case 404, 410: return make(.notFound, "\(host) does not have it\(said)", "check the name and the tag")
        case 429:
            let wait = delay.map { "try again in \($0.seconds) s" } ?? "try again later"
            return make(
                .exhausted, "\(host) limits how much is asked of it (status 429)\(said)",
                "\(wait), or \(login(reference.registry))")
        case 500...: return make(.unavailable, "\(host) has failed (status \(status))\(said)", "try again later")
        default: return make(.unavailable, "\(host) answered with status \(status)\(said)")
        }
    }
}

extension Duration {
    /// Whole seconds, rounded up.
    var seconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}

/// What a server says in the body of an error.
enum ErrorBody {
    /// The first errors of the distribution specification, `code: message`; else the first words of plain text.
    static func text(_ bytes: [UInt8], contentType: String?) -> String {
        if let json = try? JSON(parsing: bytes) {
            let errors =
                json["errors"]?.arrayValue ?? (json["details"] ?? json["message"] ?? json["error"]).map { [$0] } ?? []
            let parts = errors.prefix(3).map { error in
                let code = error["code"]?.stringValue ?? ""
                let message = error["message"]?.stringValue ?? error.stringValue ?? ""
                return [code, message].filter { !$0.isEmpty }.joined(separator: ": ")
            }
            return CleanText.line(parts.filter { !$0.isEmpty }.joined(separator: ", "), limit: 200)
        }
        guard contentType?.lowercased().hasPrefix("text/plain") == true else { return "" }
        return CleanText.line(bytes, limit: 120)
    }
}
