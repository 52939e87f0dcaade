internal import BoxModel

/// Domain names between their written form and that of a message (RFC 1035, sections 2.3.4 and 3.1).
enum DNSName {
    /// The labels of a message, or nil where a label is empty or too long, or the whole is.
    static func encode(_ text: String) -> [UInt8]? {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for label in labels {
            guard !label.isEmpty, label.count <= 63 else { return nil }
            bytes.append(UInt8(label.count))
            bytes += label
        }
        bytes.append(0)
        return bytes.count <= 255 ? bytes : nil
    }

    /// The written form in lower case without the dot at the end, from the labels at the start of `bytes`.
    ///
    /// Nil where no written name could mean it: the root, a dot inside a label, bytes that are not UTF-8.
    static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex, bytes[index] != 0 {
            let end = index + 1 + Int(bytes[index])
            guard end <= bytes.endIndex else { return nil }
            if !result.isEmpty { result.append(UInt8(ascii: ".")) }
            for byte in bytes[(index + 1)..<end] {
                guard byte != UInt8(ascii: ".") else { return nil }
                result.append((65...90).contains(byte) ? byte | 0x20 : byte)
            }
            index = end
        }
        return result.isEmpty ? nil : String(validating: result, as: UTF8.self)
    }

    /// The address that a reverse name stands for (RFC 1035, section 3.5; RFC 3596, section 2.5).
    static func reversed(_ name: String) -> IPAddress? {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        if labels.count == 6, labels[4] == "in-addr", labels[5] == "arpa" {
            return IPAddress(labels[..<4].reversed().joined(separator: "."))
        }
        guard labels.count == 34, labels[32] == "ip6", labels[33] == "arpa" else { return nil }
        var bits: UInt128 = 0
        for label in labels[..<32].reversed() {
            guard label.utf8.count == 1, let digit = label.first?.hexDigitValue else { return nil }
            bits = bits << 4 | UInt128(digit)
        }
        return IPAddress(.v6, bits: bits)
    }
}
