/// What a command's flags are, as far as reading them goes.
struct FlagShape: Sendable, Equatable {
    /// Long and short names of flags without value, without dashes.
    var switches: Set<String> = []
    /// Long and short names of flags that take one.
    var options: Set<String> = []
}

/// Rewrites a command line from the grammar that Docker's users write to the one the argument parser reads.
///
/// Both agree but for booleans with a value (`--rm=false`), several short flags of which the last has its value joined
/// (`-itu1000`), and a value joined by `=` to a short flag (`-u=1000`).
enum DockerGrammar {
    /// - Parameters:
    ///   - arguments: what follows the verb.
    ///   - shape: the verb's flags; asked for only where a form needs it, since it is costly.
    ///   - stopsAtPositional: whether flags end at the first other word, as in `run IMAGE ls -l`.
    static func normalised(
        _ arguments: [String], stopsAtPositional: Bool, shape: () -> FlagShape
    ) -> [String] {
        guard needsRewriting(arguments) else { return arguments }
        let shape = shape()
        var result: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            // What follows is the image; one that looks like a flag stays behind the dashes and is refused there.
            if argument == "--" && stopsAtPositional && rest.first?.hasPrefix("-") != true { break }
            if argument == "--" || !argument.hasPrefix("-") || argument == "-" {
                result.append(argument)
                if argument == "--" || stopsAtPositional { break }
                continue
            }
            if argument.hasPrefix("--") {
                let rewritten = long(argument, shape)
                // The last word on a switch counts.
                if rewritten.isEmpty, let equals = argument.firstIndex(of: "=") {
                    result.removeAll { $0 == argument[..<equals] }
                }
                result += rewritten
                if !argument.contains("="), shape.options.contains(String(argument.dropFirst(2))),
                    let value = rest.popFirst()
                {
                    result.append(value)
                }
                continue
            }
            let split = short(argument, shape)
            result += split.arguments
            if split.wantsValue, let value = rest.popFirst() { result.append(value) }
        }
        return result + rest
    }

    private static func needsRewriting(_ arguments: [String]) -> Bool {
        arguments.contains { argument in
            if argument == "--" { return true }
            guard argument.hasPrefix("-"), argument.utf8.count > 2 else { return false }
            return !argument.hasPrefix("--") || argument.utf8.contains(UInt8(ascii: "="))
        }
    }

    private static func long(_ argument: String, _ shape: FlagShape) -> [String] {
        guard let equals = argument.firstIndex(of: "=") else { return [argument] }
        let name = String(argument[..<equals].dropFirst(2))
        guard shape.switches.contains(name) else { return [argument] }
        switch argument[argument.index(after: equals)...].lowercased() {
        case "true", "1", "t": return ["--" + name]
        // A switch that is on by itself has a `no-` twin; the others are off when absent.
        case "false", "0", "f": return shape.switches.contains("no-" + name) ? ["--no-" + name] : []
        default: return [argument]
        }
    }

    private static func short(_ argument: String, _ shape: FlagShape) -> (arguments: [String], wantsValue: Bool) {
        var result: [String] = []
        var letters = argument.dropFirst()
        while let letter = letters.popFirst() {
            let name = String(letter)
            if shape.options.contains(name) {
                if letters.isEmpty { return (result + ["-" + name], true) }
                let value = letters.first == "=" ? letters.dropFirst() : letters
                return (result + ["-" + name, String(value)], false)
            }
            guard shape.switches.contains(name) else { return (result + ["-" + name + letters], false) }
            result.append("-" + name)
            if letters.first == "=" {
                if ["false", "0", "f"].contains(letters.dropFirst().lowercased()) { result.removeLast() }
                return (result, false)
            }
        }
        return (result, false)
    }
}
