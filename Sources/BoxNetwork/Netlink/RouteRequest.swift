/// One message of rtnetlink(7) to the kernel, without its number.
struct RouteRequest: Equatable {
    enum Kind: UInt16 {
        case newLink = 16
        case deleteLink = 17
        case getLink = 18
        case setLink = 19
        case newAddress = 20
        case getAddress = 22
        case newRoute = 24
        case deleteRoute = 25
        case getRoute = 26
    }

    struct Flags: OptionSet {
        let rawValue: UInt16
        static let acknowledge = Flags(rawValue: 0x4)
        static let replace = Flags(rawValue: 0x100)
        static let exclusive = Flags(rawValue: 0x200)
        static let dump = Flags(rawValue: 0x300)
        static let create = Flags(rawValue: 0x400)
    }

    let kind: Kind
    let flags: Flags
    private(set) var content: NetlinkBytes
    /// Errors that are as good as success, such as "it exists already".
    var tolerated: Set<Int32> = []
    /// The kernel module without which there is no interface of this kind.
    var module: String?
    /// What the request is about, for the message when it fails.
    let subject: String

    init(_ kind: Kind, _ flags: Flags, about subject: String, _ fill: (inout NetlinkBytes) -> Void) {
        self.kind = kind
        self.flags = flags
        self.subject = subject
        content = NetlinkBytes()
        fill(&content)
    }

    /// The whole message with its header (`struct nlmsghdr`).
    func bytes(sequence: UInt32) -> [UInt8] {
        var message = NetlinkBytes()
        message.append(UInt32(16 + content.bytes.count))
        message.append(kind.rawValue)
        message.append(flags.rawValue | 0x1)
        message.append(sequence)
        message.append(UInt32(0))
        message.append(content.bytes)
        return message.bytes
    }
}
