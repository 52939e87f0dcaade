package import BoxModel
package import BoxSystem

extension Store {
    /// Where a blob lies, relative to the root.
    static func blobPath(_ digest: Digest) -> String { "oci/blobs/\(digest.algorithm.rawValue)/\(digest.hex)" }

    /// Whether the blob is here, whole and verified.
    package func hasBlob(_ digest: Digest) -> Bool {
        root?.directory.exists(Self.blobPath(digest)) ?? false
    }

    /// The size of a blob that is here, else nil.
    package func blobSize(_ digest: Digest) -> Int64? {
        try? root?.directory.status(Self.blobPath(digest)).size
    }

    /// Opens a blob for reading.
    ///
    /// - Throws: `notFound` where it is not here.
    package func openBlob(_ digest: Digest) throws(BoxFailure) -> OwnedFD {
        let root = try presentRoot("open the blob")
        return try storing("open the blob", "\(digest)") { () throws(SystemFailure) in
            try root.directory.open(Self.blobPath(digest))
        }
    }

    /// The bytes of a small blob, whose digest is checked again: a disk may have changed them.
    ///
    /// - Parameter limit: most bytes to accept.
    package func blob(_ digest: Digest, limit: Int = 16 << 20) throws(BoxFailure) -> [UInt8] {
        let file = try openBlob(digest)
        let bytes = try storing("read the blob", "\(digest)") { () throws(SystemFailure) in
            try file.readAll(limit: limit, subject: path(Self.blobPath(digest)))
        }
        guard digest.matches(bytes) else {
            throw BoxFailure(
                .corrupt, "read the blob", "\(digest)", reason: "its content has another digest",
                hint: "run `box system check --repair`, then pull the image again")
        }
        return bytes
    }

    /// A manifest that is here.
    package func manifest(_ digest: Digest) throws(BoxFailure) -> Manifest {
        try JSON.decode(Manifest.self, from: try blob(digest), "read the manifest", "\(digest)")
    }

    /// Stores a small blob under its SHA-256 digest; one that is here already is left as it is.
    package func put(_ bytes: [UInt8], mediaType: MediaType) throws(BoxFailure) -> Descriptor {
        let digest = Digest.sha256(of: bytes)
        try put(bytes, as: digest)
        return Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
    }

    /// Stores a small blob under the digest that names it elsewhere.
    ///
    /// - Throws: `corrupt` where the bytes have another digest.
    package func put(_ bytes: [UInt8], as digest: Digest) throws(BoxFailure) {
        let root = try writableRoot("store a blob")
        guard digest.matches(bytes) else {
            throw BoxFailure(.corrupt, "store the blob", "\(digest)", reason: "its content has another digest")
        }
        try storing("store the blob", "\(digest)") { () throws(SystemFailure) in
            let target = Self.blobPath(digest)
            if root.directory.exists(target) { return try renew(root, digest) }
            try makeBlobFolder(root, digest)
            try replaceFile(root.directory, target, bytes, mode: 0o444, durable: true)
        }
    }

    func makeBlobFolder(_ root: SharedDirectory, _ digest: Digest) throws(SystemFailure) {
        // The skeleton has the folder of the usual algorithm.
        if digest.algorithm != .sha256 {
            try root.directory.makeIfMissing("oci/blobs/\(digest.algorithm.rawValue)", mode: 0o755)
        }
    }

    /// Restarts the time for which a blob is kept without a reference.
    func renew(_ root: SharedDirectory, _ digest: Digest) throws(SystemFailure) {
        try root.directory.setModified(Self.blobPath(digest), nanoseconds: SystemClock.now)
    }

    /// The digests of all blobs.
    package func blobDigests() throws(BoxFailure) -> [Digest] {
        guard let root else { return [] }
        return try storing("list the blobs", location.root) { () throws(SystemFailure) in
            var digests: [Digest] = []
            for algorithm in [Digest.Algorithm.sha256, .sha512] {
                let names = try root.directory.visibleNames(in: "oci/blobs/\(algorithm.rawValue)")
                digests += names.compactMap { Digest(algorithm, hex: $0) }
            }
            return digests
        }
    }
}
