import BoxModel
import BoxStore
import BoxSystem
import Foundation
import Testing

@Suite struct CheckTests {
    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let finding: String
        /// Whether repair leaves nothing that is wrong still.
        var mends = true
        let make: @Sendable (TemporaryStore, ImageRecord, ContainerRecord) throws -> Void
    }

    static let damages: [Damage] = [
        Damage(testDescription: "changed blob", finding: "its content has the digest", mends: false) { test, image, _ in
            let path = "oci/blobs/sha256/" + image.platforms[0].imageID.hex
            try FileManager.default.removeItem(atPath: test.root + "/" + path)
            try test.write(path, "changed")
        },
        Damage(testDescription: "missing blob", finding: "is missing", mends: false) { test, image, _ in
            let path = "oci/blobs/sha256/" + image.target.digest.hex
            try FileManager.default.removeItem(atPath: test.root + "/" + path)
        },
        Damage(testDescription: "missing layer", finding: "is not unpacked", mends: false) { test, image, _ in
            let path = "layers/" + image.platforms[0].diffIDs[0].digest.hex
            try FileManager.default.removeItem(atPath: test.root + "/" + path)
        },
        Damage(testDescription: "layer without record", finding: "is damaged", mends: false) { test, image, _ in
            let path = "layers/" + image.platforms[0].diffIDs[0].digest.hex + "/record"
            try FileManager.default.removeItem(atPath: test.root + "/" + path)
        },
        Damage(testDescription: "stale name", finding: "it leads to no container") { test, _, _ in
            try FileManager.default.createSymbolicLink(
                atPath: test.root + "/names/gone", withDestinationPath: "../containers/x")
        },
        Damage(testDescription: "missing name", finding: "its name does not lead to it") { test, _, _ in
            try FileManager.default.removeItem(atPath: test.root + "/names/one")
        },
        Damage(testDescription: "damaged state", finding: "its state is damaged") { test, _, record in
            try test.write("containers/\(record.id)/state", "x")
        },
        Damage(testDescription: "damaged configuration", finding: "it is not JSON", mends: false) {
            test, _, record in
            try test.write("containers/\(record.id)/config", "x")
        },
        Damage(testDescription: "missing upper", finding: "its folder upper is missing") { test, _, record in
            try FileManager.default.removeItem(atPath: test.root + "/containers/\(record.id)/upper")
        },
        Damage(testDescription: "damaged image record", finding: "line 1, column 1", mends: false) { test, _, _ in
            try test.write("images/x", "x")
        },
        Damage(testDescription: "wrong index", finding: "not what the image records say") { test, _, _ in
            try test.write("oci/index.json", "{}")
        },
        Damage(testDescription: "no layout marker", finding: "does not mark an OCI layout") { test, _, _ in
            try test.write("oci/oci-layout", "{}")
        },
        Damage(testDescription: "missing folder", finding: "the folder is missing") { test, _, _ in
            try FileManager.default.removeItem(atPath: test.root + "/volumes")
        },
        Damage(testDescription: "volume without record", finding: "its record is missing") { test, _, _ in
            try test.makeFolder("volumes/v/data")
        },
    ]

    @Test(arguments: damages)
    func findsAndMends(_ damage: Damage) throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let record = try test.store.createContainer(test.store.configuration("one", image: image))
        lease.end()
        #expect(try test.store.check(repair: false).isEmpty)
        try damage.make(test, image, record)
        let found = try test.again().check(repair: false)
        #expect(found.contains { "\($0)".contains(damage.finding) && $0.isOpen }, "\(found)")
        #expect(try test.again().check(repair: false) == found, "checking changes nothing")
        _ = try test.again().check(repair: true)
        let left = try test.again().check(repair: true).filter(\.isOpen)
        #expect(left.isEmpty == damage.mends, "\(left)")
    }

    @Test func keptContentIsNoFault() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        _ = try test.store.receive([1])
        try test.store.makeLayer(diffID("a"))
        lease.end()
        let found = try test.store.check(repair: false)
        #expect(found.count == 2 && !found.contains { $0.isOpen })
    }

    @Test func measures() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let one = try test.store.makeImage("one", seed: "a")
        try test.store.makeImage("two", layers: 1, seed: "a")
        _ = try test.store.createContainer(test.store.configuration("cc", image: one))
        _ = try test.store.createVolume("data")
        lease.end()
        let usage = try test.store.usage()
        #expect(usage.images.count == 2 && usage.containers.count == 1 && usage.volumes.map(\.links) == [1])
        let first = try #require(usage.images.first { $0.imageID == one.platforms[0].imageID })
        #expect(first.containers == 1 && first.sharedSize > 0 && first.uniqueSize > 0)
        #expect(usage.imagesSize == usage.images.reduce(0) { $0 + $1.uniqueSize } + first.sharedSize)
        #expect(usage.imagesReclaimable == usage.imagesSize - first.size)
    }

    @Test func prunes() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let used = try test.store.makeImage("used")
        let unused = try test.store.makeImage("unused")
        let dangling = try test.store.makeImage("moved")
        try test.store.makeImage("moved")
        let stopped = try test.store.createContainer(test.store.configuration("stopped", image: used))
        let running = try test.store.createContainer(test.store.configuration("running", image: used))
        let runtime = try test.store.makeRuntimeDirectory(running.id)
        let monitor = try FileLock(runtime.directory, "monitor.lock", .exclusive)
        _ = try test.store.createVolume("data")
        _ = try test.store.createVolume("spare")
        let anonymous = try test.store.createVolume(nil).record
        lease.end()

        #expect(try test.store.pruneContainers(PruneFilter(labels: [("a", "other")])).containers.isEmpty)
        #expect(try test.store.pruneContainers(PruneFilter(withoutLabels: [("a", nil)])).containers.isEmpty)
        #expect(try test.store.pruneContainers(PruneFilter(until: .never)).containers.isEmpty)
        #expect(try test.store.pruneContainers().containers == [stopped.id])
        #expect(try test.store.pruneVolumes().volumes == [anonymous.name])
        #expect(try test.store.pruneVolumes(all: true).volumes == ["spare"])
        let first = try test.store.pruneImages()
        #expect(first.untagged.map(\.digest) == [dangling.target.digest])
        #expect(first.deleted == [dangling.platforms[0].imageID] && first.reclaimed > 0)
        let all = try test.store.pruneImages(all: true)
        #expect(Set(all.untagged.map(\.familiar)) == [unused.reference.familiar, "moved:latest"])
        #expect(try test.store.images().records.map(\.reference) == [used.reference])
        #expect(try test.store.check(repair: false).isEmpty)
        _ = consume monitor
    }
}
