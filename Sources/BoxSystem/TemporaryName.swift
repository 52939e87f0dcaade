internal import CBoxSys
internal import Synchronization

/// Names of half-made files and folders; they tell the collector whether their maker still lives.
package enum TemporaryName {
    private static let counter = Atomic<UInt32>(0)
    package static let prefix = ".tmp-"

    package static func make(for name: String) -> String {
        let number = counter.wrappingAdd(1, ordering: .relaxed).oldValue
        let own = ProcessIdentity.own
        return "\(prefix)\(own.pid)-\(own.startTime)-\(number)-\(name.prefix(100))"
    }

    /// The process that made a temporary name, or nil where the name is not one.
    package static func maker(of name: String) -> ProcessIdentity? {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: "-", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, let pid = Int32(parts[0]), let start = UInt64(parts[1]) else { return nil }
        return ProcessIdentity(pid: pid, startTime: start)
    }
}

/// A process that cannot be mistaken for a later one with a recycled pid: pid and start time.
package struct ProcessIdentity: Equatable, Hashable, Sendable, Codable {
    package let pid: Int32
    /// Clock ticks since boot (proc_pid_stat(5), field 22).
    package let startTime: UInt64

    package init(pid: Int32, startTime: UInt64) {
        self.pid = pid
        self.startTime = startTime
    }

    /// The identity of a living process, or nil where there is none.
    package init?(pid: Int32) {
        guard let start = Self.startTime(of: "\(pid)") else { return nil }
        self.init(pid: pid, startTime: start)
    }

    package static let own = ProcessIdentity(pid: box_getpid(), startTime: startTime(of: "self") ?? 0)

    /// Whether this very process is still there (a zombie counts as gone).
    package var isAlive: Bool { Self.startTime(of: "\(pid)") == startTime }

    private static func startTime(of process: String) -> UInt64? {
        guard let text = try? readText("/proc/\(process)/stat", limit: 4096),
            let close = text.lastIndex(of: ")")
        else { return nil }
        // After the command in brackets come the state and 18 numbers before the start time.
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}
