import Testing

@testable import BoxTemplate

@Suite struct HumanTextTests {
    @Test(
        arguments: [
            (-5, "Less than a second"), (0.9, "Less than a second"), (1, "1 second"), (1.9, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"), (119, "About a minute"), (120, "2 minutes"), (59 * 60 + 59, "59 minutes"),
            (3600, "About an hour"),
            (1.49 * 3600, "About an hour"), (1.5 * 3600, "2 hours"), (47.4 * 3600, "47 hours"), (47.5 * 3600, "2 days"),
            (13.9 * 86400, "13 days"), (14 * 86400, "2 weeks"), (59.9 * 86400, "8 weeks"), (60 * 86400, "2 months"),
            (729 * 86400, "24 months"), (730 * 86400, "2 years"), (3650 * 86400, "10 years"),
        ] as [(Double, String)])
    func durations(seconds: Double, expected: String) {
        #expect(HumanText.duration(nanoseconds: Int64(seconds * 1e9)) == expected)
    }

    @Test(
        arguments: [
            (0, "0B"), (999, "999B"), (1000, "1kB"), (13_256_000, "13.3MB"), (187_600_000, "188MB"), (999_999, "1MB"),
            (1_234_567_890, "1.23GB"), (Int64.max, "9.22EB"),
        ] as [(Int64, String)])
    func sizes(bytes: Int64, expected: String) {
        #expect(HumanText.size(bytes) == expected)
    }

    @Test func otherSizes() {
        #expect(HumanText.size(1_234_567_890, digits: 4) == "1.235GB")
        #expect(HumanText.binarySize(88_814_387) == "84.7MiB")
        #expect(HumanText.binarySize(16_750_372_454) == "15.6GiB")
        #expect(HumanText.binarySize(1023) == "1023B")
        #expect(HumanText.binarySize(1024) == "1KiB")
    }

    @Test(
        arguments: [
            ("512m", 512 << 20), ("1.5g", 3 << 29), ("2GiB", 2 << 30), ("32", 32), ("32b", 32), ("32B", 32),
            ("32k", 32 << 10),
            ("32KB", 32 << 10), ("32 mb", 32 << 20), ("1t", 1 << 40), ("1Pb", 1 << 50), ("32.", 32), (".5k", 512),
            ("0", 0), ("32.3", 32),
        ] as [(String, Int64)])
    func readsSizes(text: String, expected: Int64) throws {
        #expect(try ByteSize.parse(text) == expected)
    }

    @Test(arguments: [
        ("", "invalid size: ''"), ("hello", "invalid size: 'hello'"), ("-32", "invalid size: '-32'"),
        ("1.2.3k", "invalid size: '1.2.3k'"),
        (" 32", "invalid size: ' 32'"), ("32  m", "invalid size: '32  m'"), ("32bb", "invalid suffix: 'bb'"),
        ("32x", "invalid suffix: 'x'"), ("32mm", "invalid suffix: 'mm'"),
        ("32mibb", "invalid suffix: 'mibb'"), ("99999p", "size is too large: '99999p'"), (".", "invalid size: '.'"),
        ("1e3", "invalid size: '1e3'"),
    ])
    func refusesSizes(text: String, reason: String) {
        let error = #expect(throws: ValueError.self) { try ByteSize.parse(text) }
        #expect(error?.description == reason)
    }

    @Test(
        arguments: [
            ("0", 0, "0s"), ("1h30m", 5_400_000_000_000, "1h30m0s"), ("10s", 10_000_000_000, "10s"),
            ("300ms", 300_000_000, "300ms"), ("-1.5h", -5_400_000_000_000, "-1h30m0s"),
            ("1.5s", 1_500_000_000, "1.5s"), (".5m", 30_000_000_000, "30s"), ("1us", 1000, "1µs"),
            ("1µs5ns", 1005, "1.005µs"), ("7ns", 7, "7ns"), ("2m", 120_000_000_000, "2m0s"),
            ("+5s", 5_000_000_000, "5s"),
        ] as [(String, Int64, String)])
    func goDurations(text: String, nanoseconds: Int64, printed: String) throws {
        #expect(try GoDuration.parse(text) == nanoseconds)
        #expect(GoDuration.text(nanoseconds: nanoseconds) == printed)
    }

    @Test(arguments: ["", "-", "3", "s", ".s", "1x", "1h 2m", "1.2.3s", "9999999999h", "1d"])
    func refusesDurations(text: String) {
        #expect(throws: ValueError.self) { try GoDuration.parse(text) }
    }

    @Test(
        arguments: [
            ("exce", "exec"), ("rnu", "run"), ("PS", "ps"), ("imagse", "images"), ("insp", "inspect"), ("zzzz", nil),
            ("", nil), ("x", nil), ("contianer", "container"),
        ] as [(String, String?)])
    func nearestNames(name: String, expected: String?) {
        #expect(nearest(to: name, in: ["run", "exec", "ps", "images", "inspect", "container"]) == expected)
    }
}
