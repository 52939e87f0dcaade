internal import CBoxSys

/// A file descriptor with one owner, closed when the owner goes.
///
/// Descriptors are close-on-exec from birth. `raw` is for kernel calls inside the statement that uses it;
/// to hand a descriptor to somebody else, move the `OwnedFD` or `release()` it.
package struct OwnedFD: ~Copyable, Sendable {
    package let raw: CInt

    /// Takes ownership of an open descriptor.
    package init(adopting raw: CInt) {
        self.raw = raw
    }

    deinit {
        _ = box_close(raw)
    }

    /// Gives the descriptor up without closing it.
    package consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }

    /// A second descriptor of the same open file description (fcntl(2), F_DUPFD_CLOEXEC).
    package borrowing func duplicate() throws(SystemFailure) -> OwnedFD {
        OwnedFD(adopting: try check(box_dup(raw), "dup"))
    }

    /// The magic link that names this descriptor, for calls that only take paths (proc(5)).
    package var procPath: String { "/proc/self/fd/\(raw)" }
}

/// An `OwnedFD` that classes and closures can share; closes with the last reference.
package final class SharedFD: Sendable {
    private let owned: OwnedFD

    package init(_ owned: consuming OwnedFD) {
        self.owned = owned
    }

    package var raw: CInt { owned.raw }
    package var procPath: String { owned.procPath }

    package func duplicate() throws(SystemFailure) -> OwnedFD {
        try owned.duplicate()
    }
}
