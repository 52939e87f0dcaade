import BoxModel
import BoxStore
import BoxSystem
import Foundation
import Testing

@Suite struct StoreTests {
    @Test func readingAnEmptyMachineWritesNothing() throws {
        let test = try TemporaryStore()
        #expect(try test.store.containers().summaries.isEmpty)
        #expect(try test.store.images().records.isEmpty)
        #expect(try test.store.volumes().records.isEmpty)
        #expect(try test.store.findImage("debian") == nil)
        #expect(failure { _ = try test.store.findContainer("x") }?.kind == .notFound)
        #expect(try test.store.check(repair: false).isEmpty)
        #expect(try test.store.usage().imagesSize == 0)
        #expect(!FileManager.default.fileExists(atPath: test.root))
    }

    @Test func firstLeaseMakesTheFolders() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        #expect(try test.read("version") == "1\n")
        #expect(try test.read("oci/oci-layout") == #"{"imageLayoutVersion":"1.0.0"}"#)
        #expect(test.exists("oci/index.json"))
        lease.end()
        #expect(try test.again().check(repair: false).isEmpty)
    }

    @Test func writingNeedsALease() throws {
        let test = try TemporaryStore()
        try test.store.lease().end()
        let refused = failure { _ = try test.store.put([1], mediaType: .ociConfig) }
        #expect(refused?.kind == .internal)
    }

    @Test(arguments: [
        ("2\n", BoxFailure.Kind.unsupported, "a newer version of box wrote it (format 2, this one writes 1)"),
        ("9 1\n", nil, ""), ("hello", .corrupt, "does not hold a format number"), ("", .corrupt, "format number"),
    ])
    func versions(_ text: String, _ kind: BoxFailure.Kind?, _ reason: String) throws {
        let test = try TemporaryStore()
        try test.store.lease().end()
        try test.write("version", text)
        let refused = failure { _ = try test.again() }
        #expect(refused?.kind == kind)
        #expect(reason.isEmpty || refused?.description.contains(reason) == true)
        guard kind == nil else { return }
        // Newer, but we may read it; writing is refused.
        let store = try test.again()
        #expect(try store.images().records.isEmpty)
        #expect(failure { _ = try store.lease().end() }?.kind == .unsupported)
    }

    @Test(.enabled(if: geteuid() == 0, "needs the right to mount"))
    func readOnlyStore() throws {
        let test = try TemporaryStore(tmpfs: "4m")
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        _ = try test.store.createContainer(test.store.configuration("one", image: image))
        lease.end()
        try test.remountReadOnly()
        let store = try test.again()
        #expect(try store.containers().summaries.map(\.name.text) == ["one"])
        #expect(try store.findImage("debian")?.record == image)
        #expect(try store.findContainer("one").config().command == ["-c", "echo ä"])
        #expect(try store.usage().images.count == 1)
        #expect(try store.check(repair: false).isEmpty)
        let refused = failure { try store.lease().end() }
        #expect(refused?.kind == .denied)
        #expect(refused?.description.contains("the file system is read-only; choose another place with --root") == true)
    }

    @Test(.enabled(if: geteuid() == 0, "needs the right to mount"))
    func fullDisk() throws {
        let test = try TemporaryStore(tmpfs: "512k")
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian", layers: 1)
        let big = [UInt8](repeating: 7, count: 1 << 20)
        let digest = Digest.sha256(of: big)
        guard case .mine(let ingest) = try test.store.ingest(digest, size: Int64(big.count)) else { return }
        let reader = ingest.reader()
        let full = failure { try big.withUnsafeBytes { try ingest.append($0) } }
        #expect(full?.kind == .exhausted)
        #expect(full?.description.contains("no space left on device") == true)
        #expect(full?.description.contains("box system prune") == true)
        ingest.fail(try #require(full))
        var following = reader
        let seen = failure {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while try buffer.withUnsafeMutableBytes({ try following.read(into: $0) }) > 0 {}
        }
        #expect(seen == full)
        #expect(failure { _ = try test.store.put(big, mediaType: .ociConfig) }?.kind == .exhausted)
        let refused = failure {
            _ = try test.store.createContainer(test.store.configuration("one", image: image)) {
                folder throws(BoxFailure) in
                do throws(SystemFailure) {
                    try folder.write("extra", big)
                } catch {
                    throw BoxFailure(error, "fill the folder")
                }
            }
        }
        #expect(refused?.kind == .exhausted)
        #expect(test.names("tmp").isEmpty && test.names("containers").isEmpty && !test.names("names").contains("one"))
        lease.end()
        #expect(try test.again().check(repair: false).filter(\.isOpen).isEmpty)
    }

    @Test func somethingElseInTheWay() throws {
        let test = try TemporaryStore()
        try test.store.lease().end()
        let blocked = StoreLocation(root: test.root + "/version/below", state: test.folder)
        #expect(failure { _ = try Store.open(blocked) }?.operation == "open the store")
    }

    @Test func collectsWhatADeadMakerLeft() throws {
        let test = try TemporaryStore()
        try test.store.lease().end()
        try test.makeFolder("tmp/" + deadName("trash") + "/deep/er")
        try test.write("tmp/" + deadName("file"), "half")
        let living = TemporaryName.make(for: "file")
        try test.write("tmp/" + living, "half")
        try test.makeFolder("tmp/layer-\(diffID("x").digest.hex)/diff")
        try test.again().lease().end()
        #expect(test.names("tmp") == [living])
    }

    @Test func leavesALayerThatIsBeingUnpacked() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        guard case .mine(let stage) = try test.store.stageLayer(diffID("x"), parents: []) else {
            Issue.record("it is not mine")
            return
        }
        try test.again().lease().end()
        #expect(test.names("tmp") == ["layer-\(diffID("x").digest.hex)"])
        stage.discard()
        #expect(test.names("tmp").isEmpty)
        lease.end()
    }

    @Test func collectorWaitsForNobody() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = try test.store.receive([1, 2, 3])
        let other = try test.again()
        #expect(try other.collect(unreferencedNow: true) == nil)
        #expect(test.store.hasBlob(digest))
        lease.end()
        // It asked the next writer to do it; what is young stays for an interrupted pull.
        #expect(!test.exists("collected"))
        try test.again().lease().end()
        #expect(test.exists("collected"))
        #expect(test.store.hasBlob(digest))
        let report = try test.store.collect(unreferencedNow: true)
        #expect(report?.blobs == [digest])
        #expect(!test.store.hasBlob(digest))
    }

    @Test func collectsWhatOutlivedTheWindow() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let old = try test.store.receive([1])
        let young = try test.store.receive([2])
        guard case .mine(let part) = try test.store.ingest(.sha256(of: [3, 3]), size: 2) else { return }
        try [UInt8]([3]).withUnsafeBytes { try part.append($0) }
        lease.end()
        try test.age("oci/blobs/sha256/\(old.hex)", days: 8)
        try test.age("ingest/\(part.digest.hex).part", days: 8)
        try test.age("collected", days: 2)
        try test.again().lease().end()
        #expect(try test.store.blobDigests() == [young])
        #expect(test.names("ingest").isEmpty)
    }

    @Test func unreadableRecordStopsTheCollector() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let digest = try test.store.receive([1, 2, 3])
        try test.write("images/broken", "{")
        lease.end()
        let report = try test.store.collect(unreferencedNow: true)
        #expect(report?.obstacles.count == 1)
        #expect(test.store.hasBlob(digest))
        #expect(test.exists("images/broken"))
    }

    @Test func leaseIsCheap() throws {
        let test = try TemporaryStore()
        try test.store.lease().end()
        var best = Int64.max
        for _ in 0..<50 {
            let begin = SystemClock.monotonic
            try test.store.lease().end()
            best = min(best, SystemClock.monotonic - begin)
        }
        #expect(best < 200_000 * 5, "took \(best) ns")
    }
}
