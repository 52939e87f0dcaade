internal import ArgumentParser
internal import BoxImages
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

struct ImagesVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "images", abstract: "List images")

    @Flag(name: .shortAndLong, help: "Accepted for Docker's sake; there are no intermediate images") var all = false
    @Flag(name: .shortAndLong, help: "Print the ids only") var quiet = false
    @Flag(help: "Show the digests") var digests = false
    @Flag(help: "Do not shorten ids") var noTrunc = false
    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds")
    var filter: [String] = []
    @Option(parsing: .unconditional, help: "table, json, \"table TEMPLATE\" or TEMPLATE") var format: String?
    @Argument(help: "Repository, with or without tag") var name: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let images = Images(store: store)
        let listing = try store.images()
        let filters = try ImageFilters(filter, images)
        var rows: [(record: ImageRecord, image: ImagePlatform)] = []
        for record in listing.records {
            guard let image = record.shown, try matches(record), try filters.match(record, image) else { continue }
            rows.append((record, image))
        }
        rows.sort {
            ($0.image.created, $1.record.reference.familiar) > ($1.image.created, $0.record.reference.familiar)
        }
        if quiet && format == nil {
            var seen: Set<Digest> = []
            for row in rows where seen.insert(row.image.imageID).inserted {
                context.print(noTrunc ? "\(row.image.imageID)" : row.image.imageID.short)
            }
        } else {
            let containers = try store.containers().summaries
            let table = ImageTable(truncates: !noTrunc, showsDigests: digests, containers: containers)
            try Rendering.rows(
                format, table.columns, ImageTable.headers, rows.map { table.record($0.record, $0.image) }, context)
        }
        for failure in listing.unreadable { context.complain(failure) }
        return listing.unreadable.isEmpty ? ExitStatus.success : ExitStatus.failure
    }

    private func matches(_ record: ImageRecord) throws(BoxFailure) -> Bool {
        guard let name else { return true }
        if name.contains("*") || name.contains("?") || name.contains("[") {
            return ImageFilters.glob(name, record.reference)
        }
        let wanted = try ImageReference(name)
        guard wanted.name == record.reference.name else { return false }
        let namesTag = name.split(separator: "/").last?.contains(":") ?? false
        return !namesTag || wanted.tag == record.reference.tag
    }
}
