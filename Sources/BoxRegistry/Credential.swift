package import BoxModel

/// A secret for a registry.
///
/// Never printed: its description is its kind.
package enum Credential: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    case password(user: String, secret: String)
    /// A refresh token for the token server.
    case identityToken(String)
    /// A bearer token for the registry itself.
    case registryToken(String)

    package var description: String {
        switch self {
        case .password: "password"
        case .identityToken: "identity token"
        case .registryToken: "registry token"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// The value of an `Authorization` header, for credentials that can be shown without a token server.
    var basic: String? {
        guard case .password(let user, let secret) = self else { return nil }
        return "Basic " + Base64.encode("\(user):\(secret)".utf8)
    }
}

/// Somebody who knows secrets.
package protocol CredentialSource: Sendable {
    /// The secret for a repository of a registry, or nil where there is none.
    ///
    /// - Parameter registry: as references name it, `docker.io`, `localhost:5000`.
    func credential(registry: String, repository: String) async throws(BoxFailure) -> Credential?
}

/// Secrets that were handed over, for a login and for tests.
package struct FixedCredentials: CredentialSource {
    private let credentials: [String: Credential]

    package init(_ credentials: [String: Credential] = [:]) {
        self.credentials = credentials
    }

    package func credential(registry: String, repository: String) async throws(BoxFailure) -> Credential? {
        credentials[registry]
    }
}
