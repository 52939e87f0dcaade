internal import ArgumentParser
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate
internal import Logging

/// The program as its user meets it: global flags, then a verb, then the verb's own flags.
package enum Program {
    package static let version = "0.1.0"

    /// Runs one command line.
    ///
    /// - Parameter arguments: what follows the program's name.
    /// - Returns: the exit status.
    package static func run(_ arguments: [String]) -> Int32 {
        var globals = GlobalFlags()
        let words: [String]
        do {
            words = try globals.take(from: arguments)
        } catch {
            return fail(error, status: ExitStatus.beforeProgram)
        }
        if globals.version {
            Output.write("box version \(version)\n", to: .output)
            return ExitStatus.success
        }
        guard let found = VerbTable.find(words) else { return unknown(words, help: globals.help) }
        return perform(found.verb, Array(words.dropFirst(found.wordCount)), globals)
    }

    private static func perform(_ verb: any Verb.Type, _ arguments: [String], _ globals: GlobalFlags) -> Int32 {
        do {
            let context = try globals.context()
            guard let command = try parse(verb, arguments) else { return ExitStatus.success }
            let status: Int32
            do {
                status = try command.perform(context)
            } catch {
                return fail(error, status: ExitStatus.of(error, beforeProgram: verb.runsProgram))
            }
            guard status == ExitStatus.success, let lost = Output.lost else { return status }
            return fail(BoxFailure(lost, "write to", "standard output"), status: ExitStatus.failure)
        } catch {
            return fail(error, status: ExitStatus.beforeProgram)
        }
    }

    /// - Returns: nil where the help was asked for and printed.
    private static func parse<Command: Verb>(
        _ verb: Command.Type, _ arguments: [String]
    ) throws(BoxFailure) -> (any Verb)? {
        let normalised = DockerGrammar.normalised(arguments, stopsAtPositional: verb.stopsAtPositional) {
            FlagShapes.of(verb)
        }
        do {
            let command = try Command.parse(normalised)
            guard command.passedThrough.first == "--help" else { return command }
            Output.write(verb.helpMessage() + "\n", to: .output)
            return nil
        } catch {
            if verb.exitCode(for: error).isSuccess {
                Output.write(verb.fullMessage(for: error) + "\n", to: .output)
                return nil
            }
            if let failure = error as? BoxFailure { throw failure }
            throw BoxFailure(
                .invalid, "understand", "box \(verb.configuration.commandName ?? "")",
                reason: oneLine(verb.message(for: error)),
                hint: "see `box \(verb.configuration.commandName ?? "") --help`")
        }
    }

    /// The parser's sentence as the middle of one of ours.
    private static func oneLine(_ message: String) -> String {
        var text = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        if text.hasSuffix(".") { text.removeLast() }
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    private static func unknown(_ words: [String], help: Bool) -> Int32 {
        guard let word = words.first else {
            Output.write(VerbTable.overview(), to: help ? .output : .error)
            return help ? ExitStatus.success : ExitStatus.failure
        }
        if let group = VerbTable.group(word), words.count == 1 || words[1].hasPrefix("-") {
            Output.write(group, to: .output)
            return ExitStatus.success
        }
        let shown = VerbTable.group(word) != nil && words.count > 1 ? "\(word) \(words[1])" : word
        let near = nearest(to: shown, in: VerbTable.names)
        return fail(
            BoxFailure(
                .invalid, "run", "\"box \(shown)\"", reason: "there is no such command",
                hint: near.map { "did you mean `box \($0)`?" } ?? "`box --help` lists them all"),
            status: ExitStatus.failure)
    }

    private static func fail(_ failure: BoxFailure, status: Int32) -> Int32 {
        Output.write("box: \(failure)\n", to: .error)
        return status
    }
}
