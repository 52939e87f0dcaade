import BoxModel
import BoxStore
import BoxSystem
import Dispatch
import Foundation
import Testing

@Suite struct ContainerTests {
    @Test func createsWhole() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let config = try test.store.configuration("one", image: image)
        let record = try test.store.createContainer(config) { folder throws(BoxFailure) in
            do throws(SystemFailure) {
                try folder.write("hosts", [1])
            } catch {
                throw BoxFailure(error, "write")
            }
        }
        lease.end()
        #expect(try record.config() == config)
        #expect(try record.state() == ContainerState(.created))
        #expect(test.names("containers/\(config.id)") == ["config", "hosts", "log", "state", "upper", "work"])
        #expect(record.upperPath == test.root + "/containers/\(config.id)/upper")
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: test.root + "/names/one")
        #expect(link == "../containers/\(config.id)")
        let summary = try test.again().containers().summaries[0]
        #expect(summary == ContainerSummary(config, ContainerState(.created)))
    }

    @Test func recordsHowItGoes() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        var config = try test.store.configuration("one", image: image)
        config.network = .container(config.id)
        let id = try test.store.createContainer(config).id
        lease.end()
        // The monitor has no lease.
        let monitor = try #require(try test.again().container(id))
        var state = ContainerState(.exited)
        state.pid = 77
        state.pidStartTime = UInt64(Int64.max)
        state.exitCode = -1
        state.finished = Timestamp(nanoseconds: 5)
        state.error = "line\nbreak \"quoted\" ü"
        state.oomKilled = true
        state.restartCount = 3
        try monitor.write(state)
        let seen = try test.store.containers().summaries[0]
        #expect(seen.state == state && seen.network == .container(id))
        // A half-written state of a killed monitor does no harm and is taken over.
        try test.write("containers/\(id)/.state.new", "half")
        try monitor.write(ContainerState(.dead))
        #expect(try test.store.findContainer("one").state().status == .dead)
        #expect(!test.exists("containers/\(id)/.state.new"))
    }

    @Test func finds() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        var ids: [ContainerID] = []
        for number in 0..<17 {
            ids.append(try test.store.createContainer(test.store.configuration("c\(number)", image: image)).id)
        }
        lease.end()
        #expect(try test.store.findContainer("c3").id == ids[3])
        #expect(try test.store.findContainer("/c3").id == ids[3])
        #expect(try test.store.findContainer(ids[4].text).id == ids[4])
        #expect(try test.store.findContainer(ids[4].short).id == ids[4])
        for word in ["", "nothing", "../names/c3", "zz"] {
            #expect(failure { _ = try test.store.findContainer(word) }?.kind == .notFound, "\(word)")
        }
        let firsts = ids.map { $0.text.prefix(1) }
        let doubled = try #require(firsts.first { digit in firsts.count { $0 == digit } > 1 })
        let refused = failure { _ = try test.store.findContainer(String(doubled)) }
        #expect(refused?.kind == .conflict && refused?.reason.contains("several containers") == true)
    }

    @Test func nameInUse() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let first = try test.store.createContainer(test.store.configuration("one", image: image))
        let refused = failure { _ = try test.store.createContainer(test.store.configuration("one", image: image)) }
        #expect(
            refused?.description
                == "cannot use the name \"one\": the name is already in use by container \(first.id.short); "
                + "remove it with `box rm` or choose another")
        #expect(refused?.kind == .conflict)
        #expect(test.names("tmp").isEmpty && test.names("containers").count == 1)
        try test.store.removeContainer(first)
        _ = try test.store.createContainer(test.store.configuration("one", image: image))
        lease.end()
    }

    @Test func fiftyWantTheSameName() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let configs = try (0..<50).map { _ in try test.store.configuration("one", image: image) }
        let kinds = Outcomes()
        DispatchQueue.concurrentPerform(iterations: 50) { index in
            let store = try? test.again()
            guard let store, let lease = try? store.lease() else { return }
            kinds.add(failure { _ = try store.createContainer(configs[index]) }?.kind)
            lease.end()
        }
        #expect(kinds.list.count == 50)
        #expect(kinds.list.count { $0 == nil } == 1)
        #expect(kinds.list.count { $0 == .conflict } == 49)
        #expect(test.names("containers").count == 1 && test.names("tmp").isEmpty)
        lease.end()
        #expect(try test.store.check(repair: false).isEmpty)
    }

    @Test func killedCreationAndRemovalFreeTheName() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let record = try test.store.createContainer(test.store.configuration("one", image: image))
        lease.end()
        // A kill between taking the folder away and freeing the name, which looks the same as one between reserving
        // the name and putting the folder in its place.
        try FileManager.default.moveItem(
            atPath: test.root + "/containers/\(record.id)", toPath: test.root + "/tmp/" + deadName("trash"))
        #expect(test.names("names").contains("one"))
        try test.again().lease().end()
        #expect(test.names("names") == [".lock"] && test.names("tmp").isEmpty)
        #expect(try test.store.check(repair: false).isEmpty)
    }

    @Test func staleNameIsTakenOver() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let config = try test.store.configuration("one", image: image)
        try FileManager.default.createSymbolicLink(
            atPath: test.root + "/names/one",
            withDestinationPath: "../containers/" + String(repeating: "a", count: 64))
        #expect(try test.store.createContainer(config).id == config.id)
        #expect(try test.store.findContainer("one").id == config.id)
        lease.end()
    }

    @Test func unreadableRecordIsReportedAndKept() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        let good = try test.store.createContainer(test.store.configuration("good", image: image))
        let bad = try test.store.createContainer(test.store.configuration("bad", image: image))
        lease.end()
        try test.write("containers/\(bad.id)/state", "{\"format\":1")
        let listing = try test.store.containers()
        #expect(listing.summaries.map(\.id) == [good.id])
        #expect(listing.unreadable.map(\.kind) == [.corrupt])
        #expect(listing.unreadable[0].description.contains("containers/\(bad.id)/state"))
        // It can still be found by name, and the next writer mends it.
        try test.store.findContainer("bad").write(ContainerState(.exited))
        #expect(try test.store.containers().summaries.count == 2)
    }

    @Test func monitorsAreSeen() throws {
        let test = try TemporaryStore()
        let id = ContainerID(random: randomBytes(32))
        #expect(!test.store.isMonitored(id))
        let runtime = try test.store.makeRuntimeDirectory(id)
        #expect(!test.store.isMonitored(id))
        do {
            let lock = try FileLock(runtime.directory, "monitor.lock", .exclusive)
            #expect(test.store.isMonitored(id))
            _ = consume lock
        }
        #expect(!test.store.isMonitored(id))
        let long = try Store.open(
            StoreLocation(root: test.root, state: test.folder + "/" + String(repeating: "s", count: 90)))
        let far = try long.makeRuntimeDirectory(id)
        #expect(far.socketPath("ctl.sock").utf8.count < 108)
        try far.directory.write("ctl.sock", [1])
        #expect(FileManager.default.fileExists(atPath: far.socketPath("ctl.sock")))
        test.store.removeRuntimeDirectory(id)
        #expect(try test.store.runtimeDirectory(id) == nil)
    }

    @Test func listsTwoHundredQuickly() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let image = try test.store.makeImage("debian")
        for number in 0..<200 {
            _ = try test.store.createContainer(test.store.configuration("c\(number)", image: image))
        }
        lease.end()
        var best = Int64.max
        for _ in 0..<5 {
            let begin = SystemClock.monotonic
            #expect(try test.store.containers().summaries.count == 200)
            best = min(best, SystemClock.monotonic - begin)
        }
        print("200 containers listed in \(best / 1000) µs")
        // Unoptimised code on a shared machine; optimised it is some milliseconds.
        #expect(best < 400_000_000)
    }
}

private final class Outcomes: @unchecked Sendable {
    private let lock = NSLock()
    private var kinds: [BoxFailure.Kind?] = []
    func add(_ kind: BoxFailure.Kind?) { lock.withLock { kinds.append(kind) } }
    var list: [BoxFailure.Kind?] { lock.withLock { kinds } }
}

@Suite struct VolumeTests {
    @Test func createFindRemove() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let first = try test.store.createVolume("data", labels: ["a": "b"])
        #expect(first.made && first.record.labels == ["a": "b"])
        let second = try test.store.createVolume("data")
        #expect(!second.made && second.record == first.record)
        let anonymous = try test.store.createVolume(nil).record
        #expect(anonymous.anonymous && anonymous.name.utf8.count == 64)
        #expect(try test.store.volumes().records.map(\.name).sorted() == [anonymous.name, "data"].sorted())
        #expect(FileManager.default.fileExists(atPath: test.store.volumePath("data")))
        try test.store.removeVolume("data")
        #expect(try test.store.volume("data") == nil)
        #expect(failure { try test.store.removeVolume("data") }?.kind == .notFound)
        for name in ["", "../x", "a/b", "-a", ".a"] {
            #expect(failure { _ = try test.store.createVolume(name) }?.kind == .invalid, "\(name)")
        }
        lease.end()
    }

    @Test func twentyWantTheSame() throws {
        let test = try TemporaryStore()
        let lease = try test.store.lease()
        let kinds = Outcomes()
        DispatchQueue.concurrentPerform(iterations: 20) { _ in
            kinds.add((try? test.store.createVolume("data"))?.made == true ? nil : .conflict)
        }
        #expect(kinds.list.count { $0 == nil } == 1)
        #expect(test.names("tmp").isEmpty)
        lease.end()
    }
}
