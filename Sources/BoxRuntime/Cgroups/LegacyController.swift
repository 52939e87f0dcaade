/// A cgroup v1 controller with a hierarchy of its own; the raw value is the folder where it is mounted.
///
/// What each costs a container, measured on Linux 6.18 (make + attach + remove): memory 170 µs, cpu and cpuset 125,
/// blkio 120, cpuacct and devices 105, freezer 100, pids 65, the controller-less v2 tree 470. All together are more
/// than the rest of a start, so a container joins at once only what protects it or cannot be made up for later
/// (``LegacyCgroupDriver/joinedAtOnce``); the others when a limit or `pause` asks for them.
enum LegacyController: String, CaseIterable, Sendable {
    case memory, cpuacct, devices, pids, cpu, cpuset, blkio, freezer
}

/// A mounted v1 hierarchy; controllers that are mounted together have the same device.
struct LegacyHierarchy: Sendable {
    let controller: LegacyController
    let device: UInt64
}
