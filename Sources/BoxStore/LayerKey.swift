package import BoxModel

/// The name of a stack of layers: the digest of all their diff ids in order (image-spec, config.md).
package struct ChainID: Hashable, Sendable, CustomStringConvertible {
    package let digest: Digest

    /// - Parameter diffIDs: lowest first.
    /// - Returns: nil for no layers at all.
    package init?(_ diffIDs: some Sequence<DiffID>) {
        var chain: Digest?
        for diffID in diffIDs {
            chain = chain.map { Digest.sha256(of: Array("\($0) \(diffID)".utf8)) } ?? diffID.digest
        }
        guard let chain else { return nil }
        digest = chain
    }

    package var description: String { digest.description }
}

/// Where an unpacked layer lies.
///
/// A layer that holds everything it names lies under its diff id alone, one copy for all images. One that left
/// folders to its parents, or has hard links into them, was completed from them and is good for that stack only.
package struct LayerKey: Hashable, Sendable, CustomStringConvertible {
    package let diffID: DiffID
    /// The stack below, where the layer depends on it; a stand-in where it depends on lying at the bottom.
    package let parents: ChainID?

    package init(_ diffID: DiffID, parents: ChainID? = nil) {
        self.diffID = diffID
        self.parents = parents
    }

    /// Parses the name of a folder in `layers/`.
    init?(folder name: String) {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        func digest(_ hex: Substring) -> Digest? { Digest(.sha256, hex: hex) ?? Digest(.sha512, hex: hex) }
        guard let first = parts.first.flatMap(digest) else { return nil }
        diffID = DiffID(first)
        switch parts.count {
        case 1: parents = nil
        case 2:
            guard let second = digest(parts[1]) else { return nil }
            parents = ChainID(chain: second)
        default: return nil
        }
    }

    package var description: String {
        diffID.digest.hex + (parents.map { ".\($0.digest.hex)" } ?? "")
    }
}

extension ChainID {
    init(chain digest: Digest) {
        self.digest = digest
    }

    /// Stands for no layers below, where a layer depends on that.
    static let bottom = ChainID(chain: Digest.sha256(of: []))
}

/// An unpacked layer, ready to be mounted.
package struct LayerPath: Hashable, Sendable {
    package let key: LayerKey
    /// The absolute path of its content.
    package let path: String
}

/// What is known of an unpacked layer.
package struct LayerRecord: Hashable, Sendable {
    package var diffID: DiffID
    /// Bytes of the archive it came from.
    package var archiveSize: Int64
    /// Bytes of the files in it.
    package var contentSize: Int64
    /// Whether nothing of the layers below shows through: overlayfs has no mark for that on the root of a layer.
    package var hidesEverythingBelow = false
    package var created: Timestamp

    package init(diffID: DiffID, archiveSize: Int64, contentSize: Int64, created: Timestamp) {
        self.diffID = diffID
        self.archiveSize = archiveSize
        self.contentSize = contentSize
        self.created = created
    }

    init(parsing bytes: [UInt8], source: String) throws(BoxFailure) {
        let json = try JSON(record: bytes, source: source)
        diffID = DiffID(try json.digest("diffID", source))
        archiveSize = try json.integer("archiveSize", source)
        contentSize = try json.integer("contentSize", source)
        hidesEverythingBelow = json["hidesEverythingBelow"]?.boolValue ?? false
        created = json.timestamp("created")
    }

    var bytes: [UInt8] {
        let json: JSON = [
            "format": 1, "diffID": .string("\(diffID)"), "archiveSize": .integer(archiveSize),
            "contentSize": .integer(contentSize), "hidesEverythingBelow": .bool(hidesEverythingBelow),
            "created": .integer(created.nanoseconds),
        ]
        return json.bytes()
    }
}
