package import BoxModel
package import BoxSystem

/// Everything that turns a specification into a running process; it comes to the monitor as JSON.
package struct LaunchPlan: Hashable, Codable, Sendable {
    package var spec: RuntimeSpec
    package var rootfs: RootfsPlan
    /// An empty host directory; the root file system is mounted there, in the private mount namespace only.
    package var mountpoint: String
    package var user: UserRequest
    /// Whether box itself stays process 1, reaps and forwards signals.
    package var useInit = false
    /// Whether a missing working directory is made.
    package var createWorkingDirectory = true
    /// Whether `HOME` comes from the container's passwd(5) where the environment lacks it.
    package var setHome = true

    package init(spec: RuntimeSpec, rootfs: RootfsPlan, mountpoint: String, user: UserRequest = UserRequest()) {
        self.spec = spec
        self.rootfs = rootfs
        self.mountpoint = mountpoint
        self.user = user
    }
}

/// What becomes the root of a container.
package enum RootfsPlan: Hashable, Codable, Sendable {
    case overlay(Overlay)
    case directory(String)

    /// Layers under a writable directory, all absolute host paths.
    package struct Overlay: Hashable, Codable, Sendable {
        /// Topmost first.
        package var layers: [String]
        package var upper: String
        package var work: String
        /// Whether nothing is flushed to disk; only for a container that is removed at its end.
        package var volatile = false
        /// Whether overlay keeps its marks in `user.*` attributes, for those who may not write `trusted.*`.
        package var userxattr = false

        package init(layers: [String], upper: String, work: String) {
            self.layers = layers
            self.upper = upper
            self.work = work
        }
    }
}

/// Who runs the command; names are looked up in the container's own files.
package struct UserRequest: Hashable, Codable, Sendable {
    /// `uid|name[:gid|group]`; empty is root.
    package var spec: String
    package var additionalGroups: [String]

    package init(spec: String = "", additionalGroups: [String] = []) {
        self.spec = spec
        self.additionalGroups = additionalGroups
    }
}

/// What the command's descriptors 0, 1 and 2 are.
package enum LaunchStdio: Sendable {
    /// Descriptors of the caller; -1 is the container's `/dev/null`.
    case descriptors(input: CInt, output: CInt, error: CInt)
    /// A new terminal in the container's own devpts; its master comes back with ``Launched``.
    case terminal
}

/// Puts a new process under its limits before it does anything.
package protocol CgroupPlacement {
    /// A directory of the v2 hierarchy for CLONE_INTO_CGROUP, or -1.
    var descriptor: CInt { get }
    /// Open `tasks` files of every other hierarchy, by which the new process takes itself in.
    ///
    /// A process that moves itself needs no lock over all process groups of the machine; moving another one waits
    /// for an RCU grace period, often 10 ms (cgroup_procs_write_start in the kernel).
    var entrances: [CInt] { get }
}

/// No cgroup: the process stays in the caller's.
package struct CallersCgroup: CgroupPlacement {
    package init() {}
    package var descriptor: CInt { -1 }
    package var entrances: [CInt] { [] }
}

/// A container's first process, which has executed its command.
package struct Launched: ~Copyable {
    package let pid: Int32
    package let pidfd: OwnedFD
    /// The master side of the container's terminal where one was asked for.
    package private(set) var terminalMaster: OwnedFD?

    init(pid: Int32, pidfd: consuming OwnedFD, terminalMaster: consuming OwnedFD?) {
        self.pid = pid
        self.pidfd = pidfd
        self.terminalMaster = terminalMaster
    }

    /// Hands the descriptors on (-1: no terminal); each is to be adopted exactly once.
    package consuming func release() -> (pid: Int32, pidfd: CInt, terminalMaster: CInt) {
        let master = terminalMaster.take()?.release() ?? -1
        return (pid, pidfd.release(), master)
    }
}
