internal import CBoxSys
internal import Glibc

/// A network namespace held open (network_namespaces(7)); it lives while this object or a process in it does.
package final class NetworkNamespace: Sendable {
    package let fd: OwnedFD

    /// - Parameter path: a namespace file such as `/proc/PID/ns/net`.
    package init(path: String) throws(SystemFailure) {
        fd = OwnedFD(adopting: try check(box_open(AT_FDCWD, path, O_RDONLY, 0), "open", path))
    }

    /// The namespace of a process; 0 is this thread's own.
    package convenience init(pid: Int32) throws(SystemFailure) {
        try self.init(path: pid == 0 ? "/proc/thread-self/ns/net" : "/proc/\(pid)/ns/net")
    }

    /// Runs `body` with the calling thread inside the namespace: sockets made there belong to it for good.
    ///
    /// Only the calling thread moves (setns(2)); it comes back in any case, or the process ends, since nothing that
    /// it did in the wrong namespace could be trusted.
    package func perform<Value, Failure: Error>(
        _ body: () throws(Failure) -> Value, orFail failure: (SystemFailure) -> Failure
    ) throws(Failure) -> Value {
        let home: NetworkNamespace
        do {
            home = try NetworkNamespace(pid: 0)
            try check(box_setns(fd.raw, CInt(truncatingIfNeeded: BOX_CLONE_NEWNET)), "setns", "network")
        } catch let error {
            throw failure(error)
        }
        defer {
            guard box_setns(home.fd.raw, CInt(truncatingIfNeeded: BOX_CLONE_NEWNET)) == 0 else {
                fatalError("cannot return to the network namespace")
            }
        }
        return try body()
    }

    /// Runs `body` inside the namespace.
    package func perform<Value>(_ body: () throws(SystemFailure) -> Value) throws(SystemFailure) -> Value {
        try perform(body, orFail: { $0 })
    }
}
