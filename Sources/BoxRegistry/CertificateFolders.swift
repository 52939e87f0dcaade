internal import BoxModel
internal import BoxSystem

/// The certificates that an administrator has laid down for one host: `certs.d/HOST[:PORT]/{*.crt,*.cert,*.key}`.
struct CertificateFolders: Sendable {
    let folders: [String]

    /// - Parameter registry: as references name it.
    /// - Returns: nil where no folder exists for the host.
    func security(for registry: String) throws(BoxFailure) -> TransportSecurity? {
        // Names that come from redirects are compared as hosts, never as paths.
        guard HostAndPort(registry) != nil else { return nil }
        var found: TransportSecurity?
        for folder in folders.map({ "\($0)/\(registry)" }) {
            guard let directory = try? Directory(opening: folder) else { continue }
            let names: [String]
            do throws(SystemFailure) {
                names = try directory.names().sorted()
            } catch {
                throw BoxFailure(error, "read the certificates of", registry)
            }
            var security = found ?? TransportSecurity()
            for name in names where name.hasSuffix(".crt") { security.authorities.append("\(folder)/\(name)") }
            if security.clientCertificate == nil, let certificate = names.first(where: { $0.hasSuffix(".cert") }) {
                let key = String(certificate.dropLast(5)) + ".key"
                guard names.contains(key) else {
                    throw BoxFailure(
                        .invalid, "use the client certificate", "\(folder)/\(certificate)",
                        reason: "its key \(key) is missing beside it")
                }
                security.clientCertificate = "\(folder)/\(certificate)"
                security.clientKey = "\(folder)/\(key)"
            }
            found = security
        }
        return found
    }
}
