import BoxModel
import BoxStore
import BoxSystem
import Foundation
import Testing

@Suite struct BlobTests {
    @Test func storesUnderItsDigest() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let descriptor = try test.store.put(Array("hello".utf8), mediaType: .ociConfig)
        let hex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        #expect(descriptor.digest.hex == hex && descriptor.size == 5)
        #expect(try test.read("oci/blobs/sha256/" + hex) == "hello")
        let rights = try FileManager.default.attributesOfItem(atPath: test.root + "/oci/blobs/sha256/" + hex)
        #expect(rights[.posixPermissions] as? Int == 0o444)
        #expect(try test.again().blob(descriptor.digest) == Array("hello".utf8))
        lease.end()
    }

    @Test func refusesChangedContent() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = try test.store.receive([1, 2, 3])
        #expect(failure { try test.store.put([1], as: digest) }?.kind == .corrupt)
        try FileManager.default.removeItem(atPath: test.root + "/oci/blobs/sha256/" + digest.hex)
        try test.write("oci/blobs/sha256/" + digest.hex, "changed")
        #expect(failure { _ = try test.store.blob(digest) }?.kind == .corrupt)
        lease.end()
    }

    @Test func sha512() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = try #require(
            Digest(
                "sha512:3c9909afec25354d551dae21590bb26e38d53f2173b8d3dc3eee4c047e7ab1c1eb8b85103e3be7ba613b31bb5c9c3621"
                    + "4dc9f14a42fd7a2fdb84856bca5c44c2"))
        try test.store.put(Array("123".utf8), as: digest)
        #expect(test.store.hasBlob(digest))
        #expect(try test.store.blobDigests() == [digest])
        lease.end()
    }

    @Test func resumesWhatAnEarlierAttemptLeft() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let digest = Digest.sha256(of: bytes)
        do {
            guard case .mine(let first) = try test.store.ingest(digest, size: 100_000) else { return }
            try bytes[..<40_000].withUnsafeBytes { try first.append($0) }
        }
        let other = try test.again()
        guard case .mine(let second) = try other.ingestLeased(digest, size: 100_000) else { return }
        let otherLease = try other.lease()
        #expect(second.ingest.existing == 40_000)
        try bytes[40_000...].withUnsafeBytes { try second.ingest.append($0) }
        #expect(try second.ingest.calculatedDigest() == digest)
        try second.ingest.commit(verified: digest)
        otherLease.end()
        #expect(try test.store.blob(digest) == bytes)
        #expect(test.names("ingest").isEmpty)
        guard case .present = try test.store.ingest(digest, size: 100_000) else {
            Issue.record("it should be present")
            return
        }
        lease.end()
    }

    @Test func oneWriterAtATime() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = Digest.sha256(of: [1])
        guard case .mine(let first) = try test.store.ingest(digest, size: 1) else { return }
        guard case .busy = try test.store.ingest(digest, size: 1) else {
            Issue.record("it should be busy")
            return
        }
        try [UInt8]([1]).withUnsafeBytes { try first.append($0) }
        try first.commit(verified: digest)
        guard case .present = try test.store.ingest(digest, size: 1) else {
            Issue.record("it should be present")
            return
        }
        lease.end()
    }

    @Test func refusesWrongContent() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let wanted = Digest.sha256(of: [1, 2])
        guard case .mine(let long) = try test.store.ingest(wanted, size: 2) else { return }
        #expect(failure { try [UInt8]([1, 2, 3]).withUnsafeBytes { try long.append($0) } }?.kind == .corrupt)
        try [UInt8]([9]).withUnsafeBytes { try long.append($0) }
        #expect(failure { try long.commit(verified: wanted) }?.kind == .corrupt)
        guard case .mine(let other) = try test.store.ingest(wanted, size: 2) else { return }
        #expect(other.existing == 0)
        try [UInt8]([9, 9]).withUnsafeBytes { try other.append($0) }
        let refused = failure { try other.commit(verified: try other.calculatedDigest()) }
        #expect(refused?.reason == "its content has the digest \(Digest.sha256(of: [9, 9]))")
        #expect(test.names("ingest").isEmpty && !test.store.hasBlob(wanted))
        lease.end()
    }

    @Test func startsAgain() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = Digest.sha256(of: [1, 2])
        guard case .mine(let ingest) = try test.store.ingest(digest, size: 2) else { return }
        try [UInt8]([7]).withUnsafeBytes { try ingest.append($0) }
        try ingest.restart()
        try [UInt8]([1, 2]).withUnsafeBytes { try ingest.append($0) }
        try ingest.commit(verified: try ingest.calculatedDigest())
        #expect(test.store.hasBlob(digest))
        lease.end()
    }

    @Test func readerFollowsTheWriter() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let digest = Digest.sha256(of: bytes)
        guard case .mine(let ingest) = try test.store.ingest(digest, size: Int64(bytes.count)) else { return }
        let received = Received()
        let done = DispatchSemaphore(value: 0)
        let follower = ingest.reader()
        #expect(
            startThread {
                var reader = follower
                var buffer = [UInt8](repeating: 0, count: 50_001)
                while let count = try? buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
                    received.add(buffer[..<count])
                }
                done.signal()
            })
        for start in stride(from: 0, to: bytes.count, by: 99_999) {
            try bytes[start..<min(start + 99_999, bytes.count)].withUnsafeBytes { try ingest.append($0) }
        }
        ingest.end()
        done.wait()
        #expect(received.bytes == bytes)
        lease.end()
    }

    @Test func readerLearnsOfTheWritersEnd() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = Digest.sha256(of: [1, 2])
        guard case .mine(let ingest) = try test.store.ingest(digest, size: 2) else { return }
        try [UInt8]([1]).withUnsafeBytes { try ingest.append($0) }
        let cut = BoxFailure(.unavailable, "receive the blob", reason: "the connection was cut")
        ingest.fail(cut)
        var reader = ingest.reader()
        var buffer = [UInt8](repeating: 0, count: 10)
        #expect(try buffer.withUnsafeMutableBytes { try reader.read(into: $0) } == 1)
        #expect(failure { _ = try buffer.withUnsafeMutableBytes { try reader.read(into: $0) } } == cut)
        #expect(failure { try [UInt8]([1]).withUnsafeBytes { try ingest.append($0) } } == cut)
        lease.end()
    }
}

private final class Received: @unchecked Sendable {
    // Read only after the semaphore that follows the last write.
    private(set) var bytes: [UInt8] = []
    func add(_ more: ArraySlice<UInt8>) { bytes += more }
}

private struct LeasedIngest: Sendable {
    let ingest: Ingest
}

private enum LeasedStart {
    case mine(LeasedIngest)
    case other
}

extension Store {
    /// As a second process does it, with a lease of its own store.
    fileprivate func ingestLeased(_ digest: Digest, size: Int64) throws -> LeasedStart {
        let lease = try lease()
        let start = try ingest(digest, size: size)
        lease.end()
        guard case .mine(let ingest) = start else { return .other }
        return .mine(LeasedIngest(ingest: ingest))
    }
}
