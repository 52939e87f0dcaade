internal import BoxSystem
internal import CBoxSys
internal import SystemPackage

/// A conversation with nf_tables about what is there (netlink(7), NETLINK_NETFILTER); it changes nothing.
///
/// It tells within microseconds what starting nft(8) would tell within milliseconds.
struct NetfilterSocket: ~Copyable {
    private let fd: OwnedFD
    private static let protocolNumber: Int32 = 12
    private static let capacity = 1 << 16

    init() throws(SystemFailure) {
        fd = OwnedFD(adopting: try check(box_netlink_socket(Self.protocolNumber), "socket", "NETLINK_NETFILTER"))
        // The kernel answers at once or never; without the limit a lost answer would be waited for for ever.
        _ = box_receive_timeout(fd.raw, 2_000)
    }

    /// Sends questions that have one answer each, numbered from 0 by their sequence.
    ///
    /// - Returns: per question what was found, or nil where there is no such thing.
    borrowing func ask(_ questions: [[UInt8]]) throws(SystemFailure) -> [NetfilterAnswer?] {
        var found = [NetfilterAnswer?](repeating: nil, count: questions.count)
        guard !questions.isEmpty else { return found }
        try send(questions.flatMap { $0 })
        var open = questions.count
        while open > 0 {
            for answer in try receive() where answer.sequence < found.count {
                guard let errno = answer.errno else {
                    found[Int(answer.sequence)] = answer
                    continue
                }
                open -= 1
                if errno != 0, !Self.meansNothing(errno) {
                    throw SystemFailure("ask nf_tables", errno: Errno(rawValue: errno))
                }
            }
        }
        return found
    }

    /// Sends a question that has a list for an answer.
    borrowing func list(_ question: [UInt8]) throws(SystemFailure) -> [NetfilterAnswer] {
        for _ in 0..<16 {
            if let whole = try listOnce(question) { return whole }
        }
        throw SystemFailure("list nf_tables", errno: .resourceTemporarilyUnavailable)
    }

    /// Nil where the list changed while it was read.
    private borrowing func listOnce(_ question: [UInt8]) throws(SystemFailure) -> [NetfilterAnswer]? {
        try send(question)
        var items: [NetfilterAnswer] = []
        var isWhole = true
        while true {
            for answer in try receive() {
                if answer.flags & NetfilterMessage.interrupted != 0 { isWhole = false }
                if answer.type == NetfilterMessage.done { return isWhole ? items : nil }
                if let errno = answer.errno {
                    if Self.meansNothing(errno) { return [] }
                    throw SystemFailure("list nf_tables", errno: Errno(rawValue: errno))
                }
                items.append(answer)
            }
        }
    }

    /// Whether there is no such table, chain, set or element; `EINVAL` where a set of that name has other keys, or where
    /// the kernel has no nf_tables yet, which nft(8) then loads or misses.
    private static func meansNothing(_ errno: Int32) -> Bool {
        errno == Errno.noSuchFileOrDirectory.rawValue || errno == Errno.invalidArgument.rawValue
    }

    private borrowing func send(_ bytes: [UInt8]) throws(SystemFailure) {
        try check(bytes.withUnsafeBytes { box_send(fd.raw, $0.baseAddress, $0.count) }, "send", "NETLINK_NETFILTER")
    }

    private borrowing func receive() throws(SystemFailure) -> [NetfilterAnswer] {
        var length = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.capacity) { buffer, count in
            length = box_receive(fd.raw, buffer.baseAddress, buffer.count)
            count = max(0, min(length, buffer.count))
        }
        try check(length, "recv", "NETLINK_NETFILTER")
        guard length <= Self.capacity else { throw SystemFailure("recv", "NETLINK_NETFILTER", errno: .messageTooLong) }
        return NetfilterAnswer.parse(bytes[...])
    }
}
