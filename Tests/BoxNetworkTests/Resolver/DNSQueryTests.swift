import BoxModel
import Testing

@testable import BoxNetwork

/// A query by hand, byte for byte.
func dnsQuery(
    _ name: String, _ type: UInt16, id: UInt16 = 0x1234, flags: UInt16 = 0x0100, group: UInt16 = 1,
    payload: UInt16? = nil, version: UInt8 = 0, wantsSignatures: Bool = false
) -> [UInt8] {
    var writer = DNSWriter()
    writer.header(id, flags, questions: 1, additions: payload == nil ? 0 : 1)
    for label in name.split(separator: ".") { writer.bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
    writer.bytes.append(0)
    writer.word(type)
    writer.word(group)
    if let payload {
        writer.bytes.append(0)
        writer.word(41)
        writer.word(payload)
        writer.word(UInt16(version))
        writer.word(wantsSignatures ? 0x8000 : 0)
        writer.word(0)
    }
    return writer.bytes
}

func parsedQuery(_ bytes: [UInt8]) throws -> DNSQuery {
    guard case .query(let query) = DNSQuery.read(bytes[...]) else {
        throw BoxFailure(.invalid, "read the query", reason: "it was refused")
    }
    return query
}

private func word(_ bytes: [UInt8], _ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }

@Suite struct DNSQueryTests {
    @Test func aPlainQueryIsRead() throws {
        let query = try parsedQuery(dnsQuery("Web.Example", 28))
        #expect(query.id == 0x1234)
        #expect(query.name == "web.example")
        #expect(query.type == 28)
        #expect(query.group == 1)
        #expect(query.edns == nil)
        #expect(query.datagramLimit == 512)
    }

    @Test(arguments: [(0, 512), (511, 512), (512, 512), (1232, 1232), (4096, 4096), (65_535, 4096)])
    func theClientSaysHowMuchItTakes(_ payload: UInt16, _ limit: Int) throws {
        #expect(try parsedQuery(dnsQuery("web", 1, payload: payload)).datagramLimit == limit)
    }

    /// Bytes, and the code of the answer; nil where there must be none.
    private static let malformed: [(String, [UInt8], UInt16?)] = [
        ("nothing", [], nil),
        ("half a header", Array(dnsQuery("web", 1).prefix(11)), nil),
        ("an answer", dnsQuery("web", 1, flags: 0x8180), nil),
        ("a header alone", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], 1),
        ("no question", [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1),
        ("two questions", [0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1], 1),
        ("another operation", dnsQuery("web", 1, flags: 0x2000), 4),
        ("a name without its end", Array(dnsQuery("web", 1).dropLast(5)), 1),
        ("a question without its class", Array(dnsQuery("web", 1).dropLast(2)), 1),
        ("a pointer to itself", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1], 1),
        ("a pointer to the header", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 1, 0, 1], 1),
        (
            "a label of 64",
            [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 64] + [UInt8](repeating: 97, count: 64) + [0, 0, 1, 0, 1], 1
        ),
        ("a reserved label", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 97, 0, 0, 1, 0, 1], 1),
        ("a name of 256", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + longName(256) + [0, 1, 0, 1], 1),
        ("an addition that is missing", [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + dnsQuery("web", 1).dropFirst(12), 1),
        ("a cut extension", Array(dnsQuery("web", 1, payload: 1232).dropLast(1)), 1),
        (
            "two extensions",
            [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 2] + dnsQuery("web", 1, payload: 900).dropFirst(12)
                + dnsQuery("web", 1, payload: 900).suffix(11), 1
        ),
        (
            "an extension as an answer",
            [0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0] + dnsQuery("web", 1, payload: 900).dropFirst(12), 1
        ),
    ]

    private static func longName(_ size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < size - 1 {
            let label = min(63, size - 2 - bytes.count)
            bytes += [UInt8(label)] + [UInt8](repeating: 97, count: label)
        }
        return bytes + [0]
    }

    @Test(arguments: malformed.indices)
    func malformedMessagesAreRefusedOrDropped(_ index: Int) {
        let (title, bytes, code) = Self.malformed[index]
        switch (DNSQuery.read(bytes[...]), code) {
        case (.dropped, nil): break
        case (.refused(let answer), let code?):
            #expect(answer.count == 12, "\(title)")
            #expect(Array(answer[..<2]) == Array(bytes[..<2]), "\(title)")
            #expect(word(answer, 2) & 0x8000 != 0, "\(title)")
            #expect(word(answer, 2) & 15 == code, "\(title)")
        case (let reading, _): Issue.record("\(title): \(reading)")
        }
    }

    @Test func theLongestNameIsRead() throws {
        let bytes = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + Self.longName(255) + [0, 1, 0, 1]
        #expect(try parsedQuery(bytes).name?.utf8.count == 253)
    }

    @Test func anUnknownVersionOfTheExtensionIsSaid() {
        guard case .refused(let answer) = DNSQuery.read(dnsQuery("web", 1, payload: 1232, version: 1)[...]) else {
            Issue.record("not refused")
            return
        }
        // BADVERS is 16: 0 in the header and 1 above it in the extension (RFC 6891, section 6.1.3).
        #expect(word(answer, 2) & 15 == 0)
        #expect(Array(answer.suffix(11)) == [0, 0, 41, 16, 0, 1, 0, 0, 0, 0, 0])
    }

    @Test func namesThatCannotBeWrittenAreNoLocalNames() throws {
        let dotted: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 97, 46, 98, 0, 0, 1, 0, 1]
        #expect(try parsedQuery(dotted).name == nil)
        #expect(try parsedQuery([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1, 0, 1]).name == nil)
        #expect(try parsedQuery([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]).name == nil)
    }

    // MARK: Answers

    @Test func anAnswerRepeatsTheQuestionAsItWasWritten() throws {
        let answer = try parsedQuery(dnsQuery("wEB.ExAmple", 1)).reply(
            0, [DNSRecord(type: 1, data: [172, 18, 0, 2])], limit: 512)
        #expect(
            answer == [
                0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0,
                3, 0x77, 0x45, 0x42, 7, 0x45, 0x78, 0x41, 0x6d, 0x70, 0x6c, 0x65, 0, 0, 1, 0, 1,
                0xc0, 12, 0, 1, 0, 1, 0, 0, 0x02, 0x58, 0, 4, 172, 18, 0, 2,
            ])
    }

    @Test func anAnswerWithoutRecordsIsNoError() throws {
        let answer = try parsedQuery(dnsQuery("web", 28, payload: 1232, wantsSignatures: true)).reply(limit: 1232)
        #expect(word(answer, 2) == 0x8180)
        #expect(word(answer, 6) == 0)
        #expect(Array(answer.suffix(11)) == [0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0])
    }

    @Test(arguments: [(30, 512, false), (31, 512, true), (200, 4096, false), (300, 4096, true)])
    func anAnswerThatDoesNotFitIsCut(_ count: Int, _ limit: Int, _ isCut: Bool) throws {
        let records = (0..<count).map { DNSRecord(type: 1, data: [10, 0, UInt8($0 / 256), UInt8($0 % 256)]) }
        let answer = try parsedQuery(dnsQuery("web", 1, payload: limit == 512 ? nil : 4096)).reply(
            0, records, limit: limit)
        #expect(answer.count <= limit)
        #expect((word(answer, 2) & 0x0200 != 0) == isCut)
        #expect((Int(word(answer, 6)) == count) == !isCut)
        #expect(answer.count > limit - 28 || !isCut, "as many as fit")
    }

    @Test func onlyAnAnswerToTheQuestionIsTaken() throws {
        let query = try parsedQuery(dnsQuery("www.Example", 1))
        func answer(_ name: String, _ type: UInt16, flags: UInt16 = 0x8180) -> [UInt8] {
            dnsQuery(name, type, flags: flags)
        }
        #expect(query.isAnswered(by: answer("www.example", 1)[...]))
        #expect(!query.isAnswered(by: answer("www.example", 28)[...]))
        #expect(!query.isAnswered(by: answer("www.examplf", 1)[...]))
        #expect(!query.isAnswered(by: answer("www.example", 1, flags: 0x0100)[...]))
        #expect(!query.isAnswered(by: [0x12, 0x34, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]))
        #expect(query.isAnswered(by: [0x12, 0x34, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]))
        #expect(!query.isAnswered(by: [0x12, 0x34, 0x81]))
    }

    // MARK: Reverse names

    @Test(arguments: [
        ("2.0.18.172.in-addr.arpa", "172.18.0.2"),
        ("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "fd00::2"),
        ("0.18.172.in-addr.arpa", nil), ("2.0.18.272.in-addr.arpa", nil), ("in-addr.arpa", nil),
        ("1.2.0.18.172.in-addr.arpa", nil), ("2.0.18.172.in-addr.example", nil),
        ("x.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", nil),
        ("22.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", nil),
    ])
    func reverseNamesAreAddresses(_ name: String, _ address: String?) {
        #expect(DNSName.reversed(name)?.description == address)
    }

    // MARK: Hostile input

    /// Random bytes and damaged messages: nothing traps, and what is answered is a whole message.
    @Test func randomMessagesNeverTrap() throws {
        var random = SplitMix(state: 0x5eed)
        let seeds = [
            dnsQuery("web", 1), dnsQuery("a.b.c.example.org", 28, payload: 1232), dnsQuery("x", 255, payload: 4096),
            dnsQuery("2.0.18.172.in-addr.arpa", 12),
        ]
        var queries = 0
        var refused = 0
        for round in 0..<60_000 {
            var bytes: [UInt8]
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            } else {
                bytes = seeds[round % seeds.count]
                for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 2: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                    default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                    }
                }
            }
            // A slice that does not begin at 0, as it stands in a buffer.
            let padded = [0xaa, 0xbb] + bytes + [0xcc]
            let slice = padded[2..<(padded.count - 1)]
            switch DNSQuery.read(slice) {
            case .dropped: #expect(bytes.count < 12 || bytes[2] & 0x80 != 0)
            case .refused(let answer):
                refused += 1
                #expect(answer.count >= 12 && answer[2] & 0x80 != 0)
            case .query(let query):
                queries += 1
                if let edns = query.edns { #expect(word(bytes, edns.offset) == edns.payload) }
                let answer = query.reply(0, [DNSRecord(type: 1, data: [1, 2, 3, 4])], limit: query.datagramLimit)
                #expect(answer.count <= query.datagramLimit)
                #expect(query.isAnswered(by: answer[...]))
            }
        }
        #expect(queries > 5000 && refused > 5000)
    }

    @Test func randomStreamsNeverTrap() {
        var random = SplitMix(state: 7)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var reader = DNSReader(bytes[...])
            while reader.skipName(), reader.byte() != nil {}
            #expect(reader.offset <= bytes.count)
            _ = DNSName.text(bytes[...])
        }
    }
}

/// Numbers that are the same in each run (splitmix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
