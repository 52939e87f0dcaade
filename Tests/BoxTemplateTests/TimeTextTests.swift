import Foundation
import Testing

@testable import BoxTemplate

@Suite struct TimeTextTests {
    static let now: Int64 = 1_700_000_000_000_000_000
    /// Two hours ahead until the first second of 2024, one hour after.
    static let zone: @Sendable (Int64) -> (offset: Int, abbreviation: String) = {
        $0 < 1_704_067_200 ? (7200, "CEST") : (3600, "CET")
    }

    @Test(
        arguments: [
            ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
            ("2023-11-14T22:13:20.123456789Z", 1_700_000_000_123_456_789),
            ("2023-11-15T00:13:20+02:00", 1_700_000_000_000_000_000),
            ("2023-11-14T17:13:20.5-05:00", 1_700_000_000_500_000_000),
            ("2023-11-15T00:13:20", 1_700_000_000_000_000_000), ("2023-11-15T00:13", 1_699_999_980_000_000_000),
            ("2023-11-15T00", 1_699_999_200_000_000_000),
            ("2023-11-15", 1_699_999_200_000_000_000), ("2023-11-14Z", 1_699_920_000_000_000_000),
            ("2024-06-01", 1_717_196_400_000_000_000),
            ("1700000000", 1_700_000_000_000_000_000), ("1700000000.5", 1_700_000_000_500_000_000),
            ("1136073600.000000001", 1_136_073_600_000_000_001),
            ("10m", 1_699_999_400_000_000_000), ("1h30m", 1_699_994_600_000_000_000), ("0", 0),
            ("1969-12-31T23:59:59.5Z", -500_000_000),
        ] as [(String, Int64)])
    func reads(text: String, expected: Int64) throws {
        #expect(try TimeText.parse(text, now: Self.now, zone: Self.zone) == expected)
    }

    @Test(arguments: [
        "", "yesterday", "2023-13-01x", "2023-02-29", "2023-11-14T25:00:00Z", "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:20+2", "2023-11-14 x", "1700000000.x",
        "0001-01-01T00:00:00Z", "+5", "99999999999999",
    ])
    func refuses(text: String) {
        #expect(throws: ValueError.self) { try TimeText.parse(text, now: Self.now, zone: Self.zone) }
    }

    @Test func rfc3339NeedsAZone() {
        #expect(throws: ValueError.self) { try TimeText.parse(rfc3339: "2023-11-14T22:13:20") }
    }

    @Test func writes() throws {
        let time: Int64 = 1_700_000_000_120_000_000
        #expect(TimeText.rfc3339(time) == "2023-11-14T22:13:20.120000000Z")
        #expect(TimeText.rfc3339(time, zone: Self.zone) == "2023-11-15T00:13:20.120000000+02:00")
        #expect(TimeText.rfc3339Trimmed(time) == "2023-11-14T22:13:20.12Z")
        #expect(TimeText.rfc3339Trimmed(Self.now) == "2023-11-14T22:13:20Z")
        #expect(TimeText.createdAt(time, zone: Self.zone) == "2023-11-15 00:13:20 +0200 CEST")
        #expect(TimeText.createdAt(time) { _ in (-12_600, "NST") } == "2023-11-14 18:43:20 -0330 NST")
        #expect(TimeText.rfc3339(-1) == "1969-12-31T23:59:59.999999999Z")
        #expect(try TimeText.parse(rfc3339: TimeText.rfc3339(time)) == time)
    }

    /// Against Foundation's calendar, over eight centuries and all leap rules.
    @Test func civilDatesAgreeWithFoundation() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for seconds in stride(from: Int64(-12_000_000_000), through: 12_000_000_000, by: 23_456_789) {
            let date = Date(timeIntervalSince1970: Double(seconds))
            let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
            let civil = CivilTime(seconds: seconds)
            #expect(civil.year == parts.year && civil.month == parts.month && civil.day == parts.day)
            #expect(civil.hour == parts.hour && civil.minute == parts.minute && civil.second == parts.second)
            #expect(civil.seconds == seconds)
            #expect(civil.isValid)
        }
    }
}
