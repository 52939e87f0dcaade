package import BoxModel
package import BoxSystem
internal import Synchronization

/// One container's folder.
///
/// The open folder follows the container when it is renamed for removal, so that a monitor that ends meanwhile
/// writes into what is going away, never into a later container.
package final class ContainerRecord: Sendable {
    package let id: ContainerID
    /// `containers/<id>`, with `upper`, `work` and `log` in it.
    package let directory: Directory
    private let summaryCache: Mutex<ContainerSummary?>

    init(_ id: ContainerID, _ directory: consuming Directory, summary: ContainerSummary? = nil) {
        self.id = id
        self.directory = directory
        summaryCache = Mutex(summary)
    }

    /// What was asked.
    package func config() throws(BoxFailure) -> ContainerConfig {
        let bytes = try storing("read the container's configuration", directory.describe("config")) {
            () throws(SystemFailure) in
            try directory.read("config")
        }
        let config = try JSON.decode(
            ContainerConfig.self, from: bytes, "read the container's configuration", directory.describe("config"))
        guard config.format <= ContainerConfig.currentFormat else {
            throw BoxFailure(
                .unsupported, "read the container's configuration", id.short,
                reason: "a newer version of box wrote it", hint: "use that version of box")
        }
        return config
    }

    /// What `ps` shows; always read afresh, since the monitor changes it.
    package func summary() throws(BoxFailure) -> ContainerSummary {
        let bytes = try storing("read the container's state", directory.describe("state")) {
            () throws(SystemFailure) in
            try directory.read("state")
        }
        let summary = try ContainerSummary(parsing: bytes, source: directory.describe("state"))
        summaryCache.withLock { $0 = summary }
        return summary
    }

    package func state() throws(BoxFailure) -> ContainerState {
        try summary().state
    }

    /// Records how it goes with the container.
    ///
    /// Only one process at a time may: the holder of ``lock()`` before the start and after the end, the monitor in
    /// between.
    ///
    /// - Parameter networkNames: the networks it joins now; nil where they are the same as before.
    package func write(_ state: ContainerState, networkNames: [String]? = nil) throws(BoxFailure) {
        var summary = try knownSummary()
        summary.state = state
        if let networkNames { summary.networks = networkNames }
        let bytes = summary.bytes
        try storing("record the container's state", directory.describe("state")) { () throws(SystemFailure) in
            try directory.replaceAsOnlyWriter("state", bytes)
        }
        summaryCache.withLock { $0 = summary }
    }

    /// The unchanging part, from memory, the record, or the configuration where the record was damaged.
    private func knownSummary() throws(BoxFailure) -> ContainerSummary {
        if let cached = summaryCache.withLock({ $0 }) { return cached }
        do {
            return try summary()
        } catch {
            return ContainerSummary(try config(), ContainerState(.created))
        }
    }

    /// Waits for the right to change the container.
    package func lock() throws(BoxFailure) -> FileLock {
        try storing("lock the container", id.short) { () throws(SystemFailure) in
            try FileLock(directory, "lock", .exclusive)
        }
    }

    /// The right to change the container, or nil where another process has it.
    package func attemptLock() throws(BoxFailure) -> FileLock? {
        try storing("lock the container", id.short) { () throws(SystemFailure) in
            try FileLock.attempt(directory, "lock", .exclusive)
        }
    }

    package var upperPath: String { directory.describe("upper") }
    package var workPath: String { directory.describe("work") }
    package var logPath: String { directory.describe("log") }
}
