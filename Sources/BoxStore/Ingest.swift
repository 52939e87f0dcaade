package import BoxModel
internal import BoxSystem
internal import Glibc

/// What comes of asking for a blob to be fetched.
package enum IngestStart: Sendable {
    /// It is here already, perhaps since another process has just finished it.
    case present
    /// Another process or thread is fetching it now.
    case busy
    /// It is ours to fetch, from `existing` on.
    case mine(Ingest)
}

/// A blob that is arriving: the only writer of its part file, which others may read while it grows.
///
/// The part file is locked by its own flock(2), so that the lock ends with its holder and leaves nothing behind, and
/// what has arrived stays for the next attempt.
package final class Ingest: Sendable {
    struct Progress {
        var available: Int64
        var ended = false
        var failure: BoxFailure?
        /// Readers are to stop; the writer goes on.
        var readersStopped = false
    }

    package let digest: Digest
    /// Bytes that the blob will have, or nil where nobody said.
    package let size: Int64?
    /// Bytes that an earlier attempt left; not verified yet.
    package let existing: Int64
    let file: OwnedFD
    let progress: Guarded<Progress>
    private let store: Store
    private let partName: String

    static func partName(_ digest: Digest) -> String { "\(digest.hex).part" }

    static func digest(ofPart name: String) -> Digest? {
        guard name.hasSuffix(".part") else { return nil }
        let hex = name.dropLast(5)
        return Digest(.sha256, hex: hex) ?? Digest(.sha512, hex: hex)
    }

    init(_ store: Store, _ digest: Digest, size: Int64?, existing: Int64, file: consuming OwnedFD) {
        self.store = store
        self.digest = digest
        self.size = size
        self.existing = existing
        self.file = file
        partName = "ingest/" + Self.partName(digest)
        progress = Guarded(Progress(available: existing))
    }

    deinit {
        // A reader must not wait for a writer that is gone.
        end()
    }

    private var path: String { store.path(partName) }

    /// Adds bytes at the end and lets readers have them.
    ///
    /// - Throws: `corrupt` beyond the size the blob should have; the reader's failure where one gave up.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(BoxFailure) {
        let state = progress.read { $0 }
        if let failure = state.failure { throw failure }
        let end = state.available + Int64(bytes.count)
        if let size, end > size {
            throw BoxFailure(
                .corrupt, "receive the blob", "\(digest)", reason: "it is longer than the \(size) bytes announced",
                hint: "the registry or something before it changes content; try again")
        }
        try storing("write the blob", path) { () throws(SystemFailure) in
            try file.write(bytes, at: state.available, path)
        }
        progress.change { $0.available = end }
    }

    /// Bytes that have arrived, from earlier attempts too.
    package var available: Int64 { progress.read { $0.available } }

    /// Tells readers that nothing more comes.
    package func end() {
        progress.change { $0.ended = true }
    }

    /// Tells both sides that it cannot go on; what has arrived stays for the next attempt.
    package func fail(_ failure: BoxFailure) {
        progress.change { if $0.failure == nil { $0.failure = failure } }
    }

    /// Drops what has arrived, for a registry that cannot go on in the middle or content that proved wrong.
    ///
    /// No reader may be under way.
    package func restart() throws(BoxFailure) {
        try storing("start the blob again", path) { () throws(SystemFailure) in
            try file.truncate(to: 0, path)
        }
        progress.change { $0 = Progress(available: 0) }
    }

    /// A reader from the beginning on, which waits where the writer has not come yet.
    package func reader() -> IngestReader {
        IngestReader(self)
    }

    /// The digest of what has arrived so far.
    package func calculatedDigest() throws(BoxFailure) -> Digest {
        try storing("read the blob", path) { () throws(SystemFailure) in
            try ContentHasher.digest(of: file, digest.algorithm, path)
        }
    }

    /// Makes the part the blob: durable first, then visible.
    ///
    /// - Parameter verified: the digest that the caller calculated from all bytes.
    /// - Throws: `corrupt` where it is another than was asked for; the part is dropped then.
    package func commit(verified: Digest) throws(BoxFailure) {
        let root = try store.writableRoot("keep the blob")
        let available = self.available
        guard verified == digest, size == nil || size == available else {
            try? root.directory.unlink(partName)
            throw BoxFailure(
                .corrupt, "receive the blob", "\(digest)",
                reason: verified == digest
                    ? "it has \(available) bytes instead of \(size ?? 0)" : "its content has the digest \(verified)",
                hint: "the registry or something before it changes content; try again")
        }
        try storing("keep the blob", "\(digest)") { () throws(SystemFailure) in
            try file.setMode(0o444, path)
            try file.syncData(path)
            try store.makeBlobFolder(root, digest)
            let target = Store.blobPath(digest)
            try root.directory.rename(partName, to: target)
            try syncParent(root.directory, target)
        }
        end()
    }

    /// Removes the part.
    package func discard() {
        try? store.root?.directory.unlink(partName)
        end()
    }
}

extension Store {
    /// Asks for a blob to be fetched; never waits.
    ///
    /// - Parameter size: bytes that it should have.
    package func ingest(_ digest: Digest, size: Int64?) throws(BoxFailure) -> IngestStart {
        let root = try writableRoot("receive a blob")
        let name = "ingest/" + Ingest.partName(digest)
        while true {
            if hasBlob(digest) {
                try storing("renew the blob", "\(digest)") { () throws(SystemFailure) in try renew(root, digest) }
                return .present
            }
            let file = try storing("receive the blob", path(name)) { () throws(SystemFailure) in
                try root.directory.open(name, flags: O_RDWR | O_CREAT, mode: 0o600)
            }
            let state = try storing("lock the blob", path(name)) {
                () throws(SystemFailure) -> (locked: Bool, current: Bool, size: Int64) in
                guard try file.lock(exclusive: true, wait: false, path(name)) else { return (false, false, 0) }
                let held = try file.status(subject: path(name))
                // Its last holder may have made it the blob, or dropped it, between our open and our lock.
                let named = try? root.directory.status(name)
                return (true, named?.inode == held.inode, held.size)
            }
            if !state.locked { return .busy }
            guard state.current else { continue }
            if hasBlob(digest) { continue }
            if let size, state.size > size {
                try storing("receive the blob", path(name)) { () throws(SystemFailure) in
                    try file.truncate(to: 0, path(name))
                }
                return .mine(Ingest(self, digest, size: size, existing: 0, file: file))
            }
            return .mine(Ingest(self, digest, size: size, existing: state.size, file: file))
        }
    }
}
