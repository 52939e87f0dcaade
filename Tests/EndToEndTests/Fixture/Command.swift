import CBoxSys
import Foundation
import Synchronization

/// What a program left when it ended.
struct Output: Sendable, CustomStringConvertible {
    let command: String
    /// The exit status; 128+n for death by signal n.
    let status: Int32
    let stdout: [UInt8]
    let stderr: [UInt8]

    var text: String { String(decoding: stdout, as: UTF8.self) }
    var errorText: String { String(decoding: stderr, as: UTF8.self) }
    var lines: [String] { text.split(separator: "\n").map(String.init) }
    /// Standard output without white space around it, e.g. an id.
    var trimmed: String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

    var description: String {
        "`\(command)` = \(status)\nstdout: \(text.prefix(2000))\nstderr: \(errorText.prefix(2000))"
    }

    /// Throws unless the program succeeded.
    @discardableResult
    func succeeded() throws -> Output {
        guard status == 0 else { throw FixtureError("\(self)") }
        return self
    }
}

/// Something that a test rests on did not work.
struct FixtureError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A program to be run beside the test, never for longer than its time limit.
struct Command: Sendable {
    enum Input: Sendable {
        case nothing
        case bytes([UInt8])
        /// The test writes with ``RunningProgram/write(_:)`` and ends it with ``RunningProgram/closeInput()``.
        case pipe
        case terminal(rows: UInt16, columns: UInt16)
    }

    var program: String
    var arguments: [String]
    var input = Input.nothing
    /// Added to the test's own environment; nil removes a variable.
    var environment: [String: String?] = [:]
    var directory: String?
    var timeout: Duration = .seconds(60)

    init(_ program: String, _ arguments: [String] = [], input: Input = .nothing, timeout: Duration = .seconds(60)) {
        self.program = program
        self.arguments = arguments
        self.input = input
        self.timeout = timeout
    }

    var line: String { ([program] + arguments).joined(separator: " ") }

    /// Runs to the end; beyond the time limit the program is killed and an error thrown.
    func run() throws -> Output {
        try start().wait()
    }

    func start() throws -> RunningProgram {
        try RunningProgram(self)
    }

    /// Runs a shell script and throws unless it succeeds.
    @discardableResult
    static func shell(
        _ script: String, _ arguments: String..., environment: [String: String?] = [:], timeout: Duration = .seconds(60)
    ) throws -> Output {
        var command = Command("/bin/bash", ["-euo", "pipefail", "-c", script, "bash"] + arguments, timeout: timeout)
        command.environment = environment
        return try command.run().succeeded()
    }

    /// Runs a program that `PATH` finds and throws unless it succeeds.
    @discardableResult
    static func tool(
        _ name: String, _ arguments: String..., input: [UInt8]? = nil, timeout: Duration = .seconds(120)
    ) throws -> Output {
        try Command(name, arguments, input: input.map { .bytes($0) } ?? .nothing, timeout: timeout).run().succeeded()
    }
}

/// A program that runs beside the test.
///
/// What it prints is collected by threads of our own, so that neither side ever waits for the other, and the test
/// library's threads stay free. A descriptor that a daemonised child keeps open is noticed: the output does not end
/// before it is closed, and ``wait(timeout:)`` says so.
final class RunningProgram: Sendable {
    let command: Command
    let pid: pid_t
    private let input: Mutex<CInt>
    private let state = Monitored(State())

    private struct State {
        var status: Int32?
        var stdout: [UInt8] = []
        var stderr: [UInt8] = []
        var open = 0
    }

    fileprivate init(_ command: Command) throws {
        self.command = command
        var child: [CInt] = []
        var output: [(descriptor: CInt, isError: Bool)] = []
        var inputEnd: CInt = -1
        var slave: String?
        var writesBytes: [UInt8]?
        switch command.input {
        case .nothing:
            child.append(open("/dev/null", O_RDONLY | O_CLOEXEC))
        case .bytes(let bytes):
            let (readEnd, writeEnd) = try makePipe()
            child.append(readEnd)
            inputEnd = writeEnd
            writesBytes = bytes
        case .pipe:
            let (readEnd, writeEnd) = try makePipe()
            child.append(readEnd)
            inputEnd = writeEnd
        case .terminal(let rows, let columns):
            let (master, name) = try makeTerminal(rows: rows, columns: columns)
            inputEnd = master
            slave = name
            output = [(try check(box_dup(master), "dup"), false)]
        }
        if slave == nil {
            let (out, outEnd) = try makePipe()
            let (error, errorEnd) = try makePipe()
            child += [outEnd, errorEnd]
            output = [(out, false), (error, true)]
        }
        input = Mutex(inputEnd)
        defer { for descriptor in child { close(descriptor) } }
        do {
            pid = try spawn(command, descriptors: child, terminal: slave)
        } catch {
            for (descriptor, _) in output { close(descriptor) }
            if inputEnd >= 0 { close(inputEnd) }
            throw error
        }
        state.change { $0.open = output.count }
        for (descriptor, isError) in output {
            inThread { [state] in
                collect(descriptor) { bytes in
                    state.change { if isError { $0.stderr += bytes } else { $0.stdout += bytes } }
                }
                close(descriptor)
                state.change { $0.open -= 1 }
            }
        }
        inThread { [state, pid] in
            var status: CInt = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            let code = (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
            state.change { $0.status = code }
        }
        if let writesBytes {
            inThread { [self] in
                try? write(writesBytes)
                closeInput()
            }
        }
    }

    deinit {
        closeInput()
    }

    /// What it has printed to standard output (or to its terminal) so far.
    var stdout: [UInt8] { state.read { $0.stdout } }
    var stderr: [UInt8] { state.read { $0.stderr } }
    var hasEnded: Bool { state.read { $0.status != nil } }

    func write(_ bytes: [UInt8]) throws {
        let descriptor = input.withLock { $0 }
        // A program that does not read is no reason to kill the tests: SIGPIPE is held back while writing (signal(7)).
        var pipe = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        defer {
            var now = timespec()
            sigtimedwait(&pipe, nil, &now)
            pthread_sigmask(SIG_SETMASK, &before, nil)
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw FixtureError("write to `\(command.line)`: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// Ends its standard input; hangs up its terminal.
    func closeInput() {
        input.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    /// Gives its terminal another size; the kernel tells it by SIGWINCH.
    func resize(rows: UInt16, columns: UInt16) {
        _ = input.withLock { box_set_winsize($0, rows, columns) }
    }

    /// Sends a signal to the program alone.
    func signal(_ number: CInt) {
        if !hasEnded { kill(pid, number) }
    }

    /// Waits until standard output (or the terminal) contains the text.
    func waitFor(_ text: String, timeout: Duration = .seconds(20)) throws {
        let wanted = Array(text.utf8)
        let seen = state.wait(timeout) { $0.stdout.contains(wanted) || ($0.status != nil && $0.open == 0) }
        guard seen, stdout.contains(wanted) else {
            throw FixtureError("`\(command.line)` did not print \(text.debugDescription) within \(timeout); \(printed)")
        }
    }

    private var printed: String {
        let (out, error) = state.read { ($0.stdout.prefix(2000), $0.stderr.prefix(2000)) }
        return "stdout: \(String(decoding: out, as: UTF8.self).debugDescription), stderr: "
            + String(decoding: error, as: UTF8.self).debugDescription
    }

    /// Waits for its end and for the end of its output.
    @discardableResult
    func wait(timeout: Duration? = nil) throws -> Output {
        let limit = timeout ?? command.timeout
        guard state.wait(limit, until: { $0.status != nil && $0.open == 0 }) else {
            let ended = hasEnded
            kill(ended ? -pid : pid, SIGKILL)
            if !ended { kill(-pid, SIGKILL) }
            let reason = ended ? "ended, but something it started keeps its output open" : "still runs"
            throw FixtureError("`\(command.line)` \(reason) after \(limit); \(printed)")
        }
        return state.read {
            Output(command: command.line, status: $0.status ?? -1, stdout: $0.stdout, stderr: $0.stderr)
        }
    }

    /// Ends it in whatever way it takes, and everything in its process group.
    func terminate() {
        signal(SIGTERM)
        if !state.wait(.seconds(5), until: { $0.status != nil }) {
            kill(-pid, SIGKILL)
            signal(SIGKILL)
            _ = state.wait(.seconds(5)) { $0.status != nil }
        }
        closeInput()
    }
}
