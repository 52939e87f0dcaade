/// Durations in Go's notation, in nanoseconds.
package enum GoDuration {
    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]

    /// A duration from `1h30m`, `-1.5s`, `300ms` or `0`.
    package static func parse(_ text: String) throws(ValueError) -> Int64 {
        let invalid = ValueError("invalid duration \(goQuoted(text))")
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest.removeFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { throw invalid }
        var total: Int64 = 0
        while !rest.isEmpty {
            let whole = rest.prefix { $0.isASCII && $0.isNumber }
            rest.removeFirst(whole.count)
            var fraction = Substring()
            if rest.hasPrefix(".") {
                rest.removeFirst()
                fraction = rest.prefix { $0.isASCII && $0.isNumber }
                rest.removeFirst(fraction.count)
            }
            guard !whole.isEmpty || !fraction.isEmpty else { throw invalid }
            let name = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
            rest.removeFirst(name.count)
            guard !name.isEmpty else { throw ValueError("missing unit in duration \(goQuoted(text))") }
            guard let unit = units[String(name)] else {
                throw ValueError("unknown unit \(goQuoted(String(name))) in duration \(goQuoted(text))")
            }
            guard let count = Int64(whole.isEmpty ? "0" : whole) else { throw invalid }
            let part = Int64((Double("0." + (fraction.isEmpty ? "0" : fraction)) ?? 0) * unit)
            let (product, overflow) = count.multipliedReportingOverflow(by: Int64(unit))
            let (sum, carry) = total.addingReportingOverflow(product)
            let (next, secondCarry) = sum.addingReportingOverflow(part)
            guard !overflow, !carry, !secondCarry else { throw invalid }
            total = next
        }
        return isNegative ? -total : total
    }

    /// The duration as Go prints it: `1h30m0s`, `1.5s`, `300ms`, `0s`.
    package static func text(nanoseconds: Int64) -> String {
        let magnitude = nanoseconds.magnitude
        let sign = nanoseconds < 0 ? "-" : ""
        switch magnitude {
        case 0: return "0s"
        case ..<1000: return "\(sign)\(magnitude)ns"
        case ..<1_000_000: return sign + decimal(magnitude, per: 1000) + "µs"
        case ..<1_000_000_000: return sign + decimal(magnitude, per: 1_000_000) + "ms"
        default:
            let minutes = magnitude / 60_000_000_000
            let seconds = decimal(magnitude % 60_000_000_000, per: 1_000_000_000) + "s"
            if minutes == 0 { return sign + seconds }
            return sign + (minutes >= 60 ? "\(minutes / 60)h" : "") + "\(minutes % 60)m" + seconds
        }
    }

    private static func decimal(_ value: UInt64, per unit: UInt64) -> String {
        var fraction = String(unit + value % unit).dropFirst()
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return fraction.isEmpty ? String(value / unit) : "\(value / unit).\(fraction)"
    }
}
