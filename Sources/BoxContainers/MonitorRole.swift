internal import BoxModel
internal import BoxRuntime
internal import BoxStore
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The process that owns one container: parent of its init, keeper of its log, terminal and exit status.
///
/// It is this program, executed anew through a read-only clone of its file, single-threaded for life, with the plan
/// in descriptor 3, the connection to the one who started it in 4 and the compiled system call filter in 5. It needs nobody: the client may go
/// at any time. When it dies itself, the kernel ends the container with it (prctl(2), PR_SET_PDEATHSIG).
package enum MonitorRole {
    /// `argv[0]` of a monitor, by which it knows what it is and which `ps` shows.
    package static let programName = "box-monitor"

    static let planDescriptor: CInt = 3
    static let clientDescriptor: CInt = 4
    static let filterDescriptor: CInt = 5

    /// Runs a monitor to its end.
    ///
    /// - Returns: the status that the process ends with.
    package static func run() -> Int32 {
        let planFile = OwnedFD(adopting: planDescriptor)
        let client = MessageSocket(OwnedFD(adopting: clientDescriptor))
        let filterFile = OwnedFD(adopting: filterDescriptor)
        _ = box_set_cloexec(planFile.raw, true)
        _ = box_set_cloexec(filterFile.raw, true)
        _ = box_set_cloexec(client.fd.raw, true)
        _ = box_umask(0o022)
        do {
            let plan = try RunPlan(decoding: try read(planFile))
            try supervise(plan, filter: try read(filterFile), client)
            return 0
        } catch {
            // The client may be gone already; then the state record tells what is to be told.
            return 1
        }
    }

    private static func read(_ file: borrowing OwnedFD) throws(BoxFailure) -> [UInt8] {
        do { return try file.readAll(subject: "plan") } catch {
            throw BoxFailure(error, "read the plan of a container")
        }
    }

    private static func supervise(
        _ plan: RunPlan, filter: [UInt8], _ client: consuming MessageSocket
    ) throws(BoxFailure) {
        let store = try Store.open(StoreLocation(root: plan.root, state: plan.state))
        guard let record = try store.container(plan.id) else {
            throw BoxFailure(.notFound, "start the container", plan.id.short, reason: "it was removed")
        }
        let session = MonitorSession(plan: plan, filter: filter, store: store, record: record)
        let monitor: Monitor
        do {
            let runtime = try store.makeRuntimeDirectory(plan.id)
            let lock = try takeLock(runtime.directory, plan.id)
            monitor = try openMonitor(plan, runtime, record)
            monitor.add(client: client)
            if plan.attachesFirst { monitor.greetClients() }
            session.run(monitor)
            _ = consume lock
        } catch let failure as BoxFailure {
            throw failure
        } catch let failure as SystemFailure {
            throw BoxFailure(failure, "start the container", plan.id.short)
        } catch {
            throw BoxFailure(.internal, "start the container", plan.id.short, reason: "\(error)")
        }
    }

    /// Two monitors of one container must never be; whoever only asks holds the lock for an instant.
    private static func takeLock(_ directory: borrowing Directory, _ id: ContainerID) throws -> FileLock {
        for _ in 0..<200 {
            if let lock = try FileLock.attempt(directory, "monitor.lock", .exclusive) { return lock }
            usleep(1000)
        }
        throw BoxFailure(.conflict, "start the container", id.short, reason: "it is running already")
    }

    private static func openMonitor(
        _ plan: RunPlan, _ runtime: RuntimeDirectory, _ record: ContainerRecord
    ) throws -> Monitor {
        // Left by a monitor that was killed; the lock is ours.
        try? runtime.directory.unlink("ctl.sock")
        let listener = try MessageSocket.listen(runtime.socketPath("ctl.sock"))
        let log = try LogWriter(record.directory.directory("log"), bounds: plan.log)
        return try Monitor(listener: listener, log: log)
    }
}
