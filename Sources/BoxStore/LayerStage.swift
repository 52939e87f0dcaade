package import BoxModel
package import BoxSystem
internal import SystemPackage

/// What comes of asking for a layer to be unpacked.
package enum LayerStart: Sendable {
    /// It lies there already.
    case present(LayerKey)
    /// Another process or thread is unpacking it now.
    case busy
    /// It is ours to unpack.
    case mine(LayerStage)
}

/// A layer being unpacked where nobody looks, until one rename makes it a layer.
///
/// The folder is locked by flock(2) as long as its maker lives, and named by the layer and those below it, so that a
/// second process finds it and what a kill left is told from what is under way. Whoever waits for another's stage
/// waits for a shorter chain, so that nobody waits in a circle.
package final class LayerStage: Sendable {
    /// Where the content goes.
    package let diff: Directory
    private let folder: Directory
    private let path: String
    private let store: Store

    private static let prefix = "layer-"

    static func stagingName(_ diffID: DiffID, _ parents: [DiffID]) -> String {
        prefix + (ChainID(parents + [diffID]) ?? .bottom).digest.hex
    }

    static func isStagingName(_ name: String) -> Bool { name.hasPrefix(prefix) }

    init(_ store: Store, path: String, folder: consuming Directory, diff: consuming Directory) {
        self.store = store
        self.path = path
        self.folder = folder
        self.diff = diff
    }

    /// Empties the folder for another attempt.
    package func restart() throws(BoxFailure) {
        try storing("empty the layer", diff.path) { () throws(SystemFailure) in try diff.removeContents() }
    }

    /// Makes it a layer: everything on the disk first, then visible.
    ///
    /// - Parameter parents: the diff ids below, lowest first, where the layer was completed from them or depends on
    ///   there being none; nil where it stands alone.
    package func commit(_ record: LayerRecord, dependingOn parents: [DiffID]? = nil) throws(BoxFailure) -> LayerPath {
        let root = try store.writableRoot("keep the layer")
        let diffID = record.diffID
        let key = LayerKey(diffID, parents: parents.map { ChainID($0) ?? .bottom })
        try storing("keep the layer", "\(diffID)") { () throws(SystemFailure) in
            try folder.writeNew("record", record.bytes, mode: 0o644)
            if record.hidesEverythingBelow { try folder.writeNew("opaque", [], mode: 0o644) }
            // One call for thousands of files; flushing each would take seconds.
            try folder.fd.syncFileSystem(folder.path)
            do throws(SystemFailure) {
                try root.directory.rename(path, to: "layers/\(key)", replacing: false)
            } catch  where error.errno == .fileExists || error.errno == .directoryNotEmpty {
                // Somebody who depended on other locks was faster; theirs is as good.
                try root.directory.removeTree(path)
            }
            try root.directory.directory("layers").sync()
        }
        return store.layerPath(key)
    }

    /// Takes what was unpacked away.
    package func discard() {
        guard let root = store.root else { return }
        let doomed = "tmp/" + TemporaryName.make(for: "trash")
        try? root.directory.rename(path, to: doomed)
        try? root.directory.removeTree(doomed)
    }
}

extension Store {
    /// Asks for a layer to be unpacked; never waits.
    ///
    /// - Parameter parents: the diff ids below it, lowest first.
    package func stageLayer(_ diffID: DiffID, parents: [DiffID]) throws(BoxFailure) -> LayerStart {
        let root = try writableRoot("unpack a layer")
        let name = "tmp/" + LayerStage.stagingName(diffID, parents)
        for _ in 0..<1000 {
            if let key = layerKey(diffID, parents: parents) {
                try storing("renew the layer", "\(diffID)") { () throws(SystemFailure) in
                    try root.directory.setModified("layers/\(key)/record", nanoseconds: SystemClock.now)
                }
                return .present(key)
            }
            let step = try storing("unpack the layer", "\(diffID)") { () throws(SystemFailure) in
                try openStage(root, name)
            }
            switch consume step {
            case .busy: return .busy
            case .again: continue
            case .locked(let stage):
                // Committed by its last holder between our look and our lock.
                if layerKey(diffID, parents: parents) == nil { return .mine(stage) }
                stage.discard()
            }
        }
        throw BoxFailure(
            .unavailable, "unpack the layer", "\(diffID)", reason: "its folder comes and goes",
            hint: "run `box system check`")
    }

    /// A stage for a layer whose diff id nobody knows yet; another process may be unpacking the same.
    package func stageUnknownLayer() throws(BoxFailure) -> LayerStage {
        let root = try writableRoot("unpack a layer")
        let name = "tmp/" + TemporaryName.make(for: "layer")
        return try storing("unpack a layer", path(name)) { () throws(SystemFailure) in
            let folder = try root.directory.makeDirectory(name)
            let diff = try folder.makeDirectory("diff")
            try folder.changeMode("diff", 0o755)
            return LayerStage(self, path: name, folder: folder, diff: diff)
        }
    }

    private enum StageStep {
        case busy
        case again
        case locked(LayerStage)
    }

    private func openStage(
        _ root: SharedDirectory, _ name: String
    ) throws(SystemFailure) -> StageStep {
        do throws(SystemFailure) {
            try root.directory.makeIfMissing(name, mode: 0o755)
            let folder = try root.directory.directory(name)
            guard try folder.fd.lock(exclusive: true, wait: false, folder.path) else { return .busy }
            let held = try folder.fd.status(subject: folder.path)
            guard (try? root.directory.status(name))?.inode == held.inode else { return .again }
            // Left by a killed process: half a layer is worth nothing.
            try folder.removeContents()
            let diff = try folder.makeDirectory("diff")
            try folder.changeMode("diff", 0o755)
            return .locked(LayerStage(self, path: name, folder: folder, diff: diff))
        } catch  where error.isMissing {
            // Committed, or collected as a leftover, between two of the calls.
            return .again
        }
    }
}
