internal import BoxModel

/// The limits of the runtime specification as cgroup v1 spells them, in the order in which they must be written.
enum LegacySettings {
    static func settings(_ resources: RuntimeSpec.Resources) throws(BoxFailure) -> [CgroupSetting] {
        try CgroupRange.check(resources)
        var settings: [CgroupSetting] = []
        if let memory = resources.memory { settings += Self.memory(memory) }
        if let cpu = resources.cpu { settings += Self.cpu(cpu) }
        if let limit = resources.pids?.limit, limit != 0 {
            settings.append(
                CgroupSetting("pids", "pids.max", limit > 0 ? "\(limit)" : "max", subject: "number of processes"))
        }
        if let weight = resources.blockIO?.weight, weight != 0 {
            settings.append(
                CgroupSetting("blkio", "blkio.bfq.weight", "\(weight)", subject: "block I/O weight"))
        }
        return settings
    }

    private static func memory(_ memory: RuntimeSpec.Memory) -> [CgroupSetting] {
        var settings: [CgroupSetting] = []
        if let limit = memory.limit, limit != 0 {
            settings.append(CgroupSetting("memory", "memory.limit_in_bytes", "\(limit)", subject: "memory"))
        }
        if let swap = memory.swap, swap != 0 {
            settings.append(
                CgroupSetting(
                    "memory", "memory.memsw.limit_in_bytes", "\(swap)", subject: "memory and swap",
                    range: "not less than the memory limit"))
        }
        if let reservation = memory.reservation, reservation != 0 {
            settings.append(
                CgroupSetting("memory", "memory.soft_limit_in_bytes", "\(reservation)", subject: "reserved memory"))
        }
        if let swappiness = memory.swappiness {
            settings.append(CgroupSetting("memory", "memory.swappiness", "\(swappiness)", subject: "swappiness"))
        }
        if let disabled = memory.disableOOMKiller {
            settings.append(
                CgroupSetting("memory", "memory.oom_control", disabled ? "1" : "0", subject: "OOM killer"))
        }
        return settings
    }

    private static func cpu(_ cpu: RuntimeSpec.CPU) -> [CgroupSetting] {
        var settings: [CgroupSetting] = []
        if let shares = cpu.shares, shares != 0 {
            settings.append(CgroupSetting("cpu", "cpu.shares", "\(shares)", subject: "CPU shares"))
        }
        // The period first: a quota is checked against it.
        if let period = cpu.period, period != 0 {
            settings.append(CgroupSetting("cpu", "cpu.cfs_period_us", "\(period)", subject: "CPU period"))
        }
        if let quota = cpu.quota, quota != 0 {
            settings.append(CgroupSetting("cpu", "cpu.cfs_quota_us", "\(quota)", subject: "CPU quota"))
        }
        if let cpus = cpu.cpus, !cpus.isEmpty {
            settings.append(CgroupSetting("cpuset", "cpuset.cpus", cpus, subject: "CPUs"))
        }
        if let mems = cpu.mems, !mems.isEmpty {
            settings.append(CgroupSetting("cpuset", "cpuset.mems", mems, subject: "memory nodes"))
        }
        return settings
    }
}
