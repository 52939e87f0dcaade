internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension RootSetup {
    /// Covers files with the null device and directories with an empty read-only tmpfs.
    mutating func maskPaths() throws(LaunchFailure) {
        for path in spec.linux.maskedPaths ?? [] {
            do {
                guard let place = try protected(path) else { continue }
                let isDirectory = try place.status(subject: path).kind == .directory
                try cover(place, withDirectory: isDirectory, path)
            } catch {
                throw LaunchFailure(error, .maskedPath, path)
            }
        }
    }

    /// Makes paths read-only.
    ///
    /// Only that attribute is set, so that those which the host locked stay
    /// (mount_namespaces(7)).
    func protectPaths() throws(LaunchFailure) {
        for path in spec.linux.readonlyPaths ?? [] {
            do {
                guard let place = try protected(path) else { continue }
                let flags = UInt32(
                    BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC | BOX_AT_RECURSIVE | BOX_AT_EMPTY_PATH)
                let clone = OwnedFD(adopting: try check(box_open_tree(place.raw, "", flags), "open_tree", path))
                try attach(
                    clone.raw, onto: place, readOnly: UInt32(BOX_AT_EMPTY_PATH | BOX_AT_RECURSIVE), path)
            } catch {
                throw LaunchFailure(error, .readonlyPath, path)
            }
        }
    }

    /// Opens a path that is to be protected, or nil where this kernel does not have it.
    ///
    /// Below `/proc` it must be procfs: an image's own `/proc` would leave the real one open.
    private func protected(_ path: String) throws(SystemFailure) -> OwnedFD? {
        guard path.hasPrefix("/") else { throw SystemFailure("open", path, errno: .invalidArgument) }
        let inProc = path.hasPrefix("/proc/") && spec.mounts.contains { $0.type == "proc" && $0.destination == "/proc" }
        guard let place = try tree.openIfPresent(path, flags: CInt(BOX_O_PATH), following: !inProc) else { return nil }
        if inProc { try RootTree.requireProc(place, subject: path) }
        return place
    }

    private mutating func cover(
        _ place: borrowing OwnedFD, withDirectory: Bool, _ path: String
    ) throws(SystemFailure) {
        let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC | BOX_AT_EMPTY_PATH)
        if withDirectory && emptyDirectory < 0 {
            // One file system for all of them; a copy of a mount costs a tenth of a new one.
            try check(
                box_mount("tmpfs", "\(place.raw)", "tmpfs", MountOptions.Flag.readOnly, "nr_blocks=1,nr_inodes=1"),
                "mount", path)
            emptyDirectory = try tree.open(path, flags: CInt(BOX_O_PATH)).release()
            return
        }
        let source = withDirectory ? emptyDirectory : null
        let clone = OwnedFD(adopting: try check(box_open_tree(source, "", flags), "open_tree", path))
        // Read-only also for the device: writing to it still works, changing its mode (the host's, even) does not.
        try attach(clone.raw, onto: place, readOnly: UInt32(BOX_AT_EMPTY_PATH), path)
    }

    private func attach(
        _ clone: CInt, onto place: borrowing OwnedFD, readOnly flags: UInt32, _ path: String
    ) throws(SystemFailure) {
        try check(
            box_mount_setattr(clone, "", flags, BOX_MOUNT_ATTR_RDONLY, 0, UInt64(MountOptions.Flag.private), -1),
            "mount_setattr", path)
        try check(
            box_move_mount(
                clone, "", place.raw, "", UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", path)
    }
}
