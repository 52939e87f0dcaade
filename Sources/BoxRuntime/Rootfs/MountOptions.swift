internal import CBoxSys

/// The options of one mount in the words of mount(8) and the runtime specification, taken apart.
struct MountOptions: Equatable {
    /// MS_… for mount(2).
    var flags: UInt = 0
    /// MOUNT_ATTR_… for mount_setattr(2).
    var attributes: UInt64 = 0
    var clearedAttributes: UInt64 = 0
    var isRecursivelyReadOnly = false
    /// Whether submounts of a bind source come along.
    var isRecursive = true
    var isBind = false
    /// Whether a container with its own users sees the files of the host's root as its root's.
    var isMapped = false
    /// MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE.
    var propagation: UInt?
    var isPropagationRecursive = false
    /// What only the file system knows, joined by commas.
    var data = ""

    /// MS_… of mount(2).
    enum Flag {
        static let readOnly: UInt = 1
        static let noSetID: UInt = 2
        static let noDevices: UInt = 4
        static let noExecution: UInt = 8
        static let recursive: UInt = 1 << 14
        static let unbindable: UInt = 1 << 17
        static let `private`: UInt = 1 << 18
        static let slave: UInt = 1 << 19
        static let shared: UInt = 1 << 20
    }

    private enum Meaning {
        case set(UInt, UInt64)
        case clear(UInt, UInt64)
        /// One of the access time modes, which exclude each other.
        case accessTime(UInt, UInt64)
        case propagation(UInt, recursive: Bool)
        case bind(recursive: Bool)
        case recursiveReadOnly
        case mapped
        case nothing
    }

    private static let accessTimeMask: UInt64 = 0x70

    private static let meanings: [String: Meaning] = [
        "defaults": .nothing, "loud": .nothing, "ro": .set(1, 1), "rw": .clear(1, 1), "nosuid": .set(2, 2),
        "suid": .clear(2, 2), "nodev": .set(4, 4), "dev": .clear(4, 4), "noexec": .set(8, 8), "exec": .clear(8, 8),
        "sync": .set(16, 0), "async": .clear(16, 0), "mand": .set(64, 0), "nomand": .clear(64, 0),
        "dirsync": .set(128, 0), "nosymfollow": .set(256, 0x200000), "symfollow": .clear(256, 0x200000),
        "nodiratime": .set(2048, 0x80), "diratime": .clear(2048, 0x80), "lazytime": .set(1 << 25, 0),
        "nolazytime": .clear(1 << 25, 0), "iversion": .set(1 << 23, 0), "silent": .set(1 << 15, 0),
        "relatime": .accessTime(1 << 21, 0), "noatime": .accessTime(1 << 10, 0x10),
        "strictatime": .accessTime(1 << 24, 0x20), "norelatime": .nothing, "atime": .nothing,
        "nostrictatime": .nothing, "rro": .recursiveReadOnly, "rrw": .clear(1, 1), "bind": .bind(recursive: false),
        "rbind": .bind(recursive: true), "private": .propagation(Flag.private, recursive: false),
        "idmap": .mapped, "rprivate": .propagation(Flag.private, recursive: true),
        "slave": .propagation(Flag.slave, recursive: false),
        "rslave": .propagation(Flag.slave, recursive: true), "shared": .propagation(Flag.shared, recursive: false),
        "rshared": .propagation(Flag.shared, recursive: true),
        "unbindable": .propagation(Flag.unbindable, recursive: false),
        "runbindable": .propagation(Flag.unbindable, recursive: true),
    ]

    init(_ options: [String]) {
        var rest: [String] = []
        for option in options {
            switch Self.meanings[option] {
            case nil: rest.append(option)
            case .nothing: break
            case .set(let flag, let attribute):
                flags |= flag
                attributes |= attribute
            case .clear(let flag, let attribute):
                // Takes back an earlier word only: a read-only host mount stays so although a bind of it says `rw`.
                flags &= ~flag
                attributes &= ~attribute
            case .accessTime(let flag, let attribute):
                flags = flags & ~(1 << 21 | 1 << 10 | 1 << 24) | flag
                attributes = attributes & ~Self.accessTimeMask | attribute
                // The kernel wants the whole field cleared where a mode of it is set (mount_setattr(2)).
                clearedAttributes |= Self.accessTimeMask
            case .propagation(let kind, let recursive):
                propagation = kind
                isPropagationRecursive = recursive
            case .bind(let recursive):
                isBind = true
                isRecursive = recursive
            case .mapped: isMapped = true
            case .recursiveReadOnly:
                flags |= Flag.readOnly
                attributes |= BOX_MOUNT_ATTR_RDONLY
                isRecursivelyReadOnly = true
            }
        }
        data = rest.joined(separator: ",")
    }

    /// The propagation word of `rootfsPropagation`, or nil where there is no such word.
    static func propagation(_ word: String) -> UInt? {
        guard case .propagation(let kind, let recursive) = meanings[word] else { return nil }
        return kind | (recursive ? Flag.recursive : 0)
    }
}
