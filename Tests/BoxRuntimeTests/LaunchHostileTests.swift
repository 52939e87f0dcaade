import BoxModel
import BoxRuntime
import Foundation
import Testing

/// Images that try to reach the host, or to make box do something in their stead.
@Suite("Hostile root file systems", .enabled(if: LaunchFixture.isPossible, LaunchFixture.reason))
struct LaunchHostileTests {
    @Test("A destination that is a link stays inside", arguments: ["/", "/../../../..", "/proc/1/root"])
    func linkedDestination(target: String) throws {
        let fixture = try LaunchFixture()
        let victim = "box-victim-\(UUID().uuidString)"
        try fixture.link("escape", to: target)
        fixture.spec.mounts.append(
            .init(destination: "/escape/\(victim)", type: "tmpfs", source: "tmpfs", options: []))
        fixture.shell("grep -c \(victim) /proc/self/mountinfo")
        let outcome = try fixture.run()
        #expect(!FileManager.default.fileExists(atPath: "/" + victim))
        // Either it landed inside or it was refused; never on the host.
        #expect(outcome.lines == ["1"] || outcome.status == 125)
    }

    @Test("/proc or /sys as a link is refused", arguments: ["proc", "sys"])
    func linkedProc(name: String) throws {
        let fixture = try LaunchFixture("/bin/true")
        try fixture.link(name, to: "/tmp")
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
        #expect(outcome.error.contains("symbolic link"))
    }

    @Test("Nothing may cover parts of /proc", arguments: ["/proc/self/attr", "/proc/sys", "/sneaky/sys"])
    func coveredProc(destination: String) throws {
        let fixture = try LaunchFixture("/bin/true")
        try fixture.link("sneaky", to: "/proc")
        fixture.spec.mounts.append(.init(destination: destination, type: "tmpfs", source: "tmpfs", options: []))
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
        #expect(outcome.error.contains("/proc"))
    }

    @Test("A passwd that is a pipe, a device or a directory does not hang", arguments: ["fifo", "device", "directory"])
    func passwd(kind: String) throws {
        let fixture = try LaunchFixture("/bin/true")
        fixture.plan.user = UserRequest(spec: "alice")
        let file = fixture.layer.appendingPathComponent("etc/passwd").path
        try FileManager.default.removeItem(atPath: file)
        switch kind {
        case "fifo": mkfifo(file, 0o644)
        case "device": mknod(file, S_IFCHR | 0o644, dev_t(5 << 8))
        default: mkdir(file, 0o755)
        }
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
        #expect(outcome.error.contains("/etc/passwd") && outcome.error.contains("regular"))
    }

    @Test("A passwd that links outside is read inside")
    func linkedPasswd() throws {
        let fixture = try LaunchFixture("/bin/id", "-u")
        try FileManager.default.removeItem(at: fixture.layer.appendingPathComponent("etc/passwd"))
        try fixture.write("accounts", "alice:x:77:77::/:\n")
        try fixture.link("etc/passwd", to: "../../../../accounts")
        fixture.plan.user = UserRequest(spec: "alice")
        #expect(try fixture.run().lines == ["77"])
    }

    @Test("A working directory behind a descriptor's link is refused", arguments: 3..<24)
    func leakedWorkingDirectory(descriptor: Int) throws {
        let fixture = try LaunchFixture("/bin/pwd")
        fixture.spec.process.cwd = "/proc/self/fd/\(descriptor)"
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
        #expect(outcome.output == "")
    }

    @Test("A linked working directory to a descriptor is refused, too")
    func linkedWorkingDirectory() throws {
        for descriptor in 3..<16 {
            let fixture = try LaunchFixture("/bin/ls", "-la", "../../../../..")
            try fixture.link("w", to: "/proc/self/fd/\(descriptor)")
            fixture.spec.process.cwd = "/w"
            #expect(try fixture.run().status == 125)
        }
    }

    @Test("An image's own /dev/null masks nothing by itself")
    func falseNull() throws {
        let fixture = try LaunchFixture()
        // Without an own /dev the image's file would be taken for the null device.
        fixture.spec.mounts.removeAll { $0.destination.hasPrefix("/dev") }
        try fixture.write("dev/null", "not null\n", mode: 0o666)
        fixture.shell(
            "wc -c < /proc/keys; wc -c < /proc/interrupts; (chmod 777 /proc/keys) 2>/dev/null && echo changed")
        let outcome = try fixture.run()
        #expect(outcome.lines == ["0", "0"])
    }

    @Test("A /dev that is a link gets no devices elsewhere")
    func linkedDev() throws {
        let fixture = try LaunchFixture("/bin/true")
        try fixture.link("dev", to: "/tmp")
        #expect(try fixture.run().status == 125)
    }

    @Test("A false /dev/pts/ptmx is no terminal")
    func falseTerminal() throws {
        let fixture = try LaunchFixture("/bin/true")
        fixture.request.terminal = true
        fixture.spec.mounts.removeAll { $0.destination == "/dev/pts" }
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
    }

    @Test("A loop of links as a destination ends")
    func loop() throws {
        let fixture = try LaunchFixture("/bin/true")
        try fixture.link("l1", to: "l2")
        try fixture.link("l2", to: "l1")
        fixture.spec.mounts.append(.init(destination: "/l1/x", type: "tmpfs", source: "tmpfs", options: []))
        #expect(try fixture.run().status == 125)
    }

    @Test("The host's mount table is as before")
    func nothingLeft() throws {
        let fixture = try LaunchFixture("/bin/true")
        #expect(try fixture.run().status == 0)
        #expect(try !String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).contains(fixture.directory.path))
    }
}
