internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

struct InfoVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what box has and what the machine offers")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "json or a template") var format: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let containers = Containers(store: store, facts: context.facts)
        let rows = try containers.list().summaries
        let images = try store.images().records
        func count(_ status: ContainerState.Status) -> Int64 { Int64(rows.count { $0.state.status == status }) }
        let running = count(.running)
        let paused = count(.paused)
        let json: JSON = [
            "ID": .string(context.facts.hostname), "Containers": .integer(Int64(rows.count)),
            "ContainersRunning": .integer(running), "ContainersPaused": .integer(paused),
            "ContainersStopped": .integer(Int64(rows.count) - running - paused),
            "Images": .integer(Int64(Set(images.flatMap(\.platforms).map(\.imageID)).count)), "Driver": "overlay2",
            "CgroupDriver": "cgroupfs", "CgroupVersion": .string(containers.cgroupVersion),
            "KernelVersion": .string(context.facts.kernelRelease), "OSType": "linux",
            "OperatingSystem": .string(Self.operatingSystem()), "Architecture": .string(context.facts.machine),
            "NCPU": .integer(Int64(context.facts.processors)),
            "MemTotal": .integer(Int64(clamping: context.facts.memory)),
            "DockerRootDir": .string(store.location.root), "StateDir": .string(store.location.state),
            "Name": .string(context.facts.hostname), "ServerVersion": .string(Program.version),
            "SecurityOptions": ["name=seccomp,profile=builtin"],
        ]
        if let format, !format.isEmpty {
            context.print(try Rendering.text(format, json))
            return ExitStatus.success
        }
        context.print(
            """
            Containers: \(rows.count)
             Running: \(running)
             Paused: \(paused)
             Stopped: \(Int64(rows.count) - running - paused)
            Images: \(json["Images"]?.intValue ?? 0)
            Version: \(Program.version)
            Storage Driver: overlay2
            Cgroup Version: \(containers.cgroupVersion)
            Kernel Version: \(context.facts.kernelRelease)
            Operating System: \(Self.operatingSystem())
            Architecture: \(context.facts.machine)
            CPUs: \(context.facts.processors)
            Total Memory: \(HumanText.binarySize(Int64(clamping: context.facts.memory)))
            Name: \(context.facts.hostname)
            Root Dir: \(store.location.root)
            State Dir: \(store.location.state)
            """)
        return ExitStatus.success
    }

    private static func operatingSystem() -> String {
        let text = (try? readText("/etc/os-release", limit: 1 << 16)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }
        return line.map { $0.dropFirst(12).trimmingQuotes() } ?? "Linux"
    }
}

extension Substring {
    fileprivate func trimmingQuotes() -> String {
        hasPrefix("\"") && hasSuffix("\"") && utf8.count > 1 ? String(dropFirst().dropLast()) : String(self)
    }
}

struct SystemDfVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "system df", abstract: "Show what takes space")

    @Flag(name: .shortAndLong, help: "Image by image, container by container") var verbose = false
    @Option(parsing: .unconditional, help: "table, json, \"table TEMPLATE\" or TEMPLATE") var format: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let usage = try context.openStore().usage()
        if verbose && format == nil {
            printVerbose(usage, context)
            return ExitStatus.success
        }
        let containers = usage.containers.reduce(Int64(0)) { $0 + $1.size }
        let stopped = usage.containers.filter { !$0.running }.reduce(Int64(0)) { $0 + $1.size }
        let volumes = usage.volumes.reduce(Int64(0)) { $0 + $1.size }
        let unused = usage.volumes.filter { $0.links == 0 }.reduce(Int64(0)) { $0 + $1.size }
        let rows = [
            Self.row(
                "Images", usage.images.count, usage.images.count { $0.containers > 0 }, usage.imagesSize,
                usage.imagesReclaimable),
            Self.row("Containers", usage.containers.count, usage.containers.count { $0.running }, containers, stopped),
            Self.row("Local Volumes", usage.volumes.count, usage.volumes.count { $0.links > 0 }, volumes, unused),
            Self.row("Build Cache", 0, 0, 0, 0),
        ]
        try Rendering.rows(
            format, #"{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"#,
            ["TotalCount": "TOTAL"], rows, context)
        return ExitStatus.success
    }

    private static func row(_ type: String, _ total: Int, _ active: Int, _ size: Int64, _ free: Int64) -> TemplateRecord
    {
        let share = size > 0 ? " (\(free * 100 / size)%)" : ""
        return TemplateRecord([
            .init("Active", "\(active)"), .init("Reclaimable", HumanText.size(free, digits: 4) + share),
            .init("Size", HumanText.size(size, digits: 4)), .init("TotalCount", "\(total)"), .init("Type", type),
        ])
    }

    private func printVerbose(_ usage: StorageUsage, _ context: Context) {
        let now = SystemClock.now
        func age(_ time: Timestamp) -> String { HumanText.duration(nanoseconds: now - time.nanoseconds) + " ago" }
        var text = "Images space usage:\n\n"
        var rows = "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS\n"
        for image in usage.images {
            let name = image.references.first
            rows +=
                "\(name?.familiarName ?? "<none>")\t\(name?.tag ?? "<none>")\t\(image.imageID.short)\t\(age(image.created))\t"
            rows +=
                "\(HumanText.size(image.size))\t\(HumanText.size(image.sharedSize))\t\(HumanText.size(image.uniqueSize))\t"
            rows += "\(image.containers)\n"
        }
        text += tableLayout(rows) + "\nContainers space usage:\n\n"
        rows = "CONTAINER ID\tIMAGE\tCOMMAND\tLOCAL VOLUMES\tSIZE\tCREATED\tSTATUS\tNAMES\n"
        for container in usage.containers {
            let row = container.summary
            let command = goQuoted(ellipsized(row.arguments.joined(separator: " "), width: 20))
            rows += "\(row.id.short)\t\(row.imageName)\t\(command)\t\(row.mounts.count { $0.kind == .volume })\t"
            rows +=
                "\(HumanText.size(container.size))\t\(age(row.created))\t\(ContainerTable.status(row.state, now: now))\t\(row.name)\n"
        }
        text += tableLayout(rows) + "\nLocal Volumes space usage:\n\n"
        rows = "VOLUME NAME\tLINKS\tSIZE\n"
        for volume in usage.volumes {
            rows += "\(volume.record.name)\t\(volume.links)\t\(HumanText.size(volume.size))\n"
        }
        text += tableLayout(rows) + "\nBuild cache usage: 0B\n"
        context.printRaw(text)
    }
}

struct SystemCheckVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "system check",
        abstract: "Look for damage in the store: re-hash blobs, find orphans and broken references")

    @Flag(help: "Mend what can be mended") var repair = false

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        if repair { Containers(store: store, facts: context.facts).recoverLost() }
        let findings = try store.check(repair: repair)
        for finding in findings { context.print("\(finding)") }
        let open = findings.count { $0.isOpen }
        guard open > 0 else {
            context.print(findings.isEmpty ? "The store is clean." : "Everything was mended.")
            return ExitStatus.success
        }
        context.note(
            repair
                ? "box: \(open) findings could not be mended"
                : "box: \(open) findings; `box system check --repair` mends what it can")
        return ExitStatus.failure
    }
}

struct SystemPruneVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "system prune",
        abstract: "Remove stopped containers, and networks, images and volumes that nothing uses")

    @Flag(name: .shortAndLong, help: "Also images with a name") var all = false
    @Flag(help: "Also anonymous volumes") var volumes = false
    @Flag(name: .shortAndLong, help: "Do not ask") var force = false
    @Option(parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds: until, label, label!")
    var filter: [String] = []

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let pruning = try Pruning(context: context, filters: filter, force: force)
        let images = all ? "all images without a container" : "all images without a name"
        guard
            pruning.confirm(
                "all stopped containers, all unused networks, \(volumes ? "all unused anonymous volumes, " : "")\(images)"
            )
        else {
            return ExitStatus.success
        }
        try pruning.containers()
        try pruning.networks()
        if volumes { try pruning.volumes() }
        try pruning.images(all: all)
        pruning.printTotal()
        return ExitStatus.success
    }
}

struct ContainerPruneVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "container prune", abstract: "Remove all stopped containers")

    @Flag(name: .shortAndLong, help: "Do not ask") var force = false
    @Option(parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds: until, label, label!")
    var filter: [String] = []

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let pruning = try Pruning(context: context, filters: filter, force: force)
        guard pruning.confirm("all stopped containers") else { return ExitStatus.success }
        try pruning.containers()
        pruning.printTotal()
        return ExitStatus.success
    }
}
