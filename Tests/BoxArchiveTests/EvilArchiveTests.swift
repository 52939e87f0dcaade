import BoxArchive
import BoxModel
import Foundation
import Testing

/// Archives that want out, and what must become of them.
@Suite struct EvilArchiveTests {
    struct Refused: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let reason: String
        let build: @Sendable (inout TarBuilder) -> Void

        init(_ name: String, _ reason: String, _ build: @escaping @Sendable (inout TarBuilder) -> Void) {
            testDescription = name
            self.reason = reason
            self.build = build
        }
    }

    static let refused: [Refused] = [
        Refused("parent", "\"..\" component") { $0.file("../canary") },
        Refused("parent in the middle", "\"..\" component") { $0.file("a/../../canary") },
        Refused("parent at the end", "\"..\" component") { $0.directory("a/..") },
        Refused("absolute parent", "\"..\" component") { $0.file("/../canary") },
        Refused("hard link outside", "\"..\" component") { $0.hardLink("a", "../canary") },
        Refused("root as a file", "replace the root") { $0.file(".") },
        Refused("root as a link", "replace the root") { $0.symlink(".", "/etc") },
        Refused("hard link to the root", "root directory") { $0.hardLink("a", "/") },
        Refused("hard link to a directory", "is a directory") {
            $0.directory("d")
            $0.hardLink("a", "d")
        },
        Refused("hard link to itself", "to itself") { $0.hardLink("a", "a") },
        Refused("whiteout of nothing", "names no file") { $0.file(".wh.") },
        Refused("whiteout of the directory", "names no file") { $0.file("d/.wh..") },
        Refused("whiteout of the parent", "names no file") { $0.file("d/.wh...") },
        Refused("file as a parent", "not a directory") {
            $0.file("a")
            $0.file("a/b")
        },
        Refused("links in a circle", "too many levels") {
            $0.symlink("a", "b")
            $0.symlink("b", "a")
            $0.file("a/x")
        },
        Refused("long component", "more than 255 bytes") { $0.file(String(repeating: "n", count: 256)) },
        Refused("long name", "more than 4095 bytes") { $0.file(String(repeating: "nn/", count: 1500) + "x") },
        Refused("deep nesting", "nested deeper") { $0.file(String(repeating: "n/", count: 1100) + "x") },
        Refused("huge size", "more than") {
            $0.add(.init(name: Array("a".utf8), content: [1], declaredSize: 1 << 62))
        },
        Refused("not numeric", "damaged") {
            var header = TarBuilder.header(.init(name: Array("a".utf8)), format: .ustar)
            header[20] = 1
            $0.file("first")
            $0.raw(header)
        },
    ]

    @Test(arguments: refused, [TarBuilder.Format.ustar, .gnu, .pax])
    func refuses(_ archive: Refused, format: TarBuilder.Format) throws {
        let scratch = try Scratch()
        var tar = TarBuilder(format)
        archive.build(&tar)
        let failure = #expect(throws: BoxFailure.self) { try scratch.unpack(tar.finished()) }
        #expect(failure?.description.contains(archive.reason) == true, "\(String(describing: failure))")
        #expect(failure?.description.contains("\n") == false)
        #expect(scratch.isConfined)
    }

    @Test func absoluteNamesStayInside() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.file("/etc/passwd", "mine")
        tar.file("//./double", "two")
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.text("etc/passwd") == "mine")
        #expect(try scratch.text("double") == "two")
        #expect(scratch.isConfined)
    }

    static let wayOut = ["/", "..", "../..", "../../../../../../..", "/../..", "./../."]

    @Test(arguments: wayOut) func linksLeadNowhereElse(_ target: String) throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.symlink("out", target)
        tar.file("out/canary", "evil")
        tar.hardLink("copy", "out/canary")
        tar.file("out/.wh.gone")
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.text("canary") == "evil")
        #expect(try scratch.text("copy") == "evil")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.inside + "/out") == target)
        #expect(scratch.isConfined)
    }

    @Test func writesThroughALinkOfTheSameLayer() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.symlink("lib", "usr/lib")
        tar.file("lib/a", "1")
        tar.symlink("absolute", "/usr/lib")
        tar.file("absolute/b", "2")
        tar.directory("usr/lib", mode: 0o700)
        tar.file("lib/c", "3")
        let report = try scratch.unpack(tar.finished())
        #expect(try scratch.text("usr/lib/a") + scratch.text("usr/lib/b") + scratch.text("usr/lib/c") == "123")
        #expect(report.implicitDirectories == [Array("usr".utf8)])
    }

    @Test func aFileReplacesALinkInsteadOfWritingThroughIt() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.symlink("a", scratch.path + "/canary")
        tar.file("a", "mine")
        tar.symlink("d", scratch.path)
        tar.directory("d")
        tar.file("d/canary", "mine")
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.text("a") == "mine")
        #expect(try scratch.text("d/canary") == "mine")
        #expect(scratch.isConfined)
    }

    @Test func aReplacedParentIsNotWrittenTo() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.directory("a/b")
        tar.file("a/b/one")
        tar.symlink("a/b", "../c")
        tar.file("a/b/two")
        tar.file("a", "now a file")
        tar.directory("a")
        tar.file("a/three")
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.shell("cd inside && find . -type f | sort") == "./a/three\n./c/two\n")
    }

    @Test func aHardLinkToALinkIsNotFollowed() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.symlink("link", scratch.path + "/canary")
        tar.hardLink("second", "link")
        tar.file("second", "evil")
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.text("second") == "evil")
        #expect(scratch.isConfined)
    }

    @Test(arguments: [
        "trusted.overlay.redirect", "trusted.overlay.opaque", "trusted.overlay.metacopy", "trusted.other",
        "user.overlay.opaque", "user.overlay.whiteout", "nonsense",
    ])
    func refusesAttributesThatSteerTheKernel(_ name: String) throws {
        let scratch = try Scratch()
        var tar = TarBuilder(.pax)
        tar.attribute("a", name, "y")
        let report = try scratch.unpack(tar.finished())
        #expect(scratch.attribute("a", name) == nil)
        #expect(report.ignoredAttributes == [name])
    }

    @Test func limits() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        for number in 0..<20 { tar.file("f\(number)", String(repeating: "x", count: 1000)) }
        let bytes = tar.finished()
        for change in [
            { (options: inout UnpackOptions) in options.maximumSize = 5000 },
            { (options: inout UnpackOptions) in options.maximumEntries = 10 },
        ] {
            let failure = #expect(throws: BoxFailure.self) { try scratch.unpack(bytes, change) }
            #expect(failure?.kind == .exhausted)
        }
    }

    @Test(.enabled(if: isRoot, "device nodes need root")) func devices() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.add(.init(name: Array("null".utf8), type: UInt8(ascii: "3"), mode: 0o666, major: 1, minor: 3))
        tar.add(.init(name: Array("loop".utf8), type: UInt8(ascii: "4"), mode: 0o660, group: 6, major: 7, minor: 9))
        tar.add(.init(name: Array("pipe".utf8), type: UInt8(ascii: "6"), mode: 0o600))
        tar.add(.init(name: Array("hidden".utf8), type: UInt8(ascii: "3")))
        _ = try scratch.unpack(tar.finished())
        #expect(
            try scratch.shell("cd inside && stat -c '%n %F %a %g %t:%T' loop null pipe") == """
                loop block special file 660 6 7:9
                null character special file 666 0 1:3
                pipe fifo 600 0 0:0

                """)
        #expect(try scratch.mode("hidden") == (S_IFCHR, 0))
    }
}
