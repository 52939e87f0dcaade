internal import BoxModel
package import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension OwnedFD {
    /// Flushes the content to the disk (fdatasync(2)).
    borrowing func syncData(_ subject: String) throws(SystemFailure) {
        try check(box_fdatasync(raw), "fdatasync", subject)
    }

    /// Flushes the whole file system that this file lies on (syncfs(2)).
    borrowing func syncFileSystem(_ subject: String) throws(SystemFailure) {
        try check(box_syncfs(raw), "syncfs", subject)
    }

    /// Takes every right to write away (fchmod(2)).
    borrowing func setMode(_ mode: UInt32, _ subject: String) throws(SystemFailure) {
        try check(box_fchmod(raw, mode), "fchmod", subject)
    }

    borrowing func truncate(to size: Int64, _ subject: String) throws(SystemFailure) {
        try check(box_ftruncate(raw, size), "ftruncate", subject)
    }

    /// Waits for a flock(2) on this open file, or tries it once.
    ///
    /// - Returns: whether the lock is held now.
    borrowing func lock(exclusive: Bool, wait: Bool, _ subject: String) throws(SystemFailure) -> Bool {
        let operation = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
        let result = box_flock(raw, operation)
        if result == -EWOULDBLOCK { return false }
        try check(result, "flock", subject)
        return true
    }

    /// Reads at a place without moving the file position (pread(2)).
    borrowing func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, _ subject: String
    ) throws(SystemFailure) -> Int {
        Int(try check(box_pread(raw, buffer.baseAddress, buffer.count, offset), "pread", subject))
    }

    /// Writes everything at a place (pwrite(2)).
    borrowing func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int64, _ subject: String
    ) throws(SystemFailure) {
        var done = 0
        while done < bytes.count {
            let rest = bytes.baseAddress.map { $0 + done }
            let count = box_pwrite(raw, rest, bytes.count - done, offset + Int64(done))
            try check(count, "pwrite", subject)
            done += count
        }
    }
}

extension Directory {
    /// Whether the running process may write here at all; asks the file system too, which root's rights do not
    /// overrule (faccessat(2)).
    func checkWritable() throws(SystemFailure) {
        try check(box_faccessat(fd.raw, ".", W_OK, AT_EACCESS), "write to", path)
    }

    /// Sets the time of last modification (utimensat(2)).
    func setModified(_ name: String, nanoseconds: Int64) throws(SystemFailure) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let result = box_utimensat(fd.raw, name, 0, Self.omitTime, seconds, Int(rest), AT_SYMLINK_NOFOLLOW)
        try check(result, "utimensat", describe(name))
    }

    /// `UTIME_OMIT`: leave the time as it is.
    private static var omitTime: Int { (1 << 30) - 2 }

    func changeMode(_ name: String, _ mode: UInt32) throws(SystemFailure) {
        try check(box_fchmodat(fd.raw, name, mode), "fchmodat", describe(name))
    }

    /// Writes a new file in a folder that nobody else sees yet.
    func writeNew(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws(SystemFailure) {
        try open(name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode).writeAll(bytes, subject: describe(name))
    }

    /// Replaces a file of which there is only one writer at a time, through one temporary name that the next write
    /// takes over, so that no kill leaves more than one.
    func replaceAsOnlyWriter(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws(SystemFailure) {
        let temporary = ".\(name).new"
        do {
            try open(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
                .writeAll(bytes, subject: describe(name))
            try rename(temporary, to: name)
        } catch {
            try? unlink(temporary)
            throw error
        }
    }

    func makeIfMissing(_ name: String, mode: UInt32) throws(SystemFailure) {
        do {
            try make(name, mode: mode)
        } catch  where error.errno == .fileExists {
        }
    }

    /// Reads a file, or nothing where there is none.
    func readIfPresent(_ name: String, limit: Int = 64 << 20) throws(SystemFailure) -> [UInt8]? {
        do {
            return try read(name, limit: limit)
        } catch  where error.isMissing {
            return nil
        }
    }

    /// The names in a child folder without hidden ones; nothing where there is no such folder.
    func visibleNames(in name: String) throws(SystemFailure) -> [String] {
        do {
            return try directory(name).names().filter { !$0.hasPrefix(".") }
        } catch  where error.isMissing {
            return []
        }
    }
}

extension SystemFailure {
    /// Whether the thing is not there, as opposed to out of reach.
    var isMissing: Bool { errno == .noSuchFileOrDirectory || errno == .notDirectory }
}

/// An open folder that classes can share.
package final class SharedDirectory: Sendable {
    package let directory: Directory

    init(_ directory: consuming Directory) {
        self.directory = directory
    }
}

/// Runs calls of the tool room and adds this room's sentence where one fails.
func storing<Result: ~Copyable>(
    _ operation: String, _ subject: String? = nil, _ body: () throws(SystemFailure) -> Result
) throws(BoxFailure) -> Result {
    do {
        return try body()
    } catch {
        throw BoxFailure(error, operation, subject)
    }
}
