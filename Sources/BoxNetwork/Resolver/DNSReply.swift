/// One answer to the question that was asked.
struct DNSRecord: Equatable, Sendable {
    let type: UInt16
    let data: [UInt8]
}

/// Appends the parts of a message.
struct DNSWriter {
    var bytes: [UInt8] = []

    mutating func word(_ value: UInt16) {
        bytes.append(UInt8(value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func header(_ id: UInt16, _ flags: UInt16, questions: Int = 0, answers: Int = 0, additions: Int = 0) {
        for value in [id, flags, UInt16(questions), UInt16(answers), 0, UInt16(additions)] { word(value) }
    }
}

extension DNSQuery {
    /// Seconds that an answer may be kept, as long as Docker says.
    static let timeToLive: UInt16 = 600

    /// A whole answer of at most `limit` bytes; records that do not fit are left out and the answer says so.
    func reply(_ code: UInt16 = 0, _ records: [DNSRecord] = [], limit: Int) -> [UInt8] {
        let extensionSize = edns == nil ? 0 : 11
        var space = limit - Self.headerSize - question.count - extensionSize
        // A pointer to the question's name, type, class, time, length.
        let fitting = records.prefix {
            space -= 12 + $0.data.count
            return space >= 0
        }
        var flags = flags & (DNSFlag.recursionDesired | DNSFlag.checkingDisabled)
        flags |= DNSFlag.response | DNSFlag.recursionAvailable | code & DNSFlag.code
        if fitting.count < records.count { flags |= DNSFlag.truncated }
        var writer = DNSWriter()
        writer.bytes.reserveCapacity(limit - max(space, 0))
        writer.header(id, flags, questions: 1, answers: fitting.count, additions: edns == nil ? 0 : 1)
        writer.bytes += question
        for record in fitting {
            writer.word(0xc000 | UInt16(Self.headerSize))
            writer.word(record.type)
            writer.word(DNSGroup.internet)
            writer.word(0)
            writer.word(Self.timeToLive)
            writer.word(UInt16(record.data.count))
            writer.bytes += record.data
        }
        if let edns {
            writer.bytes.append(0)
            writer.word(DNSType.opt)
            writer.word(UInt16(Self.payload))
            writer.word((code >> 4) << 8)
            writer.word(edns.wantsSignatures ? 0x8000 : 0)
            writer.word(0)
        }
        return writer.bytes
    }

    /// The part of a message that repeats the question, where the message is an answer to this query.
    ///
    /// An answer that only says what was wrong may leave the question out.
    func isAnswered(by message: ArraySlice<UInt8>) -> Bool {
        var reader = DNSReader(message)
        guard reader.word() != nil, let flags = reader.word(), flags & DNSFlag.response != 0,
            let questions = reader.word(),
            reader.skip(6)
        else { return false }
        if questions == 0 { return flags & DNSFlag.code != 0 }
        let start = reader.offset
        guard questions == 1, reader.skip(question.count) else { return false }
        // Servers may change the case of letters; types and classes are small enough not to look like letters twice.
        return zip(message[start..<reader.offset], question).enumerated().allSatisfy { index, pair in
            if pair.0 == pair.1 { return true }
            guard index < question.count - 4, pair.0 | 0x20 == pair.1 | 0x20 else { return false }
            return (97...122).contains(pair.0 | 0x20)
        }
    }
}
