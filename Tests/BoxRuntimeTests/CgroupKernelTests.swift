import BoxModel
import BoxRuntime
import BoxSystem
import Glibc
import Testing

private let driver = CgroupHierarchies.detect()
private let canMakeCgroups = driver.version != "none"
private let isLegacy = driver.version == "v1"
/// Where the tests' own cgroups are; in a delegated tree not at its top.
private let root: String =
    if let probe = try? driver.create(path: "/box-test", resources: nil) { probe.location } else { "" }

/// A cgroup of its own for one test, gone afterwards with whatever is in it.
private func withCgroup(
    _ resources: RuntimeSpec.Resources? = nil, _ body: (any Cgroup) throws -> Void
) throws {
    let name = "\(getpid())-\(randomBytes(4).map(String.init).joined())"
    let cgroup = try driver.create(path: "/box-test/\(name)", resources: resources)
    defer {
        try? cgroup.thaw()
        try? cgroup.kill()
        try? cgroup.remove()
        removeParent()
    }
    try body(cgroup)
}

/// Leaves nothing behind once the last test is through; the suite runs one test at a time.
private func removeParent() {
    try? driver.open(location: root).remove()
}

/// Runs a shell script inside a cgroup: it waits for a byte on its standard input until it has been placed.
private func run(
    _ script: String, in cgroup: any Cgroup, wait: Bool = true
) throws -> (pid: Int32, status: Int32, output: String) {
    let gate = try Pipe().ends()
    let output = try Pipe().ends()
    let gateWriter = OwnedFD(adopting: gate.writer)
    let outputReader = OwnedFD(adopting: output.reader)
    let spawn = Spawn(
        .path("/bin/sh"), ["sh", "-c", "read go; " + script], descriptors: [gate.reader, output.writer, -1])
    let child = try spawn.start()
    _ = OwnedFD(adopting: gate.reader)
    _ = OwnedFD(adopting: output.writer)
    try cgroup.place(child.pid)
    try gateWriter.writeAll(Array("go\n".utf8))
    guard wait else { return (child.pid, -1, "") }
    let text = String(decoding: try outputReader.readAll(), as: UTF8.self)
    return (child.pid, try child.wait(), text)
}

private func reap(_ pid: Int32) -> Int32 {
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status
}

@Suite(.serialized, .enabled(if: canMakeCgroups, "making cgroups needs root or a delegated cgroup"))
struct CgroupKernelTests {
    @Test func processesAreListedKilledAndForgotten() throws {
        let location: String
        let cgroup = try driver.create(path: "/box-test/life-\(getpid())", resources: nil)
        location = cgroup.location
        let child = try run("sleep 100 & sleep 100 & wait", in: cgroup, wait: false)
        for _ in 0..<200 where try cgroup.processes().count < 3 { usleep(5000) }
        #expect(try cgroup.processes().contains(child.pid))
        #expect(try cgroup.processes().count == 3)
        // Another process finds it by its location.
        #expect(try driver.open(location: location).processes().count == 3)
        try driver.open(location: location).kill()
        #expect(reap(child.pid) & 0x7f == SIGKILL)
        try cgroup.remove()
        #expect(try cgroup.processes().isEmpty)
        // Once more is no error.
        try cgroup.remove()
        try cgroup.kill()
        removeParent()
    }

    @Test func killReachesThoseThatFork() throws {
        try withCgroup { cgroup in
            let child = try run("while :; do (sleep 0.01 &) ; done", in: cgroup, wait: false)
            usleep(100_000)
            try cgroup.kill()
            _ = reap(child.pid)
            for _ in 0..<100 where try !cgroup.processes().isEmpty { usleep(2000) }
            #expect(try cgroup.processes().isEmpty)
        }
    }

    @Test func memoryLimitEndsTheProcess() throws {
        var resources = RuntimeSpec.Resources()
        resources.memory = .init()
        resources.memory?.limit = 32 << 20
        resources.memory?.swap = 32 << 20
        try withCgroup(resources) { cgroup in
            #expect(!cgroup.oomKilled)
            #expect(try cgroup.statistics().memoryLimit == 32 << 20)
            // tail keeps a line that never ends in memory.
            let result = try run("exec tail /dev/zero", in: cgroup)
            #expect(result.status == 128 + SIGKILL)
            #expect(cgroup.oomKilled)
        }
    }

    @Test func memoryLimitsMoveBothWays() throws {
        var resources = RuntimeSpec.Resources()
        resources.memory = .init()
        resources.memory?.limit = 32 << 20
        resources.memory?.swap = 32 << 20
        try withCgroup(resources) { cgroup in
            for size: Int64 in [64 << 20, 16 << 20, 128 << 20] {
                resources.memory?.limit = size
                resources.memory?.swap = size
                try cgroup.apply(resources)
                #expect(try cgroup.statistics().memoryLimit == UInt64(size))
            }
        }
    }

    @Test func processLimitHolds() throws {
        var resources = RuntimeSpec.Resources()
        resources.pids = .init(limit: 3)
        try withCgroup(resources) { cgroup in
            // dash gives up with status 2 when it cannot fork.
            let result = try run("for i in 1 2 3 4 5 6; do sleep 0.3 & done; echo all", in: cgroup)
            #expect(!result.output.contains("all"))
            #expect(result.status != 0)
        }
    }

    @Test func processLimitCanComeLater() throws {
        try withCgroup { cgroup in
            let child = try run("sleep 100 & sleep 100 & wait", in: cgroup, wait: false)
            for _ in 0..<200 where try cgroup.processes().count < 3 { usleep(5000) }
            var resources = RuntimeSpec.Resources()
            resources.pids = .init(limit: 10)
            try cgroup.apply(resources)
            #expect(try cgroup.statistics().pids == 3)
            try cgroup.kill()
            _ = reap(child.pid)
        }
    }

    @Test func cpusAreThoseAskedFor() throws {
        var resources = RuntimeSpec.Resources()
        resources.cpu = .init()
        resources.cpu?.cpus = "0"
        try withCgroup(resources) { cgroup in
            let result = try run("grep Cpus_allowed_list /proc/self/status", in: cgroup)
            #expect(result.output == "Cpus_allowed_list:\t0\n")
        }
        resources.cpu?.cpus = "4000"
        let failure = #expect(throws: BoxFailure.self) { try withCgroup(resources) { _ in } }
        #expect(failure?.kind == .invalid)
        #expect(failure?.hint?.contains("allowed is some of") == true)
    }

    @Test func sharesAndQuotaAreTaken() throws {
        var resources = RuntimeSpec.Resources()
        resources.cpu = .init()
        resources.cpu?.shares = 512
        resources.cpu?.quota = 20_000
        resources.cpu?.period = 100_000
        try withCgroup(resources) { cgroup in
            let folder = isLegacy ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup"
            let file = folder + cgroup.location + (isLegacy ? "/cpu.cfs_quota_us" : "/cpu.max")
            let text = try readText(file)
            #expect(text == (isLegacy ? "20000\n" : "20000 100000\n"))
        }
    }

    @Test(.enabled(if: geteuid() == 0, "restricting devices needs root"))
    func devicesAreRefused() throws {
        var resources = RuntimeSpec.Resources()
        resources.devices = DeviceRules.standard
        try withCgroup(resources) { cgroup in
            let result = try run(
                """
                : </dev/null && echo null; : </dev/zero && echo zero; (: </dev/mem) || echo nomem
                """, in: cgroup)
            #expect(result.output == "null\nzero\nnomem\n")
        }
        resources.devices = [.init(allow: false)]
        try withCgroup(resources) { cgroup in
            let result = try run("(: </dev/null) || echo refused", in: cgroup)
            #expect(result.output == "refused\n")
        }
        resources.devices = DeviceRules.everything
        try withCgroup(resources) { cgroup in
            let result = try run("(: </dev/null) && echo open", in: cgroup)
            #expect(result.output == "open\n")
        }
    }

    @Test func frozenProcessesStandStill() throws {
        try withCgroup { cgroup in
            let child = try run("while :; do :; done", in: cgroup, wait: false)
            usleep(50_000)
            try cgroup.freeze()
            let before = try cgroup.statistics().cpuUsage ?? 0
            usleep(50_000)
            let after = try cgroup.statistics().cpuUsage ?? 0
            #expect(before > 0)
            #expect(after == before)
            try cgroup.thaw()
            usleep(50_000)
            #expect(try cgroup.statistics().cpuUsage ?? 0 > after)
            try cgroup.kill()
            #expect(reap(child.pid) & 0x7f == SIGKILL)
        }
    }

    @Test func frozenProcessesCanBeKilledOnceThawed() throws {
        try withCgroup { cgroup in
            let child = try run("sleep 100", in: cgroup, wait: false)
            try cgroup.freeze()
            try cgroup.thaw()
            try cgroup.kill()
            #expect(reap(child.pid) & 0x7f == SIGKILL)
        }
    }

    @Test func cgroupsInsideGoToo() throws {
        try withCgroup { cgroup in
            let top = isLegacy ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
            _ = try makeDirectories(top + cgroup.location + "/inner/most")
            try cgroup.remove()
            #expect(throws: SystemFailure.self) { _ = try Directory(opening: top + cgroup.location) }
        }
    }

    @Test func cloneIntoCgroupHasItsDescriptor() throws {
        try withCgroup { cgroup in
            let descriptor = try cgroup.directoryFD()
            let isThere = descriptor != nil
            #expect(isThere == !isLegacy)
        }
    }

    @Test func aRefusedLimitLeavesNothingBehind() throws {
        var resources = RuntimeSpec.Resources()
        resources.cpu = .init()
        resources.cpu?.cpus = "nonsense"
        #expect(throws: BoxFailure.self) { try driver.create(path: "/box-test/left", resources: resources) }
        for folder in ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpuset"] {
            #expect(throws: SystemFailure.self) { _ = try Directory(opening: folder + root + "/left") }
        }
        removeParent()
    }
}
