package import BoxModel
internal import BoxStore

extension Images {
    /// An image in the words of Docker's `image inspect`.
    package func inspect(_ local: Local) throws(BoxFailure) -> JSON {
        let config = local.config
        let records = try store.images().records.filter { record in
            record.platforms.contains { $0.imageID == local.image.imageID }
        }
        let execution = config.config ?? ImageConfig.Execution()
        var json = JSONObject()
        json["Id"] = .string("\(local.image.imageID)")
        json["RepoTags"] = JSON(records.filter { $0.reference.tag != nil }.map(\.reference.familiar))
        json["RepoDigests"] = JSON(Array(Set(records.flatMap(\.repositoryDigests).map(Self.familiar))).sorted())
        json["Parent"] = ""
        json["Comment"] = .string(config.comment ?? config.history?.last?.comment ?? "")
        json["Created"] = .string(config.created ?? "")
        json["DockerVersion"] = .string(config.dockerVersion ?? "")
        json["Author"] = .string(config.author ?? "")
        json["Config"] = Self.json(execution)
        json["Architecture"] = .string(config.architecture)
        if let variant = config.variant { json["Variant"] = .string(variant) }
        json["Os"] = .string(config.os)
        json["Size"] = .integer(local.image.size)
        let paths = store.findLayers(local.image.diffIDs)?.reversed().map(\.path) ?? []
        json["GraphDriver"] = [
            "Name": "overlay2",
            "Data": [
                "LowerDir": .string(paths.dropFirst().joined(separator: ":")), "UpperDir": .string(paths.first ?? ""),
            ],
        ]
        json["RootFS"] = ["Type": "layers", "Layers": JSON(local.image.diffIDs.map(\.description))]
        json["Metadata"] = ["LastTagTime": .string(local.match.record.tagged.rfc3339)]
        json["Descriptor"] = [
            "mediaType": .string(local.image.manifest.mediaType.rawValue),
            "digest": .string("\(local.image.manifest.digest)"), "size": .integer(local.image.manifest.size),
        ]
        return .object(json)
    }

    /// `docker.io/library/debian@sha256:…` as people write it.
    package static func familiar(_ digest: String) -> String {
        (try? ImageReference(digest))?.familiar ?? digest
    }

    private static func json(_ execution: ImageConfig.Execution) -> JSON {
        var json = JSONObject()
        json["Hostname"] = ""
        json["Domainname"] = ""
        json["User"] = .string(execution.user ?? "")
        json["AttachStdin"] = false
        json["AttachStdout"] = false
        json["AttachStderr"] = false
        if let ports = execution.exposedPorts { json["ExposedPorts"] = set(ports) }
        json["Tty"] = false
        json["OpenStdin"] = false
        json["StdinOnce"] = false
        json["Env"] = JSON(execution.environment ?? [])
        json["Cmd"] = execution.command.map { JSON($0) } ?? .null
        if let check = execution.healthCheck { json["Healthcheck"] = self.json(check) }
        json["Image"] = ""
        json["Volumes"] = execution.volumes.map(set) ?? .null
        json["WorkingDir"] = .string(execution.workingDirectory ?? "")
        json["Entrypoint"] = execution.entrypoint.map { JSON($0) } ?? .null
        json["OnBuild"] = execution.onBuild.map { JSON($0) } ?? .null
        json["Labels"] = execution.labels.map { JSON($0) } ?? .null
        if let signal = execution.stopSignal { json["StopSignal"] = .string(signal) }
        if let shell = execution.shell { json["Shell"] = JSON(shell) }
        return .object(json)
    }

    private static func set(_ names: [String: ImageConfig.Empty]) -> JSON {
        var json = JSONObject()
        for name in names.keys.sorted() { json[name] = [:] }
        return .object(json)
    }

    private static func json(_ check: ImageConfig.HealthCheck) -> JSON {
        var json = JSONObject()
        json["Test"] = JSON(check.test ?? [])
        if let value = check.interval { json["Interval"] = .integer(value) }
        if let value = check.timeout { json["Timeout"] = .integer(value) }
        if let value = check.startPeriod { json["StartPeriod"] = .integer(value) }
        if let value = check.startInterval { json["StartInterval"] = .integer(value) }
        if let value = check.retries { json["Retries"] = .integer(Int64(value)) }
        return .object(json)
    }
}
