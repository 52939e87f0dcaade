import BoxArchive
import BoxModel
import BoxSystem
import Foundation
import Testing

/// What a layer looks like once it is unpacked.
@Suite struct LayerTests {
    private func opaque(_ scratch: Scratch, _ name: String) -> String? {
        scratch.attribute(name, isRoot ? "trusted.overlay.opaque" : "user.overlay.opaque")
    }

    @Test func whiteouts() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.directory("d")
        tar.file("d/.wh.gone")
        tar.directory("o")
        tar.file("o/.wh..wh..opq")
        tar.file("o/kept")
        tar.file("aufs/.wh..wh.plnk/1.2")
        // a file, then its whiteout; a directory, then its whiteout; and both the other way round
        tar.file("file")
        tar.file(".wh.file")
        tar.file("before/kept")
        tar.file(".wh.before")
        tar.file(".wh.after")
        tar.file("after/kept")
        tar.file(".wh.twice")
        tar.file(".wh.twice")
        tar.file(".wh.replaced")
        tar.file("replaced", "new")
        let report = try scratch.unpack(tar.finished())
        #expect(try scratch.mode("d/gone") == (S_IFCHR, 0))
        #expect(try scratch.mode("twice") == (S_IFCHR, 0))
        #expect(opaque(scratch, "o") == "y")
        #expect(opaque(scratch, "d") == nil)
        #expect(opaque(scratch, "before") == "y")
        #expect(opaque(scratch, "after") == "y")
        #expect(try scratch.text("file") + scratch.text("before/kept") + scratch.text("after/kept") == "xxx")
        #expect(try scratch.text("replaced") == "new")
        #expect(try scratch.shell("find inside -name '.wh.*' | wc -l") == "0\n")
        #expect(report.implicitDirectories.isEmpty)
        #expect(!report.hidesEverythingBelow)
    }

    @Test func whiteoutsAsAttributes() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.file("d/.wh.gone")
        _ = try scratch.unpack(tar.finished()) {
            $0.whiteoutsAsAttributes = true
            $0.marks = .user
        }
        #expect(scratch.attribute("d/gone", "user.overlay.whiteout") == "y")
        #expect(scratch.attribute("d", "user.overlay.opaque") == "x")
    }

    @Test func anOpaqueRootIsReported() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.file("./.wh..wh..opq")
        #expect(try scratch.unpack(tar.finished()).hidesEverythingBelow)
    }

    @Test(.enabled(if: isRoot, "mounting needs root")) func overlayAgrees() throws {
        let scratch = try Scratch()
        var lower = TarBuilder()
        lower.file("d/gone")
        lower.file("d/stays")
        lower.file("o/hidden")
        lower.file("replaced/hidden")
        var upper = TarBuilder()
        upper.file("d/.wh.gone")
        upper.file("o/.wh..wh..opq")
        upper.file("o/new")
        upper.file(".wh.replaced")
        upper.file("replaced/new")
        _ = try scratch.unpack(lower.finished(), into: "lower")
        _ = try scratch.unpack(upper.finished(), into: "upper")
        let merged = try scratch.shell(
            "mkdir m && unshare -m sh -c 'mount -t overlay none -o lowerdir=upper:lower m && cd m && find . -type f | sort'"
        )
        #expect(merged == "./d/stays\n./o/new\n./replaced/new\n")
    }

    @Test(.enabled(if: isRoot, "owners need root"), arguments: [TarBuilder.Format.ustar, .gnu, .pax])
    func attributes(_ format: TarBuilder.Format) throws {
        let scratch = try Scratch()
        var tar = TarBuilder(format)
        tar.add(.init(name: Array("d/".utf8), type: UInt8(ascii: "5"), mode: 0o2750, owner: 5, group: 7, time: 1000))
        tar.add(.init(name: Array("d/suid".utf8), content: [1, 2], mode: 0o6755, owner: 1000, group: 1001, time: 2000))
        tar.add(.init(name: Array("d/own".utf8), mode: 0o1644, time: 3000))
        tar.add(
            .init(name: Array("d/link".utf8), type: UInt8(ascii: "2"), link: Array("suid".utf8), owner: 3, time: 4000))
        tar.hardLink("d/hard", "d/suid")
        let report = try scratch.unpack(tar.finished())
        #expect(
            try scratch.listing("inside") == """
                d d 2750 5:7 4096 1000.0000000000  2
                d/hard f 6755 1000:1001 2 2000.0000000000  2
                d/link l 777 3:0 4 4000.0000000000 suid 1
                d/own f 1644 0:0 0 3000.0000000000  1
                d/suid f 6755 1000:1001 2 2000.0000000000  2

                """)
        #expect(report.isSelfContained)
        #expect(report.entryCount == 5)
        #expect(report.unpackedSize == 2)
    }

    @Test func bytesOfNamesStay() throws {
        let scratch = try Scratch()
        let composed = Array("\u{e9}".utf8)
        let decomposed = Array("e\u{301}".utf8)
        let invalid: [UInt8] = [0x66, 0xff, 0xfe]
        let long = [UInt8](repeating: UInt8(ascii: "l"), count: 200)
        for format in [TarBuilder.Format.ustar, .gnu, .pax] {
            var tar = TarBuilder(format)
            for name in [composed, decomposed, invalid] {
                tar.add(.init(name: name, records: format == .pax ? [("path", name)] : []))
            }
            tar.add(.init(name: long + [47] + long))
            tar.add(.init(name: Array("to".utf8), type: UInt8(ascii: "2"), link: long + decomposed))
            _ = try scratch.unpack(tar.finished(), into: "inside")
            let names = try scratch.shell("cd inside && ls | LC_ALL=C sort | od -An -v -tx1 | tr -d ' \\n'")
            #expect(names == "65cc810a66fffe0a\(String(repeating: "6c", count: 200))0a746f0ac3a90a")
            #expect(try scratch.shell("cd inside && readlink to | tail -c 4 | od -An -tx1") == " 65 cc 81 0a\n")
            try scratch.shell("rm -rf inside")
        }
    }

    @Test func nanoseconds() throws {
        let scratch = try Scratch()
        var tar = TarBuilder(.pax)
        tar.add(.init(name: Array("a".utf8), records: [("mtime", Array("1500000000.123456789".utf8))]))
        tar.add(.init(name: Array("old".utf8), records: [("mtime", Array("-5.5".utf8))]))
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.shell("stat -c %.9Y inside/a").hasPrefix("1500000000.123456789"))
    }

    @Test func implicitDirectoriesAndForeignLinks() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.file("a/b/c/file")
        tar.directory("a/b")
        tar.hardLink("a/link", "elsewhere/target")
        tar.hardLink("a/second", "a/link")
        tar.hardLink("a/replaced", "elsewhere/other")
        tar.file("a/replaced")
        let report = try scratch.unpack(tar.finished())
        #expect(report.implicitDirectories.map { String(decoding: $0, as: UTF8.self) } == ["a", "a/b/c"])
        #expect(
            report.foreignHardLinks == [
                ForeignHardLink(path: Array("a/link".utf8), target: Array("elsewhere/target".utf8)),
                ForeignHardLink(path: Array("a/second".utf8), target: Array("elsewhere/target".utf8)),
            ])
        #expect(!report.isSelfContained)
    }

    @Test(.enabled(if: isRoot, "owners and marks need root")) func completion() throws {
        let scratch = try Scratch()
        var base = TarBuilder(.pax)
        base.add(.init(name: Array("a".utf8), type: UInt8(ascii: "5"), mode: 0o1777, owner: 4, group: 5, time: 77))
        base.add(.init(name: Array("hidden".utf8), type: UInt8(ascii: "5"), mode: 0o700))
        base.add(.init(name: Array("cut".utf8), type: UInt8(ascii: "5"), mode: 0o700))
        base.add(.init(name: Array("cut/sub".utf8), type: UInt8(ascii: "5"), mode: 0o700))
        base.add(
            .init(
                name: Array("etc/target".utf8), content: Array("content".utf8), mode: 0o4711, owner: 9, time: 88,
                records: [("SCHILY.xattr.user.k", Array("v".utf8))]))
        var middle = TarBuilder()
        middle.file(".wh.hidden")
        middle.file("cut/.wh..wh..opq")
        middle.directory("d", mode: 0o711)
        var top = TarBuilder()
        top.file("a/x")
        top.file("hidden/x")
        top.file("cut/sub/x")
        top.file("d/x")
        top.hardLink("d/link", "etc/target")
        top.hardLink("link2", "d/link")
        _ = try scratch.unpack(base.finished(), into: "base")
        _ = try scratch.unpack(middle.finished(), into: "middle")
        let report = try scratch.unpack(top.finished())
        let parents = [
            SharedFD(try Directory(opening: scratch.path + "/middle").fd.duplicate()),
            SharedFD(try Directory(opening: scratch.path + "/base").fd.duplicate()),
        ]
        let directory = try Directory(opening: scratch.inside)
        try completeLayer(directory, report: report, parents: parents)
        let listed = try scratch.shell("cd inside && stat -c '%n %a %u:%g %h %Y' a hidden cut/sub d d/link link2")
        #expect(
            listed == """
                a 1777 4:5 2 77
                hidden 755 0:0 2 0
                cut/sub 755 0:0 2 0
                d 711 0:0 2 1700000000
                d/link 4711 9:0 2 88
                link2 4711 9:0 2 88

                """)
        #expect(try scratch.text("link2") == "content")
        #expect(scratch.attribute("link2", "user.k") == "v")

        let failure = #expect(throws: BoxFailure.self) {
            let other = try scratch.unpack(top.finished(), into: "again")
            try completeLayer(Directory(opening: scratch.path + "/again"), report: other, parents: [])
        }
        #expect(failure?.reason.contains("etc/target is neither") == true)
    }

    @Test func tenThousandEntries() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        for number in 0..<10_000 { tar.file("d\(number % 100)/f\(number)", "\(number)") }
        let report = try scratch.unpack(tar.finished())
        #expect(report.entryCount == 10_000)
        #expect(try scratch.shell("find inside -type f | wc -l") == "10000\n")
        #expect(try scratch.text("d99/f9999") == "9999")
    }

    @Test func deepTreesNeedFewDescriptors() throws {
        let scratch = try Scratch()
        var tar = TarBuilder(.gnu)
        let deep = String(repeating: "d/", count: 900)
        tar.file(deep + "one", "1")
        tar.file(deep + "two", "2")
        tar.symlink("up", deep + "..")
        tar.file("up/three", "3")
        _ = try scratch.unpack(tar.finished())
        #expect(try scratch.shell("find inside -type f | wc -l") == "3\n")
    }

    @Test func everyTruncationIsSeen() throws {
        var tar = TarBuilder(.pax)
        tar.directory("d")
        tar.attribute("d/a", "user.k", "v")
        tar.file("d/long", String(repeating: "z", count: 3000))
        tar.add(.init(name: [UInt8](repeating: 97, count: 150), content: [1]))
        let bytes = tar.finished()
        // An archive may lack its end marker, so ends between two entries are only seen where the marker is asked for.
        for end in stride(from: 512, to: bytes.count - 1024, by: 512) {
            let scratch = try Scratch()
            let cut = Array(bytes[..<end])
            let failure = #expect(throws: BoxFailure.self, "\(end)") {
                try scratch.unpack(cut) { $0.requiresEndMarker = true }
            }
            #expect(failure?.kind == .corrupt)
            #expect(failure?.reason.contains("truncated") == true, "\(end): \(String(describing: failure))")
            if let report = try? scratch.unpack(cut, into: "lenient") { #expect(!report.hasEndMarker) }
            #expect(throws: BoxFailure.self, "\(end)") { try scratch.unpack(cut + [1, 2, 3], into: "odd") }
        }
    }

    @Test func theEndOfAnArchive() throws {
        let scratch = try Scratch()
        var tar = TarBuilder()
        tar.file("a")
        #expect(try scratch.unpack(tar.finished()).hasEndMarker)
        #expect(try !scratch.unpack(tar.bytes).hasEndMarker)
        #expect(try scratch.unpack([UInt8](repeating: 0, count: 1024)).entryCount == 0)
        #expect(try scratch.unpack([]).entryCount == 0)
        _ = try scratch.unpack(tar.finished() + [UInt8](repeating: 7, count: 600_000))
        #expect(throws: BoxFailure.self) {
            try scratch.unpack(tar.finished() + [UInt8](repeating: 7, count: 600_000)) { $0.requiresEndMarker = true }
        }
        #expect(throws: BoxFailure.self) { try scratch.unpack(Array("PK\u{3}\u{4} not a tar".utf8)) }
    }
}
