internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// An open directory: the place that all relative names are resolved from.
///
/// Names given to the methods are single components or relative paths of ours; paths that come from outside go
/// through ``resolve(_:flags:mode:)``, which the kernel confines.
package struct Directory: ~Copyable, Sendable {
    package let fd: OwnedFD
    /// For messages only; never resolved again.
    package let path: String

    package init(_ fd: consuming OwnedFD, path: String) {
        self.fd = fd
        self.path = path
    }

    /// Opens a directory by an absolute or working-directory path of ours (openat(2)).
    package init(opening path: String) throws(SystemFailure) {
        let raw = try check(box_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), "open", path)
        self.init(OwnedFD(adopting: raw), path: path)
    }

    package func describe(_ name: String) -> String { path + "/" + name }

    // MARK: Looking

    /// Opens a child directory without following a link in its last component.
    package func directory(_ name: String) throws(SystemFailure) -> Directory {
        let raw = try check(
            box_open(fd.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0), "open", describe(name))
        return Directory(OwnedFD(adopting: raw), path: describe(name))
    }

    /// Opens a child directory, made first where it is missing.
    package func makeDirectory(_ name: String, mode: UInt32 = 0o755) throws(SystemFailure) -> Directory {
        let made = box_mkdirat(fd.raw, name, mode)
        if made < 0 && made != -EEXIST { try check(made, "mkdir", describe(name)) }
        return try directory(name)
    }

    /// Opens a file (openat(2)); never follows a link in the last component.
    package func open(_ name: String, flags: CInt = O_RDONLY, mode: UInt32 = 0) throws(SystemFailure) -> OwnedFD {
        OwnedFD(adopting: try check(box_open(fd.raw, name, flags | O_NOFOLLOW, mode), "open", describe(name)))
    }

    /// Opens a path that came from outside with this directory as its root: neither `..` nor links lead out of
    /// it (openat2(2), RESOLVE_IN_ROOT), and magic links of proc(5) are refused.
    package func resolve(_ path: String, flags: CInt, mode: UInt32 = 0) throws(SystemFailure) -> OwnedFD {
        let resolve = UInt64(BOX_RESOLVE_IN_ROOT | BOX_RESOLVE_NO_MAGICLINKS)
        return OwnedFD(
            adopting: try check(box_openat2(fd.raw, path, flags, mode, resolve), "openat2", describe(path)))
    }

    package func status(_ name: String, follow: Bool = false) throws(SystemFailure) -> FileStatus {
        var raw = stat()
        try check(
            box_fstatat(fd.raw, name, &raw, follow ? 0 : AT_SYMLINK_NOFOLLOW), "stat", describe(name))
        return FileStatus(raw: raw)
    }

    package func exists(_ name: String) -> Bool {
        var raw = stat()
        return box_fstatat(fd.raw, name, &raw, AT_SYMLINK_NOFOLLOW) == 0
    }

    /// The target of a symbolic link (readlinkat(2)).
    package func readLink(_ name: String) throws(SystemFailure) -> String {
        try withUnsafeTemporaryAllocation(byteCount: 4097, alignment: 1) { buffer throws(SystemFailure) in
            let base = buffer.assumingMemoryBound(to: CChar.self)
            let length = try check(
                box_readlinkat(fd.raw, name, base.baseAddress, 4096), "readlink", describe(name))
            return String(decoding: buffer[..<Int(length)], as: UTF8.self)
        }
    }

    /// The names in this directory without `.` and `..`, in the kernel's order (getdents64(2)).
    package func names() throws(SystemFailure) -> [String] {
        try entries().map(\.name)
    }

    /// One entry as getdents64(2) gives it.
    package struct Entry: Sendable {
        package let name: String
        /// `DT_DIR`, `DT_REG`, …; `DT_UNKNOWN` where the file system does not tell.
        package let type: UInt8
    }

    package func entries() throws(SystemFailure) -> [Entry] {
        var found: [Entry] = []
        try forEachRawEntry { name, type in
            found.append(Entry(name: String(cString: name), type: type))
        }
        return found
    }

    /// Visits every entry by the bytes of its name, for trees whose names may not be UTF-8.
    package func forEachRawEntry(_ body: (UnsafePointer<CChar>, UInt8) throws -> Void) throws(SystemFailure) {
        // A descriptor of its own: the read position belongs to the open file description.
        let own = OwnedFD(adopting: try check(box_open(fd.raw, ".", O_RDONLY | O_DIRECTORY, 0), "open", path))
        let capacity = 32 * 1024
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let filled = Int(try check(box_getdents(own.raw, buffer, capacity), "getdents64", path))
            if filled == 0 { return }
            var offset = 0
            while offset < filled {
                // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name
                let length = Int(buffer.load(fromByteOffset: offset + 16, as: UInt16.self))
                let type = buffer.load(fromByteOffset: offset + 18, as: UInt8.self)
                let name = UnsafePointer(
                    (buffer + offset + 19).assumingMemoryBound(to: CChar.self))
                offset += length
                if name[0] == 46 && (name[1] == 0 || (name[1] == 46 && name[2] == 0)) { continue }
                do { try body(name, type) } catch let failure as SystemFailure { throw failure } catch {
                    throw SystemFailure("visit", path, errno: .canceled)
                }
            }
        }
    }

    // MARK: Changing

    package func make(_ name: String, mode: UInt32 = 0o755) throws(SystemFailure) {
        try check(box_mkdirat(fd.raw, name, mode), "mkdir", describe(name))
    }

    package func unlink(_ name: String) throws(SystemFailure) {
        try check(box_unlinkat(fd.raw, name, 0), "unlink", describe(name))
    }

    package func removeDirectory(_ name: String) throws(SystemFailure) {
        try check(box_unlinkat(fd.raw, name, AT_REMOVEDIR), "rmdir", describe(name))
    }

    package func symlink(_ name: String, to target: String) throws(SystemFailure) {
        try check(box_symlinkat(target, fd.raw, name), "symlink", describe(name))
    }

    /// Renames within or between directories (renameat2(2)).
    ///
    /// - Parameter replacing: whether an existing target is replaced; otherwise the call fails with `EEXIST`.
    package func rename(
        _ name: String, to target: borrowing Directory, as newName: String, replacing: Bool = true
    ) throws(SystemFailure) {
        let flags = replacing ? 0 : UInt32(BOX_RENAME_NOREPLACE)
        try check(
            box_renameat2(fd.raw, name, target.fd.raw, newName, flags), "rename",
            "\(describe(name)) to \(target.describe(newName))")
    }

    package func rename(_ name: String, to newName: String, replacing: Bool = true) throws(SystemFailure) {
        let flags = replacing ? 0 : UInt32(BOX_RENAME_NOREPLACE)
        try check(
            box_renameat2(fd.raw, name, fd.raw, newName, flags), "rename", "\(describe(name)) to \(newName)")
    }

    /// Makes the entries of this directory durable (fsync(2)).
    package func sync() throws(SystemFailure) {
        try check(box_fsync(fd.raw), "fsync", path)
    }

    /// Removes a file or a whole tree without following links; a missing name is no error.
    ///
    /// Depth-first with one descriptor per level and raw name bytes, so that neither deep trees nor names that
    /// are not UTF-8 escape it.
    package func removeTree(_ name: String) throws(SystemFailure) {
        let bytes = Array(name.utf8CString)
        try bytes.withUnsafeBufferPointer { buffer throws(SystemFailure) in
            guard let base = buffer.baseAddress else { return }
            try removeTree(raw: base)
        }
    }

    package func removeTree(raw name: UnsafePointer<CChar>) throws(SystemFailure) {
        let result = box_unlinkat(fd.raw, name, 0)
        if result == 0 || result == -ENOENT { return }
        guard result == -EISDIR || result == -EPERM || result == -ENOTEMPTY else {
            try check(result, "unlink", describe(String(cString: name)))
            return
        }
        let opened = box_open(fd.raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
        if opened == -ENOENT { return }
        let child = Directory(
            OwnedFD(adopting: try check(opened, "open", describe(String(cString: name)))),
            path: describe(String(cString: name)))
        try child.removeContents()
        let removed = box_unlinkat(fd.raw, name, AT_REMOVEDIR)
        if removed != -ENOENT { try check(removed, "rmdir", child.path) }
    }

    /// Removes everything in this directory.
    package func removeContents() throws(SystemFailure) {
        try forEachRawEntry { name, _ in try removeTree(raw: name) }
    }
}

/// Makes a directory and its missing parents by an absolute path of ours and opens it.
package func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(SystemFailure) -> Directory {
    let made = box_mkdirat(AT_FDCWD, path, mode)
    if made == -ENOENT {
        let parent = FilePath(path).removingLastComponent()
        if !parent.isEmpty && parent.string != path { _ = try makeDirectories(parent.string, mode: mode) }
        let again = box_mkdirat(AT_FDCWD, path, mode)
        if again < 0 && again != -EEXIST { try check(again, "mkdir", path) }
    } else if made < 0 && made != -EEXIST {
        try check(made, "mkdir", path)
    }
    return try Directory(opening: path)
}
