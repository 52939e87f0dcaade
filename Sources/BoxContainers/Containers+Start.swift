package import BoxModel
internal import BoxRuntime
package import BoxStore
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension Containers {
    /// What became of a start.
    package enum Start {
        /// It runs; the session, where one was asked for, carries its streams.
        case running(AttachSession?)
        /// It runs already.
        case already
        /// It could not run; the status tells how far it came: 125, 126 or 127.
        case failed(code: Int32, reason: String)
    }

    /// Starts a container under a monitor of its own.
    ///
    /// - Parameters:
    ///   - config: the container's configuration where the caller has it at hand.
    ///   - attach: what to connect before the container's first instruction; nil leaves it alone in the background.
    package func start(
        _ record: ContainerRecord, attach: AttachSession.Options?, name: String, config known: ContainerConfig? = nil
    ) throws(BoxFailure) -> Start {
        let lock = HeldLock(try record.lock())
        let summary = try record.summary()
        if store.isMonitored(record.id) { return .already }
        let lease = try store.lease()
        if summary.state.status.isActive { recover(record.id) }
        let config: ContainerConfig
        if let known { config = known } else { config = try record.config() }
        let (plan, filter) = try plan(config, record, attaches: attach != nil)
        lease.end()
        do {
            let ends = try MessageSocket.pair()
            let ours = MessageSocket(OwnedFD(adopting: ends.ours))
            let theirs = OwnedFD(adopting: ends.theirs)
            let planFile = try memoryFile("plan", plan.encoded)
            let filterFile = try memoryFile("filter", filter)
            let session: AttachSession?
            let waiting: MessageSocket?
            if let attach {
                session = try AttachSession(ours, attach)
                waiting = nil
            } else {
                session = nil
                waiting = consume ours
            }
            let program = try openProtectedSelf()
            var spawn = Spawn(
                .descriptor(program.raw), [MonitorRole.programName, record.id.short],
                descriptors: [-1, -1, -1, planFile.raw, theirs.raw, filterFile.raw])
            spawn.environment = ["LC_CTYPE=C.UTF-8"]
            spawn.newSession = true
            spawn.workingDirectory = "/"
            _ = try spawn.start()
            // The last copy of the monitor's end must be the monitor's, so that its death is seen here.
            _ = consume theirs
            if let session {
                session.onFirstAnswer = { lock.release() }
                return .running(session)
            }
            defer { lock.release() }
            guard let waiting else { return .running(nil) }
            return try awaitStart(waiting, name)
        } catch let failure as BoxFailure {
            throw failure
        } catch let failure as SystemFailure {
            throw BoxFailure(failure, "start the container", name)
        } catch {
            throw BoxFailure(.internal, "start the container", name, reason: "\(error)")
        }
    }

    private func awaitStart(_ socket: borrowing MessageSocket, _ name: String) throws -> Start {
        while case .message(let packet) = try socket.receive() {
            switch ControlMessage(packet.bytes) {
            case .started: return .running(nil)
            case .failed(let code, let reason): return .failed(code: code, reason: reason)
            default: continue
            }
        }
        throw BoxFailure(
            .internal, "start the container", name, reason: "its monitor ended without a word",
            hint: "see `box inspect \(name)`")
    }

    // MARK: The plan

    private func plan(
        _ config: ContainerConfig, _ record: ContainerRecord, attaches: Bool
    ) throws(BoxFailure) -> (plan: RunPlan, filter: [UInt8]) {
        guard let layers = store.findLayers(config.layers) else {
            throw BoxFailure(
                .corrupt, "start the container", config.id.short, reason: "a layer of its image is missing",
                hint: "run `box system check`, then pull \(config.imageName) again")
        }
        let spec = RuntimeSpec(config, try specFacts(config, record))
        var overlay = RootfsPlan.Overlay(
            layers: layers.reversed().map(\.path), upper: record.upperPath, work: record.workPath)
        // What is thrown away at the end need not survive a power cut (overlayfs, "volatile").
        overlay.volatile = config.autoRemove
        let runtime = try store.makeRuntimeDirectory(config.id)
        do {
            try runtime.directory.make("rootfs", mode: 0o700)
        } catch {
            guard error.errno == .fileExists else { throw BoxFailure(error, "start the container", config.id.short) }
        }
        var launch = LaunchPlan(
            spec: spec, rootfs: .overlay(overlay), mountpoint: runtime.directory.describe("rootfs"),
            user: UserRequest(spec: config.user, additionalGroups: config.additionalGroups))
        launch.useInit = config.useInit
        var plan = RunPlan(
            id: config.id, launch: launch, root: store.location.root,
            state: store.location.state, log: LogWriter.Bounds(), config: config, attachesFirst: attaches)
        plan.network = try networkPlan(config, record)
        // The monitor gets the compiled filter; the table would only make its plan longer.
        plan.launch.spec.linux.seccomp = nil
        return (plan, try seccompProgram(spec.linux.seccomp))
    }

    private func specFacts(
        _ config: ContainerConfig, _ record: ContainerRecord
    ) throws(BoxFailure) -> SpecFacts {
        let capabilities = try CapabilityRequest(
            add: config.capabilitiesAdded, drop: config.capabilitiesDropped, privileged: config.privileged
        ).resolve(available: .available())
        var result = SpecFacts(capabilities: capabilities.names, processors: facts.processors)
        for mount in config.mounts { result.mountSources.append(try source(of: mount)) }
        var names = record
        if case .container(let id) = config.network {
            result.networkPeer = try peer(id, "network")
            // Who shares a network shares its names.
            if let other = try store.container(id) { names = other }
        }
        result.nameFiles = (
            names.directory.describe("hosts"), names.directory.describe("resolv.conf"),
            names.directory.describe("hostname")
        )
        result.seccomp = try seccomp(config, capabilities)
        if case .container(let id) = config.pidMode { result.pidPeer = try peer(id, "processes") }
        if case .container(let id) = config.ipcMode {
            try requireShareable(id)
            result.ipcPeer = try peer(id, "shared memory")
        }
        result.deviceRules = DeviceRules.standard
        if config.privileged {
            result.devices = HostDevices.all()
        }
        for request in config.devices {
            let found = try HostDevices.find(request)
            result.devices += found.devices
            result.deviceRules += found.rules
        }
        if config.userMode == .private {
            result.idMapping = RuntimeSpec.IDMapping(
                containerID: 0, hostID: try store.userRange(config.id), size: 1 << 16)
        }
        return result
    }

    private func source(of mount: Mount) throws(BoxFailure) -> String {
        switch mount.kind {
        case .tmpfs: return "tmpfs"
        case .bind:
            var status = stat()
            let found = box_fstatat(AT_FDCWD, mount.source, &status, 0)
            guard found == 0 else {
                throw BoxFailure(
                    SystemFailure("stat", mount.source, errno: Errno(rawValue: -found)), "bind", mount.source,
                    hint: "make it again, or remove the container")
            }
            return mount.source
        case .volume: return store.volumePath(mount.source)
        }
    }

    /// As in Docker a container's shared memory is its own unless it was started to share it.
    private func requireShareable(_ id: ContainerID) throws(BoxFailure) {
        guard let mode = try store.container(id)?.config().ipcMode, mode == .private || mode == .none else { return }
        throw BoxFailure(
            .conflict, "share the shared memory of container", id.short,
            reason: mode == .none ? "it has none" : "it keeps it to itself",
            hint: "start that container with --ipc shareable")
    }

    private func peer(_ id: ContainerID, _ what: String) throws(BoxFailure) -> Int32 {
        guard let record = try store.container(id) else {
            throw BoxFailure(.notFound, "share the \(what) of container", id.short, reason: "it was removed")
        }
        let state = try summary(record).state
        guard state.status.isActive, state.pid > 0 else {
            throw BoxFailure(
                .conflict, "share the \(what) of container", id.short, reason: "it is not running",
                hint: "start it with `box start \(id.short)`")
        }
        return state.pid
    }
}

/// A lock that is given up from a callback.
private final class HeldLock {
    private var lock: FileLock?

    init(_ lock: consuming FileLock) {
        self.lock = consume lock
    }

    func release() {
        lock = nil
    }
}
