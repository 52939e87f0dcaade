internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxStore
internal import BoxSystem

struct StartVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "start", abstract: "Start containers that do not run")

    @Flag(name: .shortAndLong, help: "Connect standard output and error, and pass signals on") var attach = false
    @Flag(name: .shortAndLong, help: "Connect standard input") var interactive = false
    @Option(parsing: .unconditional, help: "Keys that detach, e.g. ctrl-p,ctrl-q") var detachKeys: String?
    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        guard attach || interactive else {
            return context.forEach(names) { name throws(BoxFailure) in
                switch try containers.start(try containers.find(name), attach: nil, name: name) {
                case .failed(_, let reason): throw BoxFailure(.unavailable, "start", name, reason: reason)
                case .already, .running: context.print(name)
                }
            }
        }
        guard let name = names.first, names.count == 1 else {
            throw BoxFailure(
                .invalid, "attach to several containers at once", reason: "there is only one terminal", hint: "name one"
            )
        }
        let record = try containers.find(name)
        let config = try record.config()
        var session = AttachSession.Options()
        session.tty = config.tty
        session.input = interactive && config.openStdin
        session.forwardsSignals = !config.tty
        session.detachKeys = try DetachKeys(detachKeys ?? config.detachKeys ?? DetachKeys.standard)
        switch try containers.start(record, attach: session, name: name) {
        case .running(let session?): return try Foreground.run(session, record.id.text, context)
        case .already, .running(nil): return try AttachVerb.attach(to: record, session, containers, name, context)
        case .failed(let code, let reason):
            context.note("box: \(reason)")
            return code
        }
    }
}

struct StopVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop containers: their stop signal, then the kill")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "Signal to send first") var signal: String?
    @Option(
        name: [.customShort("t"), .customLong("timeout"), .customLong("time")], parsing: .unconditional,
        help: "Seconds before the kill; -1 waits for ever") var timeout: Int?
    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        var number: Int32?
        if let signal { number = try Signal.number(signal) }
        return context.forEach(names) { name throws(BoxFailure) in
            try containers.stop(try containers.find(name), signal: number, grace: timeout, name: name)
            context.print(name)
        }
    }
}

struct KillVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Send a signal to running containers")

    @Option(name: .shortAndLong, parsing: .unconditional, help: "Signal") var signal = "KILL"
    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        let number = try Signal.number(signal)
        return context.forEach(names) { name throws(BoxFailure) in
            try containers.kill(try containers.find(name), signal: number, name: name)
            context.print(name)
        }
    }
}

struct WaitVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until containers have ended and print their exit codes")

    @Argument(help: "Containers") var names: [String]

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        return context.forEach(names) { name throws(BoxFailure) in
            context.print("\(try containers.wait(try containers.find(name), name: name))")
        }
    }
}

struct AttachVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Connect this terminal to a running container")

    @Flag(help: "Leave standard input alone") var noStdin = false
    @Flag(inversion: .prefixedNo, help: "Pass signals on to the program") var sigProxy = true
    @Option(parsing: .unconditional, help: "Keys that detach, e.g. ctrl-p,ctrl-q") var detachKeys: String?
    @Argument(help: "Container") var name: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        let record = try containers.find(name)
        let config = try record.config()
        var session = AttachSession.Options()
        session.tty = config.tty
        session.input = !noStdin && config.openStdin
        session.forwardsSignals = sigProxy && !config.tty
        session.detachKeys = try DetachKeys(detachKeys ?? config.detachKeys ?? DetachKeys.standard)
        return try Self.attach(to: record, session, containers, name, context)
    }

    static func attach(
        to record: ContainerRecord, _ options: AttachSession.Options, _ containers: Containers, _ name: String,
        _ context: Context
    ) throws(BoxFailure) -> Int32 {
        guard let socket = try containers.connect(record.id) else {
            let status = try containers.summary(record).state.status
            throw BoxFailure(
                .conflict, "attach to", name, reason: "the container is not running (it is \(status.rawValue))",
                hint: "start it with `box start -a \(name)`")
        }
        let session: AttachSession
        do { session = try AttachSession(socket, options) } catch { throw BoxFailure(error, "attach to", name) }
        return try Foreground.run(session, record.id.text, context)
    }
}
