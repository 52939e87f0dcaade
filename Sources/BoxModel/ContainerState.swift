/// How it goes with a container: the small record that `ps` reads and only one process at a time may write.
package struct ContainerState: Hashable, Sendable, Codable {
    package enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        case created, running, paused, restarting, removing, exited, dead
    }

    package var status: Status
    package var pid: Int32 = 0
    /// Clock ticks since boot at which `pid` started, against recycled pids.
    package var pidStartTime: UInt64 = 0
    package var exitCode: Int32 = 0
    package var started = Timestamp.never
    package var finished = Timestamp.never
    /// Why it did not start or ended without a status.
    package var error = ""
    package var oomKilled = false
    package var restartCount = 0
    /// Ports that are published now.
    package var ports: [PublishedPort] = []

    package init(_ status: Status) {
        self.status = status
    }
}
