internal import CBoxSys
internal import Glibc

/// A lock on a file (flock(2)) that the kernel releases when its holder dies, however it dies.
package struct FileLock: ~Copyable, Sendable {
    package enum Mode: Sendable {
        case shared, exclusive
    }

    private let fd: OwnedFD

    /// Opens (or makes) the file and waits for the lock.
    package init(_ directory: borrowing Directory, _ name: String, _ mode: Mode) throws(SystemFailure) {
        let opened = try Self.openFile(directory, name)
        try check(box_flock(opened.raw, mode == .shared ? LOCK_SH : LOCK_EX), "flock", directory.describe(name))
        self.init(opened)
    }

    /// The lock if nobody holds it against us, else nil; never waits.
    package static func attempt(
        _ directory: borrowing Directory, _ name: String, _ mode: Mode
    ) throws(SystemFailure) -> FileLock? {
        let fd = try openFile(directory, name)
        let result = box_flock(fd.raw, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB)
        if result == -EWOULDBLOCK { return nil }
        try check(result, "flock", directory.describe(name))
        return FileLock(fd)
    }

    private init(_ fd: consuming OwnedFD) {
        self.fd = fd
    }

    private static func openFile(_ directory: borrowing Directory, _ name: String) throws(SystemFailure) -> OwnedFD {
        // Read-only is enough for flock, so that a reader of a store it may not write can still lock.
        let raw = box_open(directory.fd.raw, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0o644)
        if raw == -EROFS || raw == -EACCES { return try directory.open(name) }
        return OwnedFD(adopting: try check(raw, "open", directory.describe(name)))
    }

    /// Whether the locked file still stands under its name; a lock on a file that was unlinked protects nothing.
    package borrowing func isCurrent(_ directory: borrowing Directory, _ name: String) -> Bool {
        guard let held = try? fd.status(), let named = try? directory.status(name) else { return false }
        return held.inode == named.inode && held.device == named.device
    }

    /// Hands the descriptor to a child that goes on holding the lock.
    package consuming func intoDescriptor() -> OwnedFD {
        fd
    }
}
