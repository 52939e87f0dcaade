/// A query as a client sent it (RFC 1035, section 4).
struct DNSQuery: Equatable, Sendable {
    /// What to do with bytes that a client sent.
    enum Reading: Equatable, Sendable {
        case query(DNSQuery)
        /// Answered with this message, which says what is wrong.
        case refused([UInt8])
        /// Not worth an answer: no header, or itself an answer, which must never be answered.
        case dropped
    }

    /// What a client can take (RFC 6891).
    struct Extension: Equatable, Sendable {
        let payload: UInt16
        let version: UInt8
        /// DNSSEC records are wanted.
        let wantsSignatures: Bool
        /// Where in the message the payload size stands.
        let offset: Int
    }

    static let headerSize = 12

    let id: UInt16
    let flags: UInt16
    /// Name, type and class as they were sent: an answer repeats the letters' case.
    let question: [UInt8]
    /// Nil where it is no written name.
    let name: String?
    let type: UInt16
    let group: UInt16
    let edns: Extension?

    /// Most bytes of a datagram that answers this (RFC 1035, section 4.2.1; RFC 6891, section 6.2.3).
    var datagramLimit: Int { max(512, min(Int(edns?.payload ?? 512), Self.payload)) }
    /// Bytes of the longest query that is read: a name, and some extensions.
    static let longest = 1232
    /// The largest datagram that is sent or asked for.
    static let payload = 4096

    static func read(_ message: ArraySlice<UInt8>) -> Reading {
        var reader = DNSReader(message)
        guard let id = reader.word(), let flags = reader.word(), let questions = reader.word(),
            let answers = reader.word(),
            let authorities = reader.word(), let additions = reader.word(), flags & DNSFlag.response == 0
        else { return .dropped }
        func refuse(_ code: UInt16) -> Reading {
            var writer = DNSWriter()
            writer.header(id, flags & (DNSFlag.operation | DNSFlag.recursionDesired) | DNSFlag.response | code)
            return .refused(writer.bytes)
        }
        guard flags & DNSFlag.operation == 0 else { return refuse(DNSCode.notImplemented) }
        let start = reader.offset
        guard questions == 1, let labels = reader.plainName(), let type = reader.word(), let group = reader.word()
        else {
            return refuse(DNSCode.malformed)
        }
        let question = Array(message[start..<reader.offset])
        var edns: Extension?
        for index in 0..<(Int(answers) + Int(authorities) + Int(additions)) {
            let named = reader.offset
            guard reader.skipName(), let kind = reader.word(), let payload = reader.word(), let high = reader.word(),
                let low = reader.word(), let size = reader.word(), reader.skip(Int(size))
            else { return refuse(DNSCode.malformed) }
            guard kind == DNSType.opt else { continue }
            // Only one, only in the last section, only of the root (RFC 6891, section 6.1.1).
            guard edns == nil, index >= Int(answers) + Int(authorities), message[named] == 0 else {
                return refuse(DNSCode.malformed)
            }
            edns = Extension(
                payload: payload, version: UInt8(truncatingIfNeeded: high), wantsSignatures: low & 0x8000 != 0,
                offset: named + 3 - message.startIndex)
        }
        let query = DNSQuery(
            id: id, flags: flags, question: question, name: DNSName.text(labels), type: type, group: group, edns: edns)
        guard edns?.version ?? 0 == 0 else {
            return .refused(query.reply(DNSCode.badVersion, limit: query.datagramLimit))
        }
        return .query(query)
    }
}

enum DNSFlag {
    static let response: UInt16 = 0x8000
    static let operation: UInt16 = 0x7800
    static let truncated: UInt16 = 0x0200
    static let recursionDesired: UInt16 = 0x0100
    static let recursionAvailable: UInt16 = 0x0080
    static let checkingDisabled: UInt16 = 0x0010
    static let code: UInt16 = 0x000f
}

enum DNSCode {
    static let malformed: UInt16 = 1
    static let serverFailure: UInt16 = 2
    static let notImplemented: UInt16 = 4
    static let refused: UInt16 = 5
    /// Needs the extension's upper bits.
    static let badVersion: UInt16 = 16
}

enum DNSType {
    static let a: UInt16 = 1
    static let pointer: UInt16 = 12
    static let aaaa: UInt16 = 28
    static let opt: UInt16 = 41
    static let any: UInt16 = 255
}

enum DNSGroup {
    static let internet: UInt16 = 1
    static let any: UInt16 = 255
}
