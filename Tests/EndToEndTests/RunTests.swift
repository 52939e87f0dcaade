import Foundation
import Testing

/// The one sentence that a failure of box is: no second line, no Swift, no trace of a stack.
func expectOneLine(
    _ output: Output, status: Int32? = nil, _ words: String..., at location: SourceLocation = #_sourceLocation
) {
    if let status { #expect(output.status == status, "\(output)", sourceLocation: location) }
    let lines = output.errorText.split(separator: "\n")
    #expect(lines.count == 1, "\(output)", sourceLocation: location)
    #expect(lines.first?.hasPrefix("box: ") == true, "\(output)", sourceLocation: location)
    for word in words { #expect(output.errorText.contains(word), "\(output)", sourceLocation: location) }
    for word in ["Swift", "Optional(", "fatalError", "Failure("] {
        #expect(!output.errorText.contains(word), "\(output)", sourceLocation: location)
    }
}

/// A box with the busybox image in it.
func withImage<Result>(
    on host: ((Scope) throws -> NetworkSpace)? = nil, _ body: (Box) throws -> Result
) throws -> Result {
    try Box.use(on: host) { box in
        let archive = try Images.busyboxArchive.get()
        try box.ok("import", "-c", #"CMD ["sh"]"#, archive, "busybox:latest")
        return try body(box)
    }
}

@Suite(.enabled(if: Privileges.hasOverlay, Privileges.overlayReason)) struct RunTests {
    @Test(arguments: [("exit 0", 0), ("exit 7", 7), ("exit 255", 255)])
    func theStatusIsTheProgrammes(script: String, status: Int32) throws {
        try withImage { box in
            let output = try box.run("run", "--rm", "busybox", "sh", "-c", script)
            #expect(output.status == status, "\(output)")
        }
    }

    @Test func failuresBeforeTheProgramHaveTheirOwnStatus() throws {
        try withImage { box in
            expectOneLine(try box.run("run", "--rm", "busybox", "nosuch"), status: 127, "nosuch")
            expectOneLine(try box.run("run", "--rm", "busybox", "/etc/passwd"), status: 126, "/etc/passwd")
            expectOneLine(try box.run("run", "--rm", "busybox", "/etc"), status: 126, "/etc")
            expectOneLine(
                try box.run("run", "--rm", "-u", "nobody-here", "busybox", "true"), status: 125, "nobody-here")
            expectOneLine(try box.run("run", "--nmae", "x", "busybox"), status: 125, "--nmae", "--name")
            expectOneLine(try box.run("run", "--memory", "1x", "busybox"), status: 125, "memory")
            expectOneLine(try box.run("run", "--env-file", "/no/such", "busybox"), status: 125, "/no/such")
            expectOneLine(try box.run("run", "--pull", "never", "nothere"), status: 125, "nothere")
            #expect(try box.ok("ps", "-aq").lines.isEmpty)
        }
    }

    @Test func deathBySignalIs128AndTheSignal() throws {
        try withImage { box in
            let output = try box.run("run", "--rm", "--init", "busybox", "sh", "-c", "kill -9 $$")
            #expect(output.status == 137, "\(output)")
        }
    }

    @Test func streamsStaySeparateAndUnchanged() throws {
        try withImage { box in
            let output = try box.ok("run", "--rm", "busybox", "sh", "-c", "printf out; printf err >&2")
            #expect(output.text == "out")
            #expect(output.errorText == "err")
            let bytes = (0..<20_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            let echoed = try box.ok("run", "--rm", "-i", "busybox", "cat", input: bytes)
            #expect(echoed.stdout == bytes)
            let sum = try Command.shell(
                "\(Box.binary) --root \(box.root) --state \(box.state) run --rm busybox "
                    + "sh -c 'dd if=/dev/zero bs=1048576 count=300 2>/dev/null' | sha256sum"
            ).succeeded()
            let expected = try Command.shell("dd if=/dev/zero bs=1048576 count=300 2>/dev/null | sha256sum").succeeded()
            #expect(sum.text == expected.text)
        }
    }

    @Test func flagsReachTheContainer() throws {
        try withImage { box in
            let output = try box.ok(
                "run", "--rm", "-e", "A=1", "-w", "/made/here", "-h", "name", "-u", "1000:1001", "--group-add", "7",
                "--add-host", "db:10.1.2.3", "--dns", "9.9.9.9", "--tmpfs", "/t:size=1m", "--ulimit", "nofile=64:64",
                "--sysctl", "net.ipv4.ip_unprivileged_port_start=80", "--shm-size", "8m", "--read-only", "busybox",
                "sh",
                "-c",
                """
                echo $A; pwd; hostname; id -u; id -g; id -G; grep db /etc/hosts; cat /etc/resolv.conf
                df -k /t | tail -1 | awk '{print $2}'; ulimit -n; cat /proc/sys/net/ipv4/ip_unprivileged_port_start
                df -k /dev/shm | tail -1 | awk '{print $2}'; touch /x 2>/dev/null || echo readonly
                """)
            #expect(
                output.lines == [
                    "1", "/made/here", "name", "1000", "1001", "1001 7", "10.1.2.3\tdb", "nameserver 9.9.9.9", "1024",
                    "64",
                    "80", "8192", "readonly",
                ], "\(output)")
        }
    }

    @Test func theDefaultsAreNarrow() throws {
        try withImage { box in
            let output = try box.ok(
                "run", "--rm", "--network", "none", "busybox", "sh", "-c",
                """
                grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; ls /proc/self/fd | wc -l
                mount -t tmpfs x /tmp 2>/dev/null || echo nomount; cat /proc/kcore 2>/dev/null | head -c 1 | wc -c
                echo 1 2>/dev/null >/proc/sys/kernel/core_pattern || echo noproc; ls /sys/class/net
                """)
            #expect(
                output.lines == [
                    "CapEff:\t00000000a80425fb", "Seccomp:\t2", "4", "nomount", "0", "noproc", "lo",
                ], "\(output)")
            let none = try box.ok(
                "run", "--rm", "--cap-drop", "ALL", "--cap-add", "CHOWN", "busybox", "grep", "CapEff",
                "/proc/self/status")
            #expect(none.trimmed == "CapEff:\t0000000000000001")
            let privileged = try box.ok(
                "run", "--rm", "--privileged", "busybox", "sh", "-c",
                "grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp && echo mounts")
            #expect(privileged.lines == ["Seccomp:\t0", "mounts"])
            let locked = try box.ok(
                "run", "--rm", "--security-opt", "no-new-privileges", "busybox", "grep", "NoNewPrivs",
                "/proc/self/status")
            #expect(locked.trimmed == "NoNewPrivs:\t1")
        }
    }

    @Test func mountsOfAllKinds() throws {
        try withImage { box in
            try FileManager.default.createDirectory(atPath: box.scope.path("src"), withIntermediateDirectories: true)
            try writeFile(box.scope.path("src/file"), "content")
            let source = box.scope.path("src")
            #expect(
                try box.ok(
                    "run", "--rm", "-v", "\(source):/m:ro", "busybox", "sh", "-c", "cat /m/file; touch /m/x || echo ro"
                ).lines == ["contentro"])
            try box.ok("run", "--rm", "--mount", "type=bind,source=\(source),target=/m", "busybox", "touch", "/m/made")
            #expect(FileManager.default.fileExists(atPath: "\(source)/made"))
            try box.ok("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c", "echo kept >/d/f")
            #expect(try box.ok("run", "--rm", "-v", "data:/d", "busybox", "cat", "/d/f").trimmed == "kept")
            expectOneLine(
                try box.run("run", "--rm", "--mount", "type=bind,source=/no/such,target=/m", "busybox", "true"),
                status: 125, "/no/such")
            expectOneLine(
                try box.run("run", "--rm", "-v", "/a:/m", "-v", "/b:/m", "busybox", "true"), status: 125, "/m")
            try box.ok("run", "--rm", "-v", "\(source)/new:/m", "busybox", "true")
            #expect(FileManager.default.fileExists(atPath: "\(source)/new"))
            try box.ok("run", "--rm", "-v", "/anonymous", "busybox", "touch", "/anonymous/x")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: "\(box.root)/volumes").filter { !$0.hasPrefix(".") }
                    == ["data"])
        }
    }

    @Test(.enabled(if: Privileges.hasMemoryCgroup, Privileges.memoryCgroupReason))
    func limitsAreReallyApplied() throws {
        try withImage { box in
            let output = try box.run(
                "run", "--name", "fat", "--memory", "32m", "--memory-swap", "32m", "busybox", "sh", "-c",
                "dd if=/dev/zero of=/dev/shm/x bs=1M count=60 2>/dev/null")
            #expect(output.status == 137, "\(output)")
            #expect(try box.ok("inspect", "-f", "{{.State.OOMKilled}}", "fat").trimmed == "true")
            let forks = try box.run(
                "run", "--rm", "--pids-limit", "5", "busybox", "sh", "-c",
                "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait")
            #expect(forks.errorText.contains("fork"))
        }
    }

    @Test func aUserNamespaceHasIdsOfItsOwn() throws {
        try withImage { box in
            let output = try box.ok(
                "run", "--rm", "--userns", "auto", "busybox", "sh", "-c",
                "id -u; awk '{print ($2 > 100000)}' /proc/self/uid_map; touch /x && stat -c %u /x")
            #expect(output.lines == ["0", "1", "0"], "\(output)")
        }
    }

    @Test func namesAreTakenOnce() throws {
        try withImage { box in
            let id = try box.ok("create", "--name", "one", "busybox", "true").trimmed
            #expect(id.count == 64)
            expectOneLine(
                try box.run("create", "--name", "one", "busybox", "true"), status: 125, "one", String(id.prefix(12)))
            try box.ok("rm", "one")
            try box.ok("create", "--name", "one", "busybox", "true")
            let file = box.scope.path("cid")
            let other = try box.ok("create", "--cidfile", file, "busybox", "true").trimmed
            #expect(try String(contentsOfFile: file, encoding: .utf8) == other)
            expectOneLine(try box.run("create", "--cidfile", file, "busybox", "true"), status: 125, file)
        }
    }

    @Test func manyLayersRun() throws {
        try Box.use { box in
            let registry = try Registry.start(in: box.scope)
            var layers = [
                try HandMadeLayer(try Data(contentsOf: URL(fileURLWithPath: Images.busyboxArchive.get())).map(\.self))
            ]
            for number in 0..<120 { layers.append(try HandMadeLayer { $0.file("layer\(number)", "\(number)") }) }
            try Images.push(try Images.busybox(layers), to: registry, "many")
            let output = try box.ok(
                "run", "--rm", "--quiet", "\(registry.host)/many", "sh", "-c",
                "ls / | grep -c layer; cat /layer0 /layer119")
            #expect(output.lines == ["120", "0119"], "\(output)")
        }
    }
}
