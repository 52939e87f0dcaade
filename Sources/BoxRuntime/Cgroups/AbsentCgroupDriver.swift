package import BoxModel
internal import BoxSystem

/// No control groups: everything runs unlimited, and asking for a limit fails with the reason.
package struct AbsentCgroupDriver: CgroupDriver {
    package let version = "none"
    /// Why there are none.
    package let reason: String
    private let hint: String?

    init(reason: String, hint: String? = nil) {
        self.reason = reason
        self.hint = hint
    }

    package func create(path: String, resources: RuntimeSpec.Resources?) throws(BoxFailure) -> any Cgroup {
        let cgroup = AbsentCgroup(reason: reason, hint: hint)
        // Device rules come with every container. Where there are no cgroups box is not root, and then the kernel
        // itself lets nobody make or open device nodes of a user namespace.
        if let resources { try cgroup.apply(resources) }
        return cgroup
    }

    package func open(location: String) -> any Cgroup {
        AbsentCgroup(reason: reason, hint: hint)
    }
}

private struct AbsentCgroup: Cgroup {
    let reason: String
    let hint: String?
    let location = ""
    let oomKilled = false

    private func failure(_ operation: String) -> BoxFailure {
        BoxFailure(.unsupported, operation, reason: "there is no cgroup: \(reason)", hint: hint)
    }

    func place(_ pid: Int32) throws(BoxFailure) {}
    func directoryFD() throws(BoxFailure) -> OwnedFD? { nil }
    func remove() throws(BoxFailure) {}
    func statistics() throws(BoxFailure) -> CgroupStatistics { CgroupStatistics() }

    func apply(_ resources: RuntimeSpec.Resources) throws(BoxFailure) {
        if let limit = resources.firstLimit { throw failure("limit the \(limit)") }
    }

    func processes() throws(BoxFailure) -> [Int32] { throw failure("list the container's processes") }
    func kill() throws(BoxFailure) { throw failure("kill the container's processes by their cgroup") }
    func freeze() throws(BoxFailure) { throw failure("pause the container") }
    func thaw() throws(BoxFailure) { throw failure("unpause the container") }
}

extension RuntimeSpec.Resources {
    /// The first limit that is asked for, in words; device rules do not count.
    fileprivate var firstLimit: String? {
        if let memory, memory != RuntimeSpec.Memory() { return "memory" }
        if let cpu, cpu != RuntimeSpec.CPU() { return "CPU" }
        if let pids, pids.limit > 0 { return "number of processes" }
        if blockIO?.weight != nil { return "block I/O" }
        return nil
    }
}
