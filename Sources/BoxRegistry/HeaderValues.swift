/// `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4).
struct ContentRange: Equatable {
    let first: Int64
    let last: Int64
    /// nil where the server does not know.
    let total: Int64?

    init?(_ text: String) {
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int64(ends[0]), let last = Int64(ends[1]), first >= 0, last >= first else {
            return nil
        }
        total = Int64(parts[1])
        guard total.map({ $0 > last }) ?? (parts[1] == "*") else { return nil }
        self.first = first
        self.last = last
    }
}

/// `Link: </v2/a/tags/list?last=b>; rel="next"` (RFC 8288).
enum LinkHeader {
    static func next(_ lines: [String]) -> String? {
        for line in lines {
            var rest = line.prefix(16 * 1024)
            while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
                let target = String(rest[rest.index(after: open)..<close])
                rest = rest[rest.index(after: close)...]
                // Parameters end where the next link starts.
                let parameters = rest.prefix { $0 != "<" }.lowercased()
                for parameter in parameters.split(whereSeparator: { $0 == ";" || $0 == "," }) {
                    let bare = parameter.filter { $0 != " " && $0 != "\"" }
                    if bare == "rel=next" { return target }
                }
            }
        }
        return nil
    }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// - Parameter now: seconds since 1970.
    static func delay(_ text: String?, now: Int64) -> Duration? {
        guard let text else { return nil }
        let bare = text.split(separator: " ").joined(separator: " ")
        if let seconds = Int64(bare) { return seconds >= 0 ? .seconds(min(seconds, 86_400 * 365)) : nil }
        return HTTPDate.seconds(bare).map { .seconds(max(0, $0 - now)) }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    /// Seconds since 1970, or nil where the text is no date.
    static func seconds(_ text: String) -> Int64? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split { $0 == " " || $0 == "," || $0 == "-" }
        guard parts.count == 6, parts[5] == "GMT", let day = Int64(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), var year = Int64(parts[3]), (0...9999).contains(year)
        else { return nil }
        // The two digits of RFC 850.
        if year < 100 { year += year < 70 ? 2000 : 1900 }
        let time = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        return days(year: year, month: Int64(month) + 1, day: day) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
    }

    /// Days since 1970 in the Gregorian calendar, counted in years that start in March.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
