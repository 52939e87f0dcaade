internal import ArgumentParser
internal import BoxContainers
internal import BoxImages
internal import BoxModel
internal import BoxStore
internal import BoxTemplate

/// Shows documents about several things; what is missing is told after what is there.
struct Inspection {
    let format: String?
    let context: Context

    func show(_ names: [String], _ find: (String) throws(BoxFailure) -> JSON) throws(BoxFailure) -> Int32 {
        var documents: [JSON] = []
        var failures: [BoxFailure] = []
        for name in names {
            do { documents.append(try find(name)) } catch { failures.append(error) }
        }
        try Rendering.documents(format, documents, context)
        for failure in failures { context.complain(failure) }
        return failures.isEmpty ? ExitStatus.success : ExitStatus.failure
    }
}

struct InspectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show all about containers, images, volumes or networks as JSON")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "json or a template") var format: String?
    @Flag(name: .shortAndLong, help: "Add the size of the writable layer") var size = false
    @Option(parsing: .unconditional, help: "Look for this kind only: container, image, volume or network")
    var type: String?
    @Argument(help: "Containers, images, volumes or networks") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        guard type == nil || ["container", "image", "volume", "network"].contains(type) else {
            throw BoxFailure(
                .invalid, "use --type", "\"\(type ?? "")\"", reason: "there is no such kind",
                hint: "choose container, image, volume or network")
        }
        let store = try context.openStore()
        let containers = Containers(store: store, facts: context.facts)
        let images = Images(store: store)
        return try Inspection(format: format, context: context).show(names) { name throws(BoxFailure) in
            if type == nil || type == "container" {
                do throws(BoxFailure) { return try document(name, containers) } catch
                    where error.kind == .notFound && type == nil
                {}
            }
            if type == nil || type == "image", let local = try? images.findLocal(name, platform: nil) {
                return try images.inspect(local)
            }
            if type == nil || type == "volume", let volume = try? store.volume(name) {
                return VolumeDocument.json(volume, store)
            }
            let networks = Networks(store: store)
            if type == nil || type == "network", let network = try? networks.find(name) {
                return networks.inspect(network, among: try containers.list().summaries, time: \.rfc3339)
            }
            throw BoxFailure(
                .notFound, "inspect", name,
                reason: "there is no such \(type ?? "container, image, volume or network")")
        }
    }

    private func document(_ name: String, _ containers: Containers) throws(BoxFailure) -> JSON {
        try ContainerDocument.json(try containers.find(name), containers, size: size)
    }
}

struct ContainerInspectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "container inspect", abstract: "Show all about containers as JSON")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "json or a template") var format: String?
    @Flag(name: .shortAndLong, help: "Add the size of the writable layer") var size = false
    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        return try Inspection(format: format, context: context).show(names) { name throws(BoxFailure) in
            try ContainerDocument.json(try containers.find(name), containers, size: size)
        }
    }
}

/// A container's document with what only some callers ask for.
enum ContainerDocument {
    static func json(_ record: ContainerRecord, _ containers: Containers, size: Bool) throws(BoxFailure) -> JSON {
        var json = try containers.inspect(record, time: \.rfc3339)
        guard size else { return json }
        let own = containers.store.diskUse("containers/\(record.id)/upper", countsFolders: false)
        let image = (try? containers.store.findImage("\(record.config().imageID)"))?.image?.size ?? 0
        json["SizeRw"] = .integer(own)
        json["SizeRootFs"] = .integer(own + image)
        return json
    }
}

enum VolumeDocument {
    static func json(_ volume: VolumeRecord, _ store: Store) -> JSON {
        [
            "CreatedAt": .string(volume.created.rfc3339), "Driver": "local", "Labels": JSON(volume.labels),
            "Mountpoint": .string(store.volumePath(volume.name)), "Name": .string(volume.name),
            "Options": JSON(volume.options), "Scope": "local",
        ]
    }
}
