import Crypto
import Foundation

/// The digest of bytes as registries write it.
func digest(of bytes: [UInt8]) -> String {
    "sha256:" + SHA256.hash(data: bytes).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

/// The media types that images are made of.
enum MediaTypes {
    static let index = "application/vnd.oci.image.index.v1+json"
    static let manifest = "application/vnd.oci.image.manifest.v1+json"
    static let config = "application/vnd.oci.image.config.v1+json"
    static let layer = "application/vnd.oci.image.layer.v1.tar"
    static let gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip"
    static let zstdLayer = "application/vnd.oci.image.layer.v1.tar+zstd"
}

/// A layer as it lies in a registry, and what it claims to be when unpacked.
struct HandMadeLayer: Sendable {
    var blob: [UInt8]
    var mediaType: String
    /// The digest of the archive without compression; may lie.
    var diffID: String
    /// What the manifest says; may lie.
    var digest: String
    var size: Int

    enum Compression: String {
        case none
        case gzip
        case zstd
    }

    init(_ archive: [UInt8], _ compression: Compression = .none) throws {
        diffID = EndToEndTests.digest(of: archive)
        switch compression {
        case .none:
            blob = archive
            mediaType = MediaTypes.layer
        case .gzip:
            blob = try Command.tool("gzip", "-nc", input: archive).stdout
            mediaType = MediaTypes.gzipLayer
        case .zstd:
            blob = try Command.tool("zstd", "-qc", input: archive).stdout
            mediaType = MediaTypes.zstdLayer
        }
        digest = EndToEndTests.digest(of: blob)
        size = blob.count
    }

    init(_ writer: TarWriter, _ compression: Compression = .none) throws {
        try self.init(writer.finished, compression)
    }

    init(_ compression: Compression = .none, _ write: (inout TarWriter) -> Void) throws {
        var writer = TarWriter()
        write(&writer)
        try self.init(writer.finished, compression)
    }
}

/// An image made byte by byte, good or evil.
struct HandMadeImage: Sendable {
    struct Document: Sendable {
        var bytes: [UInt8]
        var mediaType: String
    }

    /// What a tag leads to: a manifest or an index.
    var top: Document
    /// The manifests that an index names, by digest.
    var manifests: [String: Document]
    /// Configuration and layers, by the digest under which they are offered.
    var blobs: [String: [UInt8]]

    /// An image of one platform.
    init(
        _ layers: [HandMadeLayer], config: [String: any Sendable] = ["Cmd": ["/bin/sh"]],
        architecture: String = machine,
        system: String = "linux"
    ) throws {
        let configuration = try json([
            "architecture": architecture, "os": system, "created": "2024-01-02T03:04:05.123456789Z", "config": config,
            "rootfs": ["type": "layers", "diff_ids": layers.map(\.diffID)] as [String: any Sendable],
            "history": layers.map { _ in ["created_by": "by hand", "created": "2024-01-02T03:04:05Z"] },
        ])
        try self.init(layers, configuration: configuration)
    }

    /// An image with a configuration that may be anything.
    init(_ layers: [HandMadeLayer], configuration: [UInt8]) throws {
        let manifest = try json([
            "schemaVersion": 2, "mediaType": MediaTypes.manifest,
            "config": [
                "mediaType": MediaTypes.config, "digest": digest(of: configuration), "size": configuration.count,
            ] as [String: any Sendable],
            "layers": layers.map { layer -> [String: any Sendable] in
                ["mediaType": layer.mediaType, "digest": layer.digest, "size": layer.size]
            },
        ])
        top = Document(bytes: manifest, mediaType: MediaTypes.manifest)
        manifests = [digest(of: manifest): top]
        blobs = [digest(of: configuration): configuration]
        for layer in layers { blobs[layer.digest] = layer.blob }
    }

    /// An answer that is not a manifest of ours at all.
    init(manifest: [UInt8], mediaType: String) {
        top = Document(bytes: manifest, mediaType: mediaType)
        manifests = [digest(of: manifest): top]
        blobs = [:]
    }

    /// An index over images of several platforms, each as `os/architecture[/variant]`.
    init(index images: [(platform: String, image: HandMadeImage)]) throws {
        manifests = [:]
        blobs = [:]
        var entries: [[String: any Sendable]] = []
        for (platform, image) in images {
            let parts = platform.split(separator: "/").map(String.init)
            var description: [String: String] = ["os": parts[0], "architecture": parts[1]]
            if parts.count > 2 { description["variant"] = parts[2] }
            entries.append([
                "mediaType": image.top.mediaType, "digest": digest(of: image.top.bytes), "size": image.top.bytes.count,
                "platform": description,
            ])
            manifests.merge(image.manifests) { $1 }
            blobs.merge(image.blobs) { $1 }
        }
        let bytes = try json(["schemaVersion": 2, "mediaType": MediaTypes.index, "manifests": entries])
        top = Document(bytes: bytes, mediaType: MediaTypes.index)
        manifests[digest(of: bytes)] = top
    }

    /// Writes an OCI image layout that holds this image under a tag.
    func write(to directory: String, tag: String = "latest") throws {
        try writeFile("\(directory)/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
        for (name, blob) in blobs { try writeFile("\(directory)/blobs/\(name.replacing(":", with: "/"))", blob) }
        for (name, manifest) in manifests {
            try writeFile("\(directory)/blobs/\(name.replacing(":", with: "/"))", manifest.bytes)
        }
        let index = try json([
            "schemaVersion": 2, "mediaType": MediaTypes.index,
            "manifests": [
                [
                    "mediaType": top.mediaType, "digest": digest(of: top.bytes), "size": top.bytes.count,
                    "annotations": ["org.opencontainers.image.ref.name": tag],
                ] as [String: any Sendable]
            ],
        ])
        try writeFile("\(directory)/index.json", index)
    }

    /// The architecture of this machine in the words of images.
    static let machine: String = {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            "unknown"
        #endif
    }()
}

/// The same value always gives the same bytes.
func json(_ value: [String: any Sendable]) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .withoutEscapingSlashes]))
}
