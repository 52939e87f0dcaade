internal import BoxModel
internal import CArchive
internal import Glibc

/// One entry of a tar archive, valid while it is visited.
struct TarEntry {
    let raw: OpaquePointer
    let reader: TarReader

    enum Kind: Equatable {
        case regular, directory, symbolicLink, hardLink, characterDevice, blockDevice, fifo, socket, unknown
    }

    var kind: Kind {
        if archive_entry_hardlink(raw) != nil { return .hardLink }
        return switch archive_entry_filetype(raw) & 0o170000 {
        case 0o100000: .regular
        case 0o040000: .directory
        case 0o120000: .symbolicLink
        case 0o020000: .characterDevice
        case 0o060000: .blockDevice
        case 0o010000: .fifo
        case 0o140000: .socket
        default: .unknown
        }
    }

    /// Calls with the raw bytes of the name.
    func withName<R>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(BoxFailure) -> R
    ) throws(BoxFailure) -> R {
        try Self.withBytes(archive_entry_pathname(raw), body)
    }

    func withHardLinkTarget<R>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(BoxFailure) -> R
    ) throws(BoxFailure) -> R {
        try Self.withBytes(archive_entry_hardlink(raw), body)
    }

    private static func withBytes<R>(
        _ pointer: UnsafePointer<CChar>?, _ body: (UnsafeBufferPointer<UInt8>) throws(BoxFailure) -> R
    ) throws(BoxFailure) -> R {
        guard let pointer else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt8.self)
        return try body(UnsafeBufferPointer(start: raw, count: strlen(pointer)))
    }

    var symbolicLinkTarget: UnsafePointer<CChar>? { archive_entry_symlink(raw) }
    var permissions: UInt32 { UInt32(archive_entry_mode(raw)) & 0o7777 }
    var owner: Int64 { archive_entry_uid(raw) }
    var group: Int64 { archive_entry_gid(raw) }
    var size: Int64 { archive_entry_size(raw) }
    var deviceMajor: UInt32 { UInt32(truncatingIfNeeded: archive_entry_rdevmajor(raw)) }
    var deviceMinor: UInt32 { UInt32(truncatingIfNeeded: archive_entry_rdevminor(raw)) }
    /// Seconds and nanoseconds since 1970.
    var modified: (seconds: Int64, nanoseconds: Int) {
        (Int64(archive_entry_mtime(raw)), Int(archive_entry_mtime_nsec(raw)))
    }
}
