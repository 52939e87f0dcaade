internal import BoxArchive
internal import BoxModel
internal import BoxRegistry
internal import BoxStore
internal import BoxSystem

/// Brings one layer into the store: downloaded, hashed, decompressed and unpacked in one pass, unless some of that is
/// done already, by an earlier pull or by another process right now.
struct LayerFetch: Sendable {
    let pull: Pull
    let descriptor: Descriptor
    let diffID: DiffID
    /// Lowest first.
    let parents: [DiffID]
    let reference: ImageReference

    private var store: Store { pull.store }

    /// - Returns: the layer where it is unpacked but left something to the layers below it; nil where it is done.
    func run() async throws(BoxFailure) -> PendingLayer? {
        while true {
            switch try store.stageLayer(diffID, parents: parents) {
            case .present:
                let had = store.hasBlob(descriptor.digest)
                if !had { try await fetchBlobOnly() }
                pull.progress(.layer(descriptor.digest, had ? .alreadyExists : .complete))
                return nil
            case .mine(let stage):
                guard case .done(let pending) = try await unpack(into: stage) else { continue }
                return pending
            case .busy:
                pull.progress(.waiting(descriptor.digest))
                try await pause()
            }
        }
    }

    /// How an attempt ended that did not fail.
    private enum Attempt {
        case done(PendingLayer?)
        /// What an earlier pull had left, perhaps from another registry, was not the beginning of this blob; it is
        /// dropped, and the blob is to be fetched from its first byte.
        case again
    }

    private func pause() async throws(BoxFailure) {
        do { try await Task.sleep(for: .milliseconds(30)) } catch {
            throw BoxFailure(
                .cancelled, "pull", reference.familiar, reason: "it was interrupted",
                hint: "pull again; it goes on where it was")
        }
    }

    // MARK: Unpacking

    private func unpack(into stage: LayerStage) async throws(BoxFailure) -> Attempt {
        do throws(BoxFailure) {
            while true {
                switch try store.ingest(descriptor.digest, size: descriptor.size) {
                case .present: return .done(try await unpackBlob(stage))
                case .mine(let ingest):
                    let attempt = try await download(ingest, stage)
                    if case .again = attempt { stage.discard() }
                    return attempt
                case .busy:
                    pull.progress(.waiting(descriptor.digest))
                    try await pause()
                }
            }
        } catch {
            stage.discard()
            throw error
        }
    }

    private func options() -> UnpackOptions {
        var options = UnpackOptions(name: "layer \(descriptor.digest.short)")
        options.preservesOwner = HostFacts.isRoot
        options.skipsDevices = !HostFacts.isRoot
        if !HostFacts.isRoot { options.marks = .user }
        return options
    }

    /// The blob lies in the store already; only unpacking is left.
    private func unpackBlob(_ stage: LayerStage) async throws(BoxFailure) -> PendingLayer? {
        pull.progress(.layer(descriptor.digest, .extracting))
        let source = FileSource(try store.openBlob(descriptor.digest), name: "\(descriptor.digest)")
        let options = options()
        let report = try await onThread { () throws(BoxFailure) in
            try unpackLayer(from: source, into: stage.diff, options: options)
        }
        return try await finish(report, stage)
    }

    /// The unpacker follows the file that the download writes.
    private func download(_ ingest: Ingest, _ stage: LayerStage) async throws(BoxFailure) -> Attempt {
        let options = options()
        async let unpacking: Result<LayerReport, BoxFailure> = {
            let source = DownloadSource(ingest.reader())
            do throws(BoxFailure) {
                return .success(
                    try await onThread { () throws(BoxFailure) in
                        try unpackLayer(from: source, into: stage.diff, options: options)
                    })
            } catch {
                // The download need not go on for nobody.
                ingest.fail(error)
                return .failure(error)
            }
        }()
        let downloaded = await receive(ingest)
        let unpacked = await unpacking
        // What went wrong first is in the ingest; the other side only saw its echo.
        let report: LayerReport
        switch (downloaded, unpacked) {
        case (.failure(let failure), .failure(let root)):
            return try judge(ingest, root.kind == .corrupt ? root : failure)
        case (.failure(let failure), _): throw failure
        case (_, .failure(let failure)): return try judge(ingest, failure)
        case (.success, .success(let value)): report = value
        }
        pull.progress(.layer(descriptor.digest, .extracting))
        if report.compressedDigest != descriptor.digest, ingest.existing > 0 {
            ingest.discard()
            return .again
        }
        try await onThread { () throws(BoxFailure) in try ingest.commit(verified: report.compressedDigest) }
        return .done(try await finish(report, stage))
    }

    /// What could not be unpacked is kept only where it is the right content, which another time may unpack.
    private func judge(_ ingest: Ingest, _ failure: BoxFailure) throws(BoxFailure) -> Attempt {
        guard failure.kind == .corrupt else { throw failure }
        var found: Digest?
        if ingest.available == descriptor.size { found = try ingest.calculatedDigest() }
        if found == descriptor.digest { throw failure }
        ingest.discard()
        if ingest.existing > 0 { return .again }
        guard let found else { throw failure }
        throw BoxFailure(
            .corrupt, "receive the blob", "\(descriptor.digest)", reason: "its content has the digest \(found)",
            hint: "the registry or something before it changes content; try again")
    }

    private func receive(_ ingest: Ingest) async -> Result<Void, BoxFailure> {
        let progress = pull.progress
        let descriptor = descriptor
        progress(.layer(descriptor.digest, .downloading(ingest.existing, descriptor.size)))
        do throws(BoxFailure) {
            if ingest.existing < descriptor.size {
                try await pull.client.blob(descriptor, of: reference, from: ingest.existing) {
                    bytes throws(BoxFailure) in
                    try ingest.append(bytes)
                    progress(.layer(descriptor.digest, .downloading(ingest.available, descriptor.size)))
                }
            }
            ingest.end()
            progress(.layer(descriptor.digest, .downloaded))
            return .success(())
        } catch {
            ingest.fail(error)
            return .failure(error)
        }
    }

    private func finish(_ report: LayerReport, _ stage: LayerStage) async throws(BoxFailure) -> PendingLayer? {
        guard report.diffID == diffID else {
            throw BoxFailure(
                .corrupt, "unpack layer", descriptor.digest.short,
                reason: "its content has the digest \(report.diffID), the image's configuration says \(diffID)",
                hint: "the image is broken in the registry")
        }
        let pending = PendingLayer(store: store, stage: stage, report: report, options: options())
        guard report.isSelfContained else { return pending }
        try await onThread { () throws(BoxFailure) in try pending.complete(parents: nil) }
        pull.progress(.layer(descriptor.digest, .complete))
        return nil
    }

    // MARK: The blob alone

    /// The layer is here from another image, packed differently; the blob is still part of this image's layout.
    private func fetchBlobOnly() async throws(BoxFailure) {
        while true {
            switch try store.ingest(descriptor.digest, size: descriptor.size) {
            case .present: return
            case .busy: try await pause()
            case .mine(let ingest):
                try await receive(ingest).get()
                let digest = try await onThread { () throws(BoxFailure) in try ingest.calculatedDigest() }
                if digest != descriptor.digest, ingest.existing > 0 {
                    ingest.discard()
                    continue
                }
                try ingest.commit(verified: digest)
                return
            }
        }
    }
}

/// A layer that is unpacked but not yet a layer.
struct PendingLayer: Sendable {
    let store: Store
    let stage: LayerStage
    let report: LayerReport
    let options: UnpackOptions

    /// Takes from the layers below what this one left to them, and makes it a layer.
    ///
    /// - Parameter parents: lowest first, all of them layers already; nil where the layer stands alone.
    func complete(parents: [DiffID]?) throws(BoxFailure) {
        if !report.isSelfContained, let parents {
            var below: [SharedFD] = []
            for index in parents.indices.reversed() {
                guard let key = store.layerKey(parents[index], parents: parents[..<index]) else {
                    throw BoxFailure(
                        .internal, "complete a layer", "\(report.diffID)", reason: "a layer below it is missing")
                }
                do { below.append(SharedFD(try store.openLayer(key).fd.duplicate())) } catch let failure as BoxFailure {
                    throw failure
                } catch {
                    throw BoxFailure(.internal, "complete a layer", "\(report.diffID)", reason: "\(error)")
                }
            }
            try completeLayer(stage.diff, report: report, parents: below, options: options)
        }
        var record = LayerRecord(
            diffID: report.diffID, archiveSize: report.uncompressedSize, contentSize: report.unpackedSize,
            created: Timestamp(nanoseconds: SystemClock.now))
        record.hidesEverythingBelow = report.hidesEverythingBelow
        _ = try stage.commit(record, dependingOn: report.isSelfContained ? nil : parents ?? [])
    }
}

/// A download that still grows, as the unpacker reads it.
private struct DownloadSource: ByteSource {
    private var reader: IngestReader

    init(_ reader: IngestReader) {
        self.reader = reader
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        try reader.read(into: buffer)
    }

    var interrupt: (@Sendable () -> Void)? {
        let reader = reader
        return { reader.stop() }
    }
}
