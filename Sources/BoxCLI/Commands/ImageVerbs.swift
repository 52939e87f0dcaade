internal import ArgumentParser
internal import BoxImages
internal import BoxModel
internal import BoxRegistry
internal import BoxStore
internal import BoxSystem

struct RmiVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "rmi", abstract: "Remove images")

    @Flag(name: .shortAndLong, help: "Also where stopped containers were made from it, or several names have its id")
    var force = false
    @Flag(help: "Accepted for Docker's sake; there are no untagged parents") var noPrune = false
    @Argument(help: "Images") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let images = Images(store: try context.openStore())
        return context.forEach(names) { name throws(BoxFailure) in
            do throws(BoxFailure) {
                let removal = try images.remove(name, force: force)
                for reference in removal.untagged { context.print("Untagged: \(Images.familiar(reference))") }
                for digest in removal.deleted { context.print("Deleted: \(digest)") }
            } catch  where force && error.kind == .notFound {
                context.complain(error)
            }
        }
    }
}

struct TagVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "tag", abstract: "Give an image another name")

    @Argument(help: "Image") var source: String
    @Argument(help: "New name") var target: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        try Images(store: try context.openStore()).tag(source, target)
        return ExitStatus.success
    }
}

struct ImportVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make an image from an archive of a file system")

    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: "Instruction of a Dockerfile, e.g. 'CMD [\"sh\"]'")
    var change: [String] = []
    @Option(name: .shortAndLong, parsing: .unconditional, help: "Comment in the history") var message: String?
    @Option(parsing: .unconditional, help: "Platform of the image") var platform: String?
    @Argument(help: "Archive, or - for standard input") var file: String
    @Argument(help: "Name of the image") var name: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        var request = ImportRequest()
        request.message = message
        request.sourceName = file
        if let platform { request.platform = try PlatformFlag.platform(platform) }
        if let name {
            let reference = try ImageReference(name)
            guard reference.digest == nil else {
                throw BoxFailure(
                    .invalid, "import as", name, reason: "an imported image gets its digest, it cannot be chosen")
            }
            request.reference = reference
        }
        for text in change { try ImageChange.apply(text, to: &request.execution) }
        let images = Images(store: try context.openStore())
        let source: SharedFD
        do { source = try InputFile.open(file) } catch { throw BoxFailure(error, "import", file) }
        let id = try images.importArchive(source, request)
        context.print("\(id)")
        return ExitStatus.success
    }
}

struct ImageInspectVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "image inspect", abstract: "Show all about images as JSON")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "json or a template") var format: String?
    @Argument(help: "Images") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let images = Images(store: try context.openStore())
        return try Inspection(format: format, context: context).show(names) { name throws(BoxFailure) in
            try images.inspect(try images.requireLocal(name, operation: "inspect the image"))
        }
    }
}

struct ImagePruneVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "image prune", abstract: "Remove images that nothing uses")

    @Flag(name: .shortAndLong, help: "Also those with a name") var all = false
    @Flag(name: .shortAndLong, help: "Do not ask") var force = false
    @Option(parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds: until, label, label!")
    var filter: [String] = []

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let pruning = try Pruning(context: context, filters: filter, force: force)
        guard pruning.confirm(all ? "all images without a container" : "all images without a name") else {
            return ExitStatus.success
        }
        try pruning.images(all: all)
        pruning.printTotal()
        return ExitStatus.success
    }
}
