package import BoxModel
package import BoxRegistry
package import BoxStore
internal import BoxSystem
package import Logging

/// Fetches images from a registry into the store.
package struct Pull: Sendable {
    let store: Store
    let client: RegistryClient
    let configuration: RegistryConfiguration
    let platform: Platform
    let insists: Bool
    let progress: PullProgress
    let logger: Logger

    /// - Parameters:
    ///   - platform: which image of an index is wanted.
    ///   - insists: whether an image without an index must be for it too.
    package init(
        store: Store, client: RegistryClient, configuration: RegistryConfiguration, platform: Platform,
        insists: Bool = false,
        logger: Logger, progress: @escaping PullProgress
    ) {
        self.store = store
        self.client = client
        self.configuration = configuration
        self.platform = platform
        self.insists = insists
        self.logger = logger
        self.progress = progress
    }

    /// Pulls what a reference stands for.
    package func run(_ reference: ImageReference) async throws(BoxFailure) -> PullResult {
        let lease = try store.lease()
        let top = try await client.resolve(reference)
        logger.debug("resolved", metadata: ["reference": "\(reference)", "digest": "\(top.descriptor.digest)"])
        var manifest = top
        if top.descriptor.mediaType.isIndex {
            let chosen = try choose(top, reference)
            manifest = try await client.manifest(chosen, of: reference)
        }
        let parsed: Manifest = try parse(manifest.bytes, "the manifest of \(reference.familiar)")
        try check(parsed, reference)
        let before = try store.image(reference)
        let config = try await config(parsed.config, reference)
        guard config.content.rootfs.diffIDs.count == parsed.layers.count else {
            throw BoxFailure(
                .corrupt, "pull", reference.familiar,
                reason:
                    "its manifest has \(parsed.layers.count) layers, its configuration \(config.content.rootfs.diffIDs.count)",
                hint: "the image is broken in the registry")
        }
        guard config.content.platform.isValid else {
            throw BoxFailure(
                .corrupt, "pull", reference.familiar,
                reason: "its configuration names no platform but \"\(config.content.platform.description.prefix(60))\"",
                hint: "the image is broken in the registry")
        }
        guard !insists || platform.distance(to: config.content.platform) != nil else {
            throw BoxFailure(
                .notFound, "pull", "\(reference.familiar) for \(platform)",
                reason: "the image exists for \(config.content.platform)", hint: "choose that with --platform")
        }
        progress(.began(reference, layers: parsed.layers))
        let size = try await fetchLayers(parsed.layers, config.content.rootfs.diffIDs, reference)
        // What refers comes after what it refers to; the name is last and makes all of it visible.
        try store.put(config.bytes, as: parsed.config.digest)
        try store.put(manifest.bytes, as: manifest.descriptor.digest)
        if top.descriptor.digest != manifest.descriptor.digest { try store.put(top.bytes, as: top.descriptor.digest) }
        let image = ImagePlatform(
            platform: config.content.platform, manifest: manifest.descriptor, imageID: parsed.config.digest,
            diffIDs: config.content.rootfs.diffIDs, size: size,
            created: Timestamp(rfc3339: config.content.created ?? "") ?? .never)
        let record = ImageRecord(
            reference: reference.tag == nil ? reference : reference.with(tag: reference.tag, digest: nil),
            target: top.descriptor, platforms: [image], tagged: Timestamp(nanoseconds: SystemClock.now),
            repositoryDigests: ["\(reference.name)@\(top.descriptor.digest)"])
        try store.setImage(record)
        lease.end()
        let known = before?.platforms.contains { $0.manifest.digest == image.manifest.digest } ?? false
        return PullResult(reference: reference, digest: top.descriptor.digest, isNew: !known)
    }

    /// Pulls every tag of a repository.
    package func runAllTags(
        _ reference: ImageReference, each: (PullResult) -> Void
    ) async throws(BoxFailure) {
        let tags = try await client.tags(reference)
        guard !tags.isEmpty else {
            throw BoxFailure(.notFound, "pull", reference.name, reason: "the repository has no tags")
        }
        for tag in tags where ImageReference.isTag(tag) {
            each(try await run(reference.with(tag: tag, digest: nil)))
        }
    }

    // MARK: Manifests

    private func choose(_ index: ResolvedManifest, _ reference: ImageReference) throws(BoxFailure) -> Descriptor {
        let parsed: ImageIndex = try parse(index.bytes, "the index of \(reference.familiar)")
        let candidates = parsed.manifests.compactMap { descriptor -> (distance: Int, descriptor: Descriptor)? in
            guard descriptor.mediaType.isManifest || descriptor.mediaType.isIndex, let offered = descriptor.platform
            else {
                return nil
            }
            return platform.distance(to: offered).map { ($0, descriptor) }
        }
        if let best = candidates.min(by: { $0.distance < $1.distance }) { return best.descriptor }
        // Attestations are listed with the platform unknown/unknown.
        let offered = parsed.manifests.compactMap(\.platform).filter { $0.os != "unknown" }.map(\.description)
        throw BoxFailure(
            .notFound, "pull", "\(reference.familiar) for \(platform)",
            reason: offered.isEmpty
                ? "the image names no platforms" : "the image exists for \(offered.joined(separator: ", "))",
            hint: offered.isEmpty ? nil : "choose one of them with --platform")
    }

    private func check(_ manifest: Manifest, _ reference: ImageReference) throws(BoxFailure) {
        for layer in manifest.layers where layer.mediaType.layerCompression == nil {
            throw BoxFailure(
                .unsupported, "pull", reference.familiar,
                reason: "a layer has the unknown media type \"\(layer.mediaType.rawValue.prefix(100))\"",
                hint: "it may be an artifact that is no image")
        }
        guard manifest.config.mediaType == .ociConfig || manifest.config.mediaType == .dockerConfig else {
            throw BoxFailure(
                .unsupported, "pull", reference.familiar,
                reason: "its configuration has the media type \"\(manifest.config.mediaType.rawValue.prefix(100))\"",
                hint: "it is an artifact that is no image")
        }
        for descriptor in manifest.layers + [manifest.config] where descriptor.size < 0 {
            throw BoxFailure(.corrupt, "pull", reference.familiar, reason: "the manifest names a negative size")
        }
    }

    private func config(
        _ descriptor: Descriptor, _ reference: ImageReference
    ) async throws(BoxFailure) -> RawDocument<ImageConfig> {
        let bytes: [UInt8]
        if store.hasBlob(descriptor.digest) {
            bytes = try store.blob(descriptor.digest)
        } else {
            bytes = try await client.smallBlob(descriptor, of: reference)
        }
        return RawDocument(
            bytes: bytes, descriptor: descriptor,
            content: try parse(bytes, "the configuration of \(reference.familiar)"))
    }

    private func parse<Content: Decodable>(_ bytes: [UInt8], _ what: String) throws(BoxFailure) -> Content {
        try JSON.decode(from: bytes, "read", what, hint: "the image is broken in the registry")
    }

    // MARK: Layers

    /// - Returns: bytes of all unpacked layers.
    private func fetchLayers(
        _ layers: [Descriptor], _ diffIDs: [DiffID], _ reference: ImageReference
    ) async throws(BoxFailure) -> Int64 {
        let width = max(1, configuration.maxConcurrentDownloads)
        let fetched = await withTaskGroup(of: Fetched.self) { group in
            var next = 0
            var pending: [Int: PendingLayer] = [:]
            func add() {
                guard next < layers.count else { return }
                let index = next
                next += 1
                let fetch = LayerFetch(
                    pull: self, descriptor: layers[index], diffID: diffIDs[index], parents: Array(diffIDs[..<index]),
                    reference: reference)
                group.addTask {
                    do throws(BoxFailure) {
                        return Fetched(index: index, pending: try await fetch.run(), failure: nil)
                    } catch {
                        return Fetched(index: index, pending: nil, failure: error)
                    }
                }
            }
            for _ in 0..<width { add() }
            while let one = await group.next() {
                if let failure = one.failure {
                    group.cancelAll()
                    return Result<[Int: PendingLayer], BoxFailure>.failure(failure)
                }
                if let layer = one.pending { pending[one.index] = layer }
                add()
            }
            return .success(pending)
        }
        // Those that depend on what is below them, from the lowest up.
        for (index, layer) in try fetched.get().sorted(by: { $0.key < $1.key }) {
            try await onThread { () throws(BoxFailure) in try layer.complete(parents: Array(diffIDs[..<index])) }
            progress(.layer(layers[index].digest, .complete))
        }
        var size: Int64 = 0
        for index in layers.indices {
            guard let key = store.layerKey(diffIDs[index], parents: diffIDs[..<index]) else {
                throw BoxFailure(.internal, "pull", reference.familiar, reason: "layer \(diffIDs[index]) vanished")
            }
            size += try store.layerRecord(key).contentSize
        }
        return size
    }
}

/// What became of fetching one layer.
private struct Fetched: Sendable {
    let index: Int
    /// nil where the layer is done.
    let pending: PendingLayer?
    let failure: BoxFailure?
}

/// Runs blocking work on a thread of its own, so that the few threads of tasks stay free.
func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws(BoxFailure) -> Value
) async throws(BoxFailure) -> Value {
    let result: Result<Value, BoxFailure> = await withCheckedContinuation { continuation in
        let started = startThread {
            do throws(BoxFailure) { continuation.resume(returning: .success(try body())) } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        if !started {
            continuation.resume(
                returning: .failure(
                    BoxFailure(.exhausted, "start a thread", reason: "the system refuses another one")))
        }
    }
    return try result.get()
}
