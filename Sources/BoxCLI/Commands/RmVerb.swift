internal import ArgumentParser
internal import BoxContainers
internal import BoxModel

struct RmVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove containers")

    @Flag(name: .shortAndLong, help: "Kill running ones first") var force = false
    @Flag(name: .shortAndLong, help: "Remove their anonymous volumes too") var volumes = false
    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        return context.forEach(names) { name throws(BoxFailure) in
            do throws(BoxFailure) {
                try containers.remove(try containers.find(name), force: force, volumes: volumes, name: name)
                context.print(name)
            } catch  where force && error.kind == .notFound {
                // As Docker: with -f what is missing is only noted.
                context.complain(error)
            }
        }
    }
}
