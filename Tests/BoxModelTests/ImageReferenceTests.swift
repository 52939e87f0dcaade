import BoxModel
import Testing

@Suite struct ImageReferenceTests {
    @Test(arguments: [
        ("debian", "docker.io/library/debian:latest", "debian:latest"),
        ("user/app:1.0", "docker.io/user/app:1.0", "user/app:1.0"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("host:5000/a/b:t", "host:5000/a/b:t", "host:5000/a/b:t"),
        ("[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"),
        ("index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("a__b/c-d.e_f", "docker.io/a__b/c-d.e_f:latest", "a__b/c-d.e_f:latest"),
    ])
    func normalises(text: String, full: String, familiar: String) throws {
        let reference = try ImageReference(text)
        #expect("\(reference)" == full)
        #expect(reference.familiar == familiar)
    }

    @Test func aDigestNeedsNoTag() throws {
        let hex = String(repeating: "ab", count: 32)
        let reference = try ImageReference("host.example/app@sha256:\(hex)")
        #expect(reference.tag == nil)
        #expect(reference.digest?.hex == hex)
        #expect(try ImageReference("app:1@sha256:\(hex)").tag == "1")
    }

    @Test(arguments: [
        "", "UPPER", "a b", "a:", "a:-x", "-a", "a/", "/a", "a//b", "a@sha256:12",
        "a@md5:\(String(repeating: "0", count: 32))",
        "a___b", "a._b", "host:port/x", "a:\(String(repeating: "t", count: 129))", "../a", "a\n", "a:b:c",
    ])
    func refuses(text: String) {
        #expect { try ImageReference(text) } throws: { ($0 as? BoxFailure)?.kind == .invalid }
    }
}

@Suite struct ModelTests {
    @Test(arguments: [
        ("linux/amd64", "linux/x86_64", 0), ("linux/arm/v7", "linux/arm/v6", 1), ("linux/arm64", "linux/arm64/v8", 0),
    ])
    func platformsThatServe(wish: String, offer: String, distance: Int) throws {
        #expect(try #require(Platform(wish)).distance(to: #require(Platform(offer))) == distance)
    }

    @Test(arguments: [
        ("linux/amd64", "linux/arm64"), ("linux/arm/v6", "linux/arm/v7"), ("linux/amd64", "windows/amd64"),
    ])
    func platformsThatDoNot(wish: String, offer: String) throws {
        #expect(try #require(Platform(wish)).distance(to: #require(Platform(offer))) == nil)
    }

    @Test(arguments: ["2026-01-02T03:04:05Z", "1969-12-31T23:59:59.5Z", "2000-02-29T12:00:00.123456789Z"])
    func timesSurviveTheWayThrough(text: String) throws {
        #expect(try #require(Timestamp(rfc3339: text)).rfc3339 == text)
    }

    @Test func offsetsAreTakenOff() {
        #expect(Timestamp(rfc3339: "2026-01-02T03:04:05+01:00") == Timestamp(rfc3339: "2026-01-02T02:04:05Z"))
        #expect(Timestamp(rfc3339: "2026-13-02T03:04:05Z") == nil)
        #expect(Timestamp(rfc3339: "yesterday") == nil)
    }

    @Test func failuresAreOneLineWhateverTheySay() {
        let failure = BoxFailure(
            .denied, "pull", "a\u{1B}[31m\nb", reason: "no\r\nreason", hint: "try\tagain")
        #expect("\(failure)" == "cannot pull a [31m b: no  reason; try again")
    }

    @Test(arguments: ["a", "-ab", "a b", "ä1", ""])
    func badContainerNames(text: String) {
        #expect(throws: BoxFailure.self) { try ContainerName(text) }
    }

    @Test func digestsAreLowerCaseHexOfTheRightLength() {
        #expect(Digest("sha256:" + String(repeating: "0f", count: 32)) != nil)
        #expect(Digest("sha256:" + String(repeating: "0F", count: 32)) == nil)
        #expect(Digest("sha256:0f") == nil)
        #expect(Digest("sha1:" + String(repeating: "0f", count: 20)) == nil)
    }
}

@Suite struct CodecTests {
    private struct Sample: Codable, Equatable {
        enum Mode: Codable, Equatable {
            case plain
            case with(Int64, name: String)
        }

        var text = "ä\"\\/"
        var number: Int64 = .min
        var large: UInt64 = .max
        var list: [Mode] = [.plain, .with(-1, name: "x")]
        var map = ["b": 1.5, "a": -0.25]
        var missing: String?
        var nested: [[UInt8?]] = [[1, nil], []]
    }

    @Test func valuesSurviveTheWayThrough() throws {
        let sample = Sample()
        let bytes = try JSON.encode(sample, "write")
        #expect(try JSON.decode(Sample.self, from: bytes, "read", "sample") == sample)
        #expect(try JSON.encode(sample, "write") == bytes)
    }

    @Test(arguments: [
        ("{}", "text is missing"), (#"{"text":1}"#, "text is of another kind (expected a string)"),
        ("{", "it is not JSON"),
    ])
    func saysWhatIsWrongWithoutTypes(text: String, reason: String) {
        #expect { try JSON.decode(Sample.self, from: Array(text.utf8), "read", "sample") } throws: {
            let failure = $0 as? BoxFailure
            return failure?.kind == .corrupt && failure?.reason.hasPrefix(reason) == true
        }
    }

    @Test func numbersMustFit() {
        #expect(throws: BoxFailure.self) { try JSON.decode([UInt8].self, from: Array("[256]".utf8), "read", "list") }
        #expect(throws: BoxFailure.self) { try JSON.decode([Int].self, from: Array("[1.5]".utf8), "read", "list") }
    }
}
