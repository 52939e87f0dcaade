internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Kernel parameters that belong to a namespace, so that a container may have its own (namespaces(7)).
enum Sysctl {
    private static let ipcNames: Set<String> = [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced",
    ]

    /// Why a parameter may not be set, or nil where it may.
    static func refusal(of name: String, isOwn: (RuntimeSpec.Namespace.Kind) -> Bool) -> String? {
        let parts = name.split(whereSeparator: { $0 == "." || $0 == "/" }).map(String.init)
        let plain = parts.joined(separator: ".")
        if name.utf8.contains(0) || name.hasPrefix(".") || name.hasPrefix("/") || name.contains("..")
            || name.contains("//") || name.contains("./") || name.contains("/.") || parts.count < 2
        {
            return "that is not the name of a kernel parameter"
        }
        if ipcNames.contains(plain) || plain.hasPrefix("fs.mqueue.") {
            return isOwn(.ipc) ? nil : "it would change another one's IPC namespace; use a private one"
        }
        if parts[0] == "net" {
            return isOwn(.network) ? nil : "it would change another one's network namespace; use a private one"
        }
        if plain == "kernel.domainname" {
            return isOwn(.uts) ? nil : "it would change another one's UTS namespace; use a private one"
        }
        if plain == "kernel.hostname" { return "use --hostname instead" }
        return "it belongs to the whole machine, not to a namespace; set it on the host"
    }

    /// The path below `/proc/sys`.
    ///
    /// The separator that comes first separates; the other one stands for itself, as in
    /// `net.ipv4.conf.eth0/1.forwarding` (sysctl(8)).
    static func path(of name: String) -> String {
        guard let first = name.first(where: { $0 == "." || $0 == "/" }), first == "." else { return name }
        return String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
    }

    /// Writes parameters through a `/proc/sys` that has been shown to be procfs.
    static func apply(
        _ parameters: [String: String], in tree: borrowing RootTree, isOwn: (RuntimeSpec.Namespace.Kind) -> Bool
    ) throws(LaunchFailure) {
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            if let refusal = refusal(of: name, isOwn: isOwn) { throw LaunchFailure(.sysctl, name, refusal) }
            do {
                let file = try tree.open(
                    "/proc/sys/" + path(of: name), flags: O_WRONLY | O_NOCTTY, following: false)
                // A container's /proc that is something else must not swallow the write, nor take it elsewhere.
                try RootTree.requireProc(file, subject: name)
                let bytes = Array(value.utf8)
                try check(bytes.withUnsafeBytes { box_write(file.raw, $0.baseAddress, $0.count) }, "write", name)
            } catch {
                throw LaunchFailure(error, .sysctl, "\(name)=\(value)")
            }
        }
    }
}
