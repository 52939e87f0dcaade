package import BoxModel

/// What the builder must know of this machine and of other containers; everything is resolved before.
package struct SpecFacts: Sendable {
    /// The sources of `config.mounts`, in the same order: host paths for binds and volumes.
    package var mountSources: [String]
    /// Host paths of the container's `hosts`, `resolv.conf` and `hostname` files.
    package var nameFiles: (hosts: String, resolvConf: String, hostname: String)?
    /// Capability sets by name after `--cap-add`, `--cap-drop` and `--privileged`.
    package var capabilities: [String]
    package var seccomp: RuntimeSpec.Seccomp?
    /// For `container:ID` modes: the process whose namespaces are joined.
    package var networkPeer: Int32?
    package var pidPeer: Int32?
    package var ipcPeer: Int32?
    package var devices: [RuntimeSpec.Device]
    package var deviceRules: [RuntimeSpec.DeviceRule]
    /// For a user namespace of its own.
    package var idMapping: RuntimeSpec.IDMapping?
    package var processors: Int

    package init(capabilities: [String], processors: Int) {
        mountSources = []
        self.capabilities = capabilities
        devices = []
        deviceRules = []
        self.processors = processors
    }
}

extension RuntimeSpec {
    /// Turns what was asked into what the kernel will be told.
    ///
    /// Pure: every name is resolved in `facts`.
    package init(_ config: ContainerConfig, _ facts: SpecFacts) {
        self.init()
        let options = SecurityOptions(config.securityOptions)
        process.terminal = config.tty
        process.args = config.arguments
        process.env = config.environment
        process.cwd = config.workingDirectory
        process.noNewPrivileges = options.noNewPrivileges
        process.rlimits = config.ulimits.isEmpty ? nil : config.ulimits
        process.oomScoreAdj = config.oomScoreAdjustment
        var sets = Capabilities()
        sets.bounding = facts.capabilities
        sets.effective = facts.capabilities
        sets.permitted = facts.capabilities
        process.capabilities = sets
        root.readonly = config.readOnlyRootFS
        if config.utsMode != .host {
            hostname = config.hostname
            domainname = config.domainname.isEmpty ? nil : config.domainname
        }
        annotations = config.annotations.isEmpty ? nil : config.annotations

        linux.namespaces = Self.namespaces(config, facts)
        if let mapping = facts.idMapping {
            linux.uidMappings = [mapping]
            linux.gidMappings = [mapping]
        }
        linux.cgroupsPath = "/box/\(config.id)"
        linux.sysctl = config.sysctls.isEmpty ? nil : config.sysctls
        linux.devices = facts.devices.isEmpty ? nil : facts.devices
        linux.resources = Self.resources(config, facts)
        linux.seccomp = facts.seccomp
        if !config.privileged && !options.unmasksSystemPaths {
            linux.maskedPaths = Self.maskedPaths
            linux.readonlyPaths = Self.readonlyPaths
        }
        mounts = Self.mounts(config, facts, options)
    }

    /// What must not be seen: it tells of the host or reaches into it (moby, oci/defaults.go).
    static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
        "/sys/firmware",
    ]

    static let readonlyPaths = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]

    private static func namespaces(_ config: ContainerConfig, _ facts: SpecFacts) -> [Namespace] {
        var list = [Namespace(.mount)]
        func add(_ kind: Namespace.Kind, _ mode: NamespaceMode, peer: Int32?, file: String) {
            switch mode {
            case .host: break
            case .private, .shareable, .none: list.append(Namespace(kind))
            case .container: list.append(Namespace(kind, path: peer.map { "/proc/\($0)/ns/\(file)" }))
            }
        }
        if facts.idMapping != nil { list.append(Namespace(.user)) }
        add(.pid, config.pidMode, peer: facts.pidPeer, file: "pid")
        add(.ipc, config.ipcMode, peer: facts.ipcPeer, file: "ipc")
        add(.uts, config.utsMode, peer: nil, file: "uts")
        add(.cgroup, config.cgroupMode, peer: nil, file: "cgroup")
        switch config.network {
        case .host: break
        case .networks, .none, .isolated: list.append(Namespace(.network))
        case .container: list.append(Namespace(.network, path: facts.networkPeer.map { "/proc/\($0)/ns/net" }))
        }
        return list
    }

    private static func resources(_ config: ContainerConfig, _ facts: SpecFacts) -> Resources {
        let asked = config.resources
        var resources = Resources()
        if !config.privileged { resources.devices = facts.deviceRules }
        if asked.memory != nil || asked.memorySwap != nil || asked.memoryReservation != nil {
            var memory = Memory()
            memory.limit = asked.memory
            memory.reservation = asked.memoryReservation
            // As Docker: as much swap again as memory where only memory is limited.
            memory.swap = asked.memorySwap ?? asked.memory.map { $0 > Int64.max / 2 ? -1 : $0 * 2 }
            resources.memory = memory
        }
        var cpu = CPU()
        cpu.shares = asked.cpuShares
        cpu.cpus = asked.cpusetCPUs
        cpu.mems = asked.cpusetMems
        cpu.period = asked.cpuPeriod
        cpu.quota = asked.cpuQuota
        if let nano = asked.nanoCPUs {
            cpu.period = 100_000
            cpu.quota = nano / 10_000
        }
        if cpu != CPU() { resources.cpu = cpu }
        if let limit = asked.pidsLimit { resources.pids = PIDs(limit: limit <= 0 ? -1 : limit) }
        if let weight = asked.blkioWeight {
            var block = BlockIO()
            block.weight = weight
            resources.blockIO = block
        }
        return resources
    }

    private static func mounts(
        _ config: ContainerConfig, _ facts: SpecFacts, _ options: SecurityOptions
    ) -> [RuntimeSpec.Mount] {
        let hardened = ["nosuid", "noexec", "nodev"]
        var list = [
            Mount(destination: "/proc", type: "proc", source: "proc", options: hardened),
            Mount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            Mount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            Mount(
                destination: "/sys", type: "sysfs", source: "sysfs",
                options: hardened + [config.privileged ? "rw" : "ro"]),
            Mount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                options: hardened + [config.privileged ? "rw" : "ro", "relatime"]),
            Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: hardened),
        ]
        // A sysfs of its own needs a network namespace of its own (sysfs(5)); else the host's is shown.
        switch config.ipcMode {
        case .none: break
        case .host:
            list.append(Mount(destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["rbind"] + hardened))
        case .container:
            var shared = Mount(destination: "/dev/shm", type: "bind", source: "/dev/shm", options: ["bind"] + hardened)
            shared.sourceProcess = facts.ipcPeer
            list.append(shared)
        case .private, .shareable:
            list.append(
                Mount(
                    destination: "/dev/shm", type: "tmpfs", source: "shm",
                    options: hardened + ["mode=1777", "size=\(config.shmSize)"]))
        }
        // A mount inside another must come after it; what the user mounts in a place wins over the name files.
        var own = zip(config.mounts, facts.mountSources).map { Self.mount($0, source: $1) }
        if let files = facts.nameFiles {
            for (source, destination) in [
                (files.resolvConf, "/etc/resolv.conf"), (files.hostname, "/etc/hostname"), (files.hosts, "/etc/hosts"),
            ] where !config.mounts.contains(where: { ContainerConfig.normalised($0.destination) == destination }) {
                let options = ["bind", "rprivate", "idmap"]
                own.append(Mount(destination: destination, type: "bind", source: source, options: options))
            }
        }
        // Not stable by itself (sort(by:)), hence the index.
        list += own.enumerated().sorted { left, right in
            (depth(left.element.destination), left.offset) < (depth(right.element.destination), right.offset)
        }.map(\.element)
        return list
    }

    private static func depth(_ path: String) -> Int { path.split(separator: "/").count }

    private static func mount(_ mount: BoxModel.Mount, source: String) -> RuntimeSpec.Mount {
        if mount.kind == .tmpfs {
            return Mount(
                destination: mount.destination, type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "nodev", "noexec"] + (mount.readOnly ? ["ro"] : []) + mount.tmpfsOptions)
        }
        var options = [mount.nonRecursive ? "bind" : "rbind", (mount.propagation ?? .rprivate).rawValue]
        if mount.readOnly { options.append(mount.nonRecursiveReadOnly ? "ro" : "rro") }
        var bind = Mount(destination: mount.destination, type: "bind", source: source, options: options)
        if mount.kind == .volume { bind.options?.append("idmap") }
        if let below = mount.volumeSubpath, !below.isEmpty { bind.sourceSubpath = below }
        return bind
    }
}
