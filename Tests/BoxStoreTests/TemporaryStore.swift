import BoxModel
import BoxStore
import BoxSystem
import Foundation
import Testing

/// A store in a folder of its own that goes with the object.
final class TemporaryStore: Sendable {
    let folder: String
    private let isMounted: Bool
    let store: Store

    /// - Parameter tmpfs: the size of a file system of its own.
    init(tmpfs: String? = nil) throws {
        folder = NSTemporaryDirectory() + "box-store-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        isMounted = tmpfs != nil
        if let tmpfs {
            let mounted = try run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(tmpfs)", "tmpfs", folder])
            try #require(mounted.status == 0, "\(mounted.output)")
        }
        store = try Store.open(StoreLocation(root: folder + "/root", state: folder + "/run"))
    }

    func remountReadOnly() throws {
        let mounted = try run("/bin/mount", ["-o", "remount,ro", folder])
        try #require(mounted.status == 0, "\(mounted.output)")
    }

    deinit {
        if isMounted { _ = try? run("/bin/umount", ["-l", folder]) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    var root: String { folder + "/root" }

    /// Another process's view of the same store.
    func again() throws -> Store { try Store.open(store.location) }

    func exists(_ path: String) -> Bool {
        (try? FileManager.default.attributesOfItem(atPath: root + "/" + path)) != nil
    }

    func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: root + "/" + path)) ?? []).sorted()
    }

    func read(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }

    func write(_ path: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: root + "/" + path))
    }

    func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: root + "/" + path, withIntermediateDirectories: true)
    }

    /// Makes it look as if something was last changed long ago.
    func age(_ path: String, days: Double) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -days * 86400)], ofItemAtPath: root + "/" + path)
    }
}

extension Store {
    /// Fetches a blob in pieces, as from a registry.
    func receive(_ bytes: [UInt8]) throws -> Digest {
        let digest = Digest.sha256(of: bytes)
        guard case .mine(let ingest) = try ingest(digest, size: Int64(bytes.count)) else { return digest }
        try bytes.withUnsafeBytes { try ingest.append($0) }
        try ingest.commit(verified: digest)
        return digest
    }

    /// Makes a layer with one file in it.
    @discardableResult
    func makeLayer(_ diffID: DiffID, parents: [DiffID] = [], dependent: Bool = false) throws -> LayerPath {
        let stage: LayerStage
        switch try stageLayer(diffID, parents: parents) {
        case .mine(let mine): stage = mine
        case .present(let key): return layerPath(key)
        case .busy: throw BoxFailure(.conflict, "make a layer", reason: "somebody else makes it")
        }
        try stage.diff.write("file", Array("content".utf8))
        return try stage.commit(
            LayerRecord(diffID: diffID, archiveSize: 10, contentSize: 7, created: Timestamp(nanoseconds: 1)),
            dependingOn: dependent ? parents : nil)
    }

    /// Makes an image of random layers that is complete in every respect.
    @discardableResult
    func makeImage(
        _ name: String, platform: Platform = .current, layers count: Int = 2, seed: String = UUID().uuidString
    ) throws -> ImageRecord {
        var layers: [Descriptor] = []
        var diffIDs: [DiffID] = []
        for index in 0..<count {
            let blob = try receive(Array("layer \(index) of \(seed)".utf8))
            let diffID = DiffID(.sha256(of: Array("diff \(index) of \(seed)".utf8)))
            layers.append(Descriptor(mediaType: .ociLayerGzip, digest: blob, size: blobSize(blob) ?? 0))
            try makeLayer(diffID, parents: diffIDs)
            diffIDs.append(diffID)
        }
        var config = ImageConfig(platform: platform, rootfs: ImageConfig.RootFS(diffIDs: diffIDs))
        config.author = seed
        let configBlob = try put(Array(JSONEncoder().encode(config)), mediaType: .ociConfig)
        let manifest = Manifest(config: configBlob, layers: layers)
        let manifestBlob = try put(Array(JSONEncoder().encode(manifest)), mediaType: .ociManifest)
        let image = ImagePlatform(
            platform: platform, manifest: manifestBlob, imageID: configBlob.digest, diffIDs: diffIDs, size: 14,
            created: Timestamp(nanoseconds: 1_700_000_000_000_000_000))
        return try setImage(
            ImageRecord(
                reference: ImageReference(name), target: manifestBlob, platforms: [image],
                tagged: Timestamp(nanoseconds: SystemClock.now)))
    }

    func configuration(_ name: String, image: ImageRecord) throws -> ContainerConfig {
        let platform = image.platforms[0]
        var config = ContainerConfig(
            id: ContainerID(random: randomBytes(32)), name: try ContainerName(name),
            created: Timestamp(nanoseconds: SystemClock.now), imageName: image.reference.familiar,
            imageID: platform.imageID, platform: platform.platform, layers: platform.diffIDs)
        config.manifestDigest = platform.manifest.digest
        config.entrypoint = ["/bin/sh"]
        config.command = ["-c", "echo ä"]
        config.labels = ["a": "b"]
        config.mounts = [Mount(.volume, source: "data", destination: "/data")]
        return config
    }
}

/// The failure that a call ends in.
func failure(_ body: () throws -> Void) -> BoxFailure? {
    do {
        try body()
        return nil
    } catch {
        return error as? BoxFailure
    }
}

/// A name of a half-made thing whose maker is dead: no process has this number.
func deadName(_ name: String) -> String { ".tmp-\(Int32.max)-1-0-\(name)" }

func diffID(_ text: String) -> DiffID { DiffID(.sha256(of: Array(text.utf8))) }

/// Runs a program and returns its status and output.
func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let (status, output, error) = try Spawn.capture(program, arguments)
    return (status, String(decoding: output + error, as: UTF8.self))
}
