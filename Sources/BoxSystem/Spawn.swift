internal import CBoxSys
internal import Glibc

/// A child process that this process started and will wait for.
package struct Child: ~Copyable {
    package let pid: Int32
    package let pidfd: OwnedFD

    init(pid: Int32, pidfd: consuming OwnedFD) {
        self.pid = pid
        self.pidfd = pidfd
    }

    /// Waits for the end; 128+n stands for death by signal n (waitpid(2)).
    @discardableResult
    package borrowing func wait() throws(SystemFailure) -> Int32 {
        var status: CInt = 0
        try check(box_waitpid(pid, &status, 0), "waitpid", "\(pid)")
        return status
    }

    package borrowing func signal(_ signal: Int32) {
        _ = box_pidfd_send_signal(pidfd.raw, signal)
    }
}

/// What a spawned program is and gets.
package struct Spawn {
    package enum Program {
        /// An absolute path; use ``findProgram(_:path:)`` for a bare name.
        case path(String)
        /// An open executable (execveat(2)).
        case descriptor(CInt)
    }

    package var program: Program
    package var arguments: [String]
    /// nil: this process's own environment.
    package var environment: [String]?
    /// The child's descriptors 0, 1, 2, …; -1 is /dev/null.
    ///
    /// All others are closed.
    package var descriptors: [CInt]
    package var newSession = false
    package var workingDirectory: String?

    package init(_ program: Program, _ arguments: [String], descriptors: [CInt] = [-1, -1, 2]) {
        self.program = program
        self.arguments = arguments
        self.descriptors = descriptors
    }

    /// Starts the program; returns once it has been executed, or with the reason why it could not be.
    package func start() throws(SystemFailure) -> Child {
        let argv = CStringArray(arguments)
        let envp = environment.map(CStringArray.init)
        var pidfd: CInt = -1
        let pid: CInt
        switch program {
        case .path(let path):
            pid = box_spawn_fd(
                -1, path, argv.pointers, envp?.pointers ?? box_environ(), descriptors, CInt(descriptors.count),
                newSession, workingDirectory, &pidfd)
        case .descriptor(let fd):
            pid = box_spawn_fd(
                fd, nil, argv.pointers, envp?.pointers ?? box_environ(), descriptors, CInt(descriptors.count),
                newSession, workingDirectory, &pidfd)
        }
        withExtendedLifetime((argv, envp)) {}
        try check(pid, "exec", arguments.first ?? "")
        return Child(pid: pid, pidfd: OwnedFD(adopting: pidfd))
    }

    /// Runs a program to its end with `input` on its standard input.
    ///
    /// - Returns: the exit status, what it wrote to standard output (bounded by `limit` bytes) and to standard error.
    package static func capture(
        _ path: String, _ arguments: [String], input: [UInt8] = [], environment: [String]? = nil, limit: Int = 1 << 20
    ) throws(SystemFailure) -> (status: Int32, output: [UInt8], error: [UInt8]) {
        // Files in memory instead of pipes: no deadlock however much either side writes.
        let stdin = OwnedFD(adopting: try check(box_memfd("stdin", false), "memfd_create"))
        let stdout = OwnedFD(adopting: try check(box_memfd("stdout", false), "memfd_create"))
        let stderr = OwnedFD(adopting: try check(box_memfd("stderr", false), "memfd_create"))
        try stdin.writeAll(input)
        try check(box_lseek(stdin.raw, 0, SEEK_SET), "lseek")
        var spawn = Spawn(.path(path), [path] + arguments, descriptors: [stdin.raw, stdout.raw, stderr.raw])
        spawn.environment = environment
        let status = try spawn.start().wait()
        try check(box_lseek(stdout.raw, 0, SEEK_SET), "lseek")
        try check(box_lseek(stderr.raw, 0, SEEK_SET), "lseek")
        return (status, try stdout.readAll(limit: limit), try stderr.readAll(limit: limit))
    }
}

/// The absolute path of a program that `PATH` finds, or nil.
package func findProgram(_ name: String, path: String? = nil) -> String? {
    let search = path ?? environmentVariable("PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for folder in search.split(separator: ":") {
        let candidate = folder + "/" + name
        if box_faccessat(AT_FDCWD, String(candidate), X_OK, 0) == 0 { return String(candidate) }
    }
    return nil
}

/// A variable of this process's environment (getenv(3)).
package func environmentVariable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
}

/// A null-terminated array of C strings that lives as long as this object.
package final class CStringArray {
    package let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    package init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
