/// Points in time as text; values are nanoseconds since 1970.
package enum TimeText {
    /// Offset from UTC in seconds and abbreviation of the local zone at a second since 1970.
    package typealias Zone = (_ seconds: Int64) -> (offset: Int, abbreviation: String)

    /// What Go prints for a time that was never set, as in `State.FinishedAt` of a running container.
    package static let never = "0001-01-01T00:00:00Z"

    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    // MARK: Writing

    /// RFC 3339 in UTC with nine digits, as in `logs --timestamps` and `events`; a zone gives that zone's time.
    package static func rfc3339(_ nanoseconds: Int64, zone: Zone? = nil) -> String {
        text(nanoseconds, zone: zone) { "." + padded($0, 9) }
    }

    /// RFC 3339 in UTC without trailing zeros, as `inspect` prints times.
    package static func rfc3339Trimmed(_ nanoseconds: Int64, zone: Zone? = nil) -> String {
        text(nanoseconds, zone: zone) { nanoseconds in
            guard nanoseconds > 0 else { return "" }
            var digits = padded(nanoseconds, 9)
            while digits.hasSuffix("0") { digits.removeLast() }
            return "." + digits
        }
    }

    /// The `CreatedAt` of listings: `2006-01-02 15:04:05 -0700 MST`.
    package static func createdAt(_ nanoseconds: Int64, zone: Zone) -> String {
        let seconds = nanoseconds.floorDivided(by: nanosecondsPerSecond)
        let local = zone(seconds)
        let civil = CivilTime(seconds: seconds + Int64(local.offset))
        return "\(civil.dateText) \(civil.timeText) \(offsetText(local.offset, separator: "")) \(local.abbreviation)"
    }

    private static func text(_ nanoseconds: Int64, zone: Zone?, fraction: (Int) -> String) -> String {
        let seconds = nanoseconds.floorDivided(by: nanosecondsPerSecond)
        let offset = zone?(seconds).offset ?? 0
        let civil = CivilTime(seconds: seconds + Int64(offset))
        let part = fraction(Int(nanoseconds - seconds * nanosecondsPerSecond))
        let suffix = offset == 0 ? "Z" : offsetText(offset, separator: ":")
        return "\(civil.dateText)T\(civil.timeText)\(part)\(suffix)"
    }

    private static func offsetText(_ offset: Int, separator: String) -> String {
        let minutes = Int(offset.magnitude) / 60
        return (offset < 0 ? "-" : "+") + padded(minutes / 60, 2) + separator + padded(minutes % 60, 2)
    }

    // MARK: Reading

    /// The time of `--since` and `--until`: RFC 3339, a date or date-time (local time if it names no zone), seconds
    /// since 1970, or a duration before now.
    package static func parse(_ text: String, now: Int64, zone: @escaping Zone) throws(ValueError) -> Int64 {
        if text != "0", let age = try? GoDuration.parse(text) {
            let (time, overflow) = now.subtractingReportingOverflow(age)
            if !overflow { return time }
        }
        if let time = unixTime(text) { return time }
        var reader = TimeReader(text)
        if let time = reader.read(zone: zone) { return time }
        throw ValueError("failed to parse value as time or duration: \(goQuoted(text))")
    }

    /// The time that an RFC 3339 text names.
    package static func parse(rfc3339 text: String) throws(ValueError) -> Int64 {
        var reader = TimeReader(text)
        guard let time = reader.read(zone: nil) else { throw ValueError("invalid time \(goQuoted(text))") }
        return time
    }

    /// `seconds[.nanoseconds]` since 1970.
    private static func unixTime(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !first.hasPrefix("+"), let seconds = Int64(first) else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard let value = nanoseconds(fraction: parts[1]) else { return nil }
            fraction = first.hasPrefix("-") ? -value : value
        }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: nanosecondsPerSecond)
        let (sum, carry) = whole.addingReportingOverflow(fraction)
        return overflow || carry ? nil : sum
    }

    /// The digits after a point as nanoseconds; what is finer is cut off.
    fileprivate static func nanoseconds(fraction: Substring) -> Int64? {
        guard !fraction.isEmpty, fraction.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        let digits = fraction.prefix(9)
        return Int64(digits + String(repeating: "0", count: 9 - digits.count))
    }
}

/// Reads `2006-01-02[T15[:04[:05[.999999999]]]][Z|±07:00]`.
private struct TimeReader {
    private var rest: Substring

    init(_ text: String) { rest = Substring(text) }

    /// Nothing if the text is no time; without a zone the text must name its own.
    mutating func read(zone: TimeText.Zone?) -> Int64? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2) else { return nil }
        var civil = CivilTime(year: year, month: month, day: day)
        var fraction: Int64 = 0
        if take("T") || take("t") || take(" ") {
            guard let hour = number(2) else { return nil }
            civil.hour = hour
            if take(":") {
                guard let minute = number(2) else { return nil }
                civil.minute = minute
                if take(":") {
                    guard let second = number(2) else { return nil }
                    civil.second = second
                    if take(".") {
                        let digits = rest.prefix { $0.isASCII && $0.isNumber }
                        rest.removeFirst(digits.count)
                        guard let value = TimeText.nanoseconds(fraction: digits) else { return nil }
                        fraction = value
                    }
                }
            }
        }
        guard civil.isValid, let offset = offset(of: civil, zone: zone), rest.isEmpty else { return nil }
        let (whole, overflow) = (civil.seconds - offset).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = whole.addingReportingOverflow(fraction)
        return overflow || carry ? nil : sum
    }

    private mutating func offset(of civil: CivilTime, zone: TimeText.Zone?) -> Int64? {
        if take("Z") || take("z") { return 0 }
        if rest.isEmpty {
            guard let zone else { return nil }
            // The offset at a local time is not known before the time is; the second look settles it.
            let guess = Int64(zone(civil.seconds).offset)
            return Int64(zone(civil.seconds - guess).offset)
        }
        let sign: Int64
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(2) else { return nil }
        _ = take(":")
        guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        return sign * Int64(hours * 3600 + minutes * 60)
    }

    private mutating func take(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func number(_ digits: Int) -> Int? {
        let text = rest.prefix(digits)
        guard text.count == digits, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        rest.removeFirst(digits)
        return Int(text)
    }
}
