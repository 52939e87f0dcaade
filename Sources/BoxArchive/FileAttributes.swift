internal import BoxModel
internal import BoxSystem
internal import CArchive
internal import CBoxSys
internal import Glibc

/// One extended attribute (xattr(7)).
struct ExtendedAttribute {
    let name: [CChar]
    let value: [UInt8]

    var text: String { String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }

    /// Whether an archive may set it.
    ///
    /// `trusted.` and overlayfs's own marks steer the kernel's view of the layer:
    /// an archive that sets them could redirect a directory into another one or hide files from every scanner.
    var isAllowed: Bool {
        let text = self.text
        return text.contains(".") && !text.hasPrefix("trusted.") && !text.hasPrefix("user.overlay.")
    }
}

/// What a file has besides its content.
struct FileAttributes {
    var owner: UInt32
    var group: UInt32
    /// With setuid, setgid and sticky.
    var permissions: UInt32
    var seconds: Int64
    var nanoseconds: Int
    var extended: [ExtendedAttribute] = []

    /// What a directory gets that no entry describes.
    ///
    /// The time is fixed so that two unpackings agree.
    static let implicitDirectory = FileAttributes(
        owner: 0, group: 0, permissions: 0o755, seconds: 0, nanoseconds: 0)

    init(owner: UInt32, group: UInt32, permissions: UInt32, seconds: Int64, nanoseconds: Int) {
        self.owner = owner
        self.group = group
        self.permissions = permissions
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    init(_ entry: TarEntry, subject: EntrySubject) throws(BoxFailure) {
        // 2³²-1 means "leave it" to chown(2).
        guard let owner = UInt32(exactly: entry.owner), let group = UInt32(exactly: entry.group),
            owner != .max, group != .max
        else {
            throw subject.failure(.corrupt, reason: "its owner \(entry.owner):\(entry.group) is out of range")
        }
        let modified = entry.modified
        self.init(
            owner: owner, group: group, permissions: entry.permissions, seconds: modified.seconds,
            nanoseconds: (0..<1_000_000_000).contains(modified.nanoseconds) ? modified.nanoseconds : 0)
        extended = Self.extendedAttributes(entry)
    }

    /// The attributes of a file that exists, without those that belong to overlayfs.
    ///
    /// - Parameter path: a path whose last component is not followed.
    init(status: FileStatus, path: [CChar]) throws(SystemFailure) {
        self.init(
            owner: status.owner, group: status.group, permissions: status.permissions,
            seconds: Int64(status.raw.st_mtim.tv_sec), nanoseconds: Int(status.raw.st_mtim.tv_nsec))
        let names = try Self.readList(path)
        for name in names.split(separator: 0) {
            let terminated = Array(name) + [0]
            let attribute = ExtendedAttribute(
                name: terminated, value: try Self.readValue(path, terminated))
            if attribute.isAllowed { extended.append(attribute) }
        }
    }

    private static func readList(_ path: [CChar]) throws(SystemFailure) -> [CChar] {
        // XATTR_LIST_MAX (xattr(7))
        var list = [CChar](repeating: 0, count: 65536)
        let count = box_llistxattr(path, &list, list.count)
        if count == -CLong(EOPNOTSUPP) { return [] }
        return Array(list[..<(try check(count, "llistxattr"))])
    }

    private static func readValue(_ path: [CChar], _ name: [CChar]) throws(SystemFailure) -> [UInt8] {
        var value = [UInt8](repeating: 0, count: 65536)
        let count = box_lgetxattr(path, name, &value, value.count)
        if count == -CLong(ENODATA) { return [] }
        return Array(value[..<(try check(count, "getxattr"))])
    }

    private static func extendedAttributes(_ entry: TarEntry) -> [ExtendedAttribute] {
        var found: [ExtendedAttribute] = []
        if archive_entry_xattr_reset(entry.raw) > 0 {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            while archive_entry_xattr_next(entry.raw, &name, &value, &size) == ARCHIVE_OK {
                guard let name else { continue }
                found.append(
                    ExtendedAttribute(
                        name: Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1)),
                        value: Array(UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : size))))
            }
        }
        for (type, name) in [
            (ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access"),
            (ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default"),
        ] {
            guard let value = AccessControlList.encode(entry, type: type) else { continue }
            found.removeAll { $0.text == name }
            found.append(ExtendedAttribute(name: Array(name.utf8CString), value: value))
        }
        return found
    }
}

/// POSIX ACLs in the form that the kernel's attributes have (acl(5), linux/posix_acl_xattr.h).
enum AccessControlList {
    /// nil where the entry has no ACL of this type beyond its permission bits, or one with a name instead of a
    /// number, which means nothing in another system.
    static func encode(_ entry: TarEntry, type: CInt) -> [UInt8]? {
        guard archive_entry_acl_types(entry.raw) & type != 0, archive_entry_acl_reset(entry.raw, type) > 0 else {
            return nil
        }
        var rows: [(tag: UInt16, permissions: UInt16, id: UInt32)] = []
        var rowType: CInt = 0
        var permissions: CInt = 0
        var tag: CInt = 0
        var qualifier: CInt = 0
        var name: UnsafePointer<CChar>?
        while archive_entry_acl_next(entry.raw, type, &rowType, &permissions, &tag, &qualifier, &name) == ARCHIVE_OK {
            let kernelTag: UInt16
            switch tag {
            case ARCHIVE_ENTRY_ACL_USER_OBJ: kernelTag = 0x01
            case ARCHIVE_ENTRY_ACL_USER: kernelTag = 0x02
            case ARCHIVE_ENTRY_ACL_GROUP_OBJ: kernelTag = 0x04
            case ARCHIVE_ENTRY_ACL_GROUP: kernelTag = 0x08
            case ARCHIVE_ENTRY_ACL_MASK: kernelTag = 0x10
            case ARCHIVE_ENTRY_ACL_OTHER: kernelTag = 0x20
            default: return nil
            }
            let isNamed = kernelTag == 0x02 || kernelTag == 0x08
            if isNamed && qualifier < 0 { return nil }
            rows.append((kernelTag, UInt16(permissions & 7), isNamed ? UInt32(qualifier) : .max))
        }
        // Three rows are the permission bits again.
        guard rows.count > 3 || type == ARCHIVE_ENTRY_ACL_TYPE_DEFAULT else { return nil }
        rows.sort { ($0.tag, $0.id) < ($1.tag, $1.id) }
        var bytes: [UInt8] = [2, 0, 0, 0]
        for row in rows {
            for number in [UInt32(row.tag), UInt32(row.permissions)] {
                bytes += [UInt8(number & 0xff), UInt8(number >> 8)]
            }
            for shift in [UInt32(0), 8, 16, 24] { bytes.append(UInt8(row.id >> shift & 0xff)) }
        }
        return bytes
    }
}
