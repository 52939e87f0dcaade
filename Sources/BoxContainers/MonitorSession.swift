internal import BoxModel
internal import BoxRuntime
internal import BoxStore
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// One run of one container inside its monitor: cgroup, streams, launch, watch, and the record of how it ended.
struct MonitorSession {
    let plan: RunPlan
    /// The compiled system call filter; empty is none.
    let filter: [UInt8]
    let store: Store
    let record: ContainerRecord

    /// Never throws: whatever happens is recorded and told to the clients.
    func run(_ monitor: Monitor) {
        var state = (try? record.state()) ?? ContainerState(.created)
        state.error = ""
        state.oomKilled = false
        let cgroup: any Cgroup
        let subject: Monitor.Subject
        var network: MonitorNetwork?
        do {
            cgroup = try CgroupHierarchies.detect().create(
                path: plan.launch.spec.linux.cgroupsPath ?? "/box/\(plan.id)",
                resources: plan.launch.spec.linux.resources)
        } catch {
            fail(monitor, &state, code: 125, error)
            return
        }
        do {
            subject = try start(cgroup, size: monitor.terminalSize) { pid throws(BoxFailure) in
                guard let wanted = plan.network else { return }
                let made = try MonitorNetwork(wanted, store: store, record: record, pid: pid) {
                    monitor.add(member: $0)
                }
                try made.setUp()
                network = made
            }
        } catch {
            network?.tearDown()
            try? cgroup.kill()
            try? cgroup.remove()
            fail(monitor, &state, code: error.exitStatus, error.failure)
            return
        }
        state.status = .running
        state.pid = subject.pid
        state.pidStartTime = ProcessIdentity(pid: subject.pid)?.startTime ?? 0
        state.started = Timestamp(nanoseconds: SystemClock.now)
        state.ports = network?.published ?? []
        try? record.write(state)
        monitor.broadcast(.started(pid: subject.pid))

        let actions = Monitor.Actions(
            freeze: { freeze in setFrozen(freeze, cgroup) }, killAll: { try? cgroup.kill() },
            change: { content in change(content, network) })
        var code: Int32
        do {
            code = try monitor.run(subject, stdinOnce: plan.stdinOnce, actions: actions)
        } catch {
            code = 128 + SIGKILL
            state.error = "\(error)"
        }
        network?.tearDown()
        finish(monitor, &state, code, cgroup)
    }

    /// Changes the networks of the running container as a command asks, and what `ps` shows of them.
    private func change(_ content: [UInt8], _ network: MonitorNetwork?) -> ControlMessage {
        do throws(BoxFailure) {
            guard let network else {
                throw BoxFailure(.conflict, "change the networks", reason: "the container has none of its own")
            }
            try network.change(try JSON.decode(from: content, "read", "the change"))
            var state = try record.state()
            state.ports = network.published
            try record.write(state, networkNames: network.names)
            return .done(errno: 0)
        } catch {
            return .refused(kind: error.kind.rawValue, reason: error.detail)
        }
    }

    private func setFrozen(_ frozen: Bool, _ cgroup: any Cgroup) -> Int32 {
        do {
            if frozen { try cgroup.freeze() } else { try cgroup.thaw() }
            var state = try record.state()
            state.status = frozen ? .paused : .running
            try record.write(state)
            return 0
        } catch {
            return error.errno ?? EIO
        }
    }

    // MARK: Start

    /// - Parameter connect: sets the network up while the container's first process waits.
    private func start(
        _ cgroup: any Cgroup, size: TerminalSize?, connect: (Int32) throws(BoxFailure) -> Void
    ) throws(LaunchFailure) -> Monitor.Subject {
        do {
            return try startUnchecked(cgroup, size, connect)
        } catch {
            throw LaunchFailure(error, .rootfs)
        }
    }

    private func startUnchecked(
        _ cgroup: any Cgroup, _ size: TerminalSize?, _ connect: (Int32) throws(BoxFailure) -> Void
    ) throws -> Monitor.Subject {
        let placement = try Placement(cgroup)
        if plan.launch.spec.process.terminal == true {
            let launched = try launch(
                plan.launch, stdio: .terminal, seccompProgram: filter, cgroup: placement, terminalSize: size,
                beforeExec: connect)
            var subject = Monitor.Subject(pid: launched.pid, pidfd: try launched.pidfd.duplicate())
            switch launched.terminalMaster {
            case .some(let master): subject.terminal = try master.duplicate()
            case .none: break
            }
            return subject
        }
        var input: Pipe.Ends?
        if plan.openStdin { input = try Pipe().ends() }
        let output = try Pipe().ends()
        let error = try Pipe().ends()
        let outputReader = OwnedFD(adopting: output.reader)
        let errorReader = OwnedFD(adopting: error.reader)
        // The container's ends are closed here once it has them, or its end could never be noticed.
        let outputWriter = OwnedFD(adopting: output.writer)
        let errorWriter = OwnedFD(adopting: error.writer)
        let inputReader = input.map { SharedFD(OwnedFD(adopting: $0.reader)) }
        let inputWriter = input.map { SharedFD(OwnedFD(adopting: $0.writer)) }
        let launched = try launch(
            plan.launch,
            stdio: .descriptors(input: inputReader?.raw ?? -1, output: outputWriter.raw, error: errorWriter.raw),
            seccompProgram: filter, cgroup: placement, beforeExec: connect)
        _ = consume outputWriter
        _ = consume errorWriter
        var subject = Monitor.Subject(pid: launched.pid, pidfd: try launched.pidfd.duplicate())
        subject.output = try outputReader.duplicate()
        subject.error = try errorReader.duplicate()
        if let inputWriter { subject.input = try inputWriter.duplicate() }
        return subject
    }

    /// How a cgroup takes its first process in.
    private final class Placement: CgroupPlacement {
        private let directory: SharedFD?
        private let tasks: [SharedFD]

        init(_ cgroup: any Cgroup) throws(BoxFailure) {
            if let opened = try cgroup.directoryFD() { directory = SharedFD(opened) } else { directory = nil }
            tasks = try cgroup.entrances()
        }

        var descriptor: CInt { directory?.raw ?? -1 }
        var entrances: [CInt] { tasks.map(\.raw) }
    }

    // MARK: End

    private func fail(_ monitor: Monitor, _ state: inout ContainerState, code: Int32, _ failure: BoxFailure) {
        state.status = .created
        state.exitCode = code
        state.error = "\(failure)"
        try? record.write(state)
        if plan.autoRemove { remove() }
        monitor.broadcast(.failed(code: code, reason: "\(failure)"))
        store.removeRuntimeDirectory(plan.id)
    }

    private func finish(_ monitor: Monitor, _ state: inout ContainerState, _ code: Int32, _ cgroup: any Cgroup) {
        state.oomKilled = cgroup.oomKilled
        // With the host's processes visible others of the container may live on after its first.
        try? cgroup.kill()
        do { try cgroup.remove() } catch { state.error = "\(error)" }
        state.status = .exited
        state.exitCode = code
        state.pid = 0
        state.pidStartTime = 0
        state.ports = []
        state.finished = Timestamp(nanoseconds: SystemClock.now)
        if plan.autoRemove {
            remove()
        } else {
            try? record.write(state)
            store.removeRuntimeDirectory(plan.id)
        }
        monitor.announceExit(code)
    }

    private func remove() {
        do {
            let lease = try store.lease()
            try store.removeContainer(record)
            for volume in plan.anonymousVolumes { try? store.removeVolume(volume) }
            lease.end()
        } catch {
            // What is left is listed as exited and can be removed by hand.
            var state = ContainerState(.exited)
            state.error = "\(error)"
            try? record.write(state)
        }
    }
}
