import CBoxSys
import Foundation
import Synchronization

/// A value with a lock whose changes can be waited for.
final class Monitored<Value: Sendable>: @unchecked Sendable {
    // Every access is made under the condition's lock.
    private let condition = NSCondition()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func read<Result>(_ body: (Value) -> Result) -> Result {
        condition.withLock { body(value) }
    }

    func change(_ body: (inout Value) -> Void) {
        condition.withLock {
            body(&value)
            condition.broadcast()
        }
    }

    /// Whether the condition came true within the time.
    func wait(_ timeout: Duration, until isTrue: (Value) -> Bool) -> Bool {
        let end = Date(timeIntervalSinceNow: timeout / .seconds(1))
        return condition.withLock {
            while !isTrue(value) {
                if !condition.wait(until: end) { return isTrue(value) }
            }
            return true
        }
    }
}

func inThread(_ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.stackSize = 1 << 20
    thread.start()
}

/// Asks again and again until the answer is yes or the time is over.
func eventually(within timeout: Duration = .seconds(10), _ isTrue: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + timeout
    while true {
        if try isTrue() { return true }
        if ContinuousClock.now > end { return false }
        usleep(5000)
    }
}

/// The result of a kernel call, or its error.
@discardableResult
func check(_ result: CInt, _ call: String) throws -> CInt {
    guard result >= 0 else { throw FixtureError("\(call): \(String(cString: strerror(-result)))") }
    return result
}

/// A pipe as (end to read, end to write); no other child of this process inherits it.
func makePipe() throws -> (CInt, CInt) {
    var ends: [CInt] = [-1, -1]
    try check(box_pipe(&ends, 0), "pipe2")
    return (ends[0], ends[1])
}

/// A pseudo-terminal as (master, path of the slave).
func makeTerminal(rows: UInt16, columns: UInt16) throws -> (CInt, String) {
    let master = try check(box_openpt(), "posix_openpt")
    var number: CUnsignedInt = 0
    // TIOCGPTN (ioctl_tty(2)): the macro is too complex for the importer.
    try check(ioctl(master, 0x8004_5430, &number), "ioctl TIOCGPTN")
    try check(box_set_winsize(master, rows, columns), "ioctl TIOCSWINSZ")
    return (master, "/dev/pts/\(number)")
}

/// Reads to the end; the master of a terminal ends with EIO (pty(7)).
func collect(_ descriptor: CInt, _ consume: ([UInt8]) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return }
        consume(Array(buffer[..<count]))
    }
}

/// Starts a program in its own process group, or in its own session on a terminal.
func spawn(_ command: Command, descriptors: [CInt], terminal: String?) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }

    if let terminal {
        // The first terminal that a session's leader opens becomes its controlling one.
        posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
    } else {
        for (number, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, CInt(number))
        }
    }

    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    let newSession: CInt = 0x80  // POSIX_SPAWN_SETSID, which the importer does not show
    let group = terminal == nil ? CInt(POSIX_SPAWN_SETPGROUP) : newSession
    posix_spawnattr_setflags(&attributes, Int16(CInt(POSIX_SPAWN_SETSIGDEF) | CInt(POSIX_SPAWN_SETSIGMASK) | group))

    var environment = ProcessInfo.processInfo.environment
    for (name, value) in command.environment { environment[name] = value }
    var words = [command.program] + command.arguments
    if let directory = command.directory { words = ["env", "-C", directory] + words }
    var argv = words.map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, words[0], &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw FixtureError("start \(command.program): \(String(cString: strerror(code)))") }
    return pid
}
