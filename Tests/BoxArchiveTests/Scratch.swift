import BoxArchive
import BoxModel
import BoxSystem
import CBoxSys
import Foundation

/// A folder of its own for one test, removed with it; `inside` is the layer, `canary` lies beside it.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/box-archive-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path + "/inside", withIntermediateDirectories: true)
        try Data("safe".utf8).write(to: URL(fileURLWithPath: path + "/canary"))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    var inside: String { path + "/inside" }

    func unpack(
        _ bytes: [UInt8], compression: Compression? = nil, into name: String = "inside",
        _ change: (inout UnpackOptions) -> Void = { _ in }
    ) throws -> LayerReport {
        var options = UnpackOptions(name: "layer test")
        options.marks = geteuid() == 0 ? .trusted : .user
        options.preservesOwner = geteuid() == 0
        change(&options)
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
        return try unpackLayer(
            from: BytesSource(bytes), compression: compression, into: Directory(opening: path + "/" + name),
            options: options)
    }

    /// What a shell command prints, run in the scratch folder.
    @discardableResult
    func shell(_ command: String) throws -> String {
        let result = try Spawn.capture("/bin/bash", ["-c", "cd '\(path)' && \(command)"], limit: 64 << 20)
        guard result.status == 0 else {
            throw BoxFailure(.internal, "run", command, reason: String(decoding: result.error, as: UTF8.self))
        }
        return String(decoding: result.output, as: UTF8.self)
    }

    /// Everything under a folder in GNU find's words, sorted.
    func listing(_ name: String) throws -> String {
        try shell("cd '\(name)' && find . -mindepth 1 -printf '%P %y %m %U:%G %s %T@ %l %n\\n' | LC_ALL=C sort")
    }

    func text(_ name: String) throws -> String {
        String(decoding: try readFile(inside + "/" + name), as: UTF8.self)
    }

    func attribute(_ name: String, _ key: String) -> String? {
        var value = [UInt8](repeating: 0, count: 256)
        let count = box_lgetxattr(inside + "/" + name, key, &value, value.count)
        return count < 0 ? nil : String(decoding: value[..<count], as: UTF8.self)
    }

    func mode(_ name: String) throws -> (type: UInt32, device: UInt64) {
        var status = stat()
        guard lstat(inside + "/" + name, &status) == 0 else {
            throw BoxFailure(.notFound, "stat", name, reason: "missing")
        }
        return (status.st_mode & S_IFMT, UInt64(status.st_rdev))
    }

    /// Whether nothing but the layer was touched.
    var isConfined: Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let canary = (try? readText(path + "/canary")) ?? ""
        return Set(names).isSubset(of: ["inside", "canary"]) && canary == "safe"
    }
}

let isRoot = geteuid() == 0
