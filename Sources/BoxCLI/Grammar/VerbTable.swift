internal import ArgumentParser

/// All commands of box under the words that name them.
enum VerbTable {
    /// One verb, and the groups of nouns under which it is found as well.
    struct Entry: Sendable {
        let verb: any Verb.Type
        /// `ls` and other names of the same verb at the top.
        let aliases: [String]
        /// `container ls`, `image rm`.
        let nouns: [String]
    }

    static let entries: [Entry] = [
        Entry(verb: RunVerb.self, aliases: [], nouns: ["container run"]),
        Entry(verb: CreateVerb.self, aliases: [], nouns: ["container create"]),
        Entry(verb: StartVerb.self, aliases: [], nouns: ["container start"]),
        Entry(verb: StopVerb.self, aliases: [], nouns: ["container stop"]),
        Entry(verb: KillVerb.self, aliases: [], nouns: ["container kill"]),
        Entry(verb: WaitVerb.self, aliases: [], nouns: ["container wait"]),
        Entry(verb: AttachVerb.self, aliases: [], nouns: ["container attach"]),
        Entry(verb: LogsVerb.self, aliases: [], nouns: ["container logs"]),
        Entry(verb: PsVerb.self, aliases: [], nouns: ["container ls", "container list", "container ps"]),
        Entry(verb: PortVerb.self, aliases: [], nouns: ["container port"]),
        Entry(verb: RmVerb.self, aliases: [], nouns: ["container rm", "container remove"]),
        Entry(verb: InspectVerb.self, aliases: [], nouns: []),
        Entry(verb: PullVerb.self, aliases: [], nouns: ["image pull"]),
        Entry(verb: ImagesVerb.self, aliases: [], nouns: ["image ls", "image list"]),
        Entry(verb: RmiVerb.self, aliases: [], nouns: ["image rm", "image remove"]),
        Entry(verb: TagVerb.self, aliases: [], nouns: ["image tag"]),
        Entry(verb: ImportVerb.self, aliases: [], nouns: ["image import"]),
        Entry(verb: VersionVerb.self, aliases: [], nouns: []),
        Entry(verb: InfoVerb.self, aliases: [], nouns: ["system info"]),
        Entry(verb: ContainerInspectVerb.self, aliases: [], nouns: []),
        Entry(verb: ContainerPruneVerb.self, aliases: [], nouns: []),
        Entry(verb: ImageInspectVerb.self, aliases: [], nouns: []),
        Entry(verb: ImagePruneVerb.self, aliases: [], nouns: []),
        Entry(verb: ContainerUpdateVerb.self, aliases: [], nouns: []),
        Entry(verb: NetworkCreateVerb.self, aliases: [], nouns: []),
        Entry(verb: NetworkLsVerb.self, aliases: ["network list"], nouns: []),
        Entry(verb: NetworkInspectVerb.self, aliases: [], nouns: []),
        Entry(verb: NetworkRmVerb.self, aliases: ["network remove"], nouns: []),
        Entry(verb: NetworkPruneVerb.self, aliases: [], nouns: []),
        Entry(verb: NetworkConnectVerb.self, aliases: [], nouns: []),
        Entry(verb: NetworkDisconnectVerb.self, aliases: [], nouns: []),
        Entry(verb: NetworkReloadVerb.self, aliases: [], nouns: []),
        Entry(verb: SystemDfVerb.self, aliases: [], nouns: []),
        Entry(verb: SystemCheckVerb.self, aliases: [], nouns: []),
        Entry(verb: SystemPruneVerb.self, aliases: [], nouns: []),
    ]

    /// Every name under which a verb is found, for suggestions and completion.
    static var names: [String] { entries.flatMap(names) }

    private static func names(_ entry: Entry) -> [String] {
        [entry.verb.configuration.commandName ?? ""] + entry.aliases + entry.nouns
    }

    /// Finds the verb that a command line begins with; two words go before one.
    static func find(_ words: [String]) -> (verb: any Verb.Type, wordCount: Int)? {
        guard let first = words.first else { return nil }
        if words.count > 1 {
            let both = first + " " + words[1]
            for entry in entries where names(entry).contains(both) { return (entry.verb, 2) }
        }
        for entry in entries where names(entry).contains(first) { return (entry.verb, 1) }
        return nil
    }

    /// The commands under a noun, or nil where the word is none.
    static func group(_ noun: String) -> String? {
        let prefix = noun + " "
        let members = entries.flatMap { entry in
            names(entry).filter { $0.hasPrefix(prefix) }.map { ($0, entry.verb.configuration.abstract) }
        }
        guard !members.isEmpty else { return nil }
        return "Usage: box \(noun) COMMAND\n\nCommands:\n" + table(members)
            + "\nRun `box \(noun) COMMAND --help` for more.\n"
    }

    /// The text of `box --help`.
    static func overview() -> String {
        let verbs = entries.map { ($0.verb.configuration.commandName ?? "", $0.verb.configuration.abstract) }
        return """
            box runs containers without a daemon; what works with docker works with box.

            Usage: box [--root DIR] [--state DIR] [--debug] COMMAND

            Commands:
            \(table(verbs.filter { !$0.0.contains(" ") }))
            Commands of a noun:
            \(table(verbs.filter { $0.0.contains(" ") }))
            Global flags:
              --root DIR         where images and containers are kept (BOX_ROOT)
              --state DIR        where the state of running containers is kept (BOX_STATE)
              -D, --debug        tell what is decided, on standard error
              -l, --log-level    trace, debug, info, warning or error (BOX_LOG)
              -v, --version      print the version

            Run `box COMMAND --help` for more.

            """
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))   \($0.1)\n" }.joined()
    }
}
