import Foundation
import Testing

/// Ways out that other container tools have had, or that a reviewer of ours found, tried once more.
@Suite(.enabled(if: Privileges.hasOverlay, Privileges.overlayReason)) struct EscapeTests {
    @Test func sharedMemoryIsSharedAndNothingElse() throws {
        try withImage { box in
            try box.ok(
                "run", "-d", "--name", "sharer", "--ipc", "shareable", "busybox", "sh", "-c",
                "echo told > /dev/shm/word; sleep 60")
            #expect(
                eventually {
                    (try? box.run("run", "--rm", "--ipc", "container:sharer", "busybox", "cat", "/dev/shm/word"))?.text
                        == "told\n"
                })
            try box.ok("run", "-d", "--name", "miser", "busybox", "sleep", "60")
            expectOneLine(
                try box.run("run", "--rm", "--ipc", "container:miser", "busybox", "true"), status: 125,
                "--ipc shareable")
            // Once, a link in the place of the shared memory led to the host's folders.
            let trap = box.scope.path("trap")
            try FileManager.default.createDirectory(atPath: trap, withIntermediateDirectories: true)
            try box.ok(
                "run", "-d", "--name", "liar", "--privileged", "--ipc", "shareable", "busybox", "sh", "-c",
                "umount /dev/shm && rmdir /dev/shm && ln -s \(trap) /dev/shm; sleep 60")
            #expect(
                eventually {
                    (try? box.run("run", "--rm", "--ipc", "container:liar", "busybox", "touch", "/dev/shm/x"))?.status
                        == 125
                })
            #expect(try FileManager.default.contentsOfDirectory(atPath: trap).isEmpty)
        }
    }

    @Test func aVolumesFolderCannotBeSwappedForALink() throws {
        try withImage { box in
            try box.ok(
                "run", "--rm", "-v", "vol:/v", "busybox", "sh", "-c",
                "mkdir /v/sub && touch /v/sub/mine && ln -s / /v/link")
            try box.ok(
                "run", "-d", "--name", "racer", "-v", "vol:/v", "busybox", "sh", "-c",
                "cd /v; while :; do mv sub real; mv link sub; mv sub link; mv real sub; done")
            var seen: Set<String> = []
            for _ in 0..<Soak.rounds(40) {
                let output = try box.run(
                    "run", "--rm", "--mount", "type=volume,src=vol,dst=/x,volume-subpath=sub", "busybox", "ls", "/x")
                if output.status == 0 { seen.formUnion(output.lines) }
            }
            // The link's target is the volume's own root, in which these are.
            #expect(seen.isSubset(of: ["mine", "link", "sub", "real"]), "\(seen)")
        }
    }

    @Test func onlyItsOwnControlGroupsAreSeen() throws {
        try withImage { box in
            for flag in ["--cgroupns=private", "--cgroupns=host", "--privileged"] {
                let output = try box.ok(
                    "run", "--rm", flag, "busybox", "sh", "-c",
                    "for f in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do [ -e $f ] && wc -l < $f; done"
                )
                #expect(!output.lines.isEmpty, "\(flag) \(output)")
                // The host's groups have its processes in them.
                #expect(output.lines.allSatisfy { (Int($0) ?? 999) <= 4 }, "\(flag) \(output)")
            }
        }
    }

    @Test func closedStreamsAreNobodysFiles() throws {
        try withImage { box in
            let line = "'\(Box.binary)' run --rm busybox sh -c 'echo MARKER; echo MARKER >&2; exit 4'"
            for redirection in [">&- 2>&-", "<&- >&- 2>&-", "<&-"] {
                var command = Command("/bin/sh", ["-c", "\(line) \(redirection)"])
                command.environment = box.command([]).environment
                let output = try command.run()
                #expect(output.status == 4, "\(redirection) \(output)")
            }
            #expect(try Command("grep", ["-rlI", "MARKER", box.root, box.state]).run().text.isEmpty)
        }
    }

    @Test func aProgramWithoutADeathSignalDoesNotOutliveItsMonitor() throws {
        try Box.use { box in
            let name = try Images.debian.get()
            try box.ok("pull", "-q", name)
            try box.ok("run", "-d", "--name", "undead", name, "setpriv", "--pdeathsig", "clear", "sleep", "61")
            let pid = try box.ok("inspect", "-f", "{{.State.Pid}}", "undead").trimmed
            #expect(eventually { (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "sleep\n" })
            let parent = try Command("sh", ["-c", "awk '/^PPid:/ {print $2}' /proc/\(pid)/status"]).run().trimmed
            kill(try #require(pid_t(parent)), SIGKILL)
            #expect(eventually { (try? box.ok("ps", "-a", "--format", "{{.State}}").trimmed) == "exited" })
            #expect(eventually { !FileManager.default.fileExists(atPath: "/proc/\(pid)/comm") })
        }
    }

    @Test func debianRuns() throws {
        try Box.use { box in
            let name = try Images.debian.get()
            try box.ok("pull", "-q", name)
            let output = try box.ok(
                "run", "--rm", name, "bash", "-c",
                "grep ^ID= /etc/os-release; stat -c %a:%u /usr/bin/passwd /tmp; dpkg --audit; dpkg -V base-files; getent passwd nobody | cut -d: -f3"
            )
            #expect(output.lines == ["ID=debian", "4755:0", "1777:0", "65534"], "\(output)")
        }
    }

    @Test func mountsOverEtcKeepTheNameFiles() throws {
        try withImage { box in
            let folder = box.scope.path("etc")
            try writeFile("\(folder)/mine", "x")
            let output = try box.ok(
                "run", "--rm", "-v", "\(folder):/etc", "busybox", "sh", "-c", "ls /etc; grep -c localhost /etc/hosts")
            #expect(output.lines == ["hostname", "hosts", "mine", "resolv.conf", "2"], "\(output)")
        }
    }

    @Test func flagsAreReadAsDockerDoes() throws {
        try withImage { box in
            #expect(try box.ok("run", "--help").text.contains("--detach"))
            #expect(try box.ok("create", "--help").text.contains("--name"))
            #expect(try box.ok("run", "--rm", "--", "busybox", "echo", "-x").trimmed == "-x")
            try box.ok("run", "--rm", "--rm=false", "--name", "kept", "busybox", "sh", "-c", "echo 'a b'; exit")
            #expect(
                try box.ok("ps", "-a", "--no-trunc", "--format", "{{.Command}}").trimmed
                    == #""sh -c 'echo 'a b'; exit'""#)
            #expect(try box.ok("ps", "-as", "--format", "{{.Size}}").text.hasPrefix("0B "))
            let file = box.scope.path("env")
            try writeFile(file, "\u{feff}ONE=1\r\n# comment\r\n\r\nTWO=2 \r\n")
            #expect(
                try box.ok("run", "--rm", "--env-file", file, "busybox", "sh", "-c", "echo \"[$ONE][$TWO]\"").trimmed
                    == "[1][2 ]")
            for (text, word) in [("A B=1\n", "line 1"), ("OK=1\n=2\n", "line 2"), ("\0", "UTF-8")] {
                try writeFile(file, text)
                expectOneLine(
                    try box.run("run", "--rm", "--env-file", file, "busybox", "true"), status: 125, file, word)
            }
            expectOneLine(
                try box.run("run", "--rm", "--sysctl", "kernel.shmmax", "busybox", "true"), status: 125, "KEY=VALUE")
            expectOneLine(try box.run("run", "--rm", "-u", "2147483648", "busybox", "true"), status: 125, "2147483648")
            expectOneLine(try box.run("run", "--platform", "bogus", "nosuch/image"), status: 125, "bogus")
            #expect(try Command("/bin/sh", ["-c", "'\(Box.binary)' ps > /dev/full"]).run().status == 1)
        }
    }

    @Test func flagsOfEveryKindWork() throws {
        try withImage { box in
            let output = try box.ok(
                "run", "--rm", "--annotation", "a=b", "--device", "/dev/fuse:/dev/x:r", "--cpuset-cpus", "0", "--pid",
                "host",
                "busybox", "sh", "-c",
                "ls /dev/x; grep Cpus_allowed_list /proc/self/status; ls /proc | grep -c '^[0-9]'")
            #expect(output.lines.first == "/dev/x", "\(output)")
            #expect(output.lines.dropFirst().first?.hasSuffix("\t0") == true, "\(output)")
            #expect((output.lines.last.flatMap { Int($0) } ?? 0) > 5, "\(output)")
            try box.ok("run", "-d", "--name", "first", "busybox", "sleep", "60")
            #expect(
                try box.ok("run", "--rm", "--pid", "container:first", "busybox", "ps", "-o", "args").text.contains(
                    "sleep 60"))
        }
    }
}
