import BoxModel
import Testing

@testable import BoxRuntime

@Suite struct CgroupSettingTests {
    private func resources(_ change: (inout RuntimeSpec.Resources) -> Void) -> RuntimeSpec.Resources {
        var resources = RuntimeSpec.Resources()
        resources.memory = .init()
        resources.cpu = .init()
        resources.blockIO = .init()
        change(&resources)
        return resources
    }

    private func unified(_ change: (inout RuntimeSpec.Resources) -> Void) throws -> [String] {
        try UnifiedSettings.settings(resources(change)).map { "\($0.file)=\($0.value)" }
    }

    private func legacy(_ change: (inout RuntimeSpec.Resources) -> Void) throws -> [String] {
        try LegacySettings.settings(resources(change)).map { "\($0.file)=\($0.value)" }
    }

    @Test func memory() throws {
        let limited: (inout RuntimeSpec.Resources) -> Void = {
            $0.memory?.limit = 1000
            $0.memory?.swap = 3000
            $0.memory?.reservation = 500
        }
        #expect(try unified(limited) == ["memory.max=1000", "memory.swap.max=2000", "memory.low=500"])
        #expect(
            try legacy(limited) == [
                "memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=3000", "memory.soft_limit_in_bytes=500",
            ])
        #expect(
            try unified {
                $0.memory?.limit = -1
                $0.memory?.swap = -1
            } == ["memory.max=max", "memory.swap.max=max"])
        #expect(
            try unified {
                $0.memory?.limit = 1000
                $0.memory?.swap = 1000
            } == ["memory.max=1000", "memory.swap.max=0"])
    }

    @Test func processor() throws {
        let limited: (inout RuntimeSpec.Resources) -> Void = {
            $0.cpu?.shares = 1024
            $0.cpu?.quota = 50_000
            $0.cpu?.period = 100_000
            $0.cpu?.cpus = "0-1"
        }
        #expect(try unified(limited) == ["cpu.weight=100", "cpu.max=50000 100000", "cpuset.cpus=0-1"])
        #expect(
            try legacy(limited) == [
                "cpu.shares=1024", "cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000", "cpuset.cpus=0-1",
            ])
        #expect(try unified { $0.cpu?.quota = -1 } == ["cpu.max=max"])
        #expect(try unified { $0.cpu?.quota = 20_000 } == ["cpu.max=20000"])
    }

    @Test(arguments: [(2, 1), (1024, 100), (262_144, 10_000), (512, 59), (0, 1)] as [(UInt64, UInt64)])
    func sharesBecomeWeights(_ shares: UInt64, _ weight: UInt64) {
        #expect(UnifiedSettings.cpuWeight(shares) == weight)
    }

    @Test func weightsGrowWithShares() {
        var last: UInt64 = 0
        for shares in stride(from: UInt64(2), through: 262_144, by: 997) {
            let weight = UnifiedSettings.cpuWeight(shares)
            #expect(weight >= last && weight <= 10_000)
            last = weight
        }
    }

    @Test func theRest() throws {
        #expect(try unified { $0.pids = .init(limit: 10) } == ["pids.max=10"])
        #expect(try legacy { $0.pids = .init(limit: -1) } == ["pids.max=max"])
        #expect(try unified { $0.blockIO?.weight = 1000 } == ["io.weight=10000"])
        #expect(try unified { $0.blockIO?.weight = 10 } == ["io.weight=1"])
        #expect(try unified { _ in } == [])
    }

    @Test func valuesOutOfRangeNameTheRange() {
        let wrong: [(inout RuntimeSpec.Resources) -> Void] = [
            { $0.cpu?.shares = 1 },
            { $0.cpu?.period = 500 },
            { $0.cpu?.quota = 10 },
            { $0.memory?.swappiness = 101 },
            { $0.memory?.limit = -2 },
            { $0.pids = .init(limit: 5_000_000) },
            { $0.blockIO?.weight = 5 },
        ]
        for change in wrong {
            for failure in [
                #expect(throws: BoxFailure.self, performing: { try unified(change) }),
                #expect(throws: BoxFailure.self, performing: { try legacy(change) }),
            ] {
                #expect(failure?.kind == .invalid)
                #expect(failure?.hint?.contains("allowed is") == true)
            }
        }
    }

    @Test func swapBelowMemoryIsRefused() {
        #expect(throws: BoxFailure.self) {
            try legacy {
                $0.memory?.limit = 2000
                $0.memory?.swap = 1000
            }
        }
    }

    @Test func whatTheSecondVersionLacksIsSaid() {
        let failure = #expect(throws: BoxFailure.self) { try unified { $0.memory?.disableOOMKiller = true } }
        #expect(failure?.kind == .unsupported)
        #expect(throws: BoxFailure.self) { try unified { $0.memory?.swappiness = 10 } }
    }

    @Test func withoutCgroupsLimitsFailAndTheRestRuns() throws {
        let driver = CgroupHierarchies.detect(mountPoint: "/proc/self/nothing")
        #expect(driver.version == "none")
        var harmless = RuntimeSpec.Resources()
        harmless.devices = DeviceRules.standard
        let cgroup = try driver.create(path: "/box/x", resources: harmless)
        try cgroup.place(1)
        try cgroup.remove()
        let failure = #expect(throws: BoxFailure.self) {
            try driver.create(path: "/box/x", resources: resources { $0.memory?.limit = 1 << 30 })
        }
        #expect(failure?.kind == .unsupported)
        #expect(failure?.description.contains("memory") == true)
    }
}
