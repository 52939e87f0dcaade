/// Sizes as they are written on the command line.
package enum ByteSize {
    /// A size in bytes from `512m`, `1.5g`, `2GiB`, `100 b` or `4096`; units are powers of 1024.
    package static func parse(_ text: String) throws(ValueError) -> Int64 {
        let isNumeral = { (byte: UInt8) in byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: ".") }
        let bytes = Array(text.utf8)
        guard let last = bytes.lastIndex(where: { isNumeral($0) || $0 == UInt8(ascii: " ") }) else {
            throw ValueError("invalid size: '\(text)'")
        }
        let numeral = bytes[last] == UInt8(ascii: " ") ? bytes[..<last] : bytes[...last]
        let unit = String(decoding: bytes[(last + 1)...], as: UTF8.self)
        guard !numeral.isEmpty, numeral.allSatisfy(isNumeral),
            let number = Double(String(decoding: numeral, as: UTF8.self).trimmingFinalPoint)
        else { throw ValueError("invalid size: '\(text)'") }
        guard let factor = factor(of: unit.lowercased()) else { throw ValueError("invalid suffix: '\(unit)'") }
        guard let size = Int64(exactly: (number * factor).rounded(.towardZero)) else {
            throw ValueError("size is too large: '\(text)'")
        }
        return size
    }

    private static func factor(of unit: String) -> Double? {
        var unit = Substring(unit)
        if unit.isEmpty || unit == "b" { return 1 }
        guard let letter = unit.popFirst(), ["", "b", "ib"].contains(unit) else { return nil }
        let powers: [Character: Int] = ["k": 1, "m": 2, "g": 3, "t": 4, "p": 5]
        return powers[letter].map { Double(sign: .plus, exponent: $0 * 10, significand: 1) }
    }
}

extension String {
    /// Go reads `1.` as a number, Swift does not.
    fileprivate var trimmingFinalPoint: String { hasSuffix(".") && utf8.count > 1 ? String(dropLast()) : self }
}
