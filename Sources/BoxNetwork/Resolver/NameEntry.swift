internal import BoxModel

/// How names and addresses are written into the folder of a ``NameTable``.
enum NameEntry {
    /// A name as a file name: lower case, and every byte that a file name could mean something by as `%xx`.
    ///
    /// Nil where there is no name or it is longer than a question can hold (RFC 1035, section 2.3.4).
    static func encode(_ name: String) -> String? {
        guard !name.isEmpty, name.utf8.count <= 253 else { return nil }
        var result = ""
        result.reserveCapacity(name.utf8.count)
        for (index, byte) in name.utf8.enumerated() {
            let lower = (65...90).contains(byte) ? byte | 0x20 : byte
            if isPlain(lower), !(lower == UInt8(ascii: ".") && index == 0) {
                result.unicodeScalars.append(Unicode.Scalar(lower))
            } else {
                result += lower < 16 ? "%0" : "%"
                result += String(lower, radix: 16)
            }
        }
        // One byte of the 255 that a file name may have is for the kind of the entry.
        return result.utf8.count <= 254 ? result : nil
    }

    /// The file name of a name that a question can spell.
    static func key(_ name: String) -> String? {
        DNSName.encode(name) == nil ? nil : encode(name)
    }

    static func decode(_ file: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = file.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    static func value(_ v4: IPAddress?, _ v6: IPAddress?) -> String {
        "\(v4?.description ?? "-") \(v6?.description ?? "-")"
    }

    static func addresses(_ value: String) -> (v4: IPAddress?, v6: IPAddress?) {
        let words = value.split(separator: " ", maxSplits: 1)
        guard words.count == 2 else { return (nil, nil) }
        return (IPAddress(String(words[0])), IPAddress(String(words[1])))
    }

    /// Only ASCII letters have case in a name (RFC 4343).
    static func lowercased(_ name: String) -> String {
        guard name.utf8.contains(where: { (65...90).contains($0) }) else { return name }
        return String(decoding: name.utf8.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
