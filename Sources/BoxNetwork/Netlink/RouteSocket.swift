internal import BoxSystem
internal import CBoxSys
internal import SystemPackage

/// A conversation with the kernel about interfaces, addresses and routes (rtnetlink(7)).
///
/// It belongs for good to the network namespace in which the calling thread was when it was made.
struct RouteSocket: ~Copyable {
    private let fd: OwnedFD
    private static let capacity = 1 << 16

    private enum Answer {
        static let error: UInt16 = 2
        static let done: UInt16 = 3
        /// NLM_F_DUMP_INTR: the list changed while it was read.
        static let interrupted: UInt16 = 0x10
        /// NLM_F_ACK_TLVS: the reason of a failure follows.
        static let explained: UInt16 = 0x200
    }

    /// One message of an answer, behind its header.
    struct Message {
        let type: UInt16
        let flags: UInt16
        let sequence: UInt32
        let payload: ArraySlice<UInt8>
    }

    init() throws(SystemFailure) {
        fd = OwnedFD(adopting: try check(box_netlink_socket(0), "socket", "NETLINK_ROUTE"))
        // Kernels that cannot give reasons give numbers.
        _ = box_netlink_explains(fd.raw)
        // The kernel answers at once or never; without the limit a lost answer would be waited for for ever.
        _ = box_receive_timeout(fd.raw, 5_000)
    }

    /// Carries requests out, one after another, with as few calls as possible.
    ///
    /// - Throws: the first failure; what came after it was tried all the same.
    borrowing func perform(_ requests: [RouteRequest]) throws(RouteFailure) {
        guard !requests.isEmpty else { return }
        var bytes: [UInt8] = []
        for (index, request) in requests.enumerated() { bytes += request.bytes(sequence: UInt32(index)) }
        try send(bytes)
        var open = requests.count
        var failure: RouteFailure?
        while open > 0 {
            for message in try receive() where message.type == Answer.error && message.sequence < requests.count {
                open -= 1
                let request = requests[Int(message.sequence)]
                let errno = -(message.payload.number(at: 0) as Int32)
                guard errno != 0, !request.tolerated.contains(errno), failure == nil else { continue }
                failure = RouteFailure(request, errno: errno, reason: Self.reason(message))
            }
        }
        if let failure { throw failure }
    }

    /// Asks for one thing; nil where there is no such thing.
    borrowing func get(_ request: RouteRequest) throws(RouteFailure) -> Message? {
        try send(request.bytes(sequence: 0))
        while true {
            for message in try receive() {
                guard message.type == Answer.error else { return message }
                let errno = -(message.payload.number(at: 0) as Int32)
                // ENODEV and ENOENT
                if errno == 19 || errno == 2 { return nil }
                if errno != 0 { throw RouteFailure(request, errno: errno, reason: Self.reason(message)) }
            }
        }
    }

    /// Asks for a list.
    borrowing func list(_ request: RouteRequest) throws(RouteFailure) -> [Message] {
        for _ in 0..<32 {
            if let whole = try listOnce(request) { return whole }
        }
        throw RouteFailure(request, errno: Errno.resourceTemporarilyUnavailable.rawValue, reason: nil)
    }

    /// Nil where the list changed while it was read.
    private borrowing func listOnce(_ request: RouteRequest) throws(RouteFailure) -> [Message]? {
        try send(request.bytes(sequence: 0))
        var items: [Message] = []
        var isWhole = true
        while true {
            for message in try receive() {
                if message.flags & Answer.interrupted != 0 { isWhole = false }
                if message.type == Answer.done { return isWhole ? items : nil }
                if message.type == Answer.error {
                    let errno = -(message.payload.number(at: 0) as Int32)
                    throw RouteFailure(request, errno: errno, reason: Self.reason(message))
                }
                items.append(message)
            }
        }
    }

    // MARK: Bytes

    private borrowing func send(_ bytes: [UInt8]) throws(RouteFailure) {
        let sent = bytes.withUnsafeBytes { box_send(fd.raw, $0.baseAddress, $0.count) }
        do { try check(sent, "send", "NETLINK_ROUTE") } catch { throw RouteFailure(error) }
    }

    private borrowing func receive() throws(RouteFailure) -> [Message] {
        var length = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.capacity) { buffer, count in
            length = box_receive(fd.raw, buffer.baseAddress, buffer.count)
            count = max(0, min(length, buffer.count))
        }
        do throws(SystemFailure) {
            try check(length, "recv", "NETLINK_ROUTE")
            guard length <= Self.capacity else { throw SystemFailure("recv", "NETLINK_ROUTE", errno: .messageTooLong) }
        } catch {
            throw RouteFailure(error)
        }
        return Self.messages(bytes[...])
    }

    /// The messages in one datagram; what is cut off is left out.
    static func messages(_ bytes: ArraySlice<UInt8>) -> [Message] {
        var messages: [Message] = []
        var rest = bytes
        while rest.count >= 16 {
            let length = Int(rest.number(at: 0) as UInt32)
            guard length >= 16, length <= rest.count else { break }
            messages.append(
                Message(
                    type: rest.number(at: 4), flags: rest.number(at: 6), sequence: rest.number(at: 8),
                    payload: rest.dropFirst(16).prefix(length - 16)))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return messages
    }

    /// The kernel's own words for a failure, where it has some.
    private static func reason(_ message: Message) -> String? {
        guard message.flags & Answer.explained != 0 else { return nil }
        // Behind the errno and the header of the request (netlink(7), NETLINK_CAP_ACK).
        return NetlinkAttributes(message.payload.dropFirst(20)).text(1)
    }
}

/// Why the kernel refused a request.
struct RouteFailure: Error {
    let failure: SystemFailure
    /// The kernel's own words.
    let reason: String?
    /// The kernel module that the request needs.
    let module: String?

    var errno: Int32 { failure.errno.rawValue }

    init(_ failure: SystemFailure) {
        self.failure = failure
        reason = nil
        module = nil
    }

    init(_ request: RouteRequest, errno: Int32, reason: String?) {
        failure = SystemFailure("rtnetlink \(request.kind)", request.subject, errno: Errno(rawValue: errno))
        self.reason = reason
        module = request.module
    }
}
