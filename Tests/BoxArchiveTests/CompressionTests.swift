import BoxArchive
import BoxModel
import BoxSystem
import Foundation
import Testing

/// Decompression in this process and by another program.
@Suite struct CompressionTests {
    /// Larger than what stays in process, and hard to compress.
    private static func archive(_ size: Int) -> [UInt8] {
        var tar = TarBuilder()
        var state: UInt64 = 88_172_645_463_325_252
        let noise = (0..<size).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
        tar.add(.init(name: Array("noise".utf8), content: noise))
        return tar.finished()
    }

    private func compress(_ bytes: [UInt8], _ program: String) throws -> [UInt8] {
        let result = try Spawn.capture("/bin/sh", ["-c", "\(program) -c"], input: bytes, limit: 64 << 20)
        try #require(result.status == 0, "\(program) is needed")
        return result.output
    }

    @Test(arguments: [Compression.uncompressed, .gzip, .zstd, .bzip2, .xz], [1000, 2_000_000])
    func every(_ compression: Compression, size: Int) throws {
        let plain = Self.archive(size)
        let bytes = compression == .uncompressed ? plain : try compress(plain, compression.rawValue)
        #expect(Compression.detect(prefix: Array(bytes.prefix(6))) == compression)
        let scratch = try Scratch()
        let report = try scratch.unpack(bytes)
        #expect(report.compressedSize == bytes.count)
        #expect(report.uncompressedSize == plain.count)
        try Data(plain).write(to: URL(fileURLWithPath: scratch.path + "/plain"))
        try Data(bytes).write(to: URL(fileURLWithPath: scratch.path + "/blob"))
        #expect(try scratch.shell("sha256sum < plain") == "\(report.diffID.digest.hex)  -\n")
        #expect(try scratch.shell("sha256sum < blob") == "\(report.compressedDigest.hex)  -\n")
        #expect(try scratch.shell("tar -xOf plain noise | cmp - inside/noise") == "")
        if compression == .uncompressed { return }

        for cut in [bytes.count / 2, bytes.count - 1, bytes.count - 5, bytes.count - 9, 20] {
            let failure = #expect(throws: BoxFailure.self, "\(cut)") { try scratch.unpack(Array(bytes[..<cut])) }
            #expect(failure?.kind == .corrupt)
            #expect(failure?.reason.contains("truncated") == true, "\(cut): \(String(describing: failure))")
        }
        if compression == .bzip2 { return }
        let followed = #expect(throws: BoxFailure.self) {
            try scratch.unpack(bytes + Array("rubbish that follows the stream".utf8))
        }
        #expect(followed?.kind == .corrupt)
        if compression != .xz {
            #expect(followed?.reason.contains("follows") == true, "\(String(describing: followed))")
        }
    }

    @Test(arguments: [1000, 2_000_000]) func gzipChecksums(_ size: Int) throws {
        let bytes = try compress(Self.archive(size), "gzip")
        for position in [bytes.count - 6, bytes.count - 2, bytes.count / 2] {
            let scratch = try Scratch()
            var wrong = bytes
            wrong[position] ^= 0x55
            let failure = #expect(throws: BoxFailure.self, "\(position)") { try scratch.unpack(wrong) }
            #expect(failure?.kind == .corrupt)
        }
    }

    @Test(arguments: ["gzip", "zstd"], [1000, 2_000_000]) func joinedMembers(_ program: String, size: Int) throws {
        let plain = Self.archive(size)
        let middle = plain.count / 3
        let bytes = try compress(Array(plain[..<middle]), program) + compress(Array(plain[middle...]), program)
        let scratch = try Scratch()
        let report = try scratch.unpack(bytes)
        #expect(report.uncompressedSize == plain.count)
        try Data(plain).write(to: URL(fileURLWithPath: scratch.path + "/plain"))
        #expect(try scratch.shell("sha256sum < plain") == "\(report.diffID.digest.hex)  -\n")
    }

    @Test func aBombIsStopped() throws {
        var tar = TarBuilder()
        tar.add(.init(name: Array("zeros".utf8), content: [UInt8](repeating: 0, count: 50_000_000)))
        let bytes = try compress(tar.finished(), "gzip")
        let scratch = try Scratch()
        let failure = #expect(throws: BoxFailure.self) { try scratch.unpack(bytes) { $0.maximumSize = 10_000_000 } }
        #expect(failure?.kind == .exhausted)
        #expect(failure?.reason.contains("bomb") == true)
    }

    /// A source that fails, or would block for ever until it is interrupted.
    private struct BrokenSource: ByteSource {
        var good: BytesSource
        let gate: SharedFD?
        let interruptor: SharedFD?

        mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
            let count = good.read(into: buffer)
            if count > 0 { return count }
            guard let gate else { throw BoxFailure(.unavailable, "download", "blob", reason: "connection lost") }
            var byte: UInt8 = 0
            _ = Glibc.read(gate.raw, &byte, 1)
            throw BoxFailure(.cancelled, "download", "blob", reason: "interrupted")
        }

        var interrupt: (@Sendable () -> Void)? {
            guard let interruptor else { return nil }
            return { _ = Glibc.write(interruptor.raw, "x", 1) }
        }
    }

    @Test(arguments: [1000, 2_000_000]) func aFailingSourceIsTheReason(_ size: Int) throws {
        let bytes = try compress(Self.archive(size), "gzip")
        let scratch = try Scratch()
        let source = BrokenSource(good: BytesSource(Array(bytes.dropLast(20))), gate: nil, interruptor: nil)
        let failure = #expect(throws: BoxFailure.self) {
            try unpackLayer(from: source, into: Directory(opening: scratch.inside))
        }
        #expect(failure?.reason == "connection lost")
    }

    @Test(arguments: [false, true]) func aFailingEntryEndsABlockedSource(_ usesPrograms: Bool) throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.file("../evil")
        tar.raw(Self.archive(3_000_000))
        let bytes = try compress(tar.bytes, "gzip")
        let ends = try Pipe().ends()
        let source = BrokenSource(
            good: BytesSource(Array(bytes.dropLast(20))), gate: SharedFD(OwnedFD(adopting: ends.reader)),
            interruptor: SharedFD(OwnedFD(adopting: ends.writer)))
        var options = UnpackOptions()
        options.usesPrograms = usesPrograms
        let failure = #expect(throws: BoxFailure.self) {
            try unpackLayer(from: source, into: Directory(opening: scratch.inside), options: options)
        }
        #expect(failure?.reason.contains("..") == true)
    }

    @Test(arguments: ["kill -9 $$", "exit 3", "echo broken >&2; exit 1"]) func aFailingProgramIsNamed(_ script: String)
        throws
    {
        let scratch = try Scratch()
        let bytes = try compress(Self.archive(3_000_000), "gzip")
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(fileURLWithPath: scratch.path + "/igzip"))
        try scratch.shell("chmod +x igzip")
        let failure = #expect(throws: BoxFailure.self) {
            try scratch.unpack(bytes) { $0.programSearchPath = scratch.path }
        }
        let reason = failure?.reason ?? ""
        #expect(reason.contains("igzip") || reason.contains("broken"), "\(reason)")
        let report = try scratch.unpack(bytes, into: "again") { $0.programSearchPath = "/nonexistent" }
        #expect(report.entryCount == 1)
    }

    @Test func nothingIsLeaked() throws {
        func count(_ folder: String) throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/" + folder).count
        }
        var evil = TarBuilder()
        evil.file("../evil")
        evil.raw(Self.archive(3_000_000))
        let bytes = try compress(evil.bytes, "gzip")
        let good = try compress(Self.archive(2_000_000), "gzip")
        // Other tests run at the same time, so only a growth by as many as there were failures (120) is telling.
        let before = try count("fd")
        for _ in 0..<60 {
            let scratch = try Scratch()
            #expect(throws: BoxFailure.self) { try scratch.unpack(bytes) }
            #expect(throws: BoxFailure.self) { try scratch.unpack(Array(good.dropLast(100))) }
        }
        #expect(try count("fd") < before + 110)
    }
}
