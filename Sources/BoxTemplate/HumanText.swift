/// Sizes and times in the words that docker uses.
package enum HumanText {
    private static let second: Int64 = 1_000_000_000

    /// An age without "ago": `Less than a second`, `About an hour`, `3 weeks`.
    package static func duration(nanoseconds: Int64) -> String {
        let seconds = nanoseconds / second
        let minutes = seconds / 60
        // Hours are rounded, all else is cut off.
        let hours = (nanoseconds + 1800 * second) / (3600 * second)
        switch true {
        case seconds < 1: return "Less than a second"
        case seconds == 1: return "1 second"
        case seconds < 60: return "\(seconds) seconds"
        case minutes == 1: return "About a minute"
        case minutes < 60: return "\(minutes) minutes"
        case hours == 1: return "About an hour"
        case hours < 48: return "\(hours) hours"
        case hours < 24 * 7 * 2: return "\(hours / 24) days"
        case hours < 24 * 30 * 2: return "\(hours / 24 / 7) weeks"
        case hours < 24 * 365 * 2: return "\(hours / 24 / 30) months"
        default: return "\(seconds / 3600 / 24 / 365) years"
        }
    }

    /// A decimal size, `13.3MB`; listings use three significant digits, `system df` and totals four.
    package static func size(_ bytes: Int64, digits: Int = 3) -> String {
        scaled(Double(bytes), base: 1000, units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"], digits: digits)
    }

    /// A binary size with four significant digits, `84.7MiB`, as `stats` prints memory.
    package static func binarySize(_ bytes: Int64) -> String {
        scaled(Double(bytes), base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits: 4)
    }

    private static func scaled(_ value: Double, base: Double, units: [String], digits: Int) -> String {
        var value = value
        var unit = 0
        while value.magnitude >= base, unit < units.count - 1 {
            value /= base
            unit += 1
        }
        var text = DecimalText.general(value, precision: digits)
        // 999999 bytes round to a thousand kB; say 1MB, not 1e+03kB.
        if text.contains("e"), unit < units.count - 1, base == 1000 {
            text = DecimalText.general(value / base, precision: digits)
            unit += 1
        }
        return text + units[unit]
    }
}
