package import BoxModel

extension ContainerConfig {
    /// Where programs are looked for when neither image nor flags say so, as Docker has it.
    package static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Merges a request with an image's configuration by Docker's rules.
    ///
    /// - Parameters:
    ///   - request: flags and command line.
    ///   - image: the image's configuration and its digest.
    ///   - id: the new container's identity.
    ///   - name: its name.
    ///   - hostHostname: used with the host's UTS namespace or network.
    ///   - now: the time of creation.
    /// - Throws: `invalid` where there is nothing to run.
    package init(
        merging request: CreateRequest, image: ImageConfig, imageID: Digest, manifestDigest: Digest?, id: ContainerID,
        name: ContainerName, hostHostname: String, now: Timestamp
    ) throws(BoxFailure) {
        let execution = image.config ?? ImageConfig.Execution()
        self.init(
            id: id, name: name, created: now, imageName: request.imageName, imageID: imageID, platform: image.platform,
            layers: image.rootfs.diffIDs)
        self.manifestDigest = manifestDigest

        // An entry point of the user's own drops the image's command as well.
        if let own = request.entrypoint {
            entrypoint = own
            command = request.command
        } else {
            entrypoint = execution.entrypoint ?? []
            command = request.command.isEmpty ? execution.command ?? [] : request.command
        }
        guard let program = arguments.first, !program.isEmpty else {
            throw BoxFailure(
                .invalid, "create a container from", request.imageName, reason: "the image names no command",
                hint: "give one after the image's name")
        }

        workingDirectory =
            request.workingDirectory ?? execution.workingDirectory.flatMap { $0.isEmpty ? nil : $0 } ?? "/"
        guard workingDirectory.hasPrefix("/") else {
            throw BoxFailure(
                .invalid, "use the working directory", "\"\(workingDirectory)\"", reason: "it is not absolute",
                hint: "write it with a leading /")
        }
        user = request.user ?? execution.user ?? ""
        additionalGroups = request.additionalGroups
        stopSignal = request.stopSignal ?? execution.stopSignal.flatMap { $0.isEmpty ? nil : $0 } ?? "SIGTERM"
        stopTimeout = request.stopTimeout ?? 10
        labels = (execution.labels ?? [:]).merging(request.labels) { _, own in own }
        annotations = request.annotations
        exposedPorts = Set(Array((execution.exposedPorts ?? [:]).keys) + request.exposedPorts).sorted()
        tty = request.tty
        openStdin = request.interactive
        isDetached = request.detached ? true : nil
        stdinOnce = request.interactive && !request.detached
        autoRemove = request.autoRemove
        useInit = request.useInit
        detachKeys = request.detachKeys

        let usesHostNames = request.utsMode == .host || request.network == .host
        hostname = request.hostname ?? (usesHostNames ? hostHostname : id.short)
        domainname = request.domainname ?? ""
        environment = Self.environment(
            image: execution.environment ?? [], request: request.environment, hostname: hostname, tty: tty)

        mounts = request.mounts
        let taken = Set(mounts.map { Self.normalised($0.destination) })
        for path in (execution.volumes ?? [:]).keys.sorted() where !taken.contains(Self.normalised(path)) {
            var volume = Mount(.volume, source: "", destination: path)
            volume.anonymous = true
            mounts.append(volume)
        }
        readOnlyRootFS = request.readOnly
        shmSize = request.shmSize ?? 64 << 20
        network = request.network
        extraHosts = request.extraHosts
        dns = request.dns
        dnsSearch = request.dnsSearch
        dnsOptions = request.dnsOptions
        pidMode = request.pidMode
        ipcMode = request.ipcMode
        utsMode = request.utsMode
        cgroupMode = request.cgroupMode
        userMode = request.userMode
        privileged = request.privileged
        capabilitiesAdded = request.capabilitiesAdded
        capabilitiesDropped = request.capabilitiesDropped
        securityOptions = request.securityOptions
        devices = request.devices
        sysctls = request.sysctls
        ulimits = request.ulimits
        resources = request.resources
        oomScoreAdjustment = request.oomScoreAdjustment
    }

    /// The image's variables, those of the flags over them, and those every container has; order is kept.
    private static func environment(image: [String], request: [String], hostname: String, tty: Bool) -> [String] {
        var merged: [(name: Substring, entry: String)] = []
        func set(_ entry: String) {
            let name = entry.prefix { $0 != "=" }
            let index = merged.firstIndex { $0.name == name }
            if !entry.contains("=") {
                if let index { merged.remove(at: index) }
            } else if let index {
                merged[index].entry = entry
            } else {
                merged.append((name, entry))
            }
        }
        set("PATH=\(defaultPath)")
        set("HOSTNAME=\(hostname)")
        if tty { set("TERM=xterm") }
        for entry in image { set(entry) }
        for entry in request { set(entry) }
        return merged.map(\.entry)
    }

    /// A path without repeated and trailing slashes and `.` components.
    package static func normalised(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
