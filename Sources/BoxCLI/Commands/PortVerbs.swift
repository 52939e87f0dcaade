internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxSystem

struct PortVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "port", abstract: "List the published ports of a container")

    @Argument(help: "Container") var name: String
    @Argument(help: "PORT[/PROTOCOL], to list this one only") var port: String?

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        let published = try containers.summary(try containers.find(name)).state.ports
        guard let port else {
            for line in PortSyntax.lines(published) { context.print(line) }
            return ExitStatus.success
        }
        guard let wanted = ContainerPort(port) else {
            throw BoxFailure(
                .invalid, "look for the port", "\"\(port)\"", reason: "it is no port", hint: "write PORT[/tcp|udp|sctp]"
            )
        }
        let found = published.filter { $0.port == wanted }
        guard !found.isEmpty else {
            throw BoxFailure(
                .notFound, "look for the port", "\(wanted)", reason: "\(name) does not publish it",
                hint: "`box port \(name)` lists what it publishes")
        }
        for entry in found { context.print(PortSyntax.hostText(entry)) }
        return ExitStatus.success
    }
}

struct ContainerUpdateVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "container update", abstract: "Change what a container publishes, also while it runs")

    @Option(parsing: .unconditionalSingleValue, help: "Publish a port: [[ADDRESS:]HOSTPORT:]PORT[/tcp|udp|sctp]")
    var publishAdd: [String] = []
    @Option(parsing: .unconditionalSingleValue, help: "Withdraw a port: PORT[/tcp|udp|sctp]") var publishRm: [String] =
        []
    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        var add: [PortMapping] = []
        for text in publishAdd { add += try PortSyntax.mappings(text) }
        var remove: [ContainerPort] = []
        for text in publishRm { remove += try PortSyntax.exposed(text) }
        guard !add.isEmpty || !remove.isEmpty else {
            throw BoxFailure(
                .invalid, "update", names.joined(separator: ", "), reason: "there is nothing to change",
                hint: "give --publish-add or --publish-rm")
        }
        return context.forEach(names) { name throws(BoxFailure) in
            try containers.updatePorts(try containers.find(name), add: add, remove: remove, name: name)
            context.print(name)
        }
    }
}
