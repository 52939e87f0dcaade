internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Builds a container's view of the file system in init, before `pivot_root`.
///
/// The working directory is `/proc/self/fd` of the host's procfs, so that a descriptor's number is a path: mount(2)
/// gets its targets and overlay its layers that way, neither long nor open to a race.
struct RootSetup: ~Copyable {
    let tree: RootTree
    let spec: RuntimeSpec
    let ownKinds: Set<RuntimeSpec.Namespace.Kind>
    /// Whether init lives in a user namespace, where neither mknod(2) nor foreign sources work.
    let isInUserNamespace: Bool
    /// Where `spec.linux.maskedPaths` takes its empty directory from, once there is one.
    var emptyDirectory: CInt = -1
    /// A `/dev/null` that is one (1:3).
    var null: CInt = -1
    /// Bind sources that the monitor opened for a user namespace, by index in `spec.mounts`.
    let prepared: [Int: CInt]
    /// v1 hierarchies, by their controllers, that the container may see; nil is all.
    var ownHierarchies: Set<String>?

    /// Makes changes in this mount namespace stay here: nothing goes out to the host (mount_namespaces(7)).
    static func separate(propagation word: String?, mountpoint: String) throws(LaunchFailure) {
        guard let word else {
            try attempt(
                box_mount(nil, "/", nil, MountOptions.Flag.slave | MountOptions.Flag.recursive, nil), .rootfs, "mount",
                "/ as slave")
            return
        }
        guard let flags = MountOptions.propagation(word) else {
            throw LaunchFailure(.rootfs, word, "there is no such propagation")
        }
        try attempt(box_mount(nil, "/", nil, flags, nil), .rootfs, "mount", "/ as \(word)")
        // The mount that ours lies on must not be shared: pivot_root(2) refuses that, and it would reach the host.
        var parent = mountpoint
        while box_mount(nil, parent, nil, MountOptions.Flag.private, nil) == -EINVAL, parent != "/" {
            parent = String(parent[..<(parent.lastIndex(of: "/") ?? parent.startIndex)])
            if parent.isEmpty { parent = "/" }
        }
    }

    /// Mounts the root file system at the plan's mountpoint.
    ///
    /// - Parameters:
    ///   - prepared: a detached mount to put there instead, or -1.
    ///   - place: the open mountpoint, for a process that may not search the way to it, or -1.
    static func mountRoot(_ plan: LaunchPlan, prepared: CInt, at place: CInt) throws(LaunchFailure) -> RootTree {
        if prepared >= 0, place >= 0 {
            let flags = UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)
            try attempt(
                box_move_mount(prepared, "", place, "", flags), .rootfs, "move_mount", plan.mountpoint)
            // A descriptor of a detached mount goes on standing for its root once it is attached.
            return RootTree(OwnedFD(adopting: try attempt(box_dup(prepared), .rootfs, "dup", "")))
        }
        switch plan.rootfs {
        case _ where prepared >= 0: try attach(prepared, at: plan.mountpoint)
        case .overlay(let overlay): try overlay.mount(at: plan.mountpoint)
        case .directory(let path):
            let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC | BOX_AT_RECURSIVE)
            let clone = OwnedFD(
                adopting: try attempt(box_open_tree(AT_FDCWD, path, flags), .rootfs, "open_tree", path))
            try attach(clone.raw, at: plan.mountpoint)
        }
        return RootTree(
            OwnedFD(
                adopting: try attempt(
                    box_open(AT_FDCWD, plan.mountpoint, CInt(BOX_O_PATH) | O_DIRECTORY, 0), .rootfs, "open",
                    plan.mountpoint)))
    }

    private static func attach(_ mount: CInt, at mountpoint: String) throws(LaunchFailure) {
        try attempt(
            box_move_mount(mount, "", AT_FDCWD, mountpoint, UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH)), .rootfs,
            "move_mount", mountpoint)
    }

    /// Makes the root file system itself read-only; what is mounted in it stays as it is.
    func makeRootReadOnly() throws(LaunchFailure) {
        try attempt(
            box_mount_setattr(tree.fd.raw, "", UInt32(BOX_AT_EMPTY_PATH), BOX_MOUNT_ATTR_RDONLY, 0, 0, -1), .rootfs,
            "mount_setattr", "read-only")
    }

    /// Changes the root directory for this mount namespace and lets the old one go.
    ///
    /// - Parameter propagation: as the specification's `rootfsPropagation`.
    func pivot(propagation: String?) throws(LaunchFailure) {
        let old = OwnedFD(
            adopting: try attempt(box_open(AT_FDCWD, "/", CInt(BOX_O_PATH) | O_DIRECTORY, 0), .pivot, "open", "/"))
        try attempt(box_fchdir(tree.fd.raw), .pivot, "fchdir", "")
        // With "." twice the old root is stacked on the new one and needs no directory to go to (pivot_root(2)).
        try attempt(box_pivot_root(".", "."), .pivot, "pivot_root", "")
        try attempt(box_fchdir(old.raw), .pivot, "fchdir", "")
        // A shared old root would hand the unmounting on to the host.
        if propagation != nil {
            try attempt(
                box_mount(nil, ".", nil, MountOptions.Flag.slave | MountOptions.Flag.recursive, nil), .pivot, "mount",
                "old root as slave")
        }
        try attempt(box_umount(".", CInt(MNT_DETACH)), .pivot, "umount2", "old root")
        try attempt(box_chdir("/"), .pivot, "chdir", "/")
        if let propagation, let flags = MountOptions.propagation(propagation) {
            try attempt(box_mount(nil, "/", nil, flags, nil), .pivot, "mount", "/ as \(propagation)")
        }
    }

    /// Enters the working directory and makes sure that it lies inside the new root.
    static func enter(_ path: String) throws(LaunchFailure) {
        try attempt(box_chdir(path), .workingDirectory, "chdir", path)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBytes {
            box_getcwd_raw($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        // A path through a leaked descriptor's magic link leads out of the root (CVE-2024-21626); the kernel then
        // writes "(unreachable)" in front (getcwd(2)).
        guard try attempt(length, .workingDirectory, "getcwd", path) > 0, buffer[0] == UInt8(ascii: "/") else {
            throw LaunchFailure(.workingDirectory, path, "it lies outside of the container's root file system")
        }
    }
}

private let MNT_DETACH = 2

extension RootfsPlan.Overlay {
    /// Mounts the layers (overlayfs, mount(2)); the working directory is `/proc/self/fd`.
    func mount(at mountpoint: String) throws(LaunchFailure) {
        var opened: [CInt] = []
        opened.reserveCapacity(layers.count + 2)
        defer { for fd in opened { _ = box_close(fd) } }
        for path in layers + [upper, work] {
            opened.append(
                try attempt(
                    box_open(AT_FDCWD, path, CInt(BOX_O_PATH) | O_DIRECTORY, 0), .rootfs, "open", path,
                    hint: "a part of the image is missing; remove and pull it again"))
        }
        try mount(opened, at: mountpoint)
    }

    /// - Parameter opened: descriptors of all layers, then of the upper and the work directory.
    func mount(_ opened: [CInt], at mountpoint: String) throws(LaunchFailure) {
        // mount(2) takes one page of options. Numbers relative to /proc/self/fd leave room for the 500 layers that
        // overlayfs allows, however long their paths are; a string of fsconfig(2) ends at 256 bytes.
        var options = "lowerdir=" + opened.dropLast(2).map(String.init).joined(separator: ":")
        options += ",upperdir=\(opened[opened.count - 2]),workdir=\(opened[opened.count - 1])"
        if volatile { options += ",volatile" }
        if userxattr { options += ",userxattr" }
        guard options.utf8.count < 4096, layers.count <= 500 else {
            throw LaunchFailure(.rootfs, "\(layers.count) layers", "overlayfs takes 500 at most")
        }
        try attempt(
            box_mount("overlay", mountpoint, "overlay", 0, options), .rootfs, "mount", "overlay on \(mountpoint)",
            hint: "see dmesg for what overlayfs says")
    }
}
