package import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Cgroups in one tree per controller (cgroup v1), also beside a v2 tree without controllers ("hybrid").
///
/// The v2 tree of a hybrid machine is not joined: attaching to it costs three times what the freezer does, which
/// can do all that the v2 tree could do here. The name-only hierarchy of systemd is left alone too: a container
/// counts there to the session or service that started it, and ends with it if that is configured.
package struct LegacyCgroupDriver: CgroupDriver {
    package let version = "v1"
    let mountPoint: String
    let hierarchies: [LegacyHierarchy]

    /// What cannot be made up for later.
    ///
    /// memory tells of OOM kills and never counts what was used before joining, nor does cpuacct. `devices` is
    /// added where there are rules.
    static let joinedAtOnce: [LegacyController] = [.memory, .cpuacct]

    package func create(path: String, resources: RuntimeSpec.Resources?) throws(BoxFailure) -> any Cgroup {
        let settings = try resources.map { (resources) throws(BoxFailure) in try LegacySettings.settings(resources) }
        let cgroup = LegacyCgroup(driver: self, location: path)
        do {
            for controller in Self.joinedAtOnce where has(controller) { _ = try cgroup.make(controller) }
            if !has(.memory) && !has(.cpuacct), let first = hierarchies.first {
                _ = try cgroup.make(first.controller)
            }
            try cgroup.write(settings ?? [], moving: false)
            if let rules = resources?.devices { try cgroup.restrictDevices(rules) }
        } catch {
            for hierarchy in hierarchies {
                _ = box_unlinkat(AT_FDCWD, cgroup.folder(hierarchy.controller).path, AT_REMOVEDIR)
            }
            throw error
        }
        return cgroup
    }

    package func open(location: String) -> any Cgroup {
        LegacyCgroup(driver: self, location: location)
    }

    func has(_ controller: LegacyController) -> Bool {
        hierarchies.contains { $0.controller == controller }
    }
}

/// A container's cgroups of the same path in several v1 hierarchies; which ones exist, the file system tells.
struct LegacyCgroup: Cgroup {
    let driver: LegacyCgroupDriver
    let location: String

    func folder(_ controller: LegacyController) -> CgroupFolder {
        CgroupFolder(path: "\(driver.mountPoint)/\(controller.rawValue)\(location)")
    }

    /// The folders that exist, each hierarchy once however many controllers it has.
    private func joined() -> [CgroupFolder] {
        var devices: Set<UInt64> = []
        var folders: [CgroupFolder] = []
        for hierarchy in driver.hierarchies where !devices.contains(hierarchy.device) {
            let folder = folder(hierarchy.controller)
            guard folder.has("cgroup.procs") else { continue }
            devices.insert(hierarchy.device)
            folders.append(folder)
        }
        return folders
    }

    /// Makes the cgroup in one hierarchy; a new cpuset is empty and takes nobody in until it has its parent's CPUs
    /// and memory nodes (cpuset(7)).
    func make(_ controller: LegacyController) throws(BoxFailure) -> CgroupFolder {
        let folder = folder(controller)
        try folder.make { made throws(BoxFailure) in
            guard controller == .cpuset, let parent = made.parent else { return }
            do throws(SystemFailure) {
                for file in ["cpuset.cpus", "cpuset.mems"] { try made.write(file, try parent.read(file)) }
            } catch {
                throw BoxFailure(error, "inherit the CPUs of the parent cgroup")
            }
        }
        return folder
    }

    /// Makes the cgroup in one more hierarchy and brings the container's processes over.
    private func join(_ controller: LegacyController) throws(BoxFailure) -> CgroupFolder {
        let folder = folder(controller)
        if folder.has("cgroup.procs") { return folder }
        let members = joined().first
        let made = try make(controller)
        guard let members else { return made }
        do {
            // Children of those that have moved are born inside, so this ends when nobody new turns up.
            for _ in 0..<50 {
                let inside = Set(try made.processes())
                let outside = try members.processes().filter { !inside.contains($0) }
                if outside.isEmpty { break }
                for pid in outside {
                    do { try made.write("cgroup.procs", "\(pid)") } catch  where error.errno.rawValue == ESRCH {}
                }
            }
        } catch {
            throw BoxFailure(error, "move the container into its \(controller.rawValue) cgroup")
        }
        return made
    }

    func place(_ pid: Int32) throws(BoxFailure) {
        for folder in joined() {
            do { try folder.write("cgroup.procs", "\(pid)") } catch {
                throw BoxFailure(error, "move process \(pid) into the cgroup", location)
            }
        }
    }

    func entrances() throws(BoxFailure) -> [SharedFD] {
        var files: [SharedFD] = []
        for folder in joined() {
            do { files.append(try folder.open("tasks")) } catch {
                throw BoxFailure(error, "open the cgroup", location)
            }
        }
        return files
    }

    func directoryFD() throws(BoxFailure) -> OwnedFD? { nil }

    func apply(_ resources: RuntimeSpec.Resources) throws(BoxFailure) {
        try write(try LegacySettings.settings(resources), moving: true)
    }

    /// - Parameter moving: whether there may be processes already.
    func write(_ settings: [CgroupSetting], moving: Bool) throws(BoxFailure) {
        for (index, setting) in settings.enumerated() {
            guard let controller = LegacyController(rawValue: setting.controller), driver.has(controller) else {
                throw setting.missing(hint: "mount the hierarchy at \(driver.mountPoint)/\(setting.controller)")
            }
            let folder = moving ? try join(controller) : try make(controller)
            do {
                try folder.write(setting.file, setting.value)
            } catch {
                switch (setting.file, error.errno.rawValue) {
                case ("memory.limit_in_bytes", EINVAL) where index + 1 < settings.count:
                    // Memory may never exceed memory plus swap: when both rise, the sum goes first.
                    let next = settings[index + 1]
                    guard next.file == "memory.memsw.limit_in_bytes" else {
                        throw setting.failure(error, folder: folder)
                    }
                    try next.write(in: folder)
                    try setting.write(in: folder)
                case ("memory.limit_in_bytes", EINVAL):
                    throw BoxFailure(
                        .invalid, "limit the memory to", setting.value,
                        reason: "the limit of memory and swap together is lower",
                        hint: "raise the swap limit at the same time")
                case ("memory.memsw.limit_in_bytes", ENOENT) where setting.value == "-1":
                    break
                case ("memory.memsw.limit_in_bytes", ENOENT):
                    // A kernel without swap accounting has the file only with `swapaccount=1`; what swap then adds
                    // is not limited, which Docker only warns of. Silence would be worse than the failure.
                    throw setting.missing(hint: "boot with swapaccount=1, or set the swap limit to -1")
                case ("blkio.bfq.weight", ENOENT):
                    try CgroupSetting("blkio", "blkio.weight", setting.value, subject: setting.subject).write(
                        in: folder)
                case ("cpuset.cpus", EINVAL), ("cpuset.mems", EINVAL), ("cpuset.cpus", EACCES), ("cpuset.mems", EACCES),
                    ("cpuset.cpus", ERANGE), ("cpuset.mems", ERANGE):
                    let all = (try? folder.parent?.read(setting.file)) ?? ""
                    throw BoxFailure(
                        .invalid, "limit the \(setting.subject) to", setting.value,
                        reason: "the machine does not have all of them", hint: "allowed is some of \(all)")
                default:
                    throw setting.failure(error, folder: folder)
                }
            }
        }
    }

    func restrictDevices(_ rules: [RuntimeSpec.DeviceRule]) throws(BoxFailure) {
        var matches: [DeviceMatch] = []
        for rule in rules { matches.append(try DeviceMatch(rule)) }
        if let last = matches.last, last.allow, last.matchesEverything { return }
        guard driver.has(.devices) else {
            throw BoxFailure(
                .unsupported, "restrict the devices of the container",
                reason: "the cgroup controller `devices` is missing",
                hint: "mount the hierarchy at \(driver.mountPoint)/devices, or run with --privileged")
        }
        let folder = try make(.devices)
        do throws(SystemFailure) {
            // A dozen rules: each file is opened once.
            let allow = try folder.open("devices.allow")
            let deny = try folder.open("devices.deny")
            for match in matches {
                let text = Array(match.legacyText.utf8)
                let file = match.allow ? allow.raw : deny.raw
                try check(
                    text.withUnsafeBytes { box_write(file, $0.baseAddress, $0.count) }, "write", match.legacyText)
            }
        } catch {
            throw BoxFailure(error, "restrict the devices of the container")
        }
    }

    func processes() throws(BoxFailure) -> [Int32] {
        do { return try joined().first?.processes() ?? [] } catch {
            if error.errno.rawValue == ENOENT || error.errno.rawValue == ENODEV { return [] }
            throw BoxFailure(error, "list the container's processes")
        }
    }

    func kill() throws(BoxFailure) {
        guard let members = joined().first else { return }
        do {
            if try members.killProcesses(rounds: 5) { return }
            // Something forks faster: stop it first. Frozen processes die only once thawed.
            let freezer = try? join(.freezer)
            for _ in 0..<20 {
                try? freezer?.write("freezer.state", "FROZEN")
                usleep(1000)
                let pinned = try members.processes().map { (pid: $0, fd: box_pidfd_open($0)) }
                for (_, fd) in pinned where fd >= 0 {
                    _ = box_pidfd_send_signal(fd, SIGKILL)
                    _ = box_close(fd)
                }
                try? freezer?.write("freezer.state", "THAWED")
                if try members.killProcesses(rounds: 10) { return }
            }
        } catch {
            if error.errno.rawValue == ENOENT || error.errno.rawValue == ENODEV { return }
            throw BoxFailure(error, "kill the container's processes")
        }
        throw BoxFailure(
            .unavailable, "kill the container's processes", reason: "new ones appear faster than they can be ended",
            hint: "try again, or limit them with --pids-limit")
    }

    func freeze() throws(BoxFailure) {
        guard driver.has(.freezer) else {
            throw BoxFailure(
                .unsupported, "pause the container", reason: "the cgroup controller `freezer` is missing",
                hint: "mount the hierarchy at \(driver.mountPoint)/freezer")
        }
        let folder = try join(.freezer)
        do {
            // FREEZING can last while a process is in uninterruptible sleep; writing again hurries it on.
            for _ in 0..<1000 {
                try folder.write("freezer.state", "FROZEN")
                if try folder.read("freezer.state") == "FROZEN" { return }
                usleep(1000)
            }
            try folder.write("freezer.state", "THAWED")
        } catch {
            throw BoxFailure(error, "pause the container")
        }
        throw BoxFailure(
            .unavailable, "pause the container", reason: "a process of it did not stop within a second",
            hint: "it may wait for a disk; try again")
    }

    func thaw() throws(BoxFailure) {
        let folder = folder(.freezer)
        do { try folder.write("freezer.state", "THAWED") } catch {
            if error.errno.rawValue == ENOENT { return }
            throw BoxFailure(error, "unpause the container")
        }
    }

    func remove() throws(BoxFailure) {
        for folder in joined() { try folder.remove() }
    }

    var oomKilled: Bool { folder(.memory).number("memory.oom_control", key: "oom_kill") ?? 0 > 0 }

    func statistics() throws(BoxFailure) -> CgroupStatistics {
        var statistics = CgroupStatistics()
        statistics.cpuUsage = folder(.cpuacct).number("cpuacct.usage")
        let memory = folder(.memory)
        if let used = memory.number("memory.usage_in_bytes") {
            let cache = memory.number("memory.stat", key: "total_inactive_file") ?? 0
            statistics.memoryUsage = used >= cache ? used - cache : used
        }
        // Unlimited is the highest multiple of the page size.
        if let limit = memory.number("memory.limit_in_bytes"), limit < 1 << 62 { statistics.memoryLimit = limit }
        if let count = folder(.pids).number("pids.current") {
            statistics.pids = count
        } else if let tasks = try? joined().first?.read("tasks") {
            statistics.pids = UInt64(tasks.split(separator: "\n").count)
        }
        if let text = try? folder(.blkio).read("blkio.throttle.io_service_bytes_recursive") {
            // `8:0 Read 4096` for each device and kind
            var sums: (read: UInt64, written: UInt64) = (0, 0)
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 3, let bytes = UInt64(words[2]) else { continue }
                if words[1] == "Read" { sums.read += bytes }
                if words[1] == "Write" { sums.written += bytes }
            }
            statistics.blockRead = sums.read
            statistics.blockWritten = sums.written
        }
        return statistics
    }
}
