package import BoxModel
package import BoxSystem

/// One way in which the kernel offers control groups (cgroups(7)).
package protocol CgroupDriver: Sendable {
    /// `v2`, `v1` or `none`, as `box info` shows it.
    var version: String { get }

    /// Makes a cgroup and sets its limits.
    ///
    /// - Parameters:
    ///   - path: below the point that this process may manage, e.g. `/box/ID`.
    ///   - resources: nil leaves everything unlimited.
    func create(path: String, resources: RuntimeSpec.Resources?) throws(BoxFailure) -> any Cgroup

    /// The cgroup that ``Cgroup/location`` named, whether or not it still exists.
    func open(location: String) -> any Cgroup
}

/// The control group of one container: its limits, and the surest list of its processes.
package protocol Cgroup: Sendable {
    /// Where it is below the mount point of each hierarchy; with it another process finds it again.
    var location: String { get }

    /// Puts a process and the children it will have into the cgroup.
    func place(_ pid: Int32) throws(BoxFailure)
    /// Open files by which a process takes itself in, for hierarchies that it cannot be cloned into.
    func entrances() throws(BoxFailure) -> [SharedFD]
    /// A descriptor for `CLONE_INTO_CGROUP`, or nil where the kernel cannot clone into this kind of cgroup.
    func directoryFD() throws(BoxFailure) -> OwnedFD?
    /// Changes limits; what is nil stays as it is.
    func apply(_ resources: RuntimeSpec.Resources) throws(BoxFailure)
    /// The processes in it and below it, by pid.
    func processes() throws(BoxFailure) -> [Int32]
    /// Ends every process with SIGKILL, also those that fork meanwhile.
    func kill() throws(BoxFailure)
    /// Stops every process until ``thaw()``; returns once they stand still.
    func freeze() throws(BoxFailure)
    func thaw() throws(BoxFailure)
    /// Removes it and the cgroups that the container made in it; one that is gone already is no error.
    func remove() throws(BoxFailure)
    /// Whether the kernel ended a process of it for want of memory.
    var oomKilled: Bool { get }
    func statistics() throws(BoxFailure) -> CgroupStatistics
}

extension Cgroup {
    package func entrances() -> [SharedFD] { [] }
}

/// What a container has used; nil is what its cgroup does not count.
package struct CgroupStatistics: Hashable, Sendable {
    /// Nanoseconds on any CPU.
    package var cpuUsage: UInt64?
    /// Bytes without the page cache that would be given up first (as Docker counts).
    package var memoryUsage: UInt64?
    /// Bytes; nil is unlimited.
    package var memoryLimit: UInt64?
    /// Processes and threads.
    package var pids: UInt64?
    package var blockRead: UInt64?
    package var blockWritten: UInt64?

    package init() {}
}
