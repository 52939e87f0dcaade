internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxStore
internal import BoxSystem

struct RunVerb: Verb {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Make a container from an image and run a command in it", helpNames: .long)
    static let stopsAtPositional = true
    static let runsProgram = true
    var passedThrough: [String] { words }

    @OptionGroup var options: ContainerOptions
    @Flag(name: .shortAndLong, help: "Run in the background and print the container's id") var detach = false
    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "Stream to connect: stdin, stdout or stderr")
    var attach: [String] = []
    @Flag(inversion: .prefixedNo, help: "Pass signals on to the program") var sigProxy = true
    @Argument(parsing: .captureForPassthrough, help: "Image, command and its arguments") var words: [String] = []

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let creation = ContainerCreation(options: options, context: context, detached: detach)
        if detach && !attach.isEmpty {
            throw BoxFailure(.invalid, "use --attach", reason: "it contradicts --detach", hint: "leave one of them out")
        }
        let session = detach ? nil : try attachment()
        let (containers, created) = try creation.make(words)
        let record = created.record
        let name = record.id.short
        do {
            switch try containers.start(record, attach: session, name: name, config: created.config) {
            case .already: return ExitStatus.success
            case .failed(let code, let reason):
                context.note("box: \(reason)")
                return code
            case .running(nil):
                context.print(record.id.text)
                return ExitStatus.success
            case .running(let session?): return try Foreground.run(session, record.id.text, context)
            }
        } catch {
            // As Docker's `--rm`: a container that cannot start is not left behind.
            if options.rm { try? containers.remove(record, force: true, volumes: true, name: name) }
            throw error
        }
    }

    private func attachment() throws(BoxFailure) -> AttachSession.Options {
        var session = AttachSession.Options()
        session.tty = options.tty
        session.input = options.interactive
        session.forwardsSignals = sigProxy && !options.tty
        session.detachKeys = try DetachKeys(options.detachKeys ?? DetachKeys.standard)
        if !attach.isEmpty {
            session.input = false
            session.output = false
            session.error = false
            for stream in attach {
                switch stream.lowercased() {
                case "stdin": session.input = options.interactive
                case "stdout": session.output = true
                case "stderr": session.error = true
                default:
                    throw BoxFailure(
                        .invalid, "use --attach", "\"\(stream)\"", reason: "there is no such stream",
                        hint: "choose stdin, stdout or stderr")
                }
            }
        }
        if options.tty && options.interactive && !Terminal.isTerminal(0) {
            throw BoxFailure(
                .invalid, "use --tty", reason: "standard input is not a terminal",
                hint: "leave -t out, or type it in a terminal")
        }
        return session
    }
}

/// Carries a container in the foreground to its end.
enum Foreground {
    static func run(_ session: AttachSession, _ id: String, _ context: Context) throws(BoxFailure) -> Int32 {
        let outcome: AttachSession.Outcome
        do { outcome = try session.run() } catch { throw BoxFailure(error, "follow the container", id) }
        switch outcome {
        case .exited(let code): return code
        case .failed(let code, let reason):
            context.note("box: \(reason)")
            return code
        case .detached:
            context.note("")
            return ExitStatus.success
        // As a program that writes into a closed pipe ends; the container goes on.
        case .outputClosed: return 128 + 13
        case .lost:
            throw BoxFailure(
                .internal, "follow the container", id, reason: "its monitor was killed, and the container with it",
                hint: "see `box inspect \(id.prefix(12))`")
        }
    }
}
