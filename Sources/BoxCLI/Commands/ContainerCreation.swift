internal import BoxContainers
internal import BoxImages
internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate
internal import SystemPackage

/// From the flags of `run` and `create` to a container.
struct ContainerCreation {
    let options: ContainerOptions
    let context: Context
    let detached: Bool

    /// - Parameter words: the image, the command and its arguments.
    func make(_ words: [String]) throws(BoxFailure) -> (Containers, Containers.Created) {
        let imageName = try image(in: words)
        var request = CreateRequest(imageName: imageName)
        request.command = Array(words.dropFirst())
        let store = try context.openStore()
        let containers = Containers(store: store, facts: context.facts)
        try fill(&request, containers)
        let reservation = try options.cidfile.map { path throws(BoxFailure) in try IDFile(path) }
        let image = try ImageProvision(context: context, store: store).image(
            named: imageName, platform: request.platform, policy: options.pull, quiet: options.quiet)
        let created: Containers.Created
        do { created = try containers.create(request, image: image) } catch {
            reservation?.discard()
            throw error
        }
        try reservation?.write(created.record.id.text)
        return (containers, created)
    }

    private func image(in words: [String]) throws(BoxFailure) -> String {
        guard let first = words.first else {
            throw BoxFailure(
                .invalid, "make a container", reason: "the image is missing",
                hint: "write IMAGE [COMMAND…] after the flags")
        }
        guard first.hasPrefix("-") else { return first }
        // The parser hands on the first flag that it does not know.
        let flag = String(first.prefix { $0 != "=" })
        let shape = FlagShapes.of(RunVerb.self)
        let known = shape.switches.union(shape.options).map { $0.count == 1 ? "-\($0)" : "--\($0)" }
        throw BoxFailure(
            .invalid, "use the flag", flag, reason: "there is no such flag",
            hint: nearest(to: flag, in: known).map { "did you mean \($0)?" } ?? "`box run --help` lists them")
    }

    private func fill(_ request: inout CreateRequest, _ containers: Containers) throws(BoxFailure) {
        if let name = options.name { request.name = try ContainerName(name) }
        if let platform = options.platform ?? environmentVariable("DOCKER_DEFAULT_PLATFORM") {
            request.platform = try PlatformFlag.platform(platform)
        }
        request.entrypoint = options.entrypoint.map { $0.isEmpty ? [] : [$0] }
        request.environment = try EnvironmentFlag.variables(files: options.envFile, entries: options.env)
        request.workingDirectory = options.workdir.flatMap { $0.isEmpty ? nil : $0 }
        request.user = options.user
        request.additionalGroups = options.groupAdd
        request.hostname = options.hostname
        request.domainname = options.domainname
        request.tty = options.tty
        request.interactive = options.interactive
        request.detached = detached
        request.autoRemove = options.rm
        request.useInit = options.useInit
        request.stopSignal = options.stopSignal
        request.stopTimeout = options.stopTimeout
        request.labels = try EnvironmentFlag.pairs(flag: "--label", files: options.labelFile, entries: options.label)
        request.annotations = try EnvironmentFlag.pairs(flag: "--annotation", entries: options.annotation)
        for text in options.expose { request.exposedPorts += try PortSyntax.exposed(text).map(\.description) }
        if let keys = options.detachKeys { _ = try DetachKeys(keys) }
        request.detachKeys = options.detachKeys
        request.readOnly = options.readOnly
        request.extraHosts = options.addHost
        request.dns = try options.dns.map(NetworkFlag.server)
        request.dnsSearch = options.dnsSearch
        request.dnsOptions = options.dnsOption
        request.privileged = options.privileged
        request.capabilitiesAdded = options.capAdd
        request.capabilitiesDropped = options.capDrop
        request.securityOptions = options.securityOpt
        request.devices = try options.device.map(DeviceFlag.device)
        for entry in options.sysctl where !entry.contains("=") {
            throw BoxFailure(
                .invalid, "use --sysctl", "\"\(entry)\"", reason: "the value is missing", hint: "write KEY=VALUE")
        }
        request.sysctls = try EnvironmentFlag.pairs(flag: "--sysctl", entries: options.sysctl)
        request.ulimits = try options.ulimit.map(UlimitFlag.limit)
        request.oomScoreAdjustment = options.oomScoreAdj
        if let size = options.shmSize {
            let bytes = try SizeFlag.bytes(size, flag: "shm-size")
            request.shmSize = bytes == 0 ? nil : bytes
        }
        try fillMounts(&request)
        try fillLimits(&request)
        try fillNamespaces(&request, containers)
    }

    private func fillMounts(_ request: inout CreateRequest) throws(BoxFailure) {
        let here = WorkingDirectory.path
        for text in options.volume { request.mounts.append(try MountFlag.volume(text, workingDirectory: here)) }
        for text in options.mount { request.mounts.append(try MountFlag.mount(text, workingDirectory: here)) }
        for text in options.tmpfs { request.mounts.append(try MountFlag.tmpfs(text)) }
    }

    private func fillLimits(_ request: inout CreateRequest) throws(BoxFailure) {
        var limits = ResourceRequest()
        if let memory = options.memory { limits.memory = try SizeFlag.bytes(memory, flag: "memory") }
        if let swap = options.memorySwap {
            let bytes = swap == "-1" ? -1 : try SizeFlag.bytes(swap, flag: "memory-swap")
            limits.memorySwap = bytes == 0 ? nil : bytes
        }
        if let reservation = options.memoryReservation {
            limits.memoryReservation = try SizeFlag.bytes(reservation, flag: "memory-reservation")
        }
        if let cpus = options.cpus {
            guard options.cpuQuota == nil, options.cpuPeriod == nil else {
                throw BoxFailure(.invalid, "use --cpus", cpus, reason: "it contradicts --cpu-quota and --cpu-period")
            }
            limits.nanoCPUs = try CPUsFlag.nanoCPUs(cpus, available: context.facts.processors)
        }
        limits.cpuShares = options.cpuShares.flatMap { $0 == 0 ? nil : $0 }
        limits.cpuPeriod = options.cpuPeriod
        limits.cpuQuota = options.cpuQuota
        limits.cpusetCPUs = options.cpusetCpus
        limits.cpusetMems = options.cpusetMems
        limits.pidsLimit = options.pidsLimit.flatMap { $0 == 0 ? nil : $0 }
        if limits.memory == 0 { limits.memory = nil }
        request.resources = limits
    }

    private func fillNamespaces(_ request: inout CreateRequest, _ containers: Containers) throws(BoxFailure) {
        let isRoot = context.facts.effectiveUser == 0
        (request.network, request.networks) = try NetworkFlag(
            options: options, containers: containers, isRoot: isRoot
        ).mode()
        if request.network == .isolated {
            context.note(
                "box: the container has loopback only, as only root can make interfaces; --network host shares this machine's"
            )
        }
        request.pidMode = try NamespaceFlag.mode("pid", options.pid, allowed: ["host", "private"], containers)
        request.ipcMode = try NamespaceFlag.mode(
            "ipc", options.ipc, allowed: ["private", "shareable", "host", "none"], containers)
        request.utsMode = try NamespaceFlag.mode("uts", options.uts, allowed: ["host", "private"], nil)
        request.cgroupMode = try NamespaceFlag.mode("cgroupns", options.cgroupns, allowed: ["private", "host"], nil)
        request.userMode = .host
        if let user = options.userns, !user.isEmpty {
            let mode = try NamespaceFlag.mode(
                "userns", user == "auto" ? "private" : user, allowed: ["host", "private"], nil)
            request.userMode = mode
        }
    }
}

/// The file of `--cidfile`, made before the container so that two runs cannot both win it.
private struct IDFile {
    private let file: ExclusiveFile
    private let path: String

    init(_ path: String) throws(BoxFailure) {
        self.path = path
        do { file = try ExclusiveFile(path) } catch {
            let exists = error.errno == .fileExists
            throw BoxFailure(
                error, "make the file for the container's id", path,
                hint: exists ? "remove it, or choose another with --cidfile" : nil)
        }
    }

    func write(_ id: String) throws(BoxFailure) {
        do { try file.write(id) } catch { throw BoxFailure(error, "write the container's id to", path) }
    }

    func discard() {
        file.remove()
    }
}
