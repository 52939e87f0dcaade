import BoxModel
import Synchronization
import Testing

@testable import BoxRegistry

@Suite struct BlobTests {
    private static let content = Sample.blob(700_000)
    private static var descriptor: Descriptor { Sample.descriptor(content) }

    /// Downloads the sample from an offset against a script.
    private func download(
        from offset: Int = 0, configuration: RegistryConfiguration = quick(),
        _ script: @escaping ScriptedServer.Script
    ) async throws -> (bytes: [UInt8], failure: BoxFailure?, requests: [ScriptedServer.Request]) {
        try await ScriptedServer.with(script) { server in
            let reference = try ImageReference("\(server.host)/a/b:c")
            let sink = Sink()
            let failure = await failure {
                try await withClient(configuration) { client async throws in
                    try await client.blob(Self.descriptor, of: reference, from: Int64(offset)) { sink.take($0) }
                }
            }
            return (sink.bytes, failure, server.requests)
        }
    }

    private static func start(_ request: ScriptedServer.Request) -> Int {
        request.headers["range"].flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
    }

    /// What an orderly server sends.
    private static func orderly(_ request: ScriptedServer.Request) -> [ScriptedServer.Step] {
        let start = start(request)
        guard start > 0 else { return answer(200, [:], content) }
        return answer(
            206, ["Content-Range": "bytes \(start)-\(content.count - 1)/\(content.count)"], Array(content[start...]))
    }

    @Test(arguments: [0, 1, 65_536, 699_999])
    func whole(offset: Int) async throws {
        let (bytes, failure, requests) = try await download(from: offset) { request, _ in Self.orderly(request) }
        #expect(failure == nil)
        #expect(bytes == Array(Self.content[offset...]))
        #expect(requests.map { $0.headers["range"] } == [offset == 0 ? nil : "bytes=\(offset)-"])
        #expect(requests[0].target == "/v2/a/b/blobs/\(Self.descriptor.digest)")
    }

    @Test func nothingLeft() async throws {
        let (bytes, failure, requests) = try await download(from: 700_000) { _, _ in [.close] }
        #expect(bytes.isEmpty && failure == nil && requests.isEmpty)
        let beyond = try await download(from: 700_001) { _, _ in [.close] }
        #expect(beyond.failure?.kind == .corrupt)
    }

    /// Sends `count` bytes of what is asked for, then breaks off.
    private static func cut(_ request: ScriptedServer.Request, after count: Int, _ end: ScriptedServer.Step)
        -> [ScriptedServer.Step]
    {
        let start = start(request)
        let range = start == 0 ? [:] : ["Content-Range": "bytes \(start)-\(content.count - 1)/\(content.count)"]
        let piece = Array(content[start..<min(start + count, content.count)])
        return answer(start == 0 ? 200 : 206, range, piece, length: content.count - start) + [
            .wait(milliseconds: 300), end,
        ]
    }

    @Test func cutHalfWay() async throws {
        let (bytes, failure, requests) = try await download { request, number in
            number <= 2 ? Self.cut(request, after: 200_000, .close) : Self.orderly(request)
        }
        #expect(failure == nil && bytes == Self.content)
        // What was on its way when the connection broke is lost, but nothing is asked for twice or left out.
        let starts = requests.map { Self.start($0) }
        #expect(starts.count == 3 && starts[0] == 0 && starts[1] > 0 && starts[1] < starts[2] && starts[2] <= 400_000)
    }

    @Test func stalls() async throws {
        let impatient = quick { $0.stallTimeout = .seconds(1) }
        let (bytes, failure, requests) = try await download(configuration: impatient) { request, number in
            number == 1 ? Self.cut(request, after: 300_000, .hang) : Self.orderly(request)
        }
        #expect(failure == nil && bytes == Self.content)
        #expect(requests.prefix(2).map { Self.start($0) } == [0, 300_000])
    }

    @Test func progressRenewsPatience() async throws {
        let configuration = quick { $0.maxAttempts = 2 }
        let good = try await download(configuration: configuration) { request, number in
            number < 3 ? Self.cut(request, after: 340_000, .close) : Self.orderly(request)
        }
        #expect(good.failure == nil && good.bytes == Self.content && good.requests.count >= 3)
        let bad = try await download(configuration: configuration) { request, _ in
            Self.cut(request, after: 1000, .close)
        }
        #expect(bad.failure?.kind == .unavailable && bad.requests.count == 2)
        #expect(bad.bytes == Array(Self.content[..<bad.bytes.count]) && bad.bytes.count <= 2000)
    }

    @Test func rangeIgnored() async throws {
        let (bytes, failure, requests) = try await download(from: 123_456) { _, number in
            number == 1 ? answer(503) : answer(200, [:], Self.content)
        }
        #expect(failure == nil && bytes == Array(Self.content[123_456...]))
        #expect(requests.count == 2)
    }

    @Test(arguments: [
        "bytes 5000-699999/700000", "nonsense", "bytes 0-10/700000", "",
    ])
    func wrongRange(contentRange: String) async throws {
        // Asked for 1000-, gets something else: everything must be asked for again.
        let (bytes, failure, requests) = try await download(from: 1000) { request, _ in
            request.headers["range"] != nil
                ? answer(
                    206, contentRange.isEmpty ? [:] : ["Content-Range": contentRange], Array(Self.content[5000...]))
                : answer(200, [:], Self.content)
        }
        #expect(failure == nil && bytes == Array(Self.content[1000...]))
        #expect(requests.count == 2)
    }

    @Test func earlierRangeIsSkipped() async throws {
        let (bytes, failure, _) = try await download(from: 1000) { _, _ in
            answer(206, ["Content-Range": "bytes 500-699999/700000"], Array(Self.content[500...]))
        }
        #expect(failure == nil && bytes == Array(Self.content[1000...]))
    }

    @Test func notSatisfiable() async throws {
        let (bytes, failure, requests) = try await download(from: 1000) { request, _ in
            request.headers["range"] != nil ? answer(416) : answer(200, [:], Self.content)
        }
        #expect(failure == nil && bytes == Array(Self.content[1000...]) && requests.count == 2)
    }

    @Test func wrongLengths() async throws {
        for length in [699_999, 700_001] {
            let (bytes, failure, requests) = try await download { _, _ in answer(200, [:], [1, 2], length: length) }
            #expect(failure?.kind == .corrupt && bytes.isEmpty && requests.count == 1)
        }
        let total = try await download(from: 10) { _, _ in
            answer(206, ["Content-Range": "bytes 10-699998/699999"], Array(Self.content[10..<699_999]))
        }
        #expect(total.failure?.kind == .corrupt && total.bytes.isEmpty)
        let long = try await download { _, _ in Self.chunked(Self.content + [1]) }
        #expect(long.failure?.kind == .corrupt && long.failure?.reason.contains("longer") == true)
        #expect(long.bytes.count <= Self.content.count)
        let short = try await download { _, _ in Self.chunked(Array(Self.content.dropLast())) }
        #expect(short.failure?.kind == .corrupt && short.failure?.reason.contains("699999") == true)
    }

    /// An answer that does not tell its length beforehand.
    private static func chunked(_ bytes: [UInt8]) -> [ScriptedServer.Step] {
        [
            .text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(bytes.count, radix: 16))\r\n"),
            .send(bytes), .text("\r\n0\r\n\r\n"),
        ]
    }

    @Test func mirrorsTakeTurns() async throws {
        try await ScriptedServer.with({ request, _ in Self.cut(request, after: 250_000, .close) }) { mirror in
            try await ScriptedServer.with({ request, _ in Self.orderly(request) }) { own in
                let reference = try ImageReference("\(own.host)/a/b:c")
                let url = try #require(RegistryURL("http://\(mirror.host)"))
                let sink = Sink()
                let host = own.host
                try await withClient(quick { $0.mirrors = [host: [url]] }) { client async throws in
                    try await client.blob(Self.descriptor, of: reference) { sink.take($0) }
                }
                #expect(sink.bytes == Self.content)
                let starts = own.requests.map { Self.start($0) }
                #expect(starts.count == 1 && starts[0] > 0 && starts[0] <= 250_000 && mirror.requests.count == 1)
            }
        }
    }

    @Test func receiverGivesUp() async throws {
        try await ScriptedServer.with({ request, _ in Self.orderly(request) }) { server in
            let reference = try ImageReference("\(server.host)/a/b:c")
            let full = BoxFailure(.exhausted, "write", "blob", reason: "no space left on device")
            let failure = await failure {
                try await withClient { client async throws in
                    try await client.blob(Self.descriptor, of: reference) { _ throws(BoxFailure) in throw full }
                }
            }
            #expect(failure == full && server.requests.count == 1)
        }
    }

    @Test func foreignLayer() async throws {
        try await ScriptedServer.with({ _, _ in answer(404) }) { server in
            let reference = try ImageReference("\(server.host)/a/b:c")
            var foreign = Self.descriptor
            foreign.urls = ["http://127.0.0.1:1/layer"]
            let descriptor = foreign
            let failure = await failure {
                try await withClient { try await $0.blob(descriptor, of: reference) { _ in } }
            }
            #expect(failure?.kind == .unsupported && failure?.reason.contains("foreign") == true)
        }
    }

    @Test func parallel() async throws {
        try await ScriptedServer.with({ request, _ in Self.orderly(request) }) { server in
            let reference = try ImageReference("\(server.host)/a/b:c")
            try await withClient { client async throws in
                try await withThrowingTaskGroup(of: [UInt8].self) { group in
                    for _ in 0..<12 {
                        group.addTask {
                            let sink = Sink()
                            try await client.blob(Self.descriptor, of: reference) { sink.take($0) }
                            return sink.bytes
                        }
                    }
                    for try await bytes in group { #expect(bytes == Self.content) }
                }
            }
        }
    }
}
