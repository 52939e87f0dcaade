internal import BoxModel
internal import NIOCore
internal import NIOHTTP1

/// One place where a repository can be had: a mirror, or the registry itself.
struct Endpoint: Sendable, Hashable {
    /// The name under which credentials and certificates are kept.
    let registry: String
    let host: String
    /// nil where references name none; then it follows from the scheme.
    let port: UInt16?
    /// What stands before `/v2/`, without a slash at its end.
    let path: String
    /// The schemes to try, the likeliest first.
    let schemes: [RegistryURL.Scheme]
    let isMirror: Bool
    /// Whether the certificate is checked.
    let verifies: Bool

    /// A mirror of the configuration.
    init(mirror: RegistryURL, insecure: Bool) {
        registry = mirror.authority
        host = mirror.host
        port = mirror.port
        path = mirror.target.hasSuffix("/") ? String(mirror.target.dropLast()) : mirror.target
        schemes = [mirror.scheme]
        isMirror = true
        verifies = !insecure
    }

    /// A registry as references name it.
    ///
    /// Plain HTTP is spoken with this machine, and with what is configured as insecure. With this machine it comes
    /// first, since a local registry mostly has no certificate, and HTTPS (unchecked, as Docker does) only after
    /// its answer has shown that it is meant; but a `certs.d` folder for the host means HTTPS and nothing else.
    /// With other insecure registries HTTPS comes first, so that nobody who merely listens is helped.
    init(registry: String, insecure: Bool, hasCertificates: Bool) throws(BoxFailure) {
        guard let place = HostAndPort(registry) else {
            throw BoxFailure(.invalid, "use the registry", registry, reason: "it is not a host with or without port")
        }
        self.registry = registry
        host = registry == ImageReference.defaultRegistry ? "registry-1.docker.io" : place.host
        port = place.port
        path = ""
        isMirror = false
        let isLocal = isLoopback(host: place.host) && !hasCertificates
        schemes = insecure ? (isLocal ? [.http, .https] : [.https, .http]) : isLocal ? [.http, .https] : [.https]
        verifies = !insecure && !isLocal
    }

    func base(_ scheme: RegistryURL.Scheme) -> RegistryURL {
        RegistryURL(scheme: scheme, host: host, port: port, target: path + "/")
    }
}

/// A request of the distribution protocol, independent of where it goes.
struct Ask: Sendable {
    var method = HTTPMethod.GET
    /// What follows the endpoint's base, from `/v2/` on.
    var path: String
    var headers: [(name: String, value: String)] = []
    let repository: String
    var actions = "pull"
    var deadline = NIODeadline.distantFuture
    /// Statuses beside 2xx that the caller wants to see.
    var accepted: Set<Int> = []

    var scope: String { "repository:\(repository):\(actions)" }
}
