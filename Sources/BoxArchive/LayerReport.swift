package import BoxModel

/// What unpacking a layer has found out about it.
package struct LayerReport: Sendable, Equatable {
    /// The SHA-256 of the bytes read.
    package var compressedDigest: Digest
    package var compressedSize: Int64
    package var diffID: DiffID
    package var uncompressedSize: Int64
    /// Bytes of file content, holes included.
    package var unpackedSize: Int64
    package var entryCount: Int
    /// Directories made only because a child needed them, parents first; paths relative to the layer, raw bytes.
    package var implicitDirectories: [[UInt8]]
    /// Hard links whose target is in no entry of this layer.
    package var foreignHardLinks: [ForeignHardLink]
    /// Whether the archive hides everything below it.
    ///
    /// overlayfs ignores the mark on the root of a layer, so the
    /// layers below must be left out of the stack.
    package var hidesEverythingBelow: Bool
    /// Whether the archive had an entry for its root; otherwise the root is 0755.
    package var hasRootEntry: Bool
    /// Whether the archive ended with its marker.
    package var hasEndMarker: Bool
    /// Names of extended attributes that were refused or that the file system does not keep, each once.
    package var ignoredAttributes: [String]

    /// Whether the directory depends on nothing but the archive.
    package var isSelfContained: Bool { implicitDirectories.isEmpty && foreignHardLinks.isEmpty }
}

/// A hard link to a file of a layer below.
package struct ForeignHardLink: Sendable, Equatable {
    package var path: [UInt8]
    package var target: [UInt8]

    package init(path: [UInt8], target: [UInt8]) {
        self.path = path
        self.target = target
    }
}
