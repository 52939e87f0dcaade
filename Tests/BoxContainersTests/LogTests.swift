import BoxModel
import BoxSystem
import Foundation
import Testing

@testable import BoxContainers
@testable import BoxRuntime

@Suite struct LogTests {
    private func withLog(_ body: (String) throws -> Void) throws {
        let path = "/tmp/box-log-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        _ = try makeDirectories(path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func write(_ texts: [(LogRecord.Stream, String)], to path: String, bounds: LogWriter.Bounds) throws {
        var writer = try LogWriter(try Directory(opening: path), bounds: bounds)
        for (index, (stream, text)) in texts.enumerated() {
            Array(text.utf8).withUnsafeBytes { writer.append($0, stream: stream, time: Int64(index)) }
        }
    }

    private func read(_ path: String) throws -> [String] {
        var reader = LogReader(try Directory(opening: path))
        var texts: [String] = []
        while let record = reader.next() { texts.append(String(decoding: record.bytes, as: UTF8.self)) }
        return texts
    }

    @Test func whatIsWrittenIsRead() throws {
        try withLog { path in
            try write([(.output, "a\n"), (.error, "b"), (.output, "c\n")], to: path, bounds: LogWriter.Bounds())
            #expect(try read(path) == ["a\n", "b", "c\n"])
        }
    }

    @Test func rotationKeepsTheNewest() throws {
        try withLog { path in
            let bounds = LogWriter.Bounds(fileSize: 100, fileCount: 3)
            try write((0..<30).map { (.output, "line \($0)\n") }, to: path, bounds: bounds)
            let texts = try read(path)
            #expect(texts.last == "line 29\n")
            #expect(texts.count < 15)
            #expect(texts == (30 - texts.count..<30).map { "line \($0)\n" })
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["0", "1", "2"])
        }
    }

    @Test func aReaderFollowsAcrossRotations() throws {
        try withLog { path in
            var writer = try LogWriter(try Directory(opening: path), bounds: .init(fileSize: 60, fileCount: 4))
            func append(_ text: String) {
                Array(text.utf8).withUnsafeBytes { writer.append($0, stream: .output, time: 0) }
            }
            append("first\n")
            var reader = LogReader(try Directory(opening: path))
            #expect(reader.next()?.bytes == Array("first\n".utf8))
            #expect(reader.next() == nil)
            for number in 0..<4 {
                append("more \(number)\n")
                #expect(reader.next()?.bytes == Array("more \(number)\n".utf8))
            }
        }
    }

    @Test(arguments: [(1, ["c\n"]), (2, ["b\n", "c\n"]), (3, ["a\n", "b\n", "c\n"]), (9, ["a\n", "b\n", "c\n"])])
    func tailCountsLinesNotRecords(count: Int, expected: [String]) throws {
        try withLog { path in
            try write([(.output, "a\nb\n"), (.output, "c\n")], to: path, bounds: LogWriter.Bounds())
            var reader = LogReader(try Directory(opening: path))
            var request = LogRequest()
            request.tail = count
            var lines = LogLines(request, skipping: reader.seekToTail(lines: count))
            var shown: [String] = []
            while let record = reader.next() {
                _ = lines.take(record) { _, _, bytes in shown.append(String(decoding: bytes, as: UTF8.self)) }
            }
            #expect(shown == expected)
        }
    }

    @Test func aLineBeginsWhereItsFirstPieceCame() {
        var lines = LogLines(LogRequest(), skipping: 0)
        var shown: [(Int64, String)] = []
        for (time, text) in [(Int64(1), "be"), (2, "gin\nnext")] {
            _ = lines.take(LogRecord(stream: .output, time: time, bytes: Array(text.utf8))) { _, time, bytes in
                shown.append((time, String(decoding: bytes, as: UTF8.self)))
            }
        }
        lines.flush { _, time, bytes in shown.append((time, String(decoding: bytes, as: UTF8.self))) }
        #expect(shown.map(\.0) == [1, 2])
        #expect(shown.map(\.1) == ["begin\n", "next"])
    }
}

@Suite struct ControlMessageTests {
    @Test(arguments: [
        ControlMessage.attach([.input, .error], nil), .attach([.output], TerminalSize(rows: 24, columns: 80)),
        .change([1, 2, 0]), .refused(kind: "conflict", reason: "no; a\nb"), .signal(15), .stop(signal: 2, grace: -1),
        .wait, .pause, .unpause,
        .attached, .started(pid: 77), .failed(code: 127, reason: "wörds"), .exited(code: 255), .done(errno: 3),
        .outputClosed,
    ])
    func survivesTheWayThrough(message: ControlMessage) {
        #expect(ControlMessage(message.encoded) == message)
    }

    @Test func refusesWhatItDoesNotKnow() {
        #expect(ControlMessage([]) == nil)
        #expect(ControlMessage([9, 4]) == nil)
        #expect(ControlMessage([1, 200]) == nil)
        #expect(ControlMessage([1, 2, 1, 0]) == nil)
        #expect(ControlMessage([1, 67]) == nil)
    }
}
