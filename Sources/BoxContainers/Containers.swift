package import BoxModel
package import BoxStore
package import BoxSystem
internal import BoxRuntime
internal import CBoxSys
internal import Glibc

/// What can be done with containers.
///
/// A value over the store; each call stands alone and may race with any other process.
package struct Containers: Sendable {
    package let store: Store
    package let facts: HostFacts

    package init(store: Store, facts: HostFacts) {
        self.store = store
        self.facts = facts
    }

    // MARK: Looking

    /// A container as it really is: what its record says, corrected where its monitor has died without a word.
    package struct Listing: Sendable {
        package var summaries: [ContainerSummary]
        package var unreadable: [BoxFailure]
    }

    /// All containers, the youngest first.
    package func list() throws(BoxFailure) -> Listing {
        let listing = try store.containers()
        return Listing(summaries: listing.summaries.map(corrected), unreadable: listing.unreadable)
    }

    package func find(_ name: String) throws(BoxFailure) -> ContainerRecord {
        try store.findContainer(name)
    }

    package func summary(_ record: ContainerRecord) throws(BoxFailure) -> ContainerSummary {
        corrected(try record.summary())
    }

    /// A record that says "running" under a dead monitor is one of a killed monitor or of before a reboot.
    ///
    /// The kernel ended the container with it; who next changes the container writes that down.
    func corrected(_ summary: ContainerSummary) -> ContainerSummary {
        guard summary.state.status.isActive, !store.isMonitored(summary.id) else { return summary }
        // The monitor may have recorded the end between the two looks.
        if let record = try? store.container(summary.id), let again = try? record.summary(),
            !again.state.status.isActive
        {
            return again
        }
        Self.endSurvivor(summary.state)
        var corrected = summary
        corrected.state = Self.lost(summary.state)
        return corrected
    }

    /// The kernel takes the death signal off a program that changes its user (prctl(2), PR_SET_PDEATHSIG), or that
    /// asks for it: such a one outlives its monitor, and nothing may run unmanaged.
    private static func endSurvivor(_ state: ContainerState) {
        guard state.pid > 0, ProcessIdentity(pid: state.pid)?.startTime == state.pidStartTime else { return }
        let process = box_pidfd_open(state.pid)
        guard process >= 0 else { return }
        // Looked at again with the process held: its number can be nobody else's now.
        if ProcessIdentity(pid: state.pid)?.startTime == state.pidStartTime {
            _ = box_pidfd_send_signal(process, SIGKILL)
        }
        _ = box_close(process)
    }

    private static func lost(_ state: ContainerState) -> ContainerState {
        var state = state
        state.status = .exited
        state.exitCode = 128 + SIGKILL
        state.pid = 0
        state.pidStartTime = 0
        state.ports = []
        if state.error.isEmpty { state.error = "its monitor was killed, or the machine was restarted" }
        return state
    }

    // MARK: Acting on running ones

    /// Connects to a running container's monitor, or gives nil where it does not run.
    package func connect(_ id: ContainerID) throws(BoxFailure) -> MessageSocket? {
        guard store.isMonitored(id), let runtime = try store.runtimeDirectory(id) else { return nil }
        do {
            return try MessageSocket.connect(runtime.socketPath("ctl.sock"))
        } catch {
            // Ended between the two looks.
            if !store.isMonitored(id) { return nil }
            throw BoxFailure(error, "reach the monitor of", id.short)
        }
    }

    /// Refuses what needs a running container.
    func requireRunning(_ record: ContainerRecord, _ operation: String, _ name: String) throws(BoxFailure) {
        let status = try summary(record).state.status
        guard status.isActive else {
            throw BoxFailure(
                .conflict, operation, name, reason: "the container is not running (it is \(status.rawValue))",
                hint: "start it with `box start \(name)`")
        }
    }
}

extension ContainerState.Status {
    /// Whether a monitor must be there.
    package var isActive: Bool { self == .running || self == .paused || self == .restarting }
}

extension Containers {
    /// The kind of control groups there are: `2`, `1`, or `none`.
    package var cgroupVersion: String {
        let version = CgroupHierarchies.detect().version
        return version.hasPrefix("v") ? String(version.dropFirst()) : version
    }
}
