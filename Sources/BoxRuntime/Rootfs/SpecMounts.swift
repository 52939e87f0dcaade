internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension RootSetup {
    /// The files below `/proc` that may be covered: they show what lxcfs and the like answer instead.
    private static let coverable: Set<String> = [
        "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
        "/proc/loadavg", "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled",
    ]

    /// Mounts everything of the specification, in its order.
    func mountAll() throws(LaunchFailure) {
        for (index, mount) in spec.mounts.enumerated() {
            guard mount.destination.hasPrefix("/"), !mount.destination.utf8.contains(0),
                mount.destination.contains(where: { $0 != "/" && $0 != "." })
            else { throw LaunchFailure(.mount, mount.destination, "the destination must be a path below /") }
            let options = MountOptions(mount.options ?? [])
            if options.isBind || mount.type == "bind" {
                try bind(mount, options, prepared: prepared[index])
            } else if mount.type == "cgroup" {
                try mountCgroups(at: mount.destination, options)
            } else if let type = mount.type, !type.isEmpty {
                try mountFileSystem(mount, type, options)
            } else {
                throw LaunchFailure(.mount, mount.destination, "the mount has no type")
            }
        }
    }

    // MARK: Bind mounts

    private func bind(
        _ mount: RuntimeSpec.Mount, _ options: MountOptions, prepared: CInt?
    ) throws(LaunchFailure) {
        let source = mount.source ?? ""
        let clone: OwnedFD
        if let prepared { clone = OwnedFD(adopting: prepared) } else { clone = try BindSource(mount).clone() }
        do {
            let isDirectory = try clone.status(subject: source).kind == .directory
            let made = try tree.make(mount.destination, isDirectory ? .directory(mode: 0o755) : .file)
            let place = OwnedFD(adopting: made.place)
            if try RootTree.isProc(place), !Self.coverable.contains(mount.destination) {
                throw LaunchFailure(.mount, mount.destination, "nothing may be mounted over this part of /proc")
            }
            guard try (place.status(subject: mount.destination).kind == .directory) == isDirectory else {
                throw LaunchFailure(
                    .mount, "\(source) at \(mount.destination)",
                    isDirectory
                        ? "the source is a directory, the destination is a file"
                        : "the source is a file, the destination is a directory")
            }
            try Self.set(clone.raw, options)
            // Onto the descriptor, not the path: whatever happens to the path now, the mount lands in the tree.
            let flags = UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)
            try check(box_move_mount(clone.raw, "", place.raw, "", flags), "move_mount", mount.destination)
        } catch {
            throw LaunchFailure(error, .mount, "\(source) at \(mount.destination)")
        }
    }

    /// A detached copy of a host mount (open_tree(2)).
    static func cloneTree(_ source: String, recursive: Bool) throws(LaunchFailure) -> OwnedFD {
        let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC) | (recursive ? UInt32(BOX_AT_RECURSIVE) : 0)
        let result = box_open_tree(AT_FDCWD, source, flags)
        return OwnedFD(
            adopting: try attempt(
                result, .mount, "open_tree", source,
                hint: result == -ENOENT ? "the source of the mount does not exist (any more)" : nil))
    }

    /// Sets attributes and propagation of a detached mount (mount_setattr(2)), so that it never shows without them.
    private static func set(_ mount: CInt, _ options: MountOptions) throws(SystemFailure) {
        let empty = UInt32(BOX_AT_EMPTY_PATH)
        let recursive = empty | UInt32(BOX_AT_RECURSIVE)
        // What the host mounts later below a source is not for the container unless it asks for it.
        let propagation = options.propagation ?? MountOptions.Flag.private
        let everywhere = options.propagation == nil || options.isPropagationRecursive
        try check(
            box_mount_setattr(mount, "", everywhere ? recursive : empty, 0, 0, UInt64(propagation), -1),
            "mount_setattr")
        if options.attributes != 0 || options.clearedAttributes != 0 {
            try check(
                box_mount_setattr(mount, "", empty, options.attributes, options.clearedAttributes, 0, -1),
                "mount_setattr")
        }
        if options.isRecursivelyReadOnly {
            try check(box_mount_setattr(mount, "", recursive, BOX_MOUNT_ATTR_RDONLY, 0, 0, -1), "mount_setattr")
        }
    }

    // MARK: File systems

    private func mountFileSystem(
        _ mount: RuntimeSpec.Mount, _ type: String, _ options: MountOptions
    ) throws(LaunchFailure) {
        let destination = mount.destination
        do {
            let isKernels = type == "proc" || type == "sysfs"
            if isKernels { try refuseLink(destination) }
            let made = try tree.make(destination, .directory(mode: 0o755))
            let place = OwnedFD(adopting: made.place)
            if !isKernels, try RootTree.isProc(place) {
                throw LaunchFailure(.mount, destination, "nothing may be mounted over this part of /proc")
            }
            var data = options.data
            if type == "tmpfs", !made.isNew {
                // The directory that it covers keeps its mode, as with docker; a mode of the options comes later
                // and wins.
                let mode = "mode=" + String(try place.status(subject: destination).permissions, radix: 8)
                data = data.isEmpty ? mode : mode + "," + data
            }
            let result = box_mount(
                mount.source ?? type, "\(place.raw)", type, options.flags, data.isEmpty ? nil : data)
            if result == -EPERM, type == "sysfs" {
                // sysfs shows the network of its mounter; without a network namespace of the container's own the
                // user namespace may not make one, but may show the host's (mount_namespaces(7)).
                try bindHostSys(onto: place)
            } else {
                try check(result, "mount", data.isEmpty ? type : "\(type) with \(data)")
            }
            if let propagation = options.propagation {
                let mounted = try tree.open(destination, flags: CInt(BOX_O_PATH))
                let flags = UInt32(BOX_AT_EMPTY_PATH) | (options.isPropagationRecursive ? UInt32(BOX_AT_RECURSIVE) : 0)
                try check(box_mount_setattr(mounted.raw, "", flags, 0, 0, UInt64(propagation), -1), "mount_setattr")
            }
        } catch {
            throw LaunchFailure(error, .mount, "\(type) at \(destination)")
        }
    }

    /// An image whose `/proc` or `/sys` is a link would get procfs where box then looks for something else
    /// (CVE-2019-16884, CVE-2023-28642).
    private func refuseLink(_ destination: String) throws(LaunchFailure) {
        do {
            _ = try tree.openIfPresent(destination, flags: CInt(BOX_O_PATH), following: false)
        } catch {
            guard error.errno == .tooManySymbolicLinkLevels else { throw LaunchFailure(error, .mount, destination) }
            throw LaunchFailure(
                .mount, destination,
                "it is a symbolic link in this image; box does not mount a kernel file system there", errno: ELOOP)
        }
    }

    private func bindHostSys(onto place: borrowing OwnedFD) throws(SystemFailure) {
        let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC | BOX_AT_RECURSIVE)
        let clone = OwnedFD(adopting: try check(box_open_tree(AT_FDCWD, "/sys", flags), "open_tree", "/sys"))
        try check(
            box_mount_setattr(
                clone.raw, "", UInt32(BOX_AT_EMPTY_PATH | BOX_AT_RECURSIVE), BOX_MOUNT_ATTR_RDONLY, 0,
                UInt64(MountOptions.Flag.private), -1), "mount_setattr", "/sys")
        try check(
            box_move_mount(
                clone.raw, "", place.raw, "", UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", "/sys")
    }
}
