internal import BoxArchive
package import BoxModel
internal import BoxStore
package import BoxSystem

/// What an image made from an archive is to be.
package struct ImportRequest: Sendable {
    package var reference: ImageReference?
    package var platform = Platform.current
    package var message: String?
    package var execution = ImageConfig.Execution()
    /// What the archive is called in failures and in the history.
    package var sourceName = "-"

    package init() {}
}

extension Images {
    /// Makes an image of one layer from an archive of a file system.
    ///
    /// A gzip, zstd or plain archive becomes the layer's blob as it is; what image formats do not know (bzip2, xz) is
    /// unpacked first.
    ///
    /// - Returns: the image's id.
    package func importArchive(
        _ source: SharedFD, _ request: ImportRequest
    ) throws(BoxFailure) -> Digest {
        let lease = try store.lease()
        let (layer, diffID) = try unpack(try spool(source, name: request.sourceName), request)
        let now = Timestamp(nanoseconds: SystemClock.now)
        let created = now.rfc3339
        var config = ImageConfig(platform: request.platform, rootfs: ImageConfig.RootFS(diffIDs: [diffID]))
        config.created = created
        config.config = request.execution
        config.history = [
            ImageConfig.History(
                created: created, createdBy: nil, comment: request.message ?? "Imported from \(request.sourceName)")
        ]
        let configuration = try store.put(
            try JSON.encode(config, "write the image's configuration"), mediaType: .ociConfig)
        let manifest = try store.put(
            try JSON.encode(Manifest(config: configuration, layers: [layer]), "write the image's manifest"),
            mediaType: .ociManifest)
        let reference =
            request.reference
            ?? ImageReference(
                registry: "localhost", repository: "imported", tag: nil, digest: manifest.digest)
        let contentSize = try store.layerKey(diffID, parents: []).map { key throws(BoxFailure) in
            try store.layerRecord(key).contentSize
        }
        let image = ImagePlatform(
            platform: request.platform, manifest: manifest, imageID: configuration.digest, diffIDs: [diffID],
            size: contentSize ?? 0, created: now)
        try store.setImage(ImageRecord(reference: reference, target: manifest, platforms: [image], tagged: now))
        lease.end()
        return configuration.digest
    }

    /// An archive on its way into the store.
    private struct Spooled {
        let blob: BlobSpool
        let mediaType: MediaType
    }

    /// Brings the archive into the store, decompressed where image formats do not know its compression.
    private func spool(_ source: SharedFD, name: String) throws(BoxFailure) -> Spooled {
        var reader = PrefixedSource(FileSource(source, name: name))
        let prefix = try reader.prefix(Compression.magicLength)
        guard !prefix.isEmpty else {
            throw BoxFailure(.corrupt, "import", name, reason: "the archive is empty")
        }
        let blob = try store.spool()
        let mediaType: MediaType
        switch Compression.detect(prefix: prefix) {
        case .gzip: mediaType = .ociLayerGzip
        case .zstd: mediaType = .ociLayerZstd
        case .uncompressed: mediaType = .ociLayer
        case .bzip2, .xz:
            try decompressArchive(from: reader, options: UnpackOptions(name: name)) { bytes throws(BoxFailure) in
                try blob.append(bytes)
            }
            return Spooled(blob: blob, mediaType: .ociLayer)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while case let count = try reader.read(into: buffer), count > 0 {
            try blob.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        return Spooled(blob: blob, mediaType: mediaType)
    }

    /// Unpacks the archive, which tells its digests, and makes it blob and layer.
    private func unpack(
        _ spooled: Spooled, _ request: ImportRequest
    ) throws(BoxFailure) -> (layer: Descriptor, diffID: DiffID) {
        let stage = try store.stageUnknownLayer()
        do throws(BoxFailure) {
            var options = UnpackOptions(name: request.sourceName)
            options.preservesOwner = HostFacts.isRoot
            options.requiresEndMarker = true
            if !HostFacts.isRoot { options.marks = .user }
            let report = try unpackLayer(from: SpoolSource(spooled.blob), into: stage.diff, options: options)
            try spooled.blob.commit(report.compressedDigest)
            if store.layerKey(report.diffID, parents: []) != nil {
                stage.discard()
            } else {
                try PendingLayer(store: store, stage: stage, report: report, options: options).complete(parents: nil)
            }
            let layer = Descriptor(
                mediaType: spooled.mediaType, digest: report.compressedDigest, size: report.compressedSize)
            return (layer, report.diffID)
        } catch {
            stage.discard()
            throw error
        }
    }
}

/// What was spooled, from its beginning.
private struct SpoolSource: ByteSource {
    private let spool: BlobSpool
    private var offset: Int64 = 0

    init(_ spool: BlobSpool) {
        self.spool = spool
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        let count = try spool.read(into: buffer, at: offset)
        offset += Int64(count)
        return count
    }
}

/// A source whose beginning was looked at.
private struct PrefixedSource: ByteSource {
    private var source: FileSource
    private var held: [UInt8] = []

    init(_ source: FileSource) {
        self.source = source
    }

    mutating func prefix(_ count: Int) throws(BoxFailure) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        while held.count < count {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count - held.count)])
            let got = try source.read(into: room)
            if got == 0 { break }
            held += room[..<got]
        }
        return held
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        guard !held.isEmpty else { return try source.read(into: buffer) }
        let count = min(buffer.count, held.count)
        buffer.copyBytes(from: held[..<count])
        held.removeFirst(count)
        return count
    }
}
