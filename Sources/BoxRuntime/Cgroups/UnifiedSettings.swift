internal import BoxModel
internal import Glibc

/// The limits of the runtime specification, which are in the words of cgroup v1, as cgroup v2 spells them.
enum UnifiedSettings {
    static func settings(_ resources: RuntimeSpec.Resources) throws(BoxFailure) -> [CgroupSetting] {
        try CgroupRange.check(resources)
        var settings: [CgroupSetting] = []
        if let memory = resources.memory { settings += try Self.memory(memory) }
        if let cpu = resources.cpu { settings += Self.cpu(cpu) }
        if let limit = resources.pids?.limit {
            let value = limit > 0 ? "\(limit)" : "max"
            if limit != 0 {
                settings.append(CgroupSetting("pids", "pids.max", value, subject: "number of processes"))
            }
        }
        if let weight = resources.blockIO?.weight, weight != 0 {
            settings.append(
                CgroupSetting("io", "io.weight", "\(ioWeight(UInt64(weight)))", subject: "block I/O weight"))
        }
        return settings
    }

    private static func memory(_ memory: RuntimeSpec.Memory) throws(BoxFailure) -> [CgroupSetting] {
        var settings: [CgroupSetting] = []
        let limit = memory.limit ?? 0
        if limit != 0 {
            settings.append(
                CgroupSetting("memory", "memory.max", limit < 0 ? "max" : "\(limit)", subject: "memory"))
        }
        // v1 counts memory and swap together, v2 swap alone.
        if let swap = memory.swap, swap != 0 {
            let alone: String
            if swap < 0 {
                alone = "max"
            } else if limit > 0 {
                alone = "\(swap - limit)"
            } else {
                throw BoxFailure(
                    .invalid, "limit the memory and swap to", "\(swap) bytes",
                    reason: "without a limit of the memory it says nothing", hint: "set the memory limit too")
            }
            settings.append(CgroupSetting("memory", "memory.swap.max", alone, subject: "swap"))
        }
        if let reservation = memory.reservation, reservation != 0 {
            settings.append(
                CgroupSetting(
                    "memory", "memory.low", reservation < 0 ? "0" : "\(reservation)", subject: "reserved memory"))
        }
        if memory.swappiness != nil {
            throw BoxFailure(
                .unsupported, "set the swappiness", reason: "cgroup v2 has none per container",
                hint: "limit the swap instead")
        }
        if memory.disableOOMKiller == true {
            throw BoxFailure(
                .unsupported, "disable the OOM killer", reason: "cgroup v2 cannot",
                hint: "lower the container's OOM score instead")
        }
        return settings
    }

    private static func cpu(_ cpu: RuntimeSpec.CPU) -> [CgroupSetting] {
        var settings: [CgroupSetting] = []
        if let shares = cpu.shares, shares != 0 {
            settings.append(CgroupSetting("cpu", "cpu.weight", "\(cpuWeight(shares))", subject: "CPU shares"))
        }
        if cpu.quota ?? 0 != 0 || cpu.period ?? 0 != 0 {
            let quota = cpu.quota ?? 0
            let period = cpu.period ?? 0
            // A file of two words: with one alone the other stays.
            var value = quota > 0 ? "\(quota)" : "max"
            if period != 0 { value += " \(period)" }
            settings.append(
                CgroupSetting("cpu", "cpu.max", value, subject: "CPU quota", range: "1000 µs and more"))
        }
        if let cpus = cpu.cpus, !cpus.isEmpty {
            settings.append(CgroupSetting("cpuset", "cpuset.cpus", cpus, subject: "CPUs"))
        }
        if let mems = cpu.mems, !mems.isEmpty {
            settings.append(CgroupSetting("cpuset", "cpuset.mems", mems, subject: "memory nodes"))
        }
        return settings
    }

    /// Shares 2…262144 as weights 1…10000, so that the default of the one (1024) is the default of the other (100).
    ///
    /// The curve that the OCI runtimes agreed on in 2025; the straight line of before made 1024 shares a weight of
    /// 39, and containers lost against everything else on the machine.
    static func cpuWeight(_ shares: UInt64) -> UInt64 {
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let logarithm = log2(Double(shares))
        let exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34
        return UInt64(pow(10, exponent).rounded(.up))
    }

    /// 10…1000 of v1 as 1…10000 of v2, a straight line.
    static func ioWeight(_ weight: UInt64) -> UInt64 {
        1 + (weight - 10) * 9999 / 990
    }
}
