internal import ArgumentParser
internal import BoxModel

/// One verb as its declaration describes it: what man pages and completions are made of.
struct VerbPage {
    /// A flag or an argument.
    struct Item {
        /// With their dashes, short ones first; empty for an argument.
        let names: [String]
        let valueName: String?
        let text: String
        let isRepeating: Bool
        let isOptional: Bool
    }

    let name: String
    let summary: String
    /// Other words for it, such as `container ls` for `ps`.
    let synonyms: [String]
    let items: [Item]

    static func all() -> [VerbPage] { VerbTable.entries.map { page($0) } }

    private static func page(_ entry: VerbTable.Entry) -> VerbPage {
        let configuration = entry.verb.configuration
        return VerbPage(
            name: configuration.commandName ?? "", summary: configuration.abstract,
            synonyms: entry.aliases + entry.nouns,
            items: items(of: entry.verb))
    }

    private static func items<Command: ParsableCommand>(of command: Command.Type) -> [Item] {
        guard let json = try? JSON(parsing: command._dumpHelp()) else { return [] }
        return (json["command"]?["arguments"]?.arrayValue ?? []).compactMap { argument in
            let names = (argument["names"]?.arrayValue ?? []).compactMap { name -> String? in
                guard let text = name["name"]?.stringValue else { return nil }
                return name["kind"]?.stringValue == "short" ? "-\(text)" : "--\(text)"
            }.sorted { $0.utf8.count < $1.utf8.count }
            let kind = argument["kind"]?.stringValue
            return Item(
                names: kind == "positional" ? [] : names,
                valueName: kind == "flag" ? nil : argument["valueName"]?.stringValue,
                text: argument["abstract"]?.stringValue ?? "", isRepeating: argument["isRepeating"]?.boolValue ?? false,
                isOptional: argument["isOptional"]?.boolValue ?? false)
        }
    }

    var flags: [Item] { items.filter { !$0.names.isEmpty } }
    var arguments: [Item] { items.filter { $0.names.isEmpty } }

    /// The command line in one line, as in a synopsis.
    var usage: String {
        let words = arguments.map { item in
            let name = (item.valueName ?? "").uppercased() + (item.isRepeating ? "..." : "")
            return item.isOptional ? "[\(name)]" : name
        }
        return (["box", name, "[flags]"] + words).joined(separator: " ")
    }

    /// What the first argument names, for completion.
    var completes: String? {
        switch name {
        case "start", "stop", "kill", "wait", "attach", "logs", "rm", "container inspect", "inspect": "containers"
        case "run", "create", "rmi", "tag", "image inspect", "pull": "images"
        default: nil
        }
    }
}
