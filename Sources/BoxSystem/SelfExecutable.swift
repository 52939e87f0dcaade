internal import CBoxSys
internal import Glibc

/// This program's own file, opened so that nothing that is started from it can write to it.
///
/// A container that gets hold of `/proc/PID/exe` of a runtime can otherwise overwrite the program on the host
/// (CVE-2019-5736). A detached read-only clone of the mount costs microseconds (open_tree(2), mount_setattr(2)); where
/// the kernel or a missing privilege refuses it, a sealed copy in memory does the same (memfd_create(2)).
package func openProtectedSelf() throws(SystemFailure) -> OwnedFD {
    let flags = UInt32(BOX_OPEN_TREE_CLONE) | UInt32(BOX_OPEN_TREE_CLOEXEC)
    let tree = box_open_tree(AT_FDCWD, "/proc/self/exe", flags)
    if tree >= 0 {
        let clone = OwnedFD(adopting: tree)
        if box_mount_setattr(clone.raw, "", UInt32(BOX_AT_EMPTY_PATH), BOX_MOUNT_ATTR_RDONLY, 0, 0, -1) == 0 {
            return clone
        }
    }
    let copy = OwnedFD(adopting: try check(box_memfd("box", true), "memfd_create"))
    let own = OwnedFD(adopting: try check(box_open(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0), "open", "/proc/self/exe"))
    while true {
        let count = box_copy_file_range(own.raw, copy.raw, 1 << 24)
        if count == 0 { break }
        if count < 0 {
            try copy.writeAll(own.readAll(limit: 1 << 30))
            break
        }
    }
    try check(box_fchmod(copy.raw, 0o700), "fchmod")
    try check(box_seal(copy.raw), "fcntl")
    return copy
}

/// A file in memory that holds `bytes`, to be read from the start (memfd_create(2)).
package func memoryFile(_ name: String, _ bytes: [UInt8]) throws(SystemFailure) -> OwnedFD {
    let file = OwnedFD(adopting: try check(box_memfd(name, false), "memfd_create"))
    try file.writeAll(bytes)
    try check(box_lseek(file.raw, 0, SEEK_SET), "lseek")
    return file
}
