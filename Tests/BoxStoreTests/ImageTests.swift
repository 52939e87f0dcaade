import BoxModel
import BoxStore
import BoxSystem
import Foundation
import Testing

@Suite struct ImageTests {
    @Test func recordSurvivesTheDisk() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let record = try test.store.makeImage("debian")
        #expect(test.names("images") == [".lock", "docker.io%2Flibrary%2Fdebian%3Alatest"])
        #expect(try test.again().image(ImageReference("debian")) == record)
        #expect(test.store.lastUsed(record.reference) > .never)
        lease.end()
    }

    @Test func longNames() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let path = String(repeating: "long/", count: 40) + "a"
        let record = try test.store.makeImage("host.example:5000/\(path):\(String(repeating: "t", count: 128))")
        #expect(try test.again().image(record.reference) == record)
        lease.end()
    }

    @Test func finds() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let debian = try test.store.makeImage("debian")
        let id = debian.platforms[0].imageID
        var tagged = debian
        tagged.reference = try ImageReference("host:5000/mine:v1")
        try test.store.setImage(tagged)
        try test.store.makeImage("busybox")
        for word in ["debian", "debian:latest", "docker.io/library/debian", "debian@\(debian.target.digest)"] {
            #expect(try test.store.findImage(word)?.record.reference == debian.reference, "\(word)")
        }
        for word in [id.hex, "\(id)", String(id.hex.prefix(12)), "sha256:\(id.hex.prefix(7))"] {
            let match = try test.store.findImage(word)
            #expect(match?.image?.imageID == id && match?.references.count == 2, "\(word)")
        }
        for word in ["debian:13", "nothing", "\(Digest.sha256(of: [1]))", "debian@\(Digest.sha256(of: [1]))"] {
            #expect(try test.store.findImage(word) == nil, "\(word)")
        }
        #expect(failure { _ = try test.store.findImage("Debian") }?.kind == .invalid)
        // Sixteen more images: two of the eighteen begin with the same digit.
        for number in 0..<16 { try test.store.makeImage("more:\(number)", layers: 0) }
        let ids = Set(try test.store.images().records.map { $0.platforms[0].imageID.hex })
        let firsts = ids.map { String($0.prefix(1)) }
        let doubled = try #require(Set(firsts.filter { digit in firsts.count { $0 == digit } > 1 }).first)
        let refused = failure { _ = try test.store.findImage("sha256:" + doubled) }
        #expect(refused?.kind == .conflict)
        #expect(refused?.reason.contains("several images begin so: \(doubled)") == true)
        lease.end()
    }

    @Test func secondPlatformJoinsTheFirst() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        var first = try test.store.makeImage("debian")
        let other = try test.store.makeImage("other", platform: Platform(os: "linux", architecture: "s390x"))
        var second = first
        second.platforms = other.platforms
        let joined = try test.store.setImage(second)
        #expect(joined.platforms.map(\.platform.architecture).sorted() == ["amd64", "s390x"].sorted())
        #expect(joined.image(for: Platform(os: "linux", architecture: "s390x")) == other.platforms[0])
        #expect(joined.shown == first.platforms[0])
        first.platforms = joined.platforms
        lease.end()
    }

    @Test func movedNameLeavesTheOldImageUntagged() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let old = try test.store.makeImage("debian")
        let new = try test.store.makeImage("debian")
        let records = try test.store.images().records
        #expect(records.count == 2)
        let untagged = try #require(records.first { $0.isUntagged })
        #expect(untagged.target == old.target)
        #expect(untagged.reference.digest == old.target.digest)
        #expect(try test.store.image(new.reference)?.target == new.target)
        // Named again, it needs no stand-in.
        try test.store.setImage(old)
        #expect(try test.store.images().records.map(\.isUntagged).sorted { !$0 && $1 } == [false, true])
        #expect(try test.store.images().records.first { $0.isUntagged }?.target == new.target)
        lease.end()
    }

    @Test func removedImageIsCollected() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let kept = try test.store.makeImage("kept", seed: "same")
        let gone = try test.store.makeImage("gone")
        var alias = kept
        alias.reference = try ImageReference("alias")
        try test.store.setImage(alias)
        try test.store.removeImage(alias.reference)
        try test.store.removeImage(gone.reference)
        #expect(try test.store.removeImage(gone.reference) == nil)
        try test.store.giveUp(
            blobs: try test.store.blobDigests(), layers: gone.platforms[0].diffIDs.map { LayerKey($0) })
        lease.end()
        let report = try test.store.collect()
        #expect(report?.layers.count == 2 && report?.blobs.count == 4)
        #expect((report?.reclaimed ?? 0) > 0)
        #expect(try test.store.check(repair: false).isEmpty)
        #expect(test.store.findLayers(kept.platforms[0].diffIDs) != nil)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/skopeo"), "needs skopeo"))
    func otherToolsReadTheLayout() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let record = try test.store.makeImage("host.example:5000/some/thing:v1")
        try test.store.makeImage("debian")
        for name in ["debian:latest", "docker.io/library/debian:latest", record.reference.familiar] {
            let (status, output) = try run("/usr/bin/skopeo", ["inspect", "--raw", "oci:\(test.root)/oci:\(name)"])
            #expect(status == 0 && output.contains("sha256:"), "\(name): \(output)")
        }
        let copied = try run(
            "/usr/bin/skopeo",
            ["copy", "--insecure-policy", "oci:\(test.root)/oci:debian:latest", "dir:\(test.folder)/copy"])
        // The layers are no archives; everything that is read before them is.
        #expect(!copied.output.contains("not found"), "\(copied.output)")
        lease.end()
    }

    @Test func indexIsDerivedAgainAfterAKill() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        try test.store.makeImage("debian")
        lease.end()
        try test.write("oci/index.json", "{}")
        try test.age("oci/index.json", days: 0.001)
        try test.again().lease().end()
        #expect(try test.read("oci/index.json").contains("debian:latest"))
    }
}
