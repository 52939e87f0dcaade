package import BoxModel
internal import BoxSystem
internal import Glibc

/// A blob that is written before its digest is known.
///
/// Single writer; gone with the object unless it is kept.
package final class BlobSpool: Sendable {
    private let file: OwnedFD
    private let name: String
    private let store: Store
    private let written = Guarded<Int64>(0)

    init(_ store: Store, name: String, file: consuming OwnedFD) {
        self.store = store
        self.name = name
        self.file = file
    }

    deinit {
        try? store.root?.directory.unlink(name)
    }

    /// Bytes so far.
    package var size: Int64 { written.read { $0 } }

    package func append(_ bytes: UnsafeRawBufferPointer) throws(BoxFailure) {
        let offset = size
        try storing("write the blob", store.path(name)) { () throws(SystemFailure) in
            try file.write(bytes, at: offset, store.path(name))
        }
        written.change { $0 = offset + Int64(bytes.count) }
    }

    /// Reads at a place what was written.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BoxFailure) -> Int {
        try storing("read the blob", store.path(name)) { () throws(SystemFailure) in
            try file.read(into: buffer, at: offset, store.path(name))
        }
    }

    /// Makes it a blob: durable first, then visible.
    ///
    /// - Parameter digest: as the caller calculated it from all bytes.
    package func commit(_ digest: Digest) throws(BoxFailure) {
        let root = try store.writableRoot("keep the blob")
        try storing("keep the blob", "\(digest)") { () throws(SystemFailure) in
            if root.directory.exists(Store.blobPath(digest)) { return try store.renew(root, digest) }
            try file.setMode(0o444, name)
            try file.syncData(name)
            try store.makeBlobFolder(root, digest)
            try root.directory.rename(name, to: Store.blobPath(digest))
            try syncParent(root.directory, Store.blobPath(digest))
        }
    }
}

extension Store {
    /// Begins a blob whose digest is not known yet.
    package func spool() throws(BoxFailure) -> BlobSpool {
        let root = try writableRoot("write a blob")
        let name = "tmp/" + TemporaryName.make(for: "blob")
        let file = try storing("write a blob", path(name)) { () throws(SystemFailure) in
            try root.directory.open(name, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        }
        return BlobSpool(self, name: name, file: file)
    }
}
