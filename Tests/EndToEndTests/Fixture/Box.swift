import Foundation
import Synchronization
import Testing

/// The built program with a store and run-time state of its own.
final class Box: Sendable {
    let scope: Scope
    let root: String
    let state: String
    private let environment: Mutex<[String: String?]>
    private let cgroupsBefore: Set<String>
    /// The host whose network box works on; nil is this machine's, where tests make no interfaces.
    private let host: NetworkSpace?

    /// The program under test: `BOX_BINARY`, else what `make build` left.
    static let binary: String =
        ProcessInfo.processInfo.environment["BOX_BINARY"]
        ?? URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../.build/box").standardizedFileURL.path

    private init(_ scope: Scope, on host: NetworkSpace?) throws {
        self.scope = scope
        self.host = host
        root = scope.path("root")
        state = scope.path("state")
        try FileManager.default.createDirectory(atPath: scope.path("home/docker"), withIntermediateDirectories: true)
        environment = Mutex([
            "BOX_ROOT": root, "BOX_STATE": state, "HOME": scope.path("home"),
            "DOCKER_CONFIG": scope.path("home/docker"),
            "XDG_CONFIG_HOME": scope.path("home/.config"), "XDG_DATA_HOME": nil, "XDG_RUNTIME_DIR": nil,
            "BOX_CONFIG": nil, "BOX_LOG": nil, "BOX_NETWORK": host == nil ? "none" : nil, "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "HTTP_PROXY": nil, "HTTPS_PROXY": nil, "http_proxy": nil, "https_proxy": nil, "ALL_PROXY": nil,
            "all_proxy": nil,
        ])
        cgroupsBefore = Traces.cgroups()
    }

    /// Runs a body with a fresh `box`; afterwards removes its containers and demands that nothing is left of them.
    ///
    /// - Parameter host: makes the namespace that box takes for the machine's network.
    static func use<Result>(
        on host: ((Scope) throws -> NetworkSpace)? = nil, _ body: (Box) throws -> Result
    ) throws -> Result {
        try Scope.use { scope in
            guard FileManager.default.isExecutableFile(atPath: binary) else {
                throw FixtureError("there is no program at \(binary); run `make build` or set BOX_BINARY")
            }
            let box = try Box(scope, on: try host?(scope))
            scope.atEnd { box.demandNoTraces() }
            scope.atEnd { box.removeContainers() }
            return try body(box)
        }
    }

    /// Sets (or with nil removes) an environment variable for the commands to come.
    func set(_ name: String, _ value: String?) {
        environment.withLock { $0[name] = .some(value) }
    }

    /// A command line of box, not started yet.
    func command(
        _ arguments: [String], input: Command.Input = .nothing, environment more: [String: String?] = [:],
        timeout: Duration = .seconds(60)
    ) -> Command {
        var command = Command(Box.binary, arguments, input: input, timeout: timeout)
        if let host { command = host.command(Box.binary, arguments, input: input, timeout: timeout) }
        command.environment = environment.withLock { $0 }.merging(more) { $1 }
        command.directory = scope.directory
        return command
    }

    /// Runs box to its end, whatever its exit status.
    @discardableResult
    func run(
        _ arguments: String..., input: [UInt8]? = nil, environment: [String: String?] = [:],
        timeout: Duration = .seconds(60)
    ) throws -> Output {
        let input = input.map { Command.Input.bytes($0) } ?? .nothing
        return try command(arguments, input: input, environment: environment, timeout: timeout).run()
    }

    /// Runs box and throws unless it succeeds.
    @discardableResult
    func ok(
        _ arguments: String..., input: [UInt8]? = nil, environment: [String: String?] = [:],
        timeout: Duration = .seconds(60)
    ) throws -> Output {
        let input = input.map { Command.Input.bytes($0) } ?? .nothing
        return try command(arguments, input: input, environment: environment, timeout: timeout).run().succeeded()
    }

    /// Starts box in the background with a pipe as its standard input; it ends with the test.
    func start(_ arguments: String..., timeout: Duration = .seconds(60)) throws -> RunningProgram {
        try started(command(arguments, input: .pipe, timeout: timeout))
    }

    /// Starts box on a terminal.
    func terminal(
        _ arguments: String..., rows: UInt16 = 24, columns: UInt16 = 80, timeout: Duration = .seconds(60)
    ) throws -> RunningProgram {
        var command = command(arguments, input: .terminal(rows: rows, columns: columns), timeout: timeout)
        command.environment["TERM"] = "xterm"
        return try started(command)
    }

    private func started(_ command: Command) throws -> RunningProgram {
        let program = try command.start()
        scope.atEnd { program.terminate() }
        return program
    }

    private func removeContainers() {
        do {
            let ids = try ok("ps", "-aq", "--no-trunc").lines
            guard !ids.isEmpty else { return }
            let output = try command(["rm", "-f"] + ids).run()
            if output.status != 0 { Issue.record("clean-up: \(output)") }
        } catch {
            Issue.record("clean-up: \(error)")
        }
    }

    /// A crash, a kill, or an ordinary end: no mount, process or cgroup may outlive the containers.
    func demandNoTraces() {
        var traces: [String] = []
        let gone = eventually(within: .seconds(5)) {
            traces =
                Traces.mounts(below: scope.directory) + Traces.processes(of: scope.directory).map(\.description)
                + Traces.cgroups().subtracting(cgroupsBefore).filter(Traces.isEmpty)
            return traces.isEmpty
        }
        if gone { return }
        Issue.record("left behind: \(traces.joined(separator: "; "))")
        for process in Traces.processes(of: scope.directory) { kill(process.pid, SIGKILL) }
        for mount in Traces.mounts(below: scope.directory).reversed() { umount2(mount, CInt(MNT_DETACH)) }
    }
}
