import BoxSystem
import CBoxSys
import Glibc
import SystemPackage
import Testing

/// A folder that goes with the test.
private final class Scratch {
    let path: String
    let directory: Directory

    init() throws {
        path = "/tmp/box-system-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        directory = try makeDirectories(path)
    }

    deinit {
        if let parent = try? Directory(opening: "/tmp") { try? parent.removeTree(String(path.dropFirst(5))) }
    }
}

@Suite struct DirectoryTests {
    @Test func writesInOneStepAndReadsBack() throws {
        let scratch = try Scratch()
        try scratch.directory.write("a", Array("one".utf8), durable: true)
        try scratch.directory.write("a", Array("two".utf8))
        let content = try scratch.directory.read("a")
        let names = try scratch.directory.names()
        #expect(content == Array("two".utf8))
        #expect(names == ["a"])
    }

    @Test func refusesAFileAboveTheLimit() throws {
        let scratch = try Scratch()
        try scratch.directory.write("big", [UInt8](repeating: 1, count: 1000))
        #expect(throws: SystemFailure.self) { try scratch.directory.read("big", limit: 999) }
        let whole = try scratch.directory.read("big", limit: 1000)
        #expect(whole.count == 1000)
    }

    @Test(arguments: ["/etc/passwd", "../../../../../../etc/passwd", "link/passwd", "absolute"])
    func resolvesInsideOnly(path: String) throws {
        let scratch = try Scratch()
        try scratch.directory.make("etc")
        try scratch.directory.symlink("link", to: "/etc")
        try scratch.directory.symlink("absolute", to: "/etc/passwd")
        let etc = try scratch.directory.directory("etc")
        try etc.write("passwd", Array("inside".utf8))
        let found = try scratch.directory.resolve(path, flags: O_RDONLY)
        let content = try found.readAll()
        #expect(content == Array("inside".utf8))
    }

    @Test func removesDeepTreesWithOddNamesAndFollowsNoLinks() throws {
        let scratch = try Scratch()
        let outside = try Scratch()
        try outside.directory.write("kept", [1])
        try scratch.directory.make("tree")
        try scratch.directory.directory("tree").symlink("out", to: outside.path)
        // A name that is not UTF-8.
        let raw: [CChar] = Array("tree/".utf8CString.dropLast()) + [CChar(bitPattern: 0xff), 0]
        let made = box_mkdirat(scratch.directory.fd.raw, raw, 0o755)
        #expect(made == 0)
        var deep = "tree"
        for _ in 0..<100 {
            deep += "/d"
            try scratch.directory.make(deep)
        }
        try scratch.directory.removeTree("tree")
        let left = try scratch.directory.names()
        #expect(left.isEmpty)
        let kept = try outside.directory.read("kept")
        #expect(kept == [1])
    }

    @Test func renamesWithoutReplacing() throws {
        let scratch = try Scratch()
        try scratch.directory.write("a", [1])
        try scratch.directory.write("b", [2])
        #expect { try scratch.directory.rename("a", to: "b", replacing: false) } throws: {
            ($0 as? SystemFailure)?.errno == .fileExists
        }
        let untouched = try scratch.directory.read("b")
        #expect(untouched == [2])
    }
}

@Suite struct LockTests {
    private func isFree(_ scratch: Scratch, _ mode: FileLock.Mode) throws -> Bool {
        switch try FileLock.attempt(scratch.directory, "lock", mode) {
        case .some: true
        case .none: false
        }
    }

    @Test func exclusiveKeepsOthersOutUntilItGoes() throws {
        let scratch = try Scratch()
        let held = try FileLock(scratch.directory, "lock", .exclusive)
        #expect(try !isFree(scratch, .shared))
        let isCurrent = held.isCurrent(scratch.directory, "lock")
        #expect(isCurrent)
        _ = consume held
        let shared = try FileLock(scratch.directory, "lock", .shared)
        #expect(try isFree(scratch, .shared))
        #expect(try !isFree(scratch, .exclusive))
        _ = consume shared
        #expect(try isFree(scratch, .exclusive))
    }
}

@Suite struct TemporaryNameTests {
    @Test func tellsItsMaker() {
        let name = TemporaryName.make(for: "thing")
        #expect(TemporaryName.maker(of: name) == ProcessIdentity.own)
        #expect(TemporaryName.make(for: "thing") != name)
        #expect(TemporaryName.maker(of: "thing") == nil)
        #expect(ProcessIdentity.own.isAlive)
        #expect(!ProcessIdentity(pid: ProcessIdentity.own.pid, startTime: 1).isAlive)
    }
}

@Suite struct MessageSocketTests {
    @Test func carriesBoundariesAndDescriptors() throws {
        let ends = try MessageSocket.pair()
        let ours = MessageSocket(OwnedFD(adopting: ends.ours))
        do {
            let theirs = MessageSocket(OwnedFD(adopting: ends.theirs))
            let file = try memoryFile("test", Array("content".utf8))
            try theirs.send([1, 2], descriptors: [file.raw])
            try theirs.send([3])
        }
        guard case .message(let first) = try ours.receive() else {
            Issue.record("no message")
            return
        }
        #expect(first.bytes == [1, 2])
        switch first.takeDescriptor() {
        case .some(let passed):
            let content = try passed.readAll()
            #expect(content == Array("content".utf8))
        case .none: Issue.record("the descriptor is missing")
        }
        guard case .message(let second) = try ours.receive() else {
            Issue.record("no second message")
            return
        }
        #expect(second.bytes == [3])
        guard case .closed = try ours.receive() else {
            Issue.record("the end was not noticed")
            return
        }
    }
}

@Suite struct SpawnTests {
    @Test func capturesStatusAndBothStreams() throws {
        let result = try Spawn.capture(
            "/bin/sh", ["-c", "cat; echo err >&2; exit 3"], input: Array("in".utf8))
        #expect(result.status == 3)
        #expect(result.output == Array("in".utf8))
        #expect(result.error == Array("err\n".utf8))
    }

    @Test func saysWhyAProgramCannotRun() {
        #expect { try Spawn.capture("/no/such/program", []) } throws: {
            ($0 as? SystemFailure)?.errno == .noSuchFileOrDirectory
        }
    }

    @Test func aSignalIsTheStatus() throws {
        #expect(try Spawn.capture("/bin/sh", ["-c", "kill -9 $$"]).status == 137)
    }
}
