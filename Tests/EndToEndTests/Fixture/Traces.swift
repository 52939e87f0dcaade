import Foundation

/// What containers could leave on the host.
enum Traces {
    struct Process: CustomStringConvertible {
        let pid: pid_t
        let description: String
    }

    /// The mount points of this process's namespace at or below a directory (proc_pid_mountinfo(5)).
    static func mounts(below directory: String) -> [String] {
        lines("/proc/self/mountinfo").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[4] == directory || fields[4].hasPrefix(directory + "/") else { return nil }
            return String(fields[4])
        }
    }

    /// The processes that have the directory in their environment, arguments, open files or mounts.
    static func processes(of directory: String) -> [Process] {
        let own = getpid()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { name in
            guard let pid = pid_t(name), pid != own else { return nil }
            let base = "/proc/\(name)"
            guard
                let reason = ["environ", "cmdline"].first(where: { contains("\(base)/\($0)", directory) })
                    ?? openFile(base, below: directory) ?? rootFileSystem(base, below: directory)
            else { return nil }
            let state = lines("\(base)/status").first { $0.hasPrefix("State:") } ?? ""
            if state.contains("Z") || state.isEmpty { return nil }
            let words = lines("\(base)/cmdline").joined().replacingOccurrences(of: "\0", with: " ")
            return Process(pid: pid, description: "process \(pid) (\(words.prefix(200)); seen in \(reason))")
        }
    }

    /// The control groups that box makes, in every hierarchy, below the root or below our own group.
    static func cgroups() -> Set<String> {
        var bases: Set<String> = []
        let own = Set(
            lines("/proc/self/cgroup").compactMap { $0.split(separator: ":", maxSplits: 2).last.map(String.init) })
        for line in lines("/proc/self/mountinfo") where line.contains(" - cgroup") {
            let fields = line.split(separator: " ")
            for group in own.union(["/"]) { bases.insert("\(fields[4])\(group == "/" ? "" : group)/box") }
        }
        return bases.reduce(into: []) { found, base in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
            for name in names where !name.contains(".") { found.insert("\(base)/\(name)") }
        }
    }

    /// Whether a control group exists and no process is in it: somebody forgot it.
    static func isEmpty(_ cgroup: String) -> Bool {
        guard let processes = try? String(contentsOfFile: "\(cgroup)/cgroup.procs", encoding: .utf8) else {
            return false
        }
        return processes.isEmpty
    }

    private static func openFile(_ base: String, below directory: String) -> String? {
        let files = ((try? FileManager.default.contentsOfDirectory(atPath: "\(base)/fd")) ?? []).map { "fd/\($0)" }
        return (files + ["cwd", "exe", "root"]).first { name in
            let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(base)/\(name)")) ?? ""
            return target == directory || target.hasPrefix(directory + "/")
        }
    }

    /// A process of a container sees our directory only as the source of its mounts: layers, hosts file, volumes.
    ///
    /// Mount points below the directory are not looked at: a mount that was left on the host shows in every process.
    private static func rootFileSystem(_ base: String, below directory: String) -> String? {
        let files = FileManager.default
        guard let namespace = try? files.destinationOfSymbolicLink(atPath: "\(base)/ns/mnt"),
            namespace != (try? files.destinationOfSymbolicLink(atPath: "/proc/self/ns/mnt"))
        else { return nil }
        let isOurs = lines("\(base)/mountinfo").contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 4 && !fields[4].hasPrefix(directory) && line.contains(directory + "/")
        }
        return isOurs ? "mountinfo" : nil
    }

    private static func contains(_ path: String, _ text: String) -> Bool {
        guard let bytes = FileManager.default.contents(atPath: path) else { return false }
        return bytes.range(of: Data(text.utf8)) != nil
    }

    private static func lines(_ path: String) -> [String] {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
            .split(separator: "\n").map(String.init)
    }
}
