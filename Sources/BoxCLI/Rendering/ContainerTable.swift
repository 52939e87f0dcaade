internal import BoxContainers
internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

/// Containers as rows of `ps`.
struct ContainerTable {
    let store: Store
    let truncates: Bool
    let showsSize: Bool
    let now = SystemClock.now

    static let headers = [
        "ID": "CONTAINER ID", "RunningFor": "CREATED", "CreatedAt": "CREATED AT", "LocalVolumes": "LOCAL VOLUMES",
    ]

    var columns: String {
        #"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"#
            + (showsSize ? #"\t{{.Size}}"# : "")
    }

    func record(_ row: ContainerSummary) -> TemplateRecord {
        // As Docker: arguments with a space in them stand in quotes, the program never.
        let command = row.arguments.enumerated().map { index, argument in
            index > 0 && argument.contains(" ") ? "'\(argument)'" : argument
        }.joined(separator: " ")
        let mounts = row.mounts.filter { $0.kind != .tmpfs }
        let size = { JSON.string(sizes(row)) }
        return TemplateRecord([
            .init("Command", goQuoted(truncates ? ellipsized(command, width: 20) : command)),
            .init("CreatedAt", TimeText.createdAt(row.created.nanoseconds, zone: SystemClock.localZone)),
            .init("ID", truncates ? row.id.short : row.id.text),
            .init("Image", image(row)),
            .init(
                "Labels", row.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")),
            .init("Label", .method { .string(row.labels[$0] ?? "") }),
            .init("LocalVolumes", "\(mounts.count { $0.kind == .volume })"),
            .init(
                "Mounts",
                mounts.map { truncates ? ellipsized($0.source, width: 15) : $0.source }.joined(separator: ",")),
            .init("Names", row.name.text),
            .init("Networks", Self.networks(row).joined(separator: ",")),
            .init("Platform", .value(.null)),
            .init(
                "Ports",
                row.state.status.isActive ? PortSyntax.summary(row.state.ports, exposed: row.exposedPorts) : ""),
            .init("RunningFor", HumanText.duration(nanoseconds: now - row.created.nanoseconds) + " ago"),
            .init("Size", showsSize ? .computed(size) : .expensive("0B", size)),
            .init("State", row.state.status.rawValue),
            .init("Status", Self.status(row.state, now: now)),
        ])
    }

    /// The names of the networks that a container is on, or its mode where it has none.
    static func networks(_ row: ContainerSummary) -> [String] {
        row.network == .networks ? row.networks : [Containers.text(row.network)]
    }

    /// An image that was named by its id is shown by the short one.
    private func image(_ row: ContainerSummary) -> String {
        let name = row.imageName
        return truncates && (name == "\(row.imageID)" || name == row.imageID.hex) ? row.imageID.short : name
    }

    /// `Up 3 minutes`, `Exited (0) 2 hours ago`.
    static func status(_ state: ContainerState, now: Int64) -> String {
        let since = HumanText.duration(nanoseconds: now - state.started.nanoseconds)
        let ago = HumanText.duration(nanoseconds: now - state.finished.nanoseconds) + " ago"
        switch state.status {
        case .created: return "Created"
        case .running: return "Up \(since)"
        case .paused: return "Up \(since) (Paused)"
        case .restarting: return "Restarting (\(state.exitCode)) \(ago)"
        case .removing: return "Removal In Progress"
        case .exited:
            return state.finished == .never ? "Exited (\(state.exitCode))" : "Exited (\(state.exitCode)) \(ago)"
        case .dead: return "Dead"
        }
    }

    private func sizes(_ row: ContainerSummary) -> String {
        let own = store.diskUse("containers/\(row.id)/upper", countsFolders: false)
        let image = (try? store.findImage("\(row.imageID)"))?.image?.size ?? 0
        return "\(HumanText.size(own)) (virtual \(HumanText.size(own + image)))"
    }
}
