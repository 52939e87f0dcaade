import Foundation
import Testing

@Suite(.enabled(if: Privileges.hasOverlay, Privileges.overlayReason)) struct LifeTests {
    @Test func aDetachedContainerLivesAndEnds() throws {
        try withImage { box in
            let id = try box.ok(
                "run", "-d", "--name", "web", "busybox", "sh", "-c",
                "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"
            ).trimmed
            #expect(id.count == 64)
            let row = try box.ok("ps").lines
            #expect(row.count == 2)
            #expect(row.first?.hasPrefix("CONTAINER ID   IMAGE") == true)
            #expect(row.last?.contains("Up ") == true && row.last?.hasSuffix("web") == true)
            #expect(try box.ok("ps", "--format", "{{.Names}}|{{.State}}|{{.Image}}").trimmed == "web|running|busybox")
            #expect(
                try box.ok("inspect", "-f", "{{.State.Status}} {{.Name}} {{.ID}}", "web").trimmed
                    == "running /web \(id)")
            #expect(eventually { (try? box.ok("logs", "web").text) == "up\n" })
            #expect(try box.ok("stop", "web").trimmed == "web")
            #expect(try box.ok("wait", "web").trimmed == "3")
            #expect(try box.ok("ps", "-a", "--format", "{{.Status}}").text.hasPrefix("Exited (3) "))
            try box.ok("start", "web")
            #expect(try box.ok("ps", "-q", "--no-trunc").trimmed == id)
            expectOneLine(try box.run("rm", "web"), status: 1, "web", "running")
            try box.ok("kill", "web")
            #expect(try box.ok("wait", "web").trimmed == "137")
            #expect(try box.ok("container", "rm", "-f", "web", "missing").trimmed == "web")
            #expect(try box.ok("ps", "-aq").lines.isEmpty)
        }
    }

    @Test func logsAreReadInEveryWay() throws {
        try withImage { box in
            try box.ok(
                "run", "--name", "log", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done; echo err >&2"
            )
            let all = try box.ok("logs", "log")
            #expect(all.lines == (1...5).map { "line \($0)" })
            #expect(all.errorText == "err\n")
            #expect(
                try box.ok("logs", "-f", "-t", "log").lines.allSatisfy {
                    $0.count > 31 && $0.dropFirst(10).first == "T"
                })
            #expect(try box.ok("logs", "--since", "1h", "log").lines.count == 5)
            #expect(try box.ok("logs", "--until", "1h", "log").lines.isEmpty)
            let tail = try box.ok("logs", "-n", "3", "log")
            #expect(tail.lines.count + tail.errorText.split(separator: "\n").count == 3)
            let follow = try box.start("logs", "-f", "log")
            #expect(try follow.wait().status == 0)
        }
    }

    @Test func filtersAndNounForms() throws {
        try withImage { box in
            try box.ok("create", "--name", "a1", "--label", "k=v", "busybox", "true")
            try box.run("run", "--name", "b1", "busybox", "false")
            func names(_ filters: String...) throws -> [String] {
                try box.command(["ps", "-a", "--format", "{{.Names}}"] + filters.flatMap { ["-f", $0] }).run()
                    .succeeded().lines.sorted()
            }
            #expect(try names() == ["a1", "b1"])
            #expect(try names("status=created") == ["a1"])
            #expect(try names("exited=1") == ["b1"])
            #expect(try names("label=k=v") == ["a1"])
            #expect(try names("name=^b") == ["b1"])
            #expect(try names("name=a1", "name=b1") == ["a1", "b1"])
            #expect(try names("status=created", "name=b1").isEmpty)
            #expect(try names("before=b1") == ["a1"])
            #expect(try names("ancestor=busybox") == ["a1", "b1"])
            expectOneLine(try box.run("ps", "-f", "stat=x"), status: 1, "stat", "status")
            expectOneLine(try box.run("ps", "-a", "--format", "{{.Namse}}"), status: 1, "Namse", ".Names")
            #expect(try box.ok("container", "ls", "-aq").lines.count == 2)
            #expect(try box.ok("ps", "-n", "1", "--format", "{{json .Names}}").trimmed == "\"b1\"")
            #expect(try box.ok("inspect", "a1", "busybox").text.contains("\"RepoTags\""))
            let missing = try box.run("inspect", "nothing")
            #expect(missing.status == 1 && missing.trimmed == "[]")
            expectOneLine(missing, "nothing")
        }
    }

    @Test func signalsReachTheProgramThroughTheClient() throws {
        try withImage { box in
            let client = try box.start(
                "run", "--rm", "--name", "sig", "busybox", "sh", "-c",
                "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done")
            try client.waitFor("ready")
            client.signal(SIGTERM)
            let output = try client.wait()
            #expect(output.status == 9, "\(output)")
            #expect(output.text.contains("got"))
        }
    }

    @Test func theContainerOutlivesItsClient() throws {
        try withImage { box in
            let client = try box.start("run", "--name", "on", "busybox", "sh", "-c", "echo ready; sleep 60")
            try client.waitFor("ready")
            client.signal(SIGKILL)
            _ = try client.wait()
            #expect(try box.ok("ps", "--format", "{{.Names}}").trimmed == "on")
            try box.ok("kill", "on")
        }
    }

    @Test func theContainerEndsWithItsMonitor() throws {
        try withImage { box in
            let id = try box.ok("run", "-d", "--name", "lost", "--memory", "64m", "busybox", "sleep", "60").trimmed
            let monitors = try Command.shell("pgrep -f 'box-monitor \(id.prefix(12))'").succeeded().lines
            #expect(monitors.count == 1)
            let pid = try #require(monitors.first.flatMap { Int32($0) })
            #expect(kill(pid, SIGKILL) == 0)
            #expect(eventually { (try? box.ok("ps", "-q").lines.isEmpty) == true })
            #expect(try box.ok("ps", "-a", "--format", "{{.State}}").trimmed == "exited")
            try box.ok("start", "lost")
            #expect(try box.ok("ps", "--format", "{{.Names}}").trimmed == "lost")
            try box.ok("rm", "-f", "lost")
        }
    }

    @Test func aTerminalIsRawAndDetaches() throws {
        try withImage { box in
            let client = try box.terminal("run", "-it", "--name", "tty", "busybox", "sh", rows: 33, columns: 111)
            try client.write("stty size; tty\n")
            try client.waitFor("33 111")
            try client.waitFor("/dev/pts/0")
            client.resize(rows: 20, columns: 90)
            try client.write("sleep 0.2; stty size\n")
            try client.waitFor("20 90")
            try client.write("\u{10}\u{11}")
            #expect(try client.wait().status == 0)
            #expect(try box.ok("ps", "--format", "{{.Names}}").trimmed == "tty")
            let again = try box.terminal("attach", "tty")
            try again.write("echo a$((1+1))b\n")
            try again.waitFor("a2b")
            try again.write("exit 5\n")
            #expect(try again.wait().status == 5)
        }
    }

    @Test func killedAtAnyInstantNothingIsLeft() throws {
        try withImage { box in
            var seed = UInt64(42)
            for _ in 0..<Soak.rounds(50) {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let client = try box.start("run", "--rm", "busybox", "true")
                usleep(UInt32(seed >> 33) % 14_000)
                client.signal(SIGKILL)
                _ = try? client.wait()
            }
            #expect(eventually(within: .seconds(5)) { (try? box.ok("ps", "-q").lines.isEmpty) == true })
            let ids = try box.ok("ps", "-aq").lines
            if !ids.isEmpty { try box.command(["rm", "-f"] + ids).run().succeeded() }
            try box.ok("run", "--rm", "busybox", "true")
            let check = try box.run("system", "check")
            #expect(check.status == 0, "\(check)")
        }
    }
}
