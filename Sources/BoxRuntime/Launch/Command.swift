internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The command of a container, executed inside its root as its user.
struct Command {
    let arguments: [String]
    let environment: [String]
    /// The container's `PATH`; nil is the usual one.
    let searchPath: String?

    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The paths to try.
    ///
    /// Entries that are not absolute are left out, as they would depend on the working directory.
    var candidates: [String] {
        guard let name = arguments.first, !name.isEmpty else { return [] }
        if name.utf8.contains(UInt8(ascii: "/")) { return [name] }
        return (searchPath ?? Self.usualPath).split(separator: ":").filter { $0.hasPrefix("/") }.map { $0 + "/" + name }
    }

    /// Executes the first candidate that can be (execve(2)).
    ///
    /// - Returns: why there is none.
    func execute() -> LaunchFailure {
        let argv = CStringArray(arguments)
        let envp = CStringArray(environment)
        defer { withExtendedLifetime((argv, envp)) {} }
        var refused: (path: String, errno: Int32)?
        for path in candidates {
            let errno = -box_execve(path, argv.pointers, envp.pointers)
            switch errno {
            case ENOENT where !ExecDiagnosis.exists(path): continue
            case ENOTDIR: continue
            // A later directory may have one that may be executed (exec(3)).
            case EACCES: refused = refused ?? (path, errno)
            default: return ExecDiagnosis.explain(path, errno)
            }
        }
        if let refused { return ExecDiagnosis.explain(refused.path, refused.errno) }
        let name = arguments.first ?? ""
        if name.utf8.contains(UInt8(ascii: "/")) {
            return LaunchFailure(.commandMissing, name, "there is no such file in the container", errno: ENOENT)
        }
        return LaunchFailure(
            .commandMissing, name.isEmpty ? "\"\"" : name,
            "there is no such command in the container's PATH (\(searchPath ?? Self.usualPath))", errno: ENOENT)
    }
}
