package import BoxModel
internal import BoxSystem
internal import Glibc

/// What a collection took away.
package struct CollectionReport: Sendable, Equatable {
    package var blobs: [Digest] = []
    package var layers: [LayerKey] = []
    package var parts = 0
    /// Bytes that the disk has again.
    package var reclaimed: Int64 = 0
    /// Why something unreferenced was left: a record that nobody can read may refer to it.
    package var obstacles: [BoxFailure] = []
}

extension Store {
    /// How long an unreferenced blob, layer or part is kept for an interrupted pull to go on with.
    package static let resumeWindow: Int64 = 7 * 24 * 3600 * 1_000_000_000
    /// How often a writer looks for what has outlived the window.
    private static let collectionInterval: Int64 = 24 * 3600 * 1_000_000_000

    /// Whether somebody asked for a collection (by removing the stamp) or the last one is long ago.
    func isCollectionDue(_ root: SharedDirectory) -> Bool {
        guard !isLeased else { return false }
        guard let stamp = try? root.directory.status("collected") else { return true }
        return SystemClock.now - stamp.modified > Self.collectionInterval
    }

    /// Makes the next writer collect, where it cannot be done now.
    func requestCollection(_ root: SharedDirectory) {
        try? root.directory.unlink("collected")
    }

    // MARK: What killed writers left

    /// Takes away half-made things whose maker is dead; cheap where there are none.
    func collectLeftovers(_ root: SharedDirectory) throws(BoxFailure) {
        let names = try storing("look for leftovers", location.root) { () throws(SystemFailure) in
            try root.directory.directory("tmp").names()
        }
        for name in names where isLeftover(root, name) { try collectLeftover(root, name) }
        try refreshLayoutIndexIfStale(root)
    }

    /// Names of half-made things whose maker is gone.
    func leftovers(_ root: SharedDirectory) -> [String] {
        ((try? root.directory.directory("tmp").names()) ?? []).filter { isLeftover(root, $0) }
    }

    private func isLeftover(_ root: SharedDirectory, _ name: String) -> Bool {
        if let maker = TemporaryName.maker(of: name) { return !maker.isAlive }
        // A layer being unpacked is locked by its maker for as long as that lives.
        guard LayerStage.isStagingName(name), let folder = try? root.directory.directory("tmp/" + name) else {
            return false
        }
        return (try? folder.fd.lock(exclusive: true, wait: false, name)) ?? false
    }

    private func collectLeftover(_ root: SharedDirectory, _ name: String) throws(BoxFailure) {
        let path = "tmp/" + name
        try storing("collect a leftover", self.path(path)) { () throws(SystemFailure) in
            if LayerStage.isStagingName(name) {
                // Under its lock, so that nobody begins to unpack into a folder that is going away.
                guard let folder = try? root.directory.directory(path),
                    try folder.fd.lock(exclusive: true, wait: false, path)
                else { return }
                let doomed = "tmp/" + TemporaryName.make(for: "trash")
                try root.directory.rename(path, to: doomed)
                try root.directory.removeTree(doomed)
                return
            }
            if let bytes = try? root.directory.readIfPresent(path + "/state"),
                let summary = try? ContainerSummary(parsing: bytes, source: path)
            {
                // A container whose creation or removal was cut short: free its name.
                try? freeName(root, summary)
            }
            try root.directory.removeTree(path)
        }
    }

    // MARK: What nothing refers to

    /// Takes away blobs, layers and parts that nothing refers to and nobody is using.
    ///
    /// Must be called without a lease. Waits for nobody: while other processes write, it leaves a request for the
    /// next writer instead.
    ///
    /// - Parameter unreferencedNow: whether everything unreferenced goes, not only what has outlived the window for
    ///   interrupted pulls or was given up on purpose (``giveUp(blobs:layers:)``).
    /// - Returns: nil where others were writing.
    package func collect(unreferencedNow: Bool = false) throws(BoxFailure) -> CollectionReport? {
        guard !isLeased else {
            throw BoxFailure(.internal, "collect", location.root, reason: "this process still holds a lease")
        }
        let root = try preparedRoot()
        guard let lock = try exclusiveLock(root) else {
            requestCollection(root)
            return nil
        }
        try collectLeftovers(root)
        var report = CollectionReport()
        let oldest = unreferencedNow ? Int64.max : SystemClock.now - Self.resumeWindow
        let marks = marks()
        report.obstacles = marks.obstacles
        // Removing an image is no reason to begin an interrupted download of another one anew.
        try sweepParts(root, olderThan: SystemClock.now - Self.resumeWindow, &report)
        if marks.obstacles.isEmpty {
            try sweepBlobs(root, marks, olderThan: oldest, &report)
            try sweepLayers(root, marks, olderThan: oldest, &report)
        }
        try storing("note the collection", location.root) { () throws(SystemFailure) in
            try replaceFile(root.directory, "collected", [], mode: 0o644)
        }
        _ = consume lock
        return report
    }

    /// The exclusive lock, after a few tries: commands hold the shared one only for milliseconds.
    private func exclusiveLock(_ root: SharedDirectory) throws(BoxFailure) -> FileLock? {
        for attempt in 0..<5 {
            if attempt > 0 { usleep(5000) }
            let lock = try storing("lock the store", location.root) { () throws(SystemFailure) in
                try FileLock.attempt(root.directory, "lock", .exclusive)
            }
            if let lock { return lock }
        }
        return nil
    }

    /// Lets the next collection take blobs and layers whatever their age, unless something else refers to them.
    package func giveUp(blobs: some Sequence<Digest>, layers: some Sequence<LayerKey>) throws(BoxFailure) {
        let root = try writableRoot("give up content")
        for digest in blobs { try? root.directory.setModified(Self.blobPath(digest), nanoseconds: 0) }
        for key in layers { try? root.directory.setModified("layers/\(key)/record", nanoseconds: 0) }
        requestCollection(root)
    }

    private func sweepParts(
        _ root: SharedDirectory, olderThan oldest: Int64, _ report: inout CollectionReport
    ) throws(BoxFailure) {
        let names = try storing("collect") { () throws(SystemFailure) in try root.directory.visibleNames(in: "ingest") }
        for name in names {
            let path = "ingest/" + name
            guard let status = try? root.directory.status(path) else { continue }
            let arrived = Ingest.digest(ofPart: name).map { root.directory.exists(Self.blobPath($0)) } ?? false
            guard arrived || status.modified < oldest else { continue }
            try storing("collect", self.path(path)) { () throws(SystemFailure) in try root.directory.unlink(path) }
            report.parts += 1
            report.reclaimed += status.allocated
        }
    }

    private func sweepBlobs(
        _ root: SharedDirectory, _ marks: Marks, olderThan oldest: Int64, _ report: inout CollectionReport
    ) throws(BoxFailure) {
        for digest in try blobDigests() where !marks.blobs.contains(digest) {
            let path = Self.blobPath(digest)
            guard let status = try? root.directory.status(path), status.modified < oldest else { continue }
            try storing("collect", self.path(path)) { () throws(SystemFailure) in try root.directory.unlink(path) }
            report.blobs.append(digest)
            report.reclaimed += status.allocated
        }
    }

    private func sweepLayers(
        _ root: SharedDirectory, _ marks: Marks, olderThan oldest: Int64, _ report: inout CollectionReport
    ) throws(BoxFailure) {
        for key in try layerKeys() where !marks.layers.contains(key) {
            guard let status = try? root.directory.status("layers/\(key)/record"), status.modified < oldest else {
                continue
            }
            let bytes = layerDiskUse(key)
            try storing("collect", path("layers/\(key)")) { () throws(SystemFailure) in
                // Away first: a layer that is half removed must not be found.
                let doomed = "tmp/" + TemporaryName.make(for: "trash")
                try root.directory.rename("layers/\(key)", to: doomed)
                try root.directory.removeTree(doomed)
            }
            report.layers.append(key)
            report.reclaimed += bytes
        }
    }
}
