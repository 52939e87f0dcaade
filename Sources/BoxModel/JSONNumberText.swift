/// The fewest decimal digits that identify a floating-point number.
package struct ShortestDecimal: Sendable, Equatable {
    package let isNegative: Bool
    /// Digits without leading and trailing zeros; empty for zero.
    package let digits: [UInt8]
    /// The value is 0.DIGITS times ten to this power.
    package let pointPosition: Int

    /// The digits of a finite number; others count as zero.
    package init(_ value: Double) {
        isNegative = value.sign == .minus && !value.isNaN
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        let text = value.isFinite ? Array(value.magnitude.description.utf8) : []
        for (place, byte) in text.enumerated() {
            if byte == UInt8(ascii: ".") {
                point = digits.count
            } else if byte == UInt8(ascii: "e") {
                exponent = Int(String(decoding: text[(place + 1)...], as: UTF8.self)) ?? 0
                break
            } else {
                digits.append(byte - UInt8(ascii: "0"))
            }
        }
        let leading = digits.prefix { $0 == 0 }.count
        let position = (point ?? digits.count) + exponent - leading
        digits.removeFirst(leading)
        while digits.last == 0 { digits.removeLast() }
        self.digits = digits
        pointPosition = digits.isEmpty ? 0 : position
    }

    /// The number as Go's encoder writes it: plain between 1e-6 and 1e21, with an exponent outside.
    package var jsonText: String {
        guard !digits.isEmpty else { return isNegative ? "-0" : "0" }
        let isPlain = pointPosition > -6 && pointPosition <= 21
        return isPlain ? plainText : exponentText(minimumExponentDigits: 1)
    }

    /// The number without exponent.
    package var plainText: String {
        var text = isNegative ? "-" : ""
        if pointPosition <= 0 {
            text += digits.isEmpty ? "0" : "0." + String(repeating: "0", count: -pointPosition)
            for digit in digits { text += String(digit) }
            return text
        }
        for place in 0..<max(pointPosition, digits.count) {
            if place == pointPosition { text += "." }
            text += place < digits.count ? String(digits[place]) : "0"
        }
        return text
    }

    /// The number as `d.ddde±x`.
    package func exponentText(minimumExponentDigits: Int) -> String {
        var text = isNegative ? "-" : ""
        for (place, digit) in (digits.isEmpty ? [0] : digits).enumerated() {
            if place == 1 { text += "." }
            text += String(digit)
        }
        let exponent = digits.isEmpty ? 0 : pointPosition - 1
        let magnitude = String(exponent.magnitude)
        text += exponent < 0 ? "e-" : "e+"
        return text + String(repeating: "0", count: max(0, minimumExponentDigits - magnitude.utf8.count)) + magnitude
    }
}
