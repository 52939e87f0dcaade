internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

extension RootSetup {
    /// One line of proc_pid_cgroup(5): a hierarchy and where in it the process is.
    struct Hierarchy: Equatable {
        /// Empty is the v2 hierarchy; `name=systemd` a named one without controllers.
        let controllers: String
        let path: String

        /// The directory below `/sys/fs/cgroup` that everyone expects it in.
        var directory: String {
            if controllers.isEmpty { return "unified" }
            return controllers.hasPrefix("name=") ? String(controllers.dropFirst(5)) : controllers
        }

        static func parse(_ text: String) -> [Hierarchy] {
            text.split(separator: "\n").compactMap { line in
                let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
                guard fields.count == 3 else { return nil }
                return Hierarchy(controllers: String(fields[1]), path: String(fields[2]))
            }
        }
    }

    private static let unifiedMagic = 0x6367_7270

    /// Shows the container its own cgroups: the v2 tree, or every v1 hierarchy of this host in a directory of its own.
    func mountCgroups(at destination: String, _ options: MountOptions) throws(LaunchFailure) {
        do {
            let place = OwnedFD(adopting: try tree.make(destination, .directory(mode: 0o755)).place)
            let host = OwnedFD(
                adopting: try check(box_open(AT_FDCWD, "/sys/fs/cgroup", CInt(BOX_O_PATH), 0), "open", "/sys/fs/cgroup")
            )
            if try RootTree.fileSystem(host) == Self.unifiedMagic {
                try check(box_mount("cgroup", "\(place.raw)", "cgroup2", options.flags, nil), "mount", "cgroup2")
                return
            }
            let writable = options.flags & ~MountOptions.Flag.readOnly
            try check(box_mount("cgroup", "\(place.raw)", "tmpfs", writable, "mode=755"), "mount", "tmpfs")
            let folder = try tree.open(destination, flags: CInt(BOX_O_PATH) | O_DIRECTORY)
            for hierarchy in Hierarchy.parse(try readText("/proc/self/cgroup", limit: 1 << 20)) {
                // Elsewhere it is among the host's processes, whose groups are not for it to see.
                if let ownHierarchies, !ownHierarchies.contains(hierarchy.controllers) { continue }
                try mount(hierarchy, in: folder, host: host, options)
            }
            if options.flags & MountOptions.Flag.readOnly != 0 {
                try check(
                    box_mount_setattr(folder.raw, "", UInt32(BOX_AT_EMPTY_PATH), BOX_MOUNT_ATTR_RDONLY, 0, 0, -1),
                    "mount_setattr", destination)
            }
        } catch {
            throw LaunchFailure(error, .mount, "cgroups at \(destination)")
        }
    }

    private func mount(
        _ hierarchy: Hierarchy, in folder: borrowing OwnedFD, host: borrowing OwnedFD, _ options: MountOptions
    ) throws(SystemFailure) {
        let name = hierarchy.directory
        // A v2 tree without a mount point of the host's (boot option) is not for the container either.
        let hostRoot = box_open(host.raw, name, CInt(BOX_O_PATH) | O_DIRECTORY, 0)
        if hierarchy.controllers.isEmpty && hostRoot < 0 { return }
        defer { if hostRoot >= 0 { _ = box_close(hostRoot) } }
        try check(box_mkdirat(folder.raw, name, 0o755), "mkdir", name)
        let place = OwnedFD(adopting: try check(box_open(folder.raw, name, CInt(BOX_O_PATH), 0), "open", name))
        if ownKinds.contains(.cgroup) {
            // In a cgroup namespace the root of a new mount is the container's own cgroup (cgroup_namespaces(7)).
            let isUnified = hierarchy.controllers.isEmpty
            try check(
                box_mount(
                    "cgroup", "\(place.raw)", isUnified ? "cgroup2" : "cgroup", options.flags,
                    isUnified ? nil : hierarchy.controllers), "mount", "cgroup \(name)")
        } else {
            let own = String(hierarchy.path.drop { $0 == "/" })
            let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC)
            let clone = OwnedFD(
                adopting: try check(
                    own.isEmpty
                        ? box_open_tree(hostRoot, "", flags | UInt32(BOX_AT_EMPTY_PATH))
                        : box_open_tree(hostRoot, own, flags), "open_tree", "cgroup \(name)/\(own)"))
            try check(
                box_mount_setattr(clone.raw, "", UInt32(BOX_AT_EMPTY_PATH), options.attributes, 0, 0, -1),
                "mount_setattr", name)
            try check(
                box_move_mount(
                    clone.raw, "", place.raw, "", UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)),
                "move_mount", name)
        }
        // `cpu,cpuacct` is one mount that programs look for under both names.
        let parts = name.split(separator: ",")
        if parts.count > 1 {
            for part in parts { _ = box_symlinkat(name, folder.raw, String(part)) }
        }
    }
}
