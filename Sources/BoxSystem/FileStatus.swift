package import CBoxSys

/// What stat(2) tells of a file.
package struct FileStatus: Sendable {
    package enum Kind: Sendable {
        case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket
    }

    package let raw: stat

    package init(raw: stat) {
        self.raw = raw
    }

    package var kind: Kind {
        switch raw.st_mode & 0o170000 {
        case 0o040000: .directory
        case 0o120000: .symbolicLink
        case 0o020000: .characterDevice
        case 0o060000: .blockDevice
        case 0o010000: .fifo
        case 0o140000: .socket
        default: .regular
        }
    }

    /// Permission bits with setuid, setgid and sticky.
    package var permissions: UInt32 { raw.st_mode & 0o7777 }
    package var owner: UInt32 { raw.st_uid }
    package var group: UInt32 { raw.st_gid }
    /// Bytes.
    package var size: Int64 { Int64(raw.st_size) }
    /// Bytes that the file occupies on the disk.
    package var allocated: Int64 { Int64(raw.st_blocks) * 512 }
    package var inode: UInt64 { UInt64(raw.st_ino) }
    package var device: UInt64 { UInt64(raw.st_dev) }
    package var links: UInt64 { UInt64(raw.st_nlink) }
    /// The device that a device node stands for.
    package var specialDevice: UInt64 { UInt64(raw.st_rdev) }
    /// Nanoseconds since 1970.
    package var modified: Int64 { Int64(raw.st_mtim.tv_sec) * 1_000_000_000 + Int64(raw.st_mtim.tv_nsec) }
}
