/// Bytes in the layout of netlink(7): numbers in the machine's order, everything on multiples of four.
struct NetlinkBytes: Equatable {
    private(set) var bytes: [UInt8] = []

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ more: [UInt8]) {
        bytes += more
    }

    /// Adds an attribute; its length leaves the padding out (`struct nlattr`).
    mutating func attribute(_ type: UInt16, _ content: [UInt8]) {
        append(UInt16(4 + content.count))
        append(type)
        bytes += content
        pad()
    }

    mutating func attribute<Number: FixedWidthInteger>(_ type: UInt16, number: Number) {
        attribute(type, withUnsafeBytes(of: number) { Array($0) })
    }

    mutating func attribute(_ type: UInt16, text: String) {
        attribute(type, Array(text.utf8) + [0])
    }

    /// Adds an attribute of attributes.
    mutating func nested(_ type: UInt16, _ fill: (inout NetlinkBytes) -> Void) {
        var content = NetlinkBytes()
        fill(&content)
        attribute(type, content.bytes)
    }

    private mutating func pad() {
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }
}

/// The attributes in a part of a message; hostile or cut lengths end the list.
struct NetlinkAttributes {
    private var found: [UInt16: ArraySlice<UInt8>] = [:]

    init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.number(at: 0) as UInt16)
            guard length >= 4, length <= rest.count else { return }
            // The two high bits are flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER).
            found[(rest.number(at: 2) as UInt16) & 0x3fff] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
    }

    subscript(_ type: UInt16) -> ArraySlice<UInt8>? { found[type] }

    func text(_ type: UInt16) -> String? {
        found[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func number<Number: FixedWidthInteger>(_ type: UInt16) -> Number? {
        guard let bytes = found[type], bytes.count >= Number.bitWidth / 8 else { return nil }
        return bytes.number(at: 0)
    }

    func nested(_ type: UInt16) -> NetlinkAttributes? { found[type].map { NetlinkAttributes($0) } }
}

extension ArraySlice<UInt8> {
    /// A number in the machine's order; zero bits stand for what is not there.
    func number<Number: FixedWidthInteger>(at offset: Int) -> Number {
        var value: Number = 0
        let part = dropFirst(offset).prefix(Number.bitWidth / 8)
        Swift.withUnsafeMutableBytes(of: &value) { $0.copyBytes(from: part) }
        return value
    }
}
