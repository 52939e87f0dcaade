internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import Logging

/// The flags before the verb.
///
/// They are few and are read by hand, since the parser's whole tree of commands would cost a millisecond of every
/// start.
struct GlobalFlags {
    var root: String?
    var state: String?
    var logLevel = Logger.Level.warning
    var version = false
    var help = false

    /// Takes the global flags off the front.
    ///
    /// - Returns: the verb and what follows it.
    mutating func take(from arguments: [String]) throws(BoxFailure) -> [String] {
        var rest = arguments[...]
        if let level = environmentVariable("BOX_LOG") { try setLevel(level) }
        while let word = rest.first, word.hasPrefix("-") {
            rest.removeFirst()
            let name = String(word.prefix { $0 != "=" })
            func value() throws(BoxFailure) -> String {
                if word.contains("=") { return String(word.dropFirst(name.count + 1)) }
                guard let value = rest.popFirst() else {
                    throw BoxFailure(.invalid, "use \(name)", reason: "its value is missing")
                }
                return value
            }
            switch name {
            case "--root": root = try value()
            case "--state": state = try value()
            case "-D", "--debug": logLevel = .debug
            case "-l", "--log-level": try setLevel(try value())
            case "-v", "--version": version = true
            case "-h", "--help": help = true
            case "-c", "--context", "--config": _ = try value()
            case "-H", "--host":
                let host = try value()
                throw BoxFailure(
                    .unsupported, "use --host", host, reason: "there is no daemon to talk to",
                    hint: "leave the flag out; box works on this machine")
            default:
                throw BoxFailure(
                    .invalid, "use the flag", word, reason: "there is no such flag before a command",
                    hint: "`box --help` lists them")
            }
        }
        return Array(rest)
    }

    private mutating func setLevel(_ text: String) throws(BoxFailure) {
        let aliases = ["warn": "warning", "fatal": "critical", "panic": "critical"]
        guard let level = Logger.Level(rawValue: aliases[text.lowercased()] ?? text.lowercased()) else {
            throw BoxFailure(
                .invalid, "use the log level", "\"\(text)\"", reason: "there is no such level",
                hint: "choose trace, debug, info, notice, warning, error or critical")
        }
        logLevel = level
    }

    func context() throws(BoxFailure) -> Context {
        let facts = HostFacts.current()
        var environment: [String: String] = [:]
        for name in ["BOX_ROOT", "BOX_STATE", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "HOME"] {
            environment[name] = environmentVariable(name)
        }
        let location = try StoreLocation.resolve(
            environment: environment, euid: facts.effectiveUser, workingDirectory: WorkingDirectory.path,
            rootFlag: root,
            stateFlag: state)
        var logger = Logger(label: "box", factory: { StandardErrorLog(label: $0) })
        logger.logLevel = logLevel
        return Context(facts: facts, location: location, logger: logger, hasTerminal: Terminal.isTerminal(1))
    }
}
