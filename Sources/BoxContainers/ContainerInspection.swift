package import BoxModel
package import BoxStore
internal import BoxRuntime
internal import BoxSystem

extension Containers {
    /// A container in the words of Docker's `inspect`.
    ///
    /// - Parameter time: writes an instant as Docker does, RFC 3339 with nanoseconds.
    package func inspect(
        _ record: ContainerRecord, time: (Timestamp) -> String
    ) throws(BoxFailure) -> JSON {
        let config = try record.config()
        let state = try summary(record).state
        let arguments = config.arguments
        return [
            "Id": .string(config.id.text),
            "Created": .string(time(config.created)),
            "Path": .string(arguments.first ?? ""),
            "Args": JSON(Array(arguments.dropFirst())),
            "State": stateJSON(state, time),
            "Image": .string("\(config.imageID)"),
            "ResolvConfPath": .string(record.directory.describe("resolv.conf")),
            "HostnamePath": .string(record.directory.describe("hostname")),
            "HostsPath": .string(record.directory.describe("hosts")),
            "LogPath": .string(record.logPath),
            "Name": .string("/\(config.name)"),
            "RestartCount": .integer(Int64(state.restartCount)),
            "Driver": "overlay2",
            "Platform": .string(config.platform.os),
            "MountLabel": "",
            "ProcessLabel": "",
            "AppArmorProfile": "",
            "ExecIDs": .null,
            "HostConfig": try hostJSON(config, record),
            "GraphDriver": graphJSON(config, record),
            "Mounts": .array(config.mounts.filter { $0.kind != .tmpfs }.map(mountJSON)),
            "Config": configJSON(config),
            "NetworkSettings": try networkJSON(config, record, state),
        ]
    }

    private func stateJSON(_ state: ContainerState, _ time: (Timestamp) -> String) -> JSON {
        [
            "Status": .string(state.status.rawValue),
            "Running": .bool(state.status.isActive),
            "Paused": .bool(state.status == .paused),
            "Restarting": .bool(state.status == .restarting),
            "OOMKilled": .bool(state.oomKilled),
            "Dead": .bool(state.status == .dead),
            "Pid": .integer(Int64(state.pid)),
            "ExitCode": .integer(Int64(state.exitCode)),
            "Error": .string(state.error),
            "StartedAt": .string(state.started == .never ? "0001-01-01T00:00:00Z" : time(state.started)),
            "FinishedAt": .string(state.finished == .never ? "0001-01-01T00:00:00Z" : time(state.finished)),
        ]
    }

    private func hostJSON(_ config: ContainerConfig, _ record: ContainerRecord) throws(BoxFailure) -> JSON {
        let networks = try record.networks(config)
        let binds = config.mounts.filter { $0.kind != .tmpfs && !$0.anonymous }.map {
            "\($0.source):\($0.destination)\($0.readOnly ? ":ro" : "")"
        }
        let resources = config.resources
        var tmpfs = JSONObject()
        for mount in config.mounts where mount.kind == .tmpfs {
            tmpfs[mount.destination] = .string(mount.tmpfsOptions.joined(separator: ","))
        }
        let unmasked = config.privileged || SecurityOptions(config.securityOptions).unmasksSystemPaths
        return [
            "Binds": JSON(binds),
            "LogConfig": ["Type": "local", "Config": ["max-size": "20m", "max-file": "5"]],
            "NetworkMode": .string(Self.networkMode(config, networks)),
            "PortBindings": Self.portBindings(networks.ports),
            "RestartPolicy": ["Name": "no", "MaximumRetryCount": 0],
            "AutoRemove": .bool(config.autoRemove),
            "CapAdd": JSON(config.capabilitiesAdded),
            "CapDrop": JSON(config.capabilitiesDropped),
            "CgroupnsMode": .string(Self.text(config.cgroupMode)),
            "Dns": JSON(config.dns),
            "DnsOptions": JSON(config.dnsOptions),
            "DnsSearch": JSON(config.dnsSearch),
            "ExtraHosts": JSON(config.extraHosts),
            "GroupAdd": JSON(config.additionalGroups),
            "IpcMode": .string(Self.text(config.ipcMode)),
            "PidMode": .string(config.pidMode == .private ? "" : Self.text(config.pidMode)),
            "Privileged": .bool(config.privileged),
            "PublishAllPorts": .bool(networks.publishesAll),
            "ReadonlyRootfs": .bool(config.readOnlyRootFS),
            "SecurityOpt": JSON(config.securityOptions),
            "UTSMode": .string(config.utsMode == .private ? "" : Self.text(config.utsMode)),
            "UsernsMode": .string(config.userMode == .host ? "" : Self.text(config.userMode)),
            "ShmSize": .integer(config.shmSize),
            "Sysctls": JSON(config.sysctls),
            "Tmpfs": .object(tmpfs),
            "Runtime": "box",
            "Init": .bool(config.useInit),
            "Memory": .integer(resources.memory ?? 0),
            "MemorySwap": .integer(resources.memorySwap ?? (resources.memory.map { $0 * 2 } ?? 0)),
            "MemoryReservation": .integer(resources.memoryReservation ?? 0),
            "NanoCpus": .integer(resources.nanoCPUs ?? 0),
            "CpuShares": .integer(Int64(clamping: resources.cpuShares ?? 0)),
            "CpuPeriod": .integer(Int64(clamping: resources.cpuPeriod ?? 0)),
            "CpuQuota": .integer(resources.cpuQuota ?? 0),
            "CpusetCpus": .string(resources.cpusetCPUs ?? ""),
            "CpusetMems": .string(resources.cpusetMems ?? ""),
            "PidsLimit": resources.pidsLimit.map { .integer($0) } ?? .null,
            "OomScoreAdj": .integer(Int64(config.oomScoreAdjustment ?? 0)),
            "Devices": .array(
                config.devices.map {
                    [
                        "PathOnHost": .string($0.hostPath), "PathInContainer": .string($0.containerPath),
                        "CgroupPermissions": .string($0.access),
                    ]
                }),
            "Ulimits": .array(
                config.ulimits.map {
                    [
                        "Name": .string($0.type.dropFirst(7).lowercased()), "Hard": .integer(Self.limit($0.hard)),
                        "Soft": .integer(Self.limit($0.soft)),
                    ]
                }),
            "MaskedPaths": unmasked ? .null : JSON(RuntimeSpec.maskedPaths),
            "ReadonlyPaths": unmasked ? .null : JSON(RuntimeSpec.readonlyPaths),
        ]
    }

    private static func limit(_ value: UInt64) -> Int64 { value == .max ? -1 : Int64(clamping: value) }

    private func graphJSON(_ config: ContainerConfig, _ record: ContainerRecord) -> JSON {
        let layers = store.findLayers(config.layers)?.reversed().map(\.path) ?? []
        return [
            "Name": "overlay2",
            "Data": [
                "LowerDir": .string(layers.joined(separator: ":")), "UpperDir": .string(record.upperPath),
                "WorkDir": .string(record.workPath),
            ],
        ]
    }

    private func mountJSON(_ mount: Mount) -> JSON {
        var json = JSONObject()
        json["Type"] = .string(mount.kind.rawValue)
        if mount.kind == .volume {
            json["Name"] = .string(mount.source)
            json["Source"] = .string(store.volumePath(mount.source))
        } else {
            json["Source"] = .string(mount.source)
        }
        json["Destination"] = .string(mount.destination)
        if mount.kind == .volume { json["Driver"] = "local" }
        json["Mode"] = .string(mount.readOnly ? "ro" : "")
        json["RW"] = .bool(!mount.readOnly)
        json["Propagation"] = .string(mount.kind == .bind ? (mount.propagation ?? .rprivate).rawValue : "")
        return .object(json)
    }

    private func configJSON(_ config: ContainerConfig) -> JSON {
        var json = JSONObject()
        json["Hostname"] = .string(config.hostname)
        json["Domainname"] = .string(config.domainname)
        json["User"] = .string(config.user)
        json["AttachStdin"] = .bool(config.stdinOnce)
        json["AttachStdout"] = .bool(config.isDetached != true)
        json["AttachStderr"] = .bool(config.isDetached != true)
        if !config.exposedPorts.isEmpty {
            var ports = JSONObject()
            for port in config.exposedPorts { ports[port] = [:] }
            json["ExposedPorts"] = .object(ports)
        }
        json["Tty"] = .bool(config.tty)
        json["OpenStdin"] = .bool(config.openStdin)
        json["StdinOnce"] = .bool(config.stdinOnce)
        // The name of the host is known at the start only, says Docker, and leaves it out.
        json["Env"] = JSON(config.environment.filter { !$0.hasPrefix("HOSTNAME=") })
        json["Cmd"] = config.command.isEmpty ? .null : JSON(config.command)
        json["Image"] = .string(config.imageName)
        json["Volumes"] = .null
        json["WorkingDir"] = .string(config.workingDirectory == "/" ? "" : config.workingDirectory)
        json["Entrypoint"] = config.entrypoint.isEmpty ? .null : JSON(config.entrypoint)
        json["OnBuild"] = .null
        json["Labels"] = JSON(config.labels)
        json["StopSignal"] = .string(config.stopSignal)
        json["StopTimeout"] = .integer(Int64(config.stopTimeout))
        return .object(json)
    }

    /// A network mode as flags and `ps` write it.
    package static func text(_ mode: NetworkMode) -> String {
        switch mode {
        case .networks: "bridge"
        case .isolated: "isolated"
        case .none: "none"
        case .host: "host"
        case .container(let id): "container:\(id)"
        }
    }

    static func text(_ mode: NamespaceMode) -> String {
        switch mode {
        case .private: "private"
        case .host: "host"
        case .shareable: "shareable"
        case .none: "none"
        case .container(let id): "container:\(id)"
        }
    }
}
