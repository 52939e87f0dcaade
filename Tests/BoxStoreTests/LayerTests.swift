import BoxModel
import BoxStore
import BoxSystem
import Foundation
import Testing

@Suite struct LayerTests {
    @Test func chainOfDigests() throws {
        let first = diffID("a")
        let second = diffID("b")
        #expect(ChainID([]) == nil)
        #expect(ChainID([first])?.digest == first.digest)
        #expect(ChainID([first, second])?.digest == .sha256(of: Array("\(first) \(second)".utf8)))
        // sha256("sha256:ca97… sha256:3e23…") as `printf | sha256sum` gives it.
        #expect(ChainID([first, second])?.digest.hex.count == 64)
    }

    @Test func oneCopyForAllImages() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let (a, b) = (diffID("a"), diffID("b"))
        try test.store.makeLayer(a)
        let path = try test.store.makeLayer(b, parents: [a])
        #expect(path.path == test.root + "/layers/\(b.digest.hex)/diff")
        #expect(try test.read("layers/\(b.digest.hex)/diff/file") == "content")
        #expect(test.store.findLayers([a, b])?.map(\.key.diffID) == [a, b])
        #expect(test.store.findLayers([b, a])?.count == 2)
        #expect(test.store.findLayers([a, diffID("c")]) == nil)
        guard case .present = try test.store.stageLayer(b, parents: []) else {
            Issue.record("it should be present")
            return
        }
        #expect(try test.store.layerRecord(LayerKey(b)).contentSize == 7)
        #expect(test.store.layerDiskUse(LayerKey(b)) > 0)
        lease.end()
    }

    @Test func dependentLayerServesItsStackOnly() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let (a, b, c) = (diffID("a"), diffID("b"), diffID("c"))
        for layer in [a, c] { try test.store.makeLayer(layer) }
        try test.store.makeLayer(b, parents: [a], dependent: true)
        #expect(test.store.findLayers([a, b])?.last?.key.parents == ChainID([a]))
        #expect(test.store.findLayers([c, b]) == nil)
        #expect(test.store.findLayers([b]) == nil)
        try test.store.makeLayer(b, dependent: true)
        #expect(test.store.findLayers([b])?.count == 1)
        #expect(test.store.findLayers([c, b]) == nil)
        #expect(Set(try test.store.layerKeys()).count == 4)
        lease.end()
    }

    @Test func layerThatHidesAllBelow() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let (a, b, c) = (diffID("a"), diffID("b"), diffID("c"))
        for layer in [a, c] { try test.store.makeLayer(layer) }
        #expect(test.store.findLayers([a, b, c]) == nil)
        guard case .mine(let stage) = try test.store.stageLayer(b, parents: [a]) else { return }
        var record = LayerRecord(diffID: b, archiveSize: 1, contentSize: 1, created: .never)
        record.hidesEverythingBelow = true
        _ = try stage.commit(record)
        #expect(test.store.findLayers([a, b, c])?.map(\.key.diffID) == [b, c])
        #expect(try test.store.layerRecord(LayerKey(b)) == record)
        lease.end()
    }

    @Test func spooledBlob() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        do {
            let spool = try test.store.spool()
            try [UInt8]([1]).withUnsafeBytes { try spool.append($0) }
            #expect(test.names("tmp").count == 1)
        }
        #expect(test.names("tmp").isEmpty)
        let spool = try test.store.spool()
        try [UInt8]([1]).withUnsafeBytes { try spool.append($0) }
        try [UInt8]([2]).withUnsafeBytes { try spool.append($0) }
        try spool.commit(.sha256(of: [1, 2]))
        #expect(try test.store.blob(.sha256(of: [1, 2])) == [1, 2] && spool.size == 2)
        lease.end()
    }

    @Test func oneUnpackerAtATime() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let (a, other) = (diffID("a"), try test.again())
        let second = try other.lease()
        guard case .mine(let stage) = try test.store.stageLayer(a, parents: []) else { return }
        try stage.diff.write("half", [1])
        guard case .busy = try other.stageLayer(a, parents: []) else {
            Issue.record("it should be busy")
            return
        }
        #expect(test.store.findLayers([a]) == nil)
        _ = try stage.commit(LayerRecord(diffID: a, archiveSize: 1, contentSize: 1, created: .never))
        guard case .present = try other.stageLayer(a, parents: []) else {
            Issue.record("it should be present")
            return
        }
        second.end()
        lease.end()
    }

    @Test func beginsAnewAfterAKill() throws {
        let test = try TemporaryStore()
        try test.store.lease().end()
        let a = diffID("a")
        try test.makeFolder("tmp/layer-\(a.digest.hex)/diff/half")
        let lease = try test.store.lease()
        guard case .mine(let stage) = try test.store.stageLayer(a, parents: []) else { return }
        #expect(try stage.diff.names().isEmpty)
        stage.discard()
        #expect(test.names("tmp").isEmpty)
        lease.end()
    }
}
