internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// A container's root file system, seen from outside: every path is resolved with it as the root, whatever links
/// the image or another container has put there (openat2(2)).
struct RootTree: ~Copyable {
    /// O_PATH.
    let fd: OwnedFD

    init(_ fd: consuming OwnedFD) {
        self.fd = fd
    }

    /// Opens a path inside the tree; magic links of proc(5) are refused.
    ///
    /// - Parameter following: whether ordinary links are followed (inside the tree).
    func open(_ path: String, flags: CInt, mode: UInt32 = 0, following: Bool = true) throws(SystemFailure) -> OwnedFD {
        OwnedFD(adopting: try check(raw(path, flags, mode, following), "openat2", path))
    }

    /// As ``open(_:flags:mode:following:)``, but nil where nothing is there.
    func openIfPresent(_ path: String, flags: CInt, following: Bool = true) throws(SystemFailure) -> OwnedFD? {
        let result = raw(path, flags, 0, following)
        if result == -ENOENT || result == -ENOTDIR { return nil }
        return OwnedFD(adopting: try check(result, "openat2", path))
    }

    private func raw(_ path: String, _ flags: CInt, _ mode: UInt32, _ following: Bool) -> CInt {
        let links = following ? 0 : UInt64(BOX_RESOLVE_NO_SYMLINKS)
        return box_openat2(
            fd.raw, path, flags, mode, UInt64(BOX_RESOLVE_IN_ROOT | BOX_RESOLVE_NO_MAGICLINKS) | links)
    }

    /// What is made where a path ends.
    enum Leaf {
        case directory(mode: UInt32)
        case file
    }

    /// Opens a path (O_PATH) and makes what is missing of it.
    ///
    /// One component at a time on descriptors: a link that appears in between (CVE-2021-30465) is seen as a link and
    /// followed inside the tree only.
    ///
    /// - Returns: the place, and whether its last component was made.
    func make(_ path: String, _ leaf: Leaf) throws(SystemFailure) -> (place: CInt, isNew: Bool) {
        if let found = try openIfPresent(path, flags: CInt(BOX_O_PATH)) { return (found.release(), false) }
        var pending = Array(path.split(separator: "/").map(String.init).reversed())
        var walked: [String] = []
        var current = try fd.duplicate()
        var links = 0
        var isNew = false
        while let name = pending.popLast() {
            if name == "." { continue }
            if name == ".." {
                _ = walked.popLast()
                current = try open("/" + walked.joined(separator: "/"), flags: CInt(BOX_O_PATH), following: false)
                continue
            }
            var opened = box_open(current.raw, name, CInt(BOX_O_PATH) | O_NOFOLLOW, 0)
            if opened == -ENOENT {
                try create(name, in: current, pending.isEmpty ? leaf : .directory(mode: 0o755), path)
                isNew = pending.isEmpty
                opened = box_open(current.raw, name, CInt(BOX_O_PATH) | O_NOFOLLOW, 0)
            }
            let child = OwnedFD(adopting: try check(opened, "open", path))
            switch try child.status(subject: path).kind {
            case .symbolicLink:
                links += 1
                guard links <= 40 else { throw SystemFailure("open", path, errno: .tooManySymbolicLinkLevels) }
                let target = try Self.link(current, name, path)
                if target.hasPrefix("/") {
                    walked = []
                    current = try fd.duplicate()
                }
                pending.append(contentsOf: target.split(separator: "/").map(String.init).reversed())
            case .directory:
                walked.append(name)
                current = child
            default:
                guard pending.isEmpty else { throw SystemFailure("open", path, errno: .notDirectory) }
                return (child.release(), isNew)
            }
        }
        return (current.release(), isNew)
    }

    private func create(
        _ name: String, in parent: borrowing OwnedFD, _ leaf: Leaf, _ path: String
    ) throws(SystemFailure) {
        let result: CInt
        switch leaf {
        case .directory(let mode): result = box_mkdirat(parent.raw, name, mode)
        case .file:
            let made = box_open(parent.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644)
            result = made < 0 ? made : box_close(made)
        }
        if result != -EEXIST { try check(result, "create", path) }
    }

    private static func link(
        _ parent: borrowing OwnedFD, _ name: String, _ path: String
    ) throws(SystemFailure) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes {
            box_readlinkat(parent.raw, name, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return String(decoding: buffer.prefix(Int(try check(length, "readlink", path))), as: UTF8.self)
    }

    // MARK: What a place really is

    private static let procMagic = 0x9fa0

    /// The type of the file system that a descriptor is on (statfs(2)).
    static func fileSystem(_ fd: borrowing OwnedFD) throws(SystemFailure) -> Int {
        var raw = statfs()
        try check(box_statfs(fd.raw, &raw), "fstatfs")
        return Int(raw.f_type)
    }

    static func isProc(_ fd: borrowing OwnedFD) throws(SystemFailure) -> Bool {
        try fileSystem(fd) == procMagic
    }

    /// Refuses a file that only pretends to be one of procfs (CVE-2019-16884, CVE-2025-52881).
    static func requireProc(_ fd: borrowing OwnedFD, subject: String) throws(SystemFailure) {
        guard try isProc(fd) else { throw SystemFailure("verify procfs", subject, errno: .improperLink) }
    }
}
