internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Which control groups this machine has.
package enum CgroupHierarchies {
    static let mountPoint = "/sys/fs/cgroup"
    /// statfs(2) tells cgroup v2 by this number.
    private static let unifiedMagic: Int = 0x6367_7270

    /// Finds the driver for this process.
    ///
    /// Called for every `run`, so it looks at the places where every distribution mounts the hierarchies instead of
    /// parsing `/proc/self/mountinfo`: one statfs(2) on v2, ten fstatat(2) on v1, in both cases under 20 µs.
    package static func detect() -> any CgroupDriver {
        detect(mountPoint: mountPoint)
    }

    static func detect(mountPoint: String) -> any CgroupDriver {
        guard let root = try? Directory(opening: mountPoint) else {
            return AbsentCgroupDriver(reason: "nothing is mounted at \(mountPoint)")
        }
        var status = statfs()
        guard box_statfs(root.fd.raw, &status) == 0 else {
            return AbsentCgroupDriver(reason: "\(mountPoint) cannot be read")
        }
        if Int(status.f_type) == unifiedMagic { return unified(mountPoint: mountPoint) }
        return legacy(root)
    }

    private static func unified(mountPoint: String) -> any CgroupDriver {
        if box_faccessat(AT_FDCWD, mountPoint + "/cgroup.procs", W_OK, AT_EACCESS) == 0 {
            return UnifiedCgroupDriver(mountPoint: mountPoint, base: "")
        }
        guard let own = ownUnifiedPath(), let base = delegatedAncestor(of: own, mountPoint: mountPoint) else {
            let readOnly = box_geteuid() == 0
            return AbsentCgroupDriver(
                reason: readOnly
                    ? "\(mountPoint) is read-only"
                    : "no cgroup of this session is delegated to this user",
                hint: readOnly
                    ? "mount it read and write"
                    : "start box with `systemd-run --user --scope -p Delegate=yes box …`, or as root")
        }
        return UnifiedCgroupDriver(mountPoint: mountPoint, base: base)
    }

    /// The highest of the own cgroup's ancestors that this user may manage.
    ///
    /// The highest, because moving a process needs write access to the common ancestor of where it is and where it
    /// goes (cgroups(7)), and `exec` may come from another scope of the same user than `run`.
    private static func delegatedAncestor(of own: String, mountPoint: String) -> String? {
        var path = ""
        for component in own.split(separator: "/") {
            path += "/" + component
            let folder = mountPoint + path
            if box_faccessat(AT_FDCWD, folder + "/cgroup.procs", W_OK, AT_EACCESS) == 0,
                box_faccessat(AT_FDCWD, folder + "/cgroup.subtree_control", W_OK, AT_EACCESS) == 0,
                box_faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == 0
            {
                return path
            }
        }
        return nil
    }

    /// The path of this process in the v2 tree, from the line `0::PATH` of `/proc/self/cgroup`.
    static func ownUnifiedPath() -> String? {
        guard let text = try? readText("/proc/self/cgroup", limit: 1 << 16) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("0::/") }
        return line.map { String($0.dropFirst(3)) }
    }

    private static func legacy(_ root: borrowing Directory) -> any CgroupDriver {
        var hierarchies: [LegacyHierarchy] = []
        for controller in LegacyController.allCases {
            var status = stat()
            guard box_fstatat(root.fd.raw, controller.rawValue + "/cgroup.procs", &status, 0) == 0 else { continue }
            hierarchies.append(LegacyHierarchy(controller: controller, device: UInt64(status.st_dev)))
        }
        guard !hierarchies.isEmpty else {
            return AbsentCgroupDriver(reason: "no hierarchy is mounted below \(root.path)")
        }
        // The owner of a v1 hierarchy is root; handing parts of it to users was never safe (cgroups(7)).
        guard box_faccessat(root.fd.raw, hierarchies[0].controller.rawValue, W_OK, AT_EACCESS) == 0 else {
            return AbsentCgroupDriver(
                reason: "cgroup v1 cannot be delegated to users, and this process may not write \(root.path)",
                hint: "run box as root")
        }
        return LegacyCgroupDriver(mountPoint: root.path, hierarchies: hierarchies)
    }
}
