internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension OwnedFD {
    /// Reads to the end of the file.
    ///
    /// - Parameters:
    ///   - limit: most bytes to accept; more is an `EFBIG` failure, so that no hostile file fills the memory.
    ///   - subject: what to name in a failure.
    package borrowing func readAll(limit: Int = 64 << 20, subject: String = "") throws(SystemFailure) -> [UInt8] {
        var raw = stat()
        try check(box_fstatat(self.raw, "", &raw, CInt(BOX_AT_EMPTY_PATH)), "fstat", subject)
        let expected = max(0, min(Int(raw.st_size), limit))
        var bytes = [UInt8](repeating: 0, count: expected + 1)
        var filled = 0
        while true {
            if filled == bytes.count {
                guard filled <= limit else { throw SystemFailure("read", subject, errno: .fileTooLarge) }
                bytes.append(contentsOf: repeatElement(0, count: max(4096, bytes.count)))
            }
            let count = bytes.withUnsafeMutableBytes {
                box_read(self.raw, $0.baseAddress.map { $0 + filled }, $0.count - filled)
            }
            if try check(count, "read", subject) == 0 { break }
            filled += Int(count)
        }
        guard filled <= limit else { throw SystemFailure("read", subject, errno: .fileTooLarge) }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    /// Writes all bytes.
    package borrowing func writeAll(_ bytes: borrowing RawSpan, subject: String = "") throws(SystemFailure) {
        let result: Int = bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = box_write(self.raw, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count < 0 { return count }
                done += count
            }
            return done
        }
        try check(result, "write", subject)
    }

    package borrowing func writeAll(_ bytes: [UInt8], subject: String = "") throws(SystemFailure) {
        try writeAll(bytes.span.bytes, subject: subject)
    }

    package borrowing func status(subject: String = "") throws(SystemFailure) -> FileStatus {
        var raw = stat()
        try check(box_fstatat(self.raw, "", &raw, CInt(BOX_AT_EMPTY_PATH)), "fstat", subject)
        return FileStatus(raw: raw)
    }
}

extension Directory {
    /// The content of a small file (openat(2), read(2)).
    package func read(_ name: String, limit: Int = 64 << 20) throws(SystemFailure) -> [UInt8] {
        try open(name).readAll(limit: limit, subject: describe(name))
    }

    /// Replaces a file in one step: a temporary file in the same directory, then rename(2).
    ///
    /// - Parameter durable: whether data and directory are flushed before and after; only where losing the write
    ///   would break the store, since it costs a disk flush.
    package func write(
        _ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644, durable: Bool = false
    ) throws(SystemFailure) {
        let temporary = temporaryName(for: name)
        do {
            let file = try open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
            try file.writeAll(bytes, subject: describe(name))
            if durable { try check(box_fdatasync(file.raw), "fdatasync", describe(name)) }
            try rename(temporary, to: name)
        } catch {
            _ = box_unlinkat(fd.raw, temporary, 0)
            throw error
        }
        if durable { try sync() }
    }
}

/// A name that no two live processes can both choose: `.tmp-PID-START-N-NAME`.
///
/// The collector takes the pid and its start time out again (``TemporaryName``) and leaves alone what a living
/// process is still making.
package func temporaryName(for name: String) -> String {
    TemporaryName.make(for: name)
}

/// Reads the content of a file of ours by path.
package func readFile(_ path: String, limit: Int = 64 << 20) throws(SystemFailure) -> [UInt8] {
    let file = OwnedFD(adopting: try check(box_open(AT_FDCWD, path, O_RDONLY, 0), "open", path))
    return try file.readAll(limit: limit, subject: path)
}

/// Reads a file as UTF-8 text; bytes that are not UTF-8 are replaced.
package func readText(_ path: String, limit: Int = 64 << 20) throws(SystemFailure) -> String {
    String(decoding: try readFile(path, limit: limit), as: UTF8.self)
}

/// Writes into an existing file by path in one write(2), as the files of proc(5) and cgroups(7) want it.
package func writeControl(_ path: String, _ text: String) throws(SystemFailure) {
    let file = OwnedFD(adopting: try check(box_open(AT_FDCWD, path, O_WRONLY, 0), "open", path))
    let bytes = Array(text.utf8)
    try check(bytes.withUnsafeBytes { box_write(file.raw, $0.baseAddress, $0.count) }, "write", path)
}
