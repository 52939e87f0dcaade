package import BoxModel
internal import BoxNetwork
internal import BoxRuntime
package import BoxStore
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension Containers {
    /// An image that is here, with its configuration read.
    package struct Image: Sendable {
        package var config: ImageConfig
        package var imageID: Digest
        package var manifestDigest: Digest

        package init(config: ImageConfig, imageID: Digest, manifestDigest: Digest) {
            self.config = config
            self.imageID = imageID
            self.manifestDigest = manifestDigest
        }
    }

    /// A new container.
    package struct Created: Sendable {
        package let record: ContainerRecord
        package let config: ContainerConfig
    }

    /// Makes a container without starting it: all or nothing.
    package func create(_ request: CreateRequest, image: Image) throws(BoxFailure) -> Created {
        try check(request)
        let networks = try resolveNetworks(request)
        let lease = try store.lease()
        recoverLost()
        var attempt = 0
        while true {
            var name = request.name
            if name == nil { name = try MadeUpName.make(numbered: attempt > 2) }
            guard let name else { continue }
            var config = try ContainerConfig(
                merging: request, image: image.config, imageID: image.imageID, manifestDigest: image.manifestDigest,
                id: Self.madeUpID(), name: name, hostHostname: facts.hostname,
                now: Timestamp(nanoseconds: SystemClock.now))
            config.networks = networks
            do {
                if store.containerID(named: name.text) == nil { try prepareMounts(&config) }
                let record = try create(config)
                lease.end()
                return Created(record: record, config: config)
            } catch  where error.kind == .conflict && request.name == nil && attempt < 10 {
                attempt += 1
            }
        }
    }

    private func create(_ config: ContainerConfig) throws(BoxFailure) -> ContainerRecord {
        // With networks of its own they are written again at every start, when the addresses are known.
        let files = try NameFiles(
            NameFiles.Names(config), config.network == .host ? .host : .none,
            hostHosts: (try? readText("/etc/hosts")) ?? "",
            hostResolver: ResolverConfiguration((try? readText("/etc/resolv.conf")) ?? ""))
        return try store.createContainer(config) { folder throws(BoxFailure) in
            do {
                for (name, text) in [
                    ("hosts", files.hosts), ("resolv.conf", files.resolvConf), ("hostname", files.hostname),
                ] {
                    let file = try folder.open(name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                    try file.writeAll(Array(text.utf8), subject: name)
                    // Whatever the umask: the container's users must be able to read them.
                    try BoxSystem.check(box_fchmod(file.raw, 0o644), "fchmod", name)
                }
            } catch let failure as SystemFailure {
                throw BoxFailure(failure, "create the container", config.id.short)
            } catch {
                throw BoxFailure(.internal, "create the container", config.id.short, reason: "\(error)")
            }
        }
    }

    /// Refuses what could only fail at the start.
    private func check(_ request: CreateRequest) throws(BoxFailure) {
        try SecurityOptions.check(request.securityOptions)
        _ = try CapabilityRequest(
            add: request.capabilitiesAdded, drop: request.capabilitiesDropped, privileged: request.privileged
        ).resolve(available: .available())
        if let signal = request.stopSignal { _ = try Signal.number(signal) }
        if request.utsMode == .host, request.hostname != nil {
            throw BoxFailure(
                .invalid, "use --hostname", reason: "the container shares the machine's name with --uts host",
                hint: "leave one of them out")
        }
        if request.hostname != nil, isContainer(request.network) {
            throw BoxFailure(
                .invalid, "use --hostname", reason: "the container shares another's network and so its name")
        }
        var seen: Set<String> = []
        for mount in request.mounts where !seen.insert(ContainerConfig.normalised(mount.destination)).inserted {
            throw BoxFailure(
                .invalid, "mount at", mount.destination, reason: "two mounts have this target",
                hint: "leave one of them out")
        }
        if let memory = request.resources.memory, memory < 6 << 20 {
            throw BoxFailure(
                .invalid, "use --memory", "\(memory)", reason: "the least that a container can run with is 6m")
        }
        if let swap = request.resources.memorySwap, swap != -1 {
            guard let memory = request.resources.memory else {
                throw BoxFailure(.invalid, "use --memory-swap", reason: "it needs --memory beside it")
            }
            guard swap >= memory else {
                throw BoxFailure(
                    .invalid, "use --memory-swap", "\(swap)",
                    reason: "it is memory and swap together and must not be less than --memory")
            }
        }
    }

    private func isContainer(_ mode: NetworkMode) -> Bool {
        if case .container = mode { true } else { false }
    }

    /// An identity whose short form, the container's host name, is not all digits: resolvers take such a name for a
    /// number and never look it up (inet_aton(3)).
    private static func madeUpID() -> ContainerID {
        while true {
            let id = ContainerID(random: randomBytes(32))
            if id.short.utf8.contains(where: { $0 > UInt8(ascii: "9") }) { return id }
        }
    }

    /// Makes volumes and missing folders, and gives anonymous volumes their names.
    private func prepareMounts(_ config: inout ContainerConfig) throws(BoxFailure) {
        for index in config.mounts.indices {
            let mount = config.mounts[index]
            switch mount.kind {
            case .tmpfs: break
            case .volume:
                let volume = try store.createVolume(
                    mount.source.isEmpty ? nil : mount.source, labels: mount.volumeLabels)
                config.mounts[index].source = volume.record.name
            case .bind:
                var status = stat()
                let found = box_fstatat(AT_FDCWD, mount.source, &status, 0)
                if found == 0 { continue }
                guard found == -ENOENT, mount.createsSource else {
                    throw BoxFailure(
                        SystemFailure("stat", mount.source, errno: Errno(rawValue: -found)), "bind", mount.source,
                        hint: found == -ENOENT ? "make it first, or bind it with -v, which makes it" : nil)
                }
                do { _ = try makeDirectories(mount.source) } catch {
                    throw BoxFailure(error, "make the folder to bind", mount.source)
                }
            }
        }
    }
}
