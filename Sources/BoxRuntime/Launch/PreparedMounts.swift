internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Mounts that the monitor makes for a container with its own users, who could neither reach nor map them.
///
/// They appear id-mapped: what belongs to root on the disk belongs to the container's root (mount_setattr(2),
/// MOUNT_ATTR_IDMAP), so that layers and volumes are shared between containers with different maps.
struct PreparedMounts {
    /// -1 where init mounts the root itself.
    var root: CInt = -1
    /// By index in `spec.mounts`.
    var binds: [Int: CInt] = [:]

    /// Sorts what came over the socket: the root first, then the bind mounts in the order of the specification.
    init(spec: RuntimeSpec, received: [CInt]) {
        guard let first = received.first else { return }
        root = first
        for (index, fd) in zip(Self.bindIndices(spec), received.dropFirst()) { binds[index] = fd }
    }

    private static func bindIndices(_ spec: RuntimeSpec) -> [Int] {
        spec.mounts.indices.filter { index in
            spec.mounts[index].type == "bind" || MountOptions(spec.mounts[index].options ?? []).isBind
        }
    }

    /// Makes the mounts and sends them to init.
    static func send(
        _ plan: LaunchPlan, pid: Int32, over socket: borrowing MessageSocket
    ) throws(LaunchFailure) {
        let users = OwnedFD(
            adopting: try attempt(
                box_open(AT_FDCWD, "/proc/\(pid)/ns/user", O_RDONLY, 0), .idMapping, "open", "/proc/\(pid)/ns/user"))
        var made: [CInt] = []
        defer { for fd in made { _ = box_close(fd) } }
        switch plan.rootfs {
        case .overlay(let overlay):
            let overlayMaker = IDMappedOverlay(
                plan: overlay, mountpoint: plan.mountpoint,
                root: (Self.hostRoot(plan.spec.linux.uidMappings), Self.hostRoot(plan.spec.linux.gidMappings)))
            made.append(try overlayMaker.make(users: users))
        case .directory(let path): made.append(try mapped(path, recursive: true, users, .rootfs))
        }
        for index in bindIndices(plan.spec) {
            let mount = plan.spec.mounts[index]
            let source = try BindSource(mount)
            let clone = try source.clone()
            // Folders of the host's own are not mapped: who is root in the container only would leave files there that
            // belong to the host's root, setuid ones too.
            guard MountOptions(mount.options ?? []).isMapped else {
                made.append(clone.release())
                continue
            }
            made.append(try mapped(clone, mount.source ?? "", recursive: source.isRecursive, users, .mount))
        }
        do {
            var rest = made[...]
            while !rest.isEmpty {
                try socket.send(HandshakeMessage.mounts.bytes, descriptors: Array(rest.prefix(16)))
                rest = rest.dropFirst(16)
            }
        } catch {
            throw LaunchFailure(error, .handshake)
        }
    }

    /// What the container's id 0 is on the host; for a joined user namespace, too, the plan must name the maps.
    private static func hostRoot(_ mappings: [RuntimeSpec.IDMapping]?) -> UInt32 {
        mappings?.first { $0.containerID == 0 }?.hostID ?? 0
    }

    /// A detached copy of a mount, mapped where its file system can be.
    static func mapped(
        _ path: String, recursive: Bool, _ users: borrowing OwnedFD, _ step: LaunchFailure.Step
    ) throws(LaunchFailure) -> CInt {
        let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC) | (recursive ? UInt32(BOX_AT_RECURSIVE) : 0)
        let clone = OwnedFD(
            adopting: try attempt(
                box_open_tree(AT_FDCWD, path, flags), step, "open_tree", path,
                hint: "it must exist on the host"))
        return try mapped(clone, path, recursive: recursive, users, step)
    }

    private static func mapped(
        _ clone: consuming OwnedFD, _ path: String, recursive: Bool, _ users: borrowing OwnedFD,
        _ step: LaunchFailure.Step
    ) throws(LaunchFailure) -> CInt {
        let at = UInt32(BOX_AT_EMPTY_PATH) | (recursive ? UInt32(BOX_AT_RECURSIVE) : 0)
        let result = box_mount_setattr(clone.raw, "", at, BOX_MOUNT_ATTR_IDMAP, 0, 0, users.raw)
        // Not every file system can be mapped (NFS, for one); its files then belong to nobody in the container.
        if result != -EINVAL { try attempt(result, step, "mount_setattr IDMAP", path) }
        return clone.release()
    }
}

/// An overlay whose layers are mapped one by one, as overlayfs itself cannot be (Linux 5.19).
struct IDMappedOverlay {
    let plan: RootfsPlan.Overlay
    let mountpoint: String
    /// The container's root as the host sees it.
    let root: (uid: UInt32, gid: UInt32)

    /// Mounts the overlay in a process with a mount namespace of its own and takes a detached copy out of it.
    func make(users: borrowing OwnedFD) throws(LaunchFailure) -> CInt {
        let ends: MessageSocket.Pair
        do {
            ends = try MessageSocket.pair()
        } catch {
            throw LaunchFailure(error, .clone)
        }
        var arguments = box_clone(flags: BOX_CLONE_NEWNS, cgroup_fd: -1, pidfd: -1)
        let pid = box_clone3(&arguments)
        if pid == 0 {
            _ = box_close(ends.ours)
            let socket = MessageSocket(OwnedFD(adopting: ends.theirs))
            do {
                let mount = try build(users)
                try socket.send(HandshakeMessage.mounts.bytes, descriptors: [mount])
            } catch let failure as LaunchFailure {
                try? socket.send(HandshakeMessage.failed(failure).bytes)
            } catch {
                try? socket.send(HandshakeMessage.failed(LaunchFailure(error, .rootfs)).bytes)
            }
            box_exit(0)
        }
        _ = box_close(ends.theirs)
        let socket = MessageSocket(OwnedFD(adopting: ends.ours))
        try attempt(pid, .clone, "clone3", "")
        _ = box_close(arguments.pidfd)
        var status: CInt = 0
        defer { _ = box_waitpid(pid, &status, 0) }
        guard case .message(let message)? = try? socket.receive() else {
            throw LaunchFailure(.handshake, "", "the process that mounts the layers died")
        }
        if case .failed(let failure)? = HandshakeMessage(bytes: message.bytes) { throw failure }
        guard let fd = message.takeDescriptor() else {
            throw LaunchFailure(.handshake, "", "the process that mounts the layers sent nothing")
        }
        return fd.release()
    }

    private func build(_ users: borrowing OwnedFD) throws(LaunchFailure) -> CInt {
        let privately = MountOptions.Flag.private | MountOptions.Flag.recursive
        try attempt(box_mount(nil, "/", nil, privately, nil), .rootfs, "mount", "/ as private")
        // Overlayfs takes attached mounts only (before Linux 6.15), so each copy gets a place on a tmpfs. The upper
        // and the work directory must be on one mount, hence the copy of their parent.
        try attempt(box_mount("tmpfs", mountpoint, "tmpfs", 0, "mode=700"), .rootfs, "mount", "tmpfs")
        let stage = OwnedFD(
            adopting: try attempt(
                box_open(AT_FDCWD, mountpoint, O_RDONLY | O_DIRECTORY, 0), .rootfs, "open", mountpoint))
        var opened: [CInt] = []
        for (index, path) in plan.layers.enumerated() {
            opened.append(try place(path, "l\(index)", stage, users))
        }
        let (parent, upper, work) = try split()
        let writable = try place(parent, "w", stage, users)
        for name in [upper, work] {
            opened.append(
                try attempt(box_open(writable, name, CInt(BOX_O_PATH) | O_DIRECTORY, 0), .rootfs, "open", name))
        }
        try attempt(box_mkdirat(stage.raw, "merged", 0o755), .rootfs, "mkdir", "merged")
        let target = try attempt(
            box_open(stage.raw, "merged", CInt(BOX_O_PATH) | O_DIRECTORY, 0), .rootfs, "open", "merged")
        try attempt(box_chdir("/proc/self/fd"), .rootfs, "chdir", "/proc/self/fd")
        // Overlayfs works on its layers as who mounted it (overlayfs in the kernel's documentation), and the mapped
        // upper directory has no place for the host's root: it is mounted as the container's root, with all the
        // capabilities of the host's.
        try attempt(box_keepcaps(true), .idMapping, "prctl PR_SET_KEEPCAPS", "")
        try attempt(box_setgroups([], 0), .idMapping, "setgroups", "")
        try attempt(box_setresgid(root.gid), .idMapping, "setresgid", "\(root.gid)")
        try attempt(box_setresuid(root.uid), .idMapping, "setresuid", "\(root.uid)")
        var effective: UInt64 = 0
        var permitted: UInt64 = 0
        var inheritable: UInt64 = 0
        try attempt(box_capget(&effective, &permitted, &inheritable), .idMapping, "capget", "")
        try attempt(box_capset(permitted, permitted, inheritable), .idMapping, "capset", "")
        try plan.mount(opened, at: "\(target)")
        return try attempt(
            box_open_tree(stage.raw, "merged", UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC)), .rootfs,
            "open_tree", "overlay")
    }

    private func place(
        _ path: String, _ name: String, _ stage: borrowing OwnedFD, _ users: borrowing OwnedFD
    ) throws(LaunchFailure) -> CInt {
        let clone = try PreparedMounts.mapped(path, recursive: false, users, .rootfs)
        defer { _ = box_close(clone) }
        try attempt(box_mkdirat(stage.raw, name, 0o755), .rootfs, "mkdir", name)
        try attempt(
            box_move_mount(clone, "", stage.raw, name, UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH)), .rootfs, "move_mount",
            path)
        return try attempt(box_open(stage.raw, name, CInt(BOX_O_PATH) | O_DIRECTORY, 0), .rootfs, "open", path)
    }

    private func split() throws(LaunchFailure) -> (parent: String, upper: String, work: String) {
        func cut(_ path: String) -> (parent: Substring, name: Substring) {
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            return (path[..<slash], path[slash...].dropFirst())
        }
        let upper = cut(plan.upper)
        let work = cut(plan.work)
        guard upper.parent == work.parent, !upper.parent.isEmpty else {
            throw LaunchFailure(.rootfs, plan.work, "with mapped users it must be beside \(plan.upper)")
        }
        return (String(upper.parent), String(upper.name), String(work.name))
    }
}
