package import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Cgroups in one tree for all controllers (cgroup v2).
package struct UnifiedCgroupDriver: CgroupDriver {
    package let version = "v2"
    let mountPoint: String
    /// The cgroup below which this process may make others: empty for the top.
    let base: String

    static let controllers = ["cpu", "cpuset", "io", "memory", "pids"]

    package func create(path: String, resources: RuntimeSpec.Resources?) throws(BoxFailure) -> any Cgroup {
        // Everything that can be wrong with the request is found before anything is made.
        let settings = try resources.map { (resources) throws(BoxFailure) in try UnifiedSettings.settings(resources) }
        let folder = CgroupFolder(path: mountPoint + base + path)
        try folder.make { made throws(BoxFailure) in
            // Controllers reach a cgroup only if every one above hands them on. That is done once, when the folder
            // that holds all containers is new; its own parent must begin.
            guard made.path != folder.path, let parent = made.parent else { return }
            enableControllers(in: parent)
            enableControllers(in: made)
        }
        let cgroup = UnifiedCgroup(driver: self, folder: folder, location: base + path)
        do {
            try cgroup.write(settings ?? [])
            if let rules = resources?.devices { try cgroup.restrictDevices(rules) }
        } catch {
            _ = box_unlinkat(AT_FDCWD, folder.path, AT_REMOVEDIR)
            throw error
        }
        return cgroup
    }

    package func open(location: String) -> any Cgroup {
        UnifiedCgroup(driver: self, folder: CgroupFolder(path: mountPoint + location), location: location)
    }

    /// Hands every controller on to the children, as far as that is possible; who needs one that is missing finds
    /// out when it writes the limit.
    func enableControllers(in folder: CgroupFolder) {
        guard let present = try? folder.read("cgroup.controllers").split(separator: " "),
            let enabled = try? folder.read("cgroup.subtree_control").split(separator: " ")
        else { return }
        for controller in present where !enabled.contains(controller) {
            guard Self.controllers.contains(String(controller)) else { continue }
            do {
                try folder.write("cgroup.subtree_control", "+\(controller)")
            } catch {
                // Except for the top of all, a cgroup has either processes or controllers for its children.
                guard error.errno.rawValue == EBUSY, moveProcessesToLeaf(of: folder) else { continue }
                try? folder.write("cgroup.subtree_control", "+\(controller)")
            }
        }
    }

    /// Where the delegated cgroup is the one this process sits in (a container, a systemd scope with
    /// `Delegate=yes`), it and its neighbours step one level down, as delegation expects of the delegate.
    private func moveProcessesToLeaf(of folder: CgroupFolder) -> Bool {
        guard folder.path == mountPoint + base else { return false }
        let leaf = CgroupFolder(path: folder.path + "/box.init")
        let made = box_mkdirat(AT_FDCWD, leaf.path, 0o755)
        guard made == 0 || made == -EEXIST else { return false }
        // Twice over, for children born meanwhile.
        for _ in 0..<5 {
            guard let pids = try? folder.read("cgroup.procs").split(separator: "\n"), !pids.isEmpty else { return true }
            for pid in pids { try? leaf.write("cgroup.procs", String(pid)) }
        }
        return false
    }
}

/// A container's cgroup in the v2 tree.
struct UnifiedCgroup: Cgroup {
    let driver: UnifiedCgroupDriver
    let folder: CgroupFolder
    let location: String

    func place(_ pid: Int32) throws(BoxFailure) {
        do { try folder.write("cgroup.procs", "\(pid)") } catch {
            throw BoxFailure(error, "move process \(pid) into the cgroup", location)
        }
    }

    func directoryFD() throws(BoxFailure) -> OwnedFD? {
        do {
            let raw = try check(box_open(AT_FDCWD, folder.path, O_RDONLY | O_DIRECTORY, 0), "open", folder.path)
            return OwnedFD(adopting: raw)
        } catch {
            throw BoxFailure(error, "open the cgroup")
        }
    }

    func apply(_ resources: RuntimeSpec.Resources) throws(BoxFailure) {
        var resources = resources
        // The two limits are two files here, but one number in the request; the other half may be in the kernel.
        if resources.memory?.limit == nil, let swap = resources.memory?.swap, swap > 0,
            let limit = folder.number("memory.max")
        {
            resources.memory?.limit = Int64(clamping: limit)
        }
        try write(try UnifiedSettings.settings(resources))
    }

    func write(_ settings: [CgroupSetting]) throws(BoxFailure) {
        for setting in settings {
            do {
                try folder.write(setting.file, setting.value)
            } catch {
                switch error.errno.rawValue {
                case ENOENT: try writeAfterEnabling(setting)
                case EINVAL, ERANGE: throw refused(setting, error)
                default: throw setting.failure(error, folder: folder)
                }
            }
        }
    }

    private func refused(_ setting: CgroupSetting, _ error: SystemFailure) -> BoxFailure {
        var setting = setting
        if setting.controller == "cpuset", let all = try? folder.parent?.read(setting.file + ".effective") {
            setting = CgroupSetting(
                setting.controller, setting.file, setting.value, subject: setting.subject, range: "some of \(all)")
        }
        return setting.failure(error, folder: folder)
    }

    /// The slow way for a controller that the parents do not hand on yet.
    private func writeAfterEnabling(_ setting: CgroupSetting) throws(BoxFailure) {
        var ancestors: [CgroupFolder] = []
        var next = folder.parent
        while let parent = next, parent.path.utf8.count >= (driver.mountPoint + driver.base).utf8.count {
            ancestors.append(parent)
            next = parent.parent
        }
        for ancestor in ancestors.reversed() { driver.enableControllers(in: ancestor) }
        do {
            try folder.write(setting.file, setting.value)
        } catch {
            guard error.errno.rawValue == ENOENT else { throw refused(setting, error) }
            // BFQ's own file where the kernel has no io.cost; its range is that of v1.
            if setting.file == "io.weight", folder.has("io.bfq.weight"), let weight = UInt64(setting.value) {
                let old = max(1, min(1000, 10 + (weight - 1) * 990 / 9999))
                try CgroupSetting("io", "io.bfq.weight", "\(old)", subject: setting.subject).write(in: folder)
                return
            }
            throw setting.missing(hint: remedy(setting.controller))
        }
    }

    private func remedy(_ controller: String) -> String {
        if driver.base.isEmpty { return "enable the controller when booting the kernel, or leave the limit out" }
        return """
            let systemd delegate it: put `Delegate=cpu cpuset io memory pids` under [Service] in \
            /etc/systemd/system/user@.service.d/delegate.conf and log in again
            """
    }

    func restrictDevices(_ rules: [RuntimeSpec.DeviceRule]) throws(BoxFailure) {
        let program = try DeviceProgram(rules)
        if program.allowsEverything { return }
        // Without root there is no loading of the program, and no need for it: the kernel lets nobody of a user
        // namespace make device nodes, and mounts of one cannot contain any (user_namespaces(7)).
        guard let descriptor = try directoryFD() else { return }
        let result = program.instructions.withUnsafeBytes {
            box_bpf_cgroup_device(descriptor.raw, $0.baseAddress, UInt32(program.instructions.count))
        }
        if result == -EPERM && box_geteuid() != 0 { return }
        do { try check(result, "bpf", folder.path) } catch {
            throw BoxFailure(error, "restrict the devices of the container")
        }
    }

    func processes() throws(BoxFailure) -> [Int32] {
        do { return try folder.processes() } catch {
            if error.errno.rawValue == ENOENT || error.errno.rawValue == ENODEV { return [] }
            throw BoxFailure(error, "list the container's processes")
        }
    }

    func kill() throws(BoxFailure) {
        do throws(SystemFailure) {
            do throws(SystemFailure) {
                try folder.write("cgroup.kill", "1")
            } catch {
                // Before Linux 5.14. A frozen cgroup cannot fork, and SIGKILL reaches it all the same.
                guard error.errno.rawValue == ENOENT, folder.has("cgroup.procs") else { throw error }
                try? folder.write("cgroup.freeze", "1")
                defer { try? folder.write("cgroup.freeze", "0") }
                _ = try folder.killProcesses(rounds: 100)
            }
        } catch {
            if error.errno.rawValue == ENOENT || error.errno.rawValue == ENODEV { return }
            throw BoxFailure(error, "kill the container's processes")
        }
    }

    func freeze() throws(BoxFailure) {
        do { try folder.write("cgroup.freeze", "1") } catch { throw BoxFailure(error, "pause the container") }
        for _ in 0..<2000 {
            if folder.number("cgroup.events", key: "frozen") == 1 { return }
            usleep(500)
        }
        try? folder.write("cgroup.freeze", "0")
        throw BoxFailure(
            .unavailable, "pause the container", reason: "a process of it did not stop within a second",
            hint: "it may wait for a disk; try again")
    }

    func thaw() throws(BoxFailure) {
        do { try folder.write("cgroup.freeze", "0") } catch { throw BoxFailure(error, "unpause the container") }
    }

    func remove() throws(BoxFailure) { try folder.remove() }

    var oomKilled: Bool { folder.number("memory.events", key: "oom_kill") ?? 0 > 0 }

    func statistics() throws(BoxFailure) -> CgroupStatistics {
        var statistics = CgroupStatistics()
        statistics.cpuUsage = folder.number("cpu.stat", key: "usage_usec").map { $0 * 1000 }
        if let used = folder.number("memory.current") {
            let cache = folder.number("memory.stat", key: "inactive_file") ?? 0
            statistics.memoryUsage = used >= cache ? used - cache : used
        }
        statistics.memoryLimit = folder.number("memory.max")
        statistics.pids = folder.number("pids.current")
        if let text = try? folder.read("io.stat") {
            // `8:0 rbytes=1 wbytes=2 rios=…` for each device
            var sums: (read: UInt64, written: UInt64) = (0, 0)
            for word in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                if word.hasPrefix("rbytes=") { sums.read += UInt64(word.dropFirst(7)) ?? 0 }
                if word.hasPrefix("wbytes=") { sums.written += UInt64(word.dropFirst(7)) ?? 0 }
            }
            statistics.blockRead = sums.read
            statistics.blockWritten = sums.written
        }
        return statistics
    }
}
