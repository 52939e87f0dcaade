internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

struct PsVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "List containers")

    @Flag(name: .shortAndLong, help: "Also those that do not run") var all = false
    @Flag(name: .shortAndLong, help: "Print the ids only") var quiet = false
    @Flag(help: "Do not shorten ids and commands") var noTrunc = false
    @Flag(name: .shortAndLong, help: "Show the size of the writable layer") var size = false
    @Flag(name: .shortAndLong, help: "The newest only, whatever its state") var latest = false
    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional, help: "This many of the newest, whatever their state"
    )
    var last = -1
    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "Only those for which KEY=VALUE holds")
    var filter: [String] = []
    @Option(parsing: .unconditional, help: "table, json, \"table TEMPLATE\" or TEMPLATE") var format: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let store = try context.openStore()
        let containers = Containers(store: store, facts: context.facts)
        let filters = try ContainerFilters(filter, containers)
        let listing = try containers.list()
        var rows = listing.summaries
        let count = latest ? 1 : last
        // As Docker: with a number or a state asked for, those that do not run are wanted too.
        if !all && count < 1 && !filters.namesState { rows = rows.filter { $0.state.status.isActive } }
        rows = rows.filter { filters.match($0) }
        if count >= 1 { rows = Array(rows.prefix(count)) }
        if quiet && format == nil {
            for row in rows { context.print(noTrunc ? row.id.text : row.id.short) }
        } else {
            let table = ContainerTable(store: store, truncates: !noTrunc, showsSize: size)
            try Rendering.rows(format, table.columns, ContainerTable.headers, rows.map(table.record), context)
        }
        for failure in listing.unreadable { context.complain(failure) }
        return listing.unreadable.isEmpty ? ExitStatus.success : ExitStatus.failure
    }
}
