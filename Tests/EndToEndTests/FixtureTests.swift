import Foundation
import Testing

/// The parts that the other tests rest on, tried on what is known to be right: GNU tar, skopeo, podman, the shell.
@Suite("fixture: commands")
struct CommandFixtureTests {
    @Test func statusAndStreamsStaySeparate() throws {
        let output = try Command("/bin/sh", ["-c", "cat; echo error >&2; exit 7"], input: .bytes(Array("a\0b\n".utf8)))
            .run()
        #expect(output.status == 7)
        #expect(output.stdout == Array("a\0b\n".utf8))
        #expect(output.errorText == "error\n")
    }

    @Test func deathBySignalIsToldAsByTheShell() throws {
        #expect(try Command("/bin/sh", ["-c", "kill -TERM $$"]).run().status == 143)
    }

    @Test func moreThanAPipeHolds() throws {
        let bytes = [UInt8](repeating: 0x61, count: 3 << 20)
        #expect(try Command("cat", input: .bytes(bytes)).run().stdout == bytes)
        // One that does not read: nobody waits, nobody dies of SIGPIPE.
        #expect(try Command("true", input: .bytes(bytes)).run().status == 0)
    }

    @Test func nothingRunsForever() throws {
        #expect(throws: FixtureError.self) { try Command("sleep", ["60"], timeout: .milliseconds(200)).run() }
        let program = try Command("/bin/sh", ["-c", "sleep 60 & echo started"], timeout: .milliseconds(500)).start()
        #expect(throws: FixtureError.self) { try program.wait() }
    }

    @Test func unknownProgram() {
        #expect(throws: FixtureError.self) { try Command("/no/such/program").run() }
    }

    @Test func conversation() throws {
        let program = try Command("/bin/sh", ["-c", "while read -r x; do echo got $x; done; echo over"], input: .pipe)
            .start()
        try program.write("one\n")
        try program.waitFor("got one")
        program.closeInput()
        #expect(try program.wait().text == "got one\nover\n")
    }

    @Test func terminalWithSizeAndSignals() throws {
        let script =
            "test -t 0 && test -t 2 && stty size; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.05; done"
        let program = try Command("/bin/sh", ["-c", script], input: .terminal(rows: 31, columns: 101)).start()
        try program.waitFor("31 101")
        try program.waitFor("ready")
        program.resize(rows: 12, columns: 34)
        try program.waitFor("12 34")
        #expect(try program.wait().status == 3)

        let interrupted = try Command(
            "/bin/sh", ["-c", "echo ready; sleep 20"], input: .terminal(rows: 24, columns: 80)
        ).start()
        try interrupted.waitFor("ready")
        try interrupted.write("\u{3}")
        #expect(try interrupted.wait().status == 130)
    }

    @Test func scopesEndInReverseOrderAndLeaveNothing() throws {
        let order = Monitored<[Int]>([])
        let directory = try Scope.use { scope in
            scope.atEnd { order.change { $0.append(1) } }
            scope.atEnd { order.change { $0.append(2) } }
            try writeFile(scope.path("a/b"), "c")
            try Command.shell("chmod 000 $1/a", scope.directory)
            return scope.directory
        }
        #expect(order.read { $0 } == [2, 1])
        #expect(!FileManager.default.fileExists(atPath: directory))
    }

    @Test func tracesOfProcessesAreFound() throws {
        try Scope.use { scope in
            #expect(Traces.processes(of: scope.directory).isEmpty)
            var byEnvironment = Command("sleep", ["30"])
            byEnvironment.environment = ["BOX_ROOT": scope.path("root")]
            var byDirectory = Command("sleep", ["30"])
            byDirectory.directory = scope.directory
            let programs = [
                try byEnvironment.start(), try byDirectory.start(),
                try Command("/bin/sh", ["-c", "exec sleep 30 9>\"$0\"", scope.path("open")]).start(),
            ]
            defer { for program in programs { program.terminate() } }
            let pids = Set(programs.map(\.pid))
            let found = eventually { Set(Traces.processes(of: scope.directory).map(\.pid)) == pids }
            #expect(found, "\(Traces.processes(of: scope.directory)) are not \(pids)")
        }
    }

    @Test(.enabled(if: Privileges.hasOverlay, Privileges.overlayReason))
    func tracesOfMountsAreFound() throws {
        try Scope.use { scope in
            try Command.shell("mkdir -p $1/{l,u,w,m}", scope.directory)
            try Command.tool("mount", "-t", "tmpfs", "none", scope.path("m"))
            #expect(Traces.mounts(below: scope.directory) == [scope.path("m")])
            // A mount on the host shows in every process and makes none of them ours.
            #expect(Traces.processes(of: scope.directory).isEmpty)
            try Command.tool("umount", scope.path("m"))
            #expect(Traces.mounts(below: scope.directory).isEmpty)

            // As in a container: the directory is only a part of the root's options.
            let script = """
                cd "$1"; mkdir l/old l/proc; cp "$(command -v busybox)" l/busybox
                exec unshare -m sh -c 'mount -t overlay o -o lowerdir=$PWD/l,upperdir=$PWD/u,workdir=$PWD/w m && cd m && pivot_root . old &&
                    /busybox umount -l old && cd / && exec /busybox env -i /busybox sleep 30'
                """
            let program = try Command("/bin/bash", ["-c", script, "bash", scope.directory]).start()
            defer { program.terminate() }
            let seen = eventually {
                Traces.processes(of: scope.directory).contains {
                    $0.pid == program.pid && "\($0)".contains("mountinfo")
                }
            }
            #expect(
                seen,
                "\(Traces.processes(of: scope.directory)), \(program.pid): \(String(decoding: program.stderr, as: UTF8.self))"
            )
        }
    }

    @Test(.enabled(if: Privileges.hasMemoryCgroup, Privileges.memoryCgroupReason))
    func tracesOfControlGroupsAreFound() throws {
        let before = Traces.cgroups()
        let base =
            FileManager.default.fileExists(atPath: "/sys/fs/cgroup/memory/cgroup.procs")
            ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
        let group = "\(base)/box/fixture-\(getpid())"
        try Command.tool("mkdir", "-p", group)
        defer { rmdir(group) }
        #expect(Traces.cgroups().subtracting(before).contains(group))
        #expect(Traces.isEmpty(group))
    }
}

@Suite("fixture: archives")
struct ArchiveFixtureTests {
    @Test(arguments: [TarWriter.LongNames.pax, .gnu])
    func gnuTarReadsThem(_ longNames: TarWriter.LongNames) throws {
        try Scope.use { scope in
            let long = String(repeating: "directory/", count: 20) + "file"
            var writer = TarWriter()
            writer.longNames = longNames
            writer.directory("d", mode: 0o1777)
            writer.file("d/file", "contents\n", mode: 0o4755)
            writer.file(long, "long\n")
            writer.link("d/link", to: "file")
            writer.link("d/far", to: long)
            writer.hardLink("d/same", to: "d/file")
            writer.add(.init("d/fifo", .fifo))
            try writeFile(scope.path("a.tar"), writer.finished)
            try Command.shell("mkdir $1/x; tar -C $1/x -xpf $1/a.tar", scope.directory)
            let root = scope.path("x")
            #expect(try readFile("\(root)/d/file") == Array("contents\n".utf8))
            #expect(try readFile("\(root)/\(long)") == Array("long\n".utf8))
            #expect(
                try Command.shell("stat -c '%a %h %Y' $1/d/file; stat -c %a $1/d; stat -c %F $1/d/fifo", root).text
                    == "4755 2 1700000000\n1777\nfifo\n")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/d/far") == long)
        }
    }

    @Test func evilNamesAreWrittenAsTheyAre() throws {
        var writer = TarWriter()
        writer.file("../escape")
        writer.file("/absolute")
        writer.whiteout("a/gone")
        writer.whiteout("..")
        writer.opaque("a")
        writer.device("null", major: 1, minor: 3)
        let output = try Command.tool("tar", "-tPvf", "-", "--numeric-owner", input: writer.finished)
        let names = output.lines.compactMap { $0.split(separator: " ").last.map(String.init) }
        #expect(names == ["../escape", "/absolute", "a/.wh.gone", ".wh...", "a/.wh..wh..opq", "null"])
        #expect(output.text.contains("1,3"))
    }

    @Test func sparseFiles() throws {
        try Scope.use { scope in
            let first = [UInt8](repeating: 0x61, count: 512)
            let last = Array("end".utf8)
            var writer = TarWriter()
            writer.sparse("holes", size: 1 << 24, data: [(0, first), (1 << 20, last)])
            writer.file("after", "it\n")
            try writeFile(scope.path("a.tar"), writer.finished)
            try Command.shell("tar -C $1 -xf $1/a.tar", scope.directory)
            let file = try readFile(scope.path("holes"))
            #expect(file.count == 1 << 24)
            #expect(Array(file[..<512]) == first && Array(file[(1 << 20)..<(1 << 20) + 3]) == last)
            #expect(file[512..<1 << 20].allSatisfy { $0 == 0 } && file[((1 << 20) + 3)...].allSatisfy { $0 == 0 })
            #expect(try readFile(scope.path("after")) == Array("it\n".utf8))
        }
    }

    @Test(.enabled(if: Privileges.isRoot, Privileges.rootReason))
    func extendedAttributes() throws {
        try Scope.use { scope in
            // VFS_CAP_REVISION_2 with CAP_NET_BIND_SERVICE (capabilities(7)).
            let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            var writer = TarWriter()
            writer.file("program", "x", attributes: [("security.capability", capability)], mode: 0o755)
            try writeFile(scope.path("a.tar"), writer.finished)
            try Command.shell("tar -C $1 --xattrs --xattrs-include='*' -xf $1/a.tar", scope.directory)
            #expect(try Command.tool("getcap", scope.path("program")).text.contains("cap_net_bind_service=ep"))
        }
    }

    @Test(
        .enabled(if: Privileges.hasRegistry, Privileges.registryReason),
        arguments: [HandMadeLayer.Compression.none, .gzip, .zstd])
    func skopeoReadsLayouts(_ compression: HandMadeLayer.Compression) throws {
        try Scope.use { scope in
            let layer = try HandMadeLayer(compression) { $0.file("hello", "world\n") }
            let image = try HandMadeImage([layer], config: ["Cmd": ["/hello"], "Labels": ["a/b": "c"]])
            try image.write(to: scope.path("layout"))
            let name = "oci:\(scope.path("layout")):latest"
            let facts = try Command.tool("skopeo", "inspect", name).text
            #expect(facts.contains(layer.digest) && facts.contains("\"a/b\": \"c\""))
            // Copying to a directory checks every digest.
            try Command.tool("skopeo", "--insecure-policy", "copy", "--quiet", name, "dir:\(scope.path("out"))")
            #expect(try readFile(scope.path("out/\(layer.digest.dropFirst(7))")) == layer.blob)
        }
    }
}

@Suite("fixture: registries", .enabled(if: Privileges.hasRegistry, Privileges.registryReason))
struct RegistryFixtureTests {
    private func smallImage(_ scope: Scope) throws -> HandMadeImage {
        let image = try HandMadeImage([try HandMadeLayer(.gzip) { $0.file("hello", "world\n") }])
        try image.write(to: scope.path("layout"))
        return image
    }

    @Test func takesAPushAndAnswers() throws {
        try Scope.use { scope in
            let image = try smallImage(scope)
            let registry = try Registry.start(in: scope)
            try registry.copy("oci:\(scope.path("layout")):latest", "@/group/app:1", "--preserve-digests")
            let manifest = try registry.manifest("group/app", "1")
            #expect(manifest.status == 200)
            #expect(manifest.body == image.top.bytes)
            registry.stop()
            #expect(throws: FixtureError.self) { try Socket.connected(to: registry.port) }
        }
    }

    @Test func demandsThePassword() throws {
        try Scope.use { scope in
            _ = try smallImage(scope)
            let registry = try Registry.start(in: scope, .init(user: ("user", "pass:word")))
            #expect(try HTTPAnswer.get(port: registry.port, "/v2/").status == 401)
            let token = Data("user:pass:word".utf8).base64EncodedString()
            #expect(
                try HTTPAnswer.get(port: registry.port, "/v2/", headers: ["Authorization": "Basic \(token)"]).status
                    == 200)
            try registry.copy("oci:\(scope.path("layout")):latest", "@/app:latest")
        }
    }

    @Test func speaksTLS() throws {
        try Scope.use { scope in
            _ = try smallImage(scope)
            let registry = try Registry.start(in: scope, .init(user: ("user", "secret"), usesTLS: true))
            try registry.copy("oci:\(scope.path("layout")):latest", "@/app:latest")
            // Nobody who does not know the authority trusts it.
            let untrusting = try Command(
                "skopeo", ["inspect", "--creds", "user:secret", "docker://\(registry.host)/app:latest"]
            ).run()
            #expect(untrusting.status != 0 && untrusting.errorText.contains("certificate"))
        }
    }

    @Test func sharedImages() throws {
        let registry = try Images.registry.get()
        let type = "application/vnd.oci.image.manifest.v1+json"
        for (name, layer) in [
            ("busybox", MediaTypes.gzipLayer), ("busybox-zstd", MediaTypes.zstdLayer),
            ("busybox-plain", MediaTypes.layer),
        ] {
            let manifest = try registry.manifest(name)
            #expect(manifest.headers["content-type"] == type)
            #expect(String(decoding: manifest.body, as: UTF8.self).contains("\"\(layer)\""), "\(name)")
        }
        #expect(
            try registry.manifest("busybox-docker").headers["content-type"]
                == "application/vnd.docker.distribution.manifest.v2+json")
        #expect(try registry.manifest("multi").headers["content-type"] == "application/vnd.oci.image.index.v1+json")
        #expect(
            String(decoding: try registry.manifest("twelve").body, as: UTF8.self).components(
                separatedBy: MediaTypes.gzipLayer
            ).count == 13)
    }

    @Test(.enabled(if: Privileges.hasPodman, Privileges.podmanReason))
    func podmanPushes() throws {
        let name = try Images.pushedByPodman.get()
        let config = try Command.tool("skopeo", "inspect", "--config", "--tls-verify=false", "docker://\(name)")
        #expect(config.text.contains("MADE_BY=podman"))
    }

    @Test(.enabled(if: Privileges.hasDebian, Privileges.debianReason))
    func debianRoot() throws {
        let name = try Images.debian.get()
        #expect(
            try Command.tool("skopeo", "inspect", "--tls-verify=false", "docker://\(name)").text.contains(
                "\"Architecture\""))
    }
}

@Suite("fixture: hostile registry")
struct HostileRegistryFixtureTests {
    @Test(.enabled(if: Privileges.hasRegistry, Privileges.registryReason))
    func honestByDefault() throws {
        try Scope.use { scope in
            let image = try HandMadeImage([try HandMadeLayer(.gzip) { $0.file("hello", "world\n") }])
            let registry = try HostileRegistry.start(in: scope, images: ["group/app:1": image])
            try Command.tool(
                "skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false",
                "docker://\(registry.host)/group/app:1", "dir:\(scope.path("out"))")
            #expect(
                registry.requests.contains { $0.target == "/v2/group/app/manifests/1" && $0.headers["accept"] != nil })
        }
    }

    @Test func scriptedAnswers() throws {
        try Scope.use { scope in
            let registry = try HostileRegistry.start(in: scope) { request, number in
                switch request.path {
                case "/v2/": .unauthorized(#"Bearer realm="http://127.0.0.1/token",service="x""#)
                case "/busy": number < 2 ? .tooManyRequests(retryAfter: 1) : .status(500)
                case "/away": .redirect("http://localhost:1/there?x=1")
                default: nil
                }
            }
            let challenge = try HTTPAnswer.get(port: registry.port, "/v2/", headers: ["Authorization": "Basic abc"])
            #expect(challenge.status == 401 && challenge.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            #expect(registry.requests.last?.headers["authorization"] == "Basic abc")
            let busy = try (0..<3).map { _ in try HTTPAnswer.get(port: registry.port, "/busy") }
            #expect(busy.map(\.status) == [429, 429, 500])
            #expect(busy[0].headers["retry-after"] == "1")
            #expect(
                try HTTPAnswer.get(port: registry.port, "/away").headers["location"] == "http://localhost:1/there?x=1")
            #expect(try HTTPAnswer.get(port: registry.port, "/v2/none/manifests/latest").status == 404)
        }
    }

    @Test func brokenConnections() throws {
        try Scope.use { scope in
            let registry = try HostileRegistry.start(in: scope) { request, _ in
                let body = [UInt8](repeating: 1, count: 100_000)
                return switch request.path {
                case "/cut": HostileRegistry.Response(body: body, cutAfter: 5000)
                case "/stall": HostileRegistry.Response(body: body, stallAfter: 5000)
                case "/lie": HostileRegistry.Response(body: body, announcedLength: 200_000)
                default: .hang
                }
            }
            let cut = try HTTPAnswer.get(port: registry.port, "/cut")
            #expect(!cut.isComplete && cut.body.count == 5000)
            let lie = try HTTPAnswer.get(port: registry.port, "/lie")
            #expect(!lie.isComplete && lie.body.count == 100_000)
            let stall = try HTTPAnswer.get(port: registry.port, "/stall", timeout: .seconds(1))
            #expect(!stall.isComplete && stall.body.count == 5000)
            #expect(throws: FixtureError.self) {
                try HTTPAnswer.get(port: registry.port, "/hang", timeout: .seconds(1))
            }
        }
    }

    @Test func rangesAndLies() throws {
        try Scope.use { scope in
            let blob = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
            let honest = try HandMadeLayer(blob)
            var lying = honest
            lying.digest = digest(of: [])
            let registry = try HostileRegistry.start(
                in: scope, images: ["a:latest": try HandMadeImage([honest]), "b:latest": try HandMadeImage([lying])])
            let part = try HTTPAnswer.get(
                port: registry.port, "/v2/a/blobs/\(honest.digest)", headers: ["Range": "bytes=990-"])
            #expect(
                part.status == 206 && part.body == Array(blob[990...])
                    && part.headers["content-range"] == "bytes 990-999/1000")
            let wrong = try HTTPAnswer.get(port: registry.port, "/v2/b/blobs/\(lying.digest)")
            #expect(wrong.status == 200 && digest(of: wrong.body) != lying.digest)
        }
    }
}
