package import BoxModel

/// What `ps` shows of a container, in one small file that is read without the rest: the unchanging part that comes
/// from its configuration, and how it goes with it.
package struct ContainerSummary: Hashable, Sendable {
    /// A mount as tables and filters need it.
    package struct MountName: Hashable, Sendable {
        package var kind: Mount.Kind
        package var source: String
        package var destination: String
    }

    package let id: ContainerID
    package let name: ContainerName
    package let imageName: String
    package let imageID: Digest
    /// Entry point and command.
    package let arguments: [String]
    package let created: Timestamp
    package let labels: [String: String]
    package let mounts: [MountName]
    package let network: NetworkMode
    /// The networks it joins, by name.
    package var networks: [String]
    package let exposedPorts: [ContainerPort]
    package let autoRemove: Bool
    package var state: ContainerState

    package init(_ config: ContainerConfig, _ state: ContainerState) {
        id = config.id
        name = config.name
        imageName = config.imageName
        imageID = config.imageID
        arguments = config.arguments
        created = config.created
        labels = config.labels
        mounts = config.mounts.map { MountName(kind: $0.kind, source: $0.source, destination: $0.destination) }
        network = config.network
        networks = config.networks?.endpoints.map(\.network) ?? []
        exposedPorts = config.ports
        autoRemove = config.autoRemove
        self.state = state
    }
}

extension ContainerSummary {
    init(parsing bytes: [UInt8], source: String) throws(BoxFailure) {
        let json = try JSON(record: bytes, source: source)
        guard try json.integer("format", source) <= 1 else {
            throw BoxFailure(
                .unsupported, "read the record", source, reason: "a newer version of box wrote it",
                hint: "use that version of box")
        }
        id = try json.required("id", source) { $0.stringValue.flatMap { ContainerID($0) } }
        name = try ContainerName(try json.string("name", source))
        imageName = try json.string("image", source)
        imageID = try json.digest("imageID", source)
        arguments = try json.required("arguments", source, \.stringArray)
        created = json.timestamp("created")
        labels = try json.required("labels", source, \.stringMap)
        var mounts: [MountName] = []
        for element in try json.required("mounts", source, \.arrayValue) {
            mounts.append(
                MountName(
                    kind: try element.required("kind", source) { $0.stringValue.flatMap { Mount.Kind(rawValue: $0) } },
                    source: try element.string("source", source),
                    destination: try element.string("destination", source)))
        }
        self.mounts = mounts
        network = try json.required("network", source) { $0.stringValue.flatMap { NetworkMode(record: $0) } }
        networks = json["networks"]?.stringArray ?? []
        exposedPorts = json["exposed"]?.stringArray?.compactMap { ContainerPort($0) } ?? []
        autoRemove = try json.required("autoRemove", source, \.boolValue)
        state = try ContainerState(record: json.required("state", source) { $0 }, source)
    }

    var bytes: [UInt8] {
        let json: JSON = [
            "format": 1, "id": .string(id.text), "name": .string(name.text), "image": .string(imageName),
            "imageID": .string("\(imageID)"), "arguments": JSON(arguments), "created": .integer(created.nanoseconds),
            "labels": JSON(labels),
            "mounts": .array(
                mounts.map {
                    [
                        "kind": .string($0.kind.rawValue), "source": .string($0.source),
                        "destination": .string($0.destination),
                    ]
                }), "network": .string(network.recordText), "networks": JSON(networks),
            "exposed": JSON(exposedPorts.map(\.description)), "autoRemove": .bool(autoRemove),
            "state": state.recordJSON,
        ]
        return json.bytes()
    }
}

extension ContainerState {
    init(record json: JSON, _ source: String) throws(BoxFailure) {
        self.init(try json.required("status", source) { $0.stringValue.flatMap { Status(rawValue: $0) } })
        pid = Int32(truncatingIfNeeded: try json.integer("pid", source))
        pidStartTime = UInt64(clamping: try json.integer("pidStartTime", source))
        exitCode = Int32(truncatingIfNeeded: try json.integer("exitCode", source))
        started = json.timestamp("started")
        finished = json.timestamp("finished")
        error = try json.string("error", source)
        oomKilled = try json.required("oomKilled", source, \.boolValue)
        restartCount = Int(try json.integer("restartCount", source))
        ports = (json["ports"]?.arrayValue ?? []).compactMap { PublishedPort(record: $0) }
    }

    var recordJSON: JSON {
        [
            "status": .string(status.rawValue), "pid": .integer(Int64(pid)),
            "pidStartTime": .integer(Int64(clamping: pidStartTime)), "exitCode": .integer(Int64(exitCode)),
            "started": .integer(started.nanoseconds), "finished": .integer(finished.nanoseconds),
            "error": .string(error), "oomKilled": .bool(oomKilled), "restartCount": .integer(Int64(restartCount)),
            "ports": .array(ports.map(\.recordJSON)),
        ]
    }
}

extension PublishedPort {
    init?(record json: JSON) {
        guard let port = json["port"]?.stringValue.flatMap({ ContainerPort($0) }),
            let address = json["address"]?.stringValue.flatMap({ IPAddress($0) }),
            let number = json["hostPort"]?.intValue.flatMap({ UInt16(exactly: $0) })
        else { return nil }
        self.init(port, hostAddress: address, hostPort: number)
    }

    var recordJSON: JSON {
        [
            "port": .string("\(port)"), "address": .string("\(hostAddress)"),
            "hostPort": .integer(Int64(hostPort)),
        ]
    }
}

extension NetworkMode {
    init?(record text: String) {
        switch text {
        case "networks": self = .networks
        case "isolated": self = .isolated
        case "none": self = .none
        case "host": self = .host
        default:
            guard text.hasPrefix("container:"), let id = ContainerID(String(text.dropFirst(10))) else { return nil }
            self = .container(id)
        }
    }

    var recordText: String {
        switch self {
        case .networks: "networks"
        case .isolated: "isolated"
        case .none: "none"
        case .host: "host"
        case .container(let id): "container:\(id)"
        }
    }
}
