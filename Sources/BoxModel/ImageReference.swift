/// The name of an image: registry, repository and what of it — a tag, a digest or both.
package struct ImageReference: Hashable, Sendable {
    /// `docker.io`, `localhost:5000`.
    package let registry: String
    /// `library/debian`.
    package let repository: String
    package let tag: String?
    package let digest: Digest?

    package static let defaultRegistry = "docker.io"

    package init(registry: String, repository: String, tag: String?, digest: Digest?) {
        self.registry = registry
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    /// Parses a name as Docker does: the first part is a registry where it holds `.` or `:` or is `localhost`,
    /// else the default registry; `library/` and `:latest` are defaults.
    ///
    /// - Parameter registry: the default registry.
    /// - Throws: `invalid`, with the rule that the name breaks.
    package init(_ text: String, defaultRegistry: String = ImageReference.defaultRegistry) throws(BoxFailure) {
        func invalid(_ reason: String) -> BoxFailure {
            BoxFailure(
                .invalid, "use the image name", "\"\(text.prefix(300))\"", reason: reason,
                hint: "a name is [registry[:port]/]path[:tag][@sha256:digest], in lower case")
        }
        guard !text.isEmpty else { throw invalid("it is empty") }
        guard text.utf8.count <= 1024 else { throw invalid("it is longer than 1024 bytes") }
        var rest = Substring(text)
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            let written = String(rest[rest.index(after: at)...])
            guard let parsed = Digest(written) else { throw invalid("\(written.prefix(90)) is not a digest") }
            digest = parsed
            rest = rest[..<at]
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            let written = String(rest[rest.index(after: colon)...])
            guard Self.isTag(written) else { throw invalid("\"\(written.prefix(130))\" is not a tag") }
            tag = written
            rest = rest[..<colon]
        }
        var registry = defaultRegistry
        if let slash = rest.firstIndex(of: "/") {
            let first = rest[..<slash]
            if first.contains(".") || first.contains(":") || first == "localhost" || first != first.lowercased()[...] {
                guard Self.isRegistry(first) else { throw invalid("\"\(first)\" is not a registry host") }
                registry = String(first)
                rest = rest[rest.index(after: slash)...]
            }
        }
        if registry == "index.docker.io" { registry = "docker.io" }
        var repository = String(rest)
        guard Self.isRepository(repository) else {
            throw invalid(
                repository.isEmpty
                    ? "the repository is missing"
                    : repository != repository.lowercased()
                        ? "the repository must be in lower case" : "\"\(repository)\" is not a repository path")
        }
        if registry == "docker.io" && !repository.contains("/") { repository = "library/" + repository }
        self.init(
            registry: registry, repository: repository, tag: tag ?? (digest == nil ? "latest" : nil), digest: digest)
    }

    /// The name that stands in tables: without the default registry and `library/`.
    package var familiarName: String {
        guard registry == Self.defaultRegistry else { return "\(registry)/\(repository)" }
        return repository.hasPrefix("library/") ? String(repository.dropFirst(8)) : repository
    }

    /// As in tables, with tag and digest.
    package var familiar: String { familiarName + suffix }

    /// Registry and repository in full.
    package var name: String { "\(registry)/\(repository)" }

    private var suffix: String { (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "") }

    /// The same repository with another tag.
    package func with(tag: String?, digest: Digest?) -> ImageReference {
        ImageReference(registry: registry, repository: repository, tag: tag, digest: digest)
    }

    // MARK: The grammar of github.com/distribution/reference

    package static func isTag(_ text: some StringProtocol) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first.isWordByte, bytes.count <= 128 else { return false }
        return bytes.allSatisfy { $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isRegistry(_ text: Substring) -> Bool {
        var host = text
        if host.hasPrefix("[") {
            guard let close = host.firstIndex(of: "]") else { return false }
            let address = host[host.index(after: host.startIndex)..<close]
            guard address.contains(":"), address.utf8.allSatisfy({ $0.isAlphanumericByte || $0 == UInt8(ascii: ":") })
            else { return false }
            host = host[host.index(after: close)...]
            return host.isEmpty || host.hasPrefix(":") && isPort(host.dropFirst())
        }
        if let colon = host.lastIndex(of: ":") {
            guard isPort(host[host.index(after: colon)...]) else { return false }
            host = host[..<colon]
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            let bytes = Array(label.utf8)
            guard let first = bytes.first, let last = bytes.last else { return false }
            return first.isAlphanumericByte && last.isAlphanumericByte
                && bytes.allSatisfy { $0.isAlphanumericByte || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        UInt16(text) != nil && text.utf8.allSatisfy { $0.isAlphanumericByte }
    }

    /// Path components of lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
    private static func isRepository(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 255 else { return false }
        return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
            var separator: [UInt8] = []
            var seen = false
            for byte in component.utf8 {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    guard separator.isEmpty || seen && isSeparator(separator) else { return false }
                    separator = []
                    seen = true
                case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): separator.append(byte)
                default: return false
                }
            }
            return seen && separator.isEmpty
        }
    }

    private static func isSeparator(_ bytes: [UInt8]) -> Bool {
        bytes == [UInt8(ascii: ".")] || bytes == [UInt8(ascii: "_")]
            || bytes == [UInt8(ascii: "_"), UInt8(ascii: "_")] || bytes.allSatisfy { $0 == UInt8(ascii: "-") }
    }
}

extension ImageReference: CustomStringConvertible {
    /// The full, unambiguous form.
    package var description: String { name + suffix }
}
