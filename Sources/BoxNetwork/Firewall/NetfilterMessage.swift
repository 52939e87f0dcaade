/// The few messages of nf_tables that a check needs (linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h).
///
/// Everything is in the machine's byte order but what the headers call big-endian.
enum NetfilterMessage {
    enum Family: UInt8 {
        case inet = 1
        case v4 = 2
        case v6 = 10
    }

    enum Kind: UInt16 {
        case newChain = 0x0a03
        case getChain = 0x0a04
        case newRule = 0x0a06
        case getRule = 0x0a07
        case newElement = 0x0a0c
        case getElement = 0x0a0d
    }

    /// NLMSG_ERROR and NLMSG_DONE (netlink(7)).
    static let error: UInt16 = 2
    static let done: UInt16 = 3
    private static let request: UInt16 = 0x1
    private static let acknowledge: UInt16 = 0x4
    private static let dump: UInt16 = 0x300
    /// NLM_F_DUMP_INTR: the list changed while it was read.
    static let interrupted: UInt16 = 0x10

    /// Asks for one chain.
    static func chain(_ family: Family, _ table: String, _ name: String, sequence: UInt32) -> [UInt8] {
        message(.getChain, family, request | acknowledge, sequence, text(1, table) + text(3, name))
    }

    /// Asks for all rules of a chain, or of a table.
    static func rules(_ family: Family, _ table: String, _ chain: String?, sequence: UInt32) -> [UInt8] {
        message(.getRule, family, request | dump, sequence, text(1, table) + (chain.map { text(2, $0) } ?? []))
    }

    /// Asks for one element of a set of box's table.
    static func element(_ table: String, _ set: String, key: [UInt8], sequence: UInt32) -> [UInt8] {
        // NFTA_SET_ELEM_LIST_ELEMENTS > NFTA_LIST_ELEM > NFTA_SET_ELEM_KEY > NFTA_DATA_VALUE
        let element = nested(3, nested(1, nested(1, attribute(1, key))))
        return message(
            .getElement, .inet, request | acknowledge, sequence, text(1, table) + text(2, set) + element)
    }

    private static func message(
        _ kind: Kind, _ family: Family, _ flags: UInt16, _ sequence: UInt32, _ attributes: [UInt8]
    ) -> [UInt8] {
        let length = UInt32(20 + attributes.count)
        return bytes(length) + bytes(kind.rawValue) + bytes(flags) + bytes(sequence) + bytes(UInt32(0))
            + [family.rawValue, 0, 0, 0] + attributes
    }

    private static func text(_ type: UInt16, _ text: String) -> [UInt8] {
        attribute(type, Array(text.utf8) + [0])
    }

    private static func nested(_ type: UInt16, _ content: [UInt8]) -> [UInt8] {
        attribute(type | 0x8000, content)
    }

    private static func attribute(_ type: UInt16, _ content: [UInt8]) -> [UInt8] {
        bytes(UInt16(4 + content.count)) + bytes(type) + content
            + [UInt8](repeating: 0, count: (4 - content.count % 4) % 4)
    }

    private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number) { Array($0) }
    }
}

/// One message of the kernel's answer.
struct NetfilterAnswer {
    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
    let payload: ArraySlice<UInt8>

    /// The messages in one datagram; what is cut off is left out.
    static func parse(_ bytes: ArraySlice<UInt8>) -> [NetfilterAnswer] {
        var answers: [NetfilterAnswer] = []
        var rest = bytes
        while rest.count >= 16 {
            let length = Int(Self.number(rest, 0) as UInt32)
            guard length >= 16, length <= rest.count else { break }
            answers.append(
                NetfilterAnswer(
                    type: number(rest, 4), flags: number(rest, 6), sequence: number(rest, 8),
                    payload: rest.dropFirst(16).prefix(length - 16)))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return answers
    }

    /// The errno of an error message; 0 is the acknowledgement.
    var errno: Int32? {
        guard type == NetfilterMessage.error, payload.count >= 4 else { return nil }
        return -(Self.number(payload, 0) as Int32)
    }

    /// The content of an attribute behind the four bytes of `struct nfgenmsg`.
    func attribute(_ wanted: UInt16) -> ArraySlice<UInt8>? {
        var rest = payload.dropFirst(4)
        while rest.count >= 4 {
            let length = Int(Self.number(rest, 0) as UInt16)
            guard length >= 4, length <= rest.count else { return nil }
            let type = Self.number(rest, 2) as UInt16
            if type & 0x3fff == wanted { return rest.dropFirst(4).prefix(length - 4) }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return nil
    }

    func text(_ wanted: UInt16) -> String? {
        attribute(wanted).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func bigEndian<Number: FixedWidthInteger>(_ wanted: UInt16) -> Number? {
        guard let bytes = attribute(wanted), bytes.count == Number.bitWidth / 8 else { return nil }
        return bytes.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    private static func number<Number: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> Number {
        bytes.dropFirst(offset).prefix(Number.bitWidth / 8).withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }
}
