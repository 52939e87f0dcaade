internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// One folder of a cgroup file system: its control files and its child cgroups.
struct CgroupFolder: Sendable {
    let path: String

    /// Makes the folder and the missing ones above it.
    ///
    /// - Parameter made: called with each folder that was missing, parents first.
    func make(made: (CgroupFolder) throws(BoxFailure) -> Void) throws(BoxFailure) {
        var result = box_mkdirat(AT_FDCWD, path, 0o755)
        if result == -ENOENT, let parent {
            try parent.make(made: made)
            result = box_mkdirat(AT_FDCWD, path, 0o755)
        }
        if result == -EEXIST { return }
        do { try check(result, "mkdir", path) } catch { throw BoxFailure(error, "make the cgroup") }
        try made(self)
    }

    var parent: CgroupFolder? {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return nil }
        return CgroupFolder(path: String(path[..<slash]))
    }

    func has(_ file: String) -> Bool {
        box_faccessat(AT_FDCWD, path + "/" + file, F_OK, 0) == 0
    }

    func write(_ file: String, _ value: String) throws(SystemFailure) {
        try writeControl(path + "/" + file, value)
    }

    func open(_ file: String) throws(SystemFailure) -> SharedFD {
        let name = path + "/" + file
        return SharedFD(OwnedFD(adopting: try check(box_open(AT_FDCWD, name, O_WRONLY, 0), "open", name)))
    }

    func read(_ file: String) throws(SystemFailure) -> String {
        var text = try readText(path + "/" + file, limit: 1 << 22)
        while text.last == "\n" { text.removeLast() }
        return text
    }

    func number(_ file: String) -> UInt64? {
        (try? read(file)).flatMap { UInt64($0) }
    }

    /// A number of a file that has one `KEY NUMBER` per line.
    func number(_ file: String, key: String) -> UInt64? {
        guard let text = try? read(file) else { return nil }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 && words[0] == key { return UInt64(words[1]) }
        }
        return nil
    }

    /// The folders below, without this one.
    func children() -> [CgroupFolder] {
        guard let entries = try? Directory(opening: path).entries() else { return [] }
        return entries.filter { $0.type == UInt8(DT_DIR) }.map { CgroupFolder(path: path + "/" + $0.name) }
    }

    /// The processes in this folder and below.
    func processes() throws(SystemFailure) -> [Int32] {
        var pids = try read("cgroup.procs").split(separator: "\n").compactMap { Int32($0) }
        for child in children() {
            // A cgroup that the container removes meanwhile has no processes.
            if let more = try? child.processes() { pids += more }
        }
        return pids
    }

    /// Removes the folder with everything below it.
    ///
    /// A process that has just died keeps its cgroup busy until the kernel has taken it apart, which is mostly a
    /// matter of microseconds; hence the retries with growing pauses, about two seconds in all.
    func remove() throws(BoxFailure) {
        var pause: UInt32 = 50
        while true {
            var result = box_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
            if result == -EBUSY {
                for child in children() { try child.remove() }
                result = box_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
            }
            if result == 0 || result == -ENOENT { return }
            guard result == -EBUSY, pause < 1_000_000 else {
                throw BoxFailure(
                    SystemFailure("rmdir", path, errno: Errno(rawValue: CInt(-result))), "remove the cgroup",
                    hint: result == -EBUSY ? "there are still processes in it" : nil)
            }
            usleep(pause)
            pause *= 2
        }
    }

    /// Sends SIGKILL to every process here and below until there are none.
    ///
    /// A pid that was read may belong to somebody else when the signal goes out. So each is pinned by a pidfd
    /// first, and only those that are still listed afterwards get it.
    ///
    /// - Returns: false where new ones appeared faster than they could be ended.
    func killProcesses(rounds: Int) throws(SystemFailure) -> Bool {
        for round in 0..<rounds {
            let first = try processes()
            if first.isEmpty { return true }
            let pinned = first.map { (pid: $0, fd: box_pidfd_open($0)) }
            let listed = Set(try processes())
            for (pid, fd) in pinned where fd >= 0 {
                if listed.contains(pid) { _ = box_pidfd_send_signal(fd, SIGKILL) }
                _ = box_close(fd)
            }
            usleep(UInt32(min(20_000, 100 << min(round, 8))))
        }
        return try processes().isEmpty
    }
}
