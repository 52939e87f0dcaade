internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Where a bind mount comes from, opened once and copied from the open file, so that nobody who owns a part of the way
/// can put something else in its place meanwhile (CVE-2021-25741, CVE-2021-30465).
struct BindSource {
    let mount: RuntimeSpec.Mount
    let isRecursive: Bool

    init(_ mount: RuntimeSpec.Mount) throws(LaunchFailure) {
        guard let source = mount.source, source.hasPrefix("/") else {
            throw LaunchFailure(.mount, mount.destination, "the source of a bind mount must be an absolute path")
        }
        self.mount = mount
        isRecursive = MountOptions(mount.options ?? []).isRecursive
    }

    private var path: String { mount.source ?? "/" }

    /// A detached copy of the mount (open_tree(2)).
    func clone() throws(LaunchFailure) -> OwnedFD {
        if let pid = mount.sourceProcess { return try cloneFromProcess(pid) }
        guard let below = mount.sourceSubpath else { return try clone(at: AT_FDCWD, path) }
        let found = try openBelow(below)
        return try clone(at: found.raw, "")
    }

    private func clone(at directory: CInt, _ name: String) throws(LaunchFailure) -> OwnedFD {
        var flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC)
        if isRecursive { flags |= UInt32(BOX_AT_RECURSIVE) }
        if name.isEmpty { flags |= UInt32(BOX_AT_EMPTY_PATH) }
        let result = box_open_tree(directory, name, flags)
        return OwnedFD(
            adopting: try attempt(
                result, .mount, "open_tree", path,
                hint: result == -ENOENT ? "the source of the mount does not exist (any more)" : nil))
    }

    /// The content of a volume is the containers' and may hold links that lead out of it.
    private func openBelow(_ below: String) throws(LaunchFailure) -> OwnedFD {
        do {
            let root = try Directory(opening: path)
            var tries = 0
            while true {
                do throws(SystemFailure) {
                    return try root.resolve(below, flags: CInt(BOX_O_PATH))
                } catch  where error.errno == .resourceTemporarilyUnavailable && tries < 128 {
                    // Somebody renames on the way; the kernel could not tell whether it stayed inside (openat2(2)).
                    tries += 1
                }
            }
        } catch {
            throw LaunchFailure(error, .mount, "\(path)/\(below)")
        }
    }

    /// Copies a mount that only another container sees: a mount can be copied from inside of its namespace only.
    ///
    /// What lies at the path there is the other container's to say, so it must be a mount point and a tmpfs, reached
    /// without following any link.
    private func cloneFromProcess(_ pid: Int32) throws(LaunchFailure) -> OwnedFD {
        let subject = "\(path) of process \(pid)"
        let space = CInt(truncatingIfNeeded: BOX_CLONE_NEWNS)
        func open(_ name: String, _ flags: CInt) throws(LaunchFailure) -> OwnedFD {
            OwnedFD(adopting: try attempt(box_open(AT_FDCWD, name, flags, 0), .mount, "open", name))
        }
        let home = try open("/proc/self/ns/mnt", O_RDONLY)
        let here = try open(".", CInt(BOX_O_PATH) | O_DIRECTORY)
        let other = try open("/proc/\(pid)/ns/mnt", O_RDONLY)
        try attempt(box_setns(other.raw, space), .mount, "setns", subject)
        let result = cloneTemporary(subject)
        // Going on in another container's namespace would be worse than not going on.
        guard box_setns(home.raw, space) == 0, box_fchdir(here.raw) == 0 else { box_exit(125) }
        return OwnedFD(adopting: try result.get())
    }

    private func cloneTemporary(_ subject: String) -> Result<CInt, LaunchFailure> {
        do throws(LaunchFailure) {
            let root = OwnedFD(
                adopting: try attempt(
                    box_open(AT_FDCWD, "/", CInt(BOX_O_PATH) | O_DIRECTORY, 0), .mount, "open", "/"))
            let found = OwnedFD(
                adopting: try attempt(
                    box_openat2(
                        root.raw, String(path.drop { $0 == "/" }), CInt(BOX_O_PATH) | O_DIRECTORY, 0,
                        UInt64(BOX_RESOLVE_NO_SYMLINKS | BOX_RESOLVE_BENEATH)), .mount, "openat2", subject))
            guard try isTemporaryMount(found, subject) else {
                throw LaunchFailure(
                    .mount, subject, "there is no shared memory; start that container with --ipc shareable")
            }
            return .success(try clone(at: found.raw, "").release())
        } catch {
            return .failure(error)
        }
    }

    private func isTemporaryMount(_ fd: borrowing OwnedFD, _ subject: String) throws(LaunchFailure) -> Bool {
        let kind: Int
        do { kind = try RootTree.fileSystem(fd) } catch { throw LaunchFailure(error, .mount, subject) }
        return kind == Self.temporaryMagic && box_is_mount_root(fd.raw) == 1
    }

    /// TMPFS_MAGIC (statfs(2)).
    private static let temporaryMagic = 0x0102_1994
}
