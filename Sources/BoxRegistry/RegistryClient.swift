package import BoxModel
internal import NIOCore
internal import NIOHTTP1

/// Reads images from registries: mirrors, retries and checks on top of single exchanges.
///
/// Threads are started with the first request and end with ``shutdown()``, which must be called.
package final class RegistryClient: Sendable {
    private static let tagPageLimit = 1000
    private static let tagLimit = 200_000
    private static let tagBodyLimit = 16 << 20

    private let configuration: RegistryConfiguration
    private let session: RegistrySession

    /// - Parameters:
    ///   - configuration: see ``RegistryConfiguration/load(environment:system:)``.
    ///   - credentials: who is asked when a registry wants a login.
    package convenience init(
        _ configuration: RegistryConfiguration, credentials: any CredentialSource = CredentialFiles()
    ) {
        self.init(configuration, transport: HTTPTransport(configuration), credentials: credentials)
    }

    init(_ configuration: RegistryConfiguration, transport: any RegistryTransport, credentials: any CredentialSource) {
        self.configuration = configuration
        session = RegistrySession(configuration, transport: transport, credentials: credentials)
    }

    /// Ends all connections and threads; the client is of no use afterwards.
    package func shutdown() async {
        await session.shutdown()
    }

    // MARK: Manifests

    /// The manifest or index that a reference stands for; its digest decides where it has one.
    package func resolve(_ reference: ImageReference) async throws(BoxFailure) -> ResolvedManifest {
        try await manifest(reference, expected: nil, errand("pull", "\(reference)", reference))
    }

    /// The manifest that an index names.
    package func manifest(
        _ descriptor: Descriptor, of reference: ImageReference
    ) async throws(BoxFailure) -> ResolvedManifest {
        try await manifest(
            reference, expected: descriptor, errand("pull", "\(reference.name)@\(descriptor.digest)", reference))
    }

    /// What a reference stands for now, without fetching it; nil where the registry does not tell.
    ///
    /// Docker Hub does not count this against its limits.
    package func head(_ reference: ImageReference) async throws(BoxFailure) -> Descriptor? {
        let errand = errand("look up", "\(reference)", reference)
        var ask = manifestAsk(reference, expected: nil)
        ask.method = .HEAD
        ask.accepted = [405]
        return try await attempt(errand) { [session, ask] endpoint throws(ExchangeFailure) in
            let response = try await session.exchange(ask, at: endpoint)
            let headers = response.headers
            guard response.status == 200,
                let digest = headers.first(name: "Docker-Content-Digest").flatMap(Digest.init),
                let size = headers.first(name: "Content-Length").flatMap({ Int64($0) }), size > 0,
                let type = headers.first(name: "Content-Type")
            else { return nil }
            return Descriptor(mediaType: ManifestAnswer.bare(type), digest: digest, size: size)
        }
    }

    private func manifestAsk(_ reference: ImageReference, expected: Descriptor?) -> Ask {
        let name = (expected?.digest ?? reference.digest)?.description ?? reference.tag ?? "latest"
        return Ask(
            path: "/v2/\(reference.repository)/manifests/\(name)", headers: [("Accept", ManifestAnswer.accepted)],
            repository: reference.repository, deadline: .now() + .seconds(120))
    }

    private func manifest(
        _ reference: ImageReference, expected: Descriptor?, _ errand: Errand
    ) async throws(BoxFailure) -> ResolvedManifest {
        if let expected, expected.size > Int64(ManifestAnswer.limit) {
            throw errand.failure(Self.tooLarge(expected.size, "manifest", ManifestAnswer.limit))
        }
        return try await attempt(errand) { [self] endpoint throws(ExchangeFailure) in
            let ask = manifestAsk(reference, expected: expected)
            let (response, base) = try await session.exchangeAt(ask, at: endpoint)
            let bytes = try await Self.body(response, base, "manifest", limit: ManifestAnswer.limit)
            return try ManifestAnswer(bytes: bytes, headers: response.headers, host: base.authority)
                .resolved(digest: reference.digest, expected: expected)
        }
    }

    // MARK: Blobs

    /// A blob that fits into memory, such as an image's configuration, checked against size and digest.
    package func smallBlob(
        _ descriptor: Descriptor, of reference: ImageReference, limit: Int = 8 << 20
    ) async throws(BoxFailure) -> [UInt8] {
        let errand = errand("download", "\(descriptor.digest) of \(reference.name)", reference)
        guard descriptor.size <= Int64(limit) else {
            throw errand.failure(Self.tooLarge(descriptor.size, "blob", limit))
        }
        return try await attempt(errand) { [session] endpoint throws(ExchangeFailure) in
            let ask = Ask(
                path: "/v2/\(reference.repository)/blobs/\(descriptor.digest)", repository: reference.repository,
                deadline: .now() + .seconds(120))
            let (response, base) = try await session.exchangeAt(ask, at: endpoint)
            let bytes = try await Self.body(response, base, "blob", limit: limit)
            guard Int64(bytes.count) == descriptor.size else {
                throw .corrupt("\(base.authority) sent \(bytes.count) bytes where the manifest says \(descriptor.size)")
            }
            let actual = Digest(of: bytes, descriptor.digest.algorithm)
            guard actual == descriptor.digest else {
                throw .corrupt("\(base.authority) sent content with the digest \(actual)")
            }
            return bytes
        }
    }

    /// Streams a blob from an offset on, going on after interruptions where they happened.
    ///
    /// Exactly `descriptor.size - offset` bytes are delivered, in order. The digest is not checked here: the
    /// receiver, which sees the bytes before `offset` too, does that. A descriptor's foreign `urls` are never used.
    ///
    /// - Parameter deliver: gets each piece; called from one task at a time. What it throws ends the download.
    package func blob(
        _ descriptor: Descriptor, of reference: ImageReference, from offset: Int64 = 0,
        deliver: @escaping @Sendable (UnsafeRawBufferPointer) throws(BoxFailure) -> Void
    ) async throws(BoxFailure) {
        let errand = errand("download", "\(descriptor.digest) of \(reference.name)", reference)
        guard (0...max(0, descriptor.size)).contains(offset), descriptor.size >= 0 else {
            throw errand.failure(.corrupt("it has \(descriptor.size) bytes, but \(offset) are here already"))
        }
        do throws(ExchangeFailure) {
            let endpoints: [Endpoint]
            do throws(BoxFailure) { endpoints = try session.endpoints(reference.registry) } catch {
                throw .failure(error)
            }
            var download = BlobDownload(
                session: session, configuration: configuration, descriptor: descriptor,
                repository: reference.repository, offset: offset, endpoints: endpoints, deliver: deliver)
            try await download.run()
        } catch {
            if case .status(404, _, _, _) = error, descriptor.urls?.isEmpty == false {
                throw errand.failure(
                    .rule(
                        .unsupported, reason: "it is a foreign layer that the registry does not hold itself",
                        hint: "push the image again with a tool that uploads such layers"))
            }
            throw errand.failure(error)
        }
    }

    // MARK: Tags

    /// All tags of a reference's repository, in the registry's order.
    package func tags(_ reference: ImageReference) async throws(BoxFailure) -> [String] {
        let errand = errand("list the tags of", reference.name, reference)
        return try await attempt(errand) { [session] endpoint throws(ExchangeFailure) in
            var tags: [String] = []
            var path = "/v2/\(reference.repository)/tags/list?n=1000"
            var seen: Set<String> = []
            while seen.count < Self.tagPageLimit, seen.insert(path).inserted {
                let ask = Ask(path: path, repository: reference.repository, deadline: .now() + .seconds(120))
                let (response, base) = try await session.exchangeAt(ask, at: endpoint)
                let bytes = try await Self.body(response, base, "list of tags", limit: Self.tagBodyLimit)
                guard let json = try? JSON(parsing: bytes), let list = json["tags"],
                    list.isNull || list.stringArray != nil
                else { throw .corrupt("the answer of \(base.authority) is not a list of tags") }
                tags += (list.stringArray ?? []).filter(ImageReference.isTag)
                guard tags.count <= Self.tagLimit else { break }
                guard let link = LinkHeader.next(response.headers["Link"]) else { return tags }
                let here = base.appending(path)
                guard let next = here.resolving(link), next.hasSameOrigin(as: base) else {
                    throw .corrupt("\(base.authority) continues its list of tags at another host")
                }
                let prefix = base.appending("").target
                guard next.target.hasPrefix(prefix + "/v2/") || prefix.isEmpty else {
                    throw .corrupt("\(base.authority) continues its list of tags somewhere else")
                }
                path = String(next.target.dropFirst(prefix.count))
            }
            throw .corrupt("the list of tags does not end")
        }
    }

    // MARK: Attempts

    private func errand(_ operation: String, _ subject: String, _ reference: ImageReference) -> Errand {
        Errand(operation: operation, subject: subject, reference: reference, configuration: configuration)
    }

    /// Tries the mirrors, then the registry, each as often as it makes sense.
    private func attempt<Value: Sendable>(
        _ errand: Errand, _ body: (Endpoint) async throws(ExchangeFailure) -> Value
    ) async throws(BoxFailure) -> Value {
        let pause = RetryPause(first: configuration.retryDelay, longest: configuration.maxRetryDelay)
        var last = ExchangeFailure.corrupt("no endpoint is configured")
        for endpoint in try session.endpoints(errand.reference.registry) {
            // There is somebody behind a mirror who can be asked instead of waiting.
            let attempts = endpoint.isMirror ? min(2, configuration.maxAttempts) : configuration.maxAttempts
            for number in 1...max(1, attempts) {
                do throws(ExchangeFailure) {
                    return try await body(endpoint)
                } catch {
                    last = error
                    if error.isFinal { throw errand.failure(error) }
                    // A server that is silent for half a minute twice stays so.
                    guard number < (error.isTimeout ? min(2, attempts) : attempts),
                        error.isTransient(contacted: session.isContacted(error)),
                        let delay = pause.delay(failures: number, asked: error.retryAfter)
                    else { break }
                    do { try await Task.sleep(for: delay) } catch {
                        throw errand.failure(.transport(.cancelled, at: endpoint.base(.https)))
                    }
                }
            }
        }
        throw errand.failure(last)
    }

    private static func body(
        _ response: TransportResponse, _ base: RegistryURL, _ what: String, limit: Int
    ) async throws(ExchangeFailure) -> [UInt8] {
        if let length = response.headers.first(name: "Content-Length").flatMap({ Int64($0) }), length > Int64(limit) {
            throw tooLarge(length, what, limit)
        }
        let bytes: [UInt8]?
        do throws(TransportFailure) {
            bytes = try await response.body.collect(limit: limit)
        } catch {
            throw .transport(error, at: base)
        }
        guard let bytes else { throw tooLarge(nil, what, limit) }
        return bytes
    }

    private static func tooLarge(_ size: Int64?, _ what: String, _ limit: Int) -> ExchangeFailure {
        let of = size.map { " of \(($0 + (1 << 20) - 1) >> 20) MB" } ?? ""
        return .corrupt("the \(what)\(of) is larger than the \(limit >> 20) MB that are allowed")
    }
}
