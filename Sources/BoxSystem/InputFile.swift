internal import CBoxSys
internal import Glibc

/// A file that a person named to be read; `-` is standard input.
package enum InputFile {
    package static func open(_ path: String) throws(SystemFailure) -> SharedFD {
        if path == "-" { return SharedFD(OwnedFD(adopting: try check(box_dup(STDIN_FILENO), "dup"))) }
        return SharedFD(OwnedFD(adopting: try check(box_open(AT_FDCWD, path, O_RDONLY, 0), "open", path)))
    }
}
