internal import BoxModel

/// Floating-point numbers in decimal, rounded correctly, as Go's strconv writes them.
enum DecimalText {
    /// Go's %v: the fewest digits that identify the number, with an exponent outside of 1e-4 … 1e6.
    static func shortest(_ value: Double) -> String {
        if let word = word(value) { return word }
        let decimal = ShortestDecimal(value)
        let isPlain = decimal.pointPosition > -4 && decimal.pointPosition <= 6
        if decimal.digits.isEmpty { return decimal.isNegative ? "-0" : "0" }
        return isPlain ? decimal.plainText : decimal.exponentText(minimumExponentDigits: 2)
    }

    /// Go's `%.nf`, rounded half to even.
    static func fixed(_ value: Double, precision: Int) -> String {
        if let word = word(value) { return word }
        var decimal = ExactDecimal(value)
        decimal.round(to: decimal.point + precision)
        return sign(value) + decimal.plain(fraction: precision)
    }

    /// Go's `%.ne`.
    static func exponent(_ value: Double, precision: Int) -> String {
        if let word = word(value) { return word }
        var decimal = ExactDecimal(value)
        decimal.round(to: precision + 1)
        return sign(value) + decimal.scientific(fraction: precision)
    }

    /// `%.ng`: that many significant digits, trailing zeros left out.
    static func general(_ value: Double, precision: Int) -> String {
        if let word = word(value) { return word }
        let precision = max(1, precision)
        var decimal = ExactDecimal(value)
        decimal.round(to: precision)
        let exponent = decimal.point - 1
        if !decimal.digits.isEmpty, exponent < -4 || exponent >= precision {
            return sign(value) + decimal.scientific(fraction: max(0, decimal.digits.count - 1))
        }
        return sign(value) + decimal.plain(fraction: max(0, decimal.digits.count - decimal.point))
    }

    private static func sign(_ value: Double) -> String { value.sign == .minus ? "-" : "" }

    private static func word(_ value: Double) -> String? {
        if value.isNaN { return "NaN" }
        return value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : nil
    }
}

/// All decimal digits of the magnitude of a floating-point number: 0.DIGITS times ten to the power `point`.
private struct ExactDecimal {
    /// Without leading and trailing zeros.
    private(set) var digits: [UInt8]
    private(set) var point: Int

    init(_ value: Double) {
        guard value != 0 else {
            digits = []
            point = 0
            return
        }
        let fractionBits = Int(value.significandBitPattern)
        let isSubnormal = value.exponentBitPattern == 0
        let mantissa = UInt64(fractionBits) | (isSubnormal ? 0 : 1 << 52)
        let power = (isSubnormal ? 1 : Int(value.exponentBitPattern)) - 1075
        // Limbs of nine decimal digits, the lowest first.
        var limbs = [mantissa % 1_000_000_000, mantissa / 1_000_000_000]
        // m × 2^-k is m × 5^k with the point moved k places.
        let factor: UInt64 = power < 0 ? 5 : 2
        for _ in 0..<abs(power) {
            var carry: UInt64 = 0
            for place in limbs.indices {
                let product = limbs[place] * factor + carry
                limbs[place] = product % 1_000_000_000
                carry = product / 1_000_000_000
            }
            if carry > 0 { limbs.append(carry) }
        }
        var all: [UInt8] = []
        for limb in limbs.reversed() {
            var divisor: UInt64 = 100_000_000
            while divisor > 0 {
                all.append(UInt8(limb / divisor % 10))
                divisor /= 10
            }
        }
        let leading = all.prefix { $0 == 0 }.count
        digits = Array(all.dropFirst(leading))
        point = digits.count + min(0, power)
        dropTrailingZeros()
    }

    /// Keeps the first `count` digits; a half goes to the even neighbour.
    mutating func round(to count: Int) {
        guard count < digits.count else { return }
        guard count >= 0 else {
            digits = []
            return
        }
        let next = digits[count]
        let isHalf = next == 5 && count + 1 == digits.count
        let isUp = isHalf ? count > 0 && digits[count - 1] % 2 == 1 : next >= 5
        digits.removeLast(digits.count - count)
        if isUp {
            while digits.last == 9 { digits.removeLast() }
            if let last = digits.popLast() {
                digits.append(last + 1)
            } else {
                digits = [1]
                point += 1
            }
        }
        dropTrailingZeros()
    }

    private mutating func dropTrailingZeros() {
        while digits.last == 0 { digits.removeLast() }
    }

    private func digit(_ place: Int) -> String {
        digits.indices.contains(place) ? String(digits[place]) : "0"
    }

    func plain(fraction: Int) -> String {
        var text = point <= 0 || digits.isEmpty ? "0" : (0..<point).map { digit($0) }.joined()
        if fraction > 0 {
            text += "." + (0..<fraction).map { digits.isEmpty ? "0" : digit(point + $0) }.joined()
        }
        return text
    }

    func scientific(fraction: Int) -> String {
        var text = digit(0)
        if fraction > 0 { text += "." + (1...fraction).map { digit($0) }.joined() }
        let exponent = digits.isEmpty ? 0 : point - 1
        let magnitude = String(exponent.magnitude)
        return text + (exponent < 0 ? "e-" : "e+") + (magnitude.utf8.count < 2 ? "0" : "") + magnitude
    }
}
