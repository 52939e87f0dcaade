internal import CBoxSys
internal import Glibc

/// A file that must not have existed, reserved before the work whose result it will hold.
package struct ExclusiveFile: Sendable {
    private let path: String

    /// Makes the file; fails with `EEXIST` where there is one (open(2), O_EXCL).
    package init(_ path: String) throws(SystemFailure) {
        self.path = path
        _ = OwnedFD(adopting: try check(box_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0o644), "open", path))
    }

    package func write(_ text: String) throws(SystemFailure) {
        try writeControl(path, text)
    }

    package func remove() {
        _ = box_unlinkat(AT_FDCWD, path, 0)
    }
}
