internal import CBoxSys

/// One question on its way through the name servers.
final class ForwardedQuery {
    let query: DNSQuery
    let overStream: Bool
    /// In the order in which they are asked.
    private var plan: ArraySlice<NameServer>
    /// What the client gets when no server answers better.
    private(set) var lastReply: [UInt8]?
    private var message: [UInt8]
    private let deliver: ([UInt8]) -> Void

    /// - Parameters:
    ///   - message: the query as the client sent it.
    ///   - plan: the servers to ask, again and again where one appears more than once.
    init(
        _ query: DNSQuery, message: [UInt8], overStream: Bool, plan: [NameServer], deliver: @escaping ([UInt8]) -> Void
    ) {
        self.query = query
        self.message = message
        self.overStream = overStream
        self.plan = plan[...]
        self.deliver = deliver
        // No answer may be larger than what is received here.
        if !overStream, let edns = query.edns, Int(edns.payload) > DNSQuery.payload {
            self.message[edns.offset] = UInt8(DNSQuery.payload >> 8)
            self.message[edns.offset + 1] = UInt8(DNSQuery.payload & 0xff)
        }
    }

    func nextServer() -> NameServer? { plan.popFirst() }

    /// The server cannot answer, so it is not asked again.
    func strike(_ server: NameServer) { plan = plan.filter { $0 != server }[...] }

    /// The message with another id, one that nobody but the server can know.
    func message(id: UInt16) -> [UInt8] {
        message[0] = UInt8(id >> 8)
        message[1] = UInt8(truncatingIfNeeded: id)
        return message
    }

    /// Whether the message answers the question well enough to stop asking.
    func accepts(_ reply: ArraySlice<UInt8>, from server: NameServer) -> Bool {
        switch UInt16(reply[reply.startIndex + 3]) & DNSFlag.code {
        case DNSCode.serverFailure, DNSCode.refused, DNSCode.notImplemented, DNSCode.malformed:
            lastReply = Array(reply)
            strike(server)
            return false
        default: return true
        }
    }

    /// Hands the client an answer: the server's with the client's id and question, or that there is none.
    func finish(_ reply: [UInt8]?) {
        guard var reply = reply ?? lastReply else {
            deliver(query.reply(DNSCode.serverFailure, limit: query.datagramLimit))
            return
        }
        reply[0] = UInt8(query.id >> 8)
        reply[1] = UInt8(truncatingIfNeeded: query.id)
        let end = DNSQuery.headerSize + query.question.count
        if reply[5] == 1, reply.count >= end { reply.replaceSubrange(DNSQuery.headerSize..<end, with: query.question) }
        deliver(reply)
    }
}
