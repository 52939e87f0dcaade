import Foundation
import Testing

@Suite(.enabled(if: Privileges.hasRegistry && Privileges.isRoot, Privileges.registryReason)) struct PullTests {
    @Test(arguments: ["busybox", "busybox-docker", "busybox-zstd", "busybox-plain", "twelve", "multi"])
    func everyFormatRuns(repository: String) throws {
        try Box.use { box in
            let name = try Images.name(repository)
            let pulled = try box.ok("pull", name)
            #expect(pulled.text.contains("Pull complete") && pulled.text.contains("Digest: sha256:"), "\(pulled)")
            #expect(pulled.lines.last == name)
            #expect(pulled.text.contains("Status: Downloaded newer image for \(name)"))
            #expect(try box.ok("pull", name).text.contains("Status: Image is up to date for \(name)"))
            #expect(try box.ok("pull", "-q", name).trimmed == name)
            #expect(try box.ok("run", "--rm", "--pull", "never", name, "echo", "hi").trimmed == "hi")
            #expect(try box.ok("system", "check").trimmed == "The store is clean.")
            let list = try box.ok("images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}")
            #expect(list.text.hasPrefix("\(name) sha256:"), "\(list)")
            // What other tools see of the same folder; skopeo looks for manifests of OCI's own type only.
            if repository == "busybox-docker" { return }
            try Command("skopeo", ["inspect", "--raw", "oci:\(box.root)/oci:\(name)"]).run().succeeded()
            try Command(
                "skopeo", ["--insecure-policy", "copy", "oci:\(box.root)/oci:\(name)", "dir:\(box.scope.path("copy"))"]
            ).run().succeeded()
        }
    }

    @Test(.enabled(if: Privileges.hasPodman, Privileges.podmanReason))
    func whatPodmanPushedRuns() throws {
        try Box.use { box in
            let name = try Images.pushedByPodman.get()
            #expect(try box.ok("run", "--rm", "-q", name, "echo", "hi").trimmed == "hi")
        }
    }

    @Test func byDigestAndWithPlatforms() throws {
        try Box.use { box in
            let name = try Images.name("multi")
            expectOneLine(try box.run("pull", "--platform", "linux/s390x", name), status: 1, "s390x", "linux/amd64")
            try box.ok("pull", name)
            let digest = try box.ok("images", "--format", "{{.Digest}}").trimmed
            let repository = String(name.dropLast(":latest".count))
            #expect(try box.ok("pull", "-q", "\(repository)@\(digest)").trimmed == "\(repository)@\(digest)")
        }
    }

    @Test func passwordsAndCertificates() throws {
        try Box.use { box in
            let registry = try Registry.start(in: box.scope, .init(user: ("me", "secret"), usesTLS: true))
            try registry.copy("oci:\(Images.busyboxLayout.get()):latest", "@/app:1")
            let name = "\(registry.host)/app:1"
            let trust = box.scope.path("home/.config/box/certs.d/\(registry.host)")
            try FileManager.default.createDirectory(atPath: trust, withIntermediateDirectories: true)
            try Command("cp", [registry.authority, "\(trust)/ca.crt"]).run().succeeded()
            expectOneLine(try box.run("pull", name), status: 1, registry.host)
            let auth = Data("me:secret".utf8).base64EncodedString()
            try writeFile(
                box.scope.path("home/docker/config.json"), #"{"auths":{"\#(registry.host)":{"auth":"\#(auth)"}}}"#)
            try box.ok("pull", name)
            #expect(try box.ok("run", "--rm", name, "echo", "hi").trimmed == "hi")
        }
    }

    @Test func presentImagesNeedNoNetwork() throws {
        try Box.use { box in
            let registry = try Registry.start(in: box.scope)
            try registry.copy("oci:\(Images.busyboxLayout.get()):latest", "@/app:1")
            let name = "\(registry.host)/app:1"
            let first = try box.ok("run", "--rm", name, "echo", "hi")
            #expect(first.trimmed == "hi" && first.errorText.contains("Unable to find image '\(name)' locally"))
            registry.stop()
            #expect(try box.ok("run", "--rm", name, "echo", "again").errorText.isEmpty)
            #expect(try box.run("run", "--rm", "--pull", "always", name, "true").status == 125)
        }
    }

    @Test func interruptedDownloadsGoOn() throws {
        try Box.use { box in
            // Noise does not compress, so that half of the blob is half of the work.
            var generator = SystemRandomNumberGenerator()
            let noise = (0..<400_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let base = try HandMadeLayer(
                try Data(contentsOf: URL(fileURLWithPath: Images.busyboxArchive.get())).map(\.self))
            let layer = try HandMadeLayer(.gzip) { $0.add(TarWriter.Entry("noise", .file, noise)) }
            let image = try Images.busybox([base, layer])
            let registry = try HostileRegistry.start(in: box.scope, images: ["app:latest": image]) { request, _ in
                guard request.path.hasSuffix(layer.digest), request.headers["range"] == nil else { return nil }
                return .init(
                    headers: ["Content-Type": "application/octet-stream"], body: layer.blob, stallAfter: 200_000)
            }
            let client = try box.start("pull", "\(registry.host)/app")
            let part = "\(box.root)/ingest/\(layer.digest.dropFirst(7)).part"
            #expect(
                eventually {
                    ((try? FileManager.default.attributesOfItem(atPath: part)[.size]) as? Int ?? 0) >= 190_000
                })
            client.signal(SIGKILL)
            _ = try client.wait()
            try box.ok("pull", "\(registry.host)/app")
            let resumed = registry.requests.last { $0.path.hasSuffix(layer.digest) }
            #expect(resumed?.headers["range"]?.hasPrefix("bytes=") == true && resumed?.headers["range"] != "bytes=0-")
            #expect(try box.ok("run", "--rm", "\(registry.host)/app", "wc", "-c", "/noise").trimmed == "400000 /noise")
            #expect(try box.ok("system", "check").trimmed == "The store is clean.")
        }
    }

    @Test func twoPullsDownloadOnce() throws {
        try Box.use { box in
            let base = try HandMadeLayer(
                try Data(contentsOf: URL(fileURLWithPath: Images.busyboxArchive.get())).map(\.self))
            let image = try Images.busybox([base])
            let registry = try HostileRegistry.start(in: box.scope, images: ["app:latest": image]) { request, _ in
                request.path.hasSuffix(base.digest) ? .init(body: base.blob, pause: .milliseconds(10)) : nil
            }
            let both = try (0..<2).map { _ in try box.start("pull", "\(registry.host)/app") }
            for client in both { #expect(try client.wait().status == 0) }
            #expect(registry.requests.count { $0.path.hasSuffix(base.digest) && $0.method == "GET" } == 1)
        }
    }

    @Test func killedAtAnyInstantTheStoreIsClean() throws {
        try Box.use { box in
            let name = try Images.name("twelve")
            var seed = UInt64(7)
            for _ in 0..<Soak.rounds(50) {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let client = try box.start("pull", name)
                usleep(UInt32(seed >> 33) % 120_000)
                client.signal(SIGKILL)
                _ = try? client.wait()
            }
            try box.ok("pull", name)
            let check = try box.run("system", "check")
            #expect(check.status == 0, "\(check)")
            #expect(try box.ok("run", "--rm", name, "echo", "hi").trimmed == "hi")
        }
    }
}

@Suite(.enabled(if: Privileges.isRoot, Privileges.rootReason)) struct HostileRegistryTests {
    private func base() throws -> HandMadeLayer {
        try HandMadeLayer(try Data(contentsOf: URL(fileURLWithPath: Images.busyboxArchive.get())).map(\.self))
    }

    /// Pulls from a registry with a script and gives what box said.
    private func pull(_ image: HandMadeImage, _ script: @escaping HostileRegistry.Script = { _, _ in nil }) throws
        -> Output
    {
        try Box.use { box in
            let registry = try HostileRegistry.start(in: box.scope, images: ["app:latest": image], script)
            let output = try box.run("pull", "\(registry.host)/app", timeout: .seconds(100))
            #expect(try box.ok("images", "-q").lines.isEmpty == (output.status != 0))
            #expect(try box.run("system", "check").status == 0)
            return output
        }
    }

    @Test(arguments: [(401, "denied"), (404, "app"), (500, "500")])
    func answersThatRefuse(status: Int, word: String) throws {
        let output = try pull(try Images.busybox([try base()])) { request, _ in
            request.isManifest ? .status(status) : nil
        }
        #expect(output.status == 1)
        #expect(output.errorText.split(separator: "\n").last?.hasPrefix("box: ") == true, "\(output)")
    }

    @Test func aBusyRegistryIsAskedAgain() throws {
        let output = try pull(try Images.busybox([try base()])) { request, number in
            number == 2 && request.isManifest ? .tooManyRequests(retryAfter: 1) : nil
        }
        #expect(output.status == 0, "\(output)")
    }

    @Test func aCutConnectionIsTakenUpAgain() throws {
        let layer = try base()
        let output = try pull(try Images.busybox([layer])) { request, _ in
            request.path.hasSuffix(layer.digest) && request.headers["range"] == nil
                ? .init(body: layer.blob, cutAfter: 500_000) : nil
        }
        #expect(output.status == 0, "\(output)")
    }

    @Test func whatAnotherRegistryLeftIsNotTrusted() throws {
        try Box.use { box in
            let layer = try base()
            let image = try Images.busybox([layer])
            let garbage = [UInt8](repeating: 0x55, count: layer.blob.count)
            let liar = try HostileRegistry.start(in: box.scope, images: ["app:latest": image]) { request, number in
                guard request.path.hasSuffix(layer.digest) else { return nil }
                return number == 0 ? .init(body: garbage, cutAfter: garbage.count / 2) : .status(404)
            }
            #expect(try box.run("pull", "\(liar.host)/app").status == 1)
            let honest = try HostileRegistry.start(in: box.scope, images: ["app:latest": image])
            try box.ok("pull", "\(honest.host)/app")
            #expect(try box.ok("run", "--rm", "\(honest.host)/app", "echo", "hi").trimmed == "hi")
        }
    }

    @Test func aPlatformThatIsNoneDoesNotPoisonTheStore() throws {
        let output = try pull(try Images.busybox([try base()], architecture: "\u{1b}[31mz80"))
        #expect(output.status == 1)
        #expect(output.errorText.split(separator: "\n").last?.contains("platform") == true, "\(output)")
        #expect(!output.errorText.contains("\u{1b}"))
    }

    @Test func anotherPlatformThanAskedForIsRefused() throws {
        try Box.use { box in
            let registry = try HostileRegistry.start(
                in: box.scope, images: ["app:latest": try Images.busybox([try base()])])
            expectOneLine(
                try box.run("pull", "--platform", "linux/s390x", "\(registry.host)/app"), status: 1, "linux/s390x",
                "linux/\(HandMadeImage.machine)")
        }
    }

    @Test func credentialsAreNotSentOn() throws {
        try Box.use { box in
            let layer = try base()
            let image = try Images.busybox([layer])
            let other = try HostileRegistry.start(in: box.scope, images: ["app:latest": image])
            let registry = try HostileRegistry.start(in: box.scope, images: ["app:latest": image]) { request, _ in
                guard request.headers["authorization"] != nil else { return .unauthorized("Basic realm=\"r\"") }
                return request.isBlob ? .redirect("http://localhost:\(other.port)\(request.path)") : nil
            }
            let auth = Data("me:secret".utf8).base64EncodedString()
            try writeFile(
                box.scope.path("home/docker/config.json"), #"{"auths":{"\#(registry.host)":{"auth":"\#(auth)"}}}"#)
            try box.ok("pull", "\(registry.host)/app")
            #expect(!other.requests.isEmpty)
            #expect(other.requests.allSatisfy { $0.headers["authorization"] == nil })
        }
    }

    @Test func liesAreFoundOut() throws {
        var wrongDigest = try base()
        wrongDigest.digest = digest(of: [1, 2, 3])
        var wrongSize = try base()
        wrongSize.size += 1
        var bomb = try HandMadeLayer(.gzip) { $0.file("zeros", String(repeating: "\0", count: 1_000_000)) }
        bomb.diffID = digest(of: [1])
        var unknown = try base()
        unknown.mediaType = "application/x-unknown"
        var truncated = try HandMadeLayer(.gzip) { $0.file("a", "b") }
        truncated.blob.removeLast(10)
        truncated.size = truncated.blob.count
        truncated.digest = digest(of: truncated.blob)
        for (layer, words) in [
            (wrongDigest, ["sha256:"]), (bomb, ["configuration says"]), (unknown, ["application/x-unknown"]),
            (truncated, ["truncated"]),
            (wrongSize, []),
        ] as [(HandMadeLayer, [String])] {
            let output = try pull(try Images.busybox([layer])) { request, _ in
                request.path.hasSuffix(layer.digest) ? .init(body: layer.blob) : nil
            }
            #expect(output.status == 1, "\(output)")
            let last = output.errorText.split(separator: "\n").last ?? ""
            #expect(last.hasPrefix("box: "), "\(output)")
            for word in words { #expect(last.contains(word), "\(output)") }
        }
    }

    @Test(arguments: [
        ("not json", "application/vnd.oci.image.manifest.v1+json"),
        (#"{"schemaVersion":1,"name":"x"}"#, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (#"{"schemaVersion":2}"#, "application/vnd.oci.image.manifest.v1+json"),
        (String(repeating: "[", count: 100_000), "application/vnd.oci.image.manifest.v1+json"),
    ])
    func manifestsThatAreNone(text: String, mediaType: String) throws {
        let output = try pull(HandMadeImage(manifest: Array(text.utf8), mediaType: mediaType))
        #expect(output.status == 1)
        #expect(output.errorText.split(separator: "\n").last?.hasPrefix("box: ") == true, "\(output)")
    }

    @Test func aGiantManifestIsRefused() throws {
        let output = try pull(
            HandMadeImage(
                manifest: [UInt8](repeating: 0x20, count: 100 << 20),
                mediaType: "application/vnd.oci.image.manifest.v1+json"))
        #expect(output.status == 1)
        #expect(output.errorText.contains("larger"), "\(output)")
    }

    @Test func layersThatReachOutside() throws {
        let evil: [(String, (inout TarWriter) -> Void)] = [
            ("../", { $0.file("../../escaped", "x") }),
            ("..", { $0.whiteout("../x") }),
            (
                "link",
                {
                    $0.link("out", to: "/"); $0.file("out/box-escaped", "x")
                }
            ),
            ("hard", { $0.hardLink("stolen", to: "../../../../etc/shadow") }),
        ]
        for (name, write) in evil {
            let layer = try HandMadeLayer { write(&$0) }
            try Box.use { box in
                let registry = try HostileRegistry.start(
                    in: box.scope, images: ["app:latest": try Images.busybox([try base(), layer])])
                let output = try box.run("pull", "\(registry.host)/app")
                if output.status != 0 {
                    #expect(
                        output.errorText.split(separator: "\n").last?.hasPrefix("box: ") == true, "\(name): \(output)")
                }
                #expect(!FileManager.default.fileExists(atPath: "/box-escaped"))
                #expect(!FileManager.default.fileExists(atPath: "\(box.root)/escaped"))
            }
        }
    }

    @Test func whiteoutsAndParentsGiveDockersTree() throws {
        let first = try HandMadeLayer {
            $0.directory("d", mode: 0o700)
            $0.file("d/gone", "1")
            $0.file("d/kept", "2")
            $0.directory("o")
            $0.file("o/hidden", "3")
        }
        let second = try HandMadeLayer {
            $0.whiteout("d/gone")
            $0.file("d/new", "4")
            $0.directory("o")
            $0.opaque("o")
            $0.file("o/seen", "5")
        }
        try Box.use { box in
            let registry = try HostileRegistry.start(
                in: box.scope, images: ["app:latest": try Images.busybox([try base(), first, second])])
            let output = try box.ok("run", "--rm", "-q", "\(registry.host)/app", "sh", "-c", "ls d o; stat -c %a d")
            // The second layer has no entry for `d`, which must keep the mode of the first.
            #expect(output.lines == ["d:", "kept", "new", "o:", "seen", "700"], "\(output)")
        }
    }
}

@Suite(.enabled(if: Privileges.hasOverlay, Privileges.overlayReason)) struct StoreTests {
    @Test func imagesAreNamedAndRemoved() throws {
        try withImage { box in
            try box.ok("tag", "busybox", "other:1")
            #expect(
                try box.ok("images", "--format", "{{.Repository}}:{{.Tag}}").lines.sorted() == [
                    "busybox:latest", "other:1",
                ])
            try box.ok("create", "--name", "user", "busybox", "true")
            #expect(try box.ok("rmi", "other:1").lines == ["Untagged: other:1"])
            expectOneLine(try box.run("rmi", "busybox"), status: 1, "user")
            expectOneLine(try box.run("rmi", "nothing"), status: 1, "nothing")
            try box.ok("rm", "user")
            let removed = try box.ok("rmi", "busybox")
            #expect(
                removed.lines.first == "Untagged: busybox:latest"
                    && removed.lines.last?.hasPrefix("Deleted: sha256:") == true)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: "\(box.root)/layers").filter { !$0.hasPrefix(".") }
                    .isEmpty)
            expectOneLine(try box.run("tag", "busybox", "x"), status: 1, "busybox")
        }
    }

    @Test func damageIsFoundAndMended() throws {
        try withImage { box in
            let blobs = "\(box.root)/oci/blobs/sha256"
            let largest = try #require(
                try FileManager.default.contentsOfDirectory(atPath: blobs).max {
                    try FileManager.default.attributesOfItem(atPath: "\(blobs)/\($0)")[.size] as? Int ?? 0
                        < FileManager.default.attributesOfItem(atPath: "\(blobs)/\($1)")[.size] as? Int ?? 0
                })
            try Command.shell("printf x | dd of=\(blobs)/\(largest) bs=1 seek=100 conv=notrunc 2>/dev/null").succeeded()
            let found = try box.run("system", "check")
            #expect(found.status == 1 && found.text.contains(largest), "\(found)")
            _ = try box.run("system", "check", "--repair")
            #expect(!FileManager.default.fileExists(atPath: "\(blobs)/\(largest)"))
        }
    }

    @Test func aNewerStoreIsLeftAlone() throws {
        try withImage { box in
            let version = "\(box.root)/version"
            let before = try String(contentsOfFile: version, encoding: .utf8)
            try writeFile(version, before.replacingOccurrences(of: "1", with: "99"))
            expectOneLine(try box.run("run", "--rm", "busybox", "true"), status: 125, "newer")
            try writeFile(version, before)
            try box.ok("run", "--rm", "busybox", "true")
        }
    }

    @Test func aFullDiskIsSaidInOneLine() throws {
        try Box.use { box in
            let small = box.scope.path("small")
            try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
            try Command("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]).run().succeeded()
            defer { _ = try? Command("umount", [small]).run() }
            let archive = try Images.busyboxArchive.get()
            let output = try box.run("--root", small, "import", archive, "busybox")
            expectOneLine(output, status: 1, "no space left")
            try box.ok("--root", small, "images")
            #expect(try box.run("--root", small, "system", "prune", "-f").status == 0)
        }
    }

    @Test func aReadOnlyStoreCanBeRead() throws {
        try withImage { box in
            try Command.shell("mount --bind \(box.root) \(box.root) && mount -o remount,bind,ro \(box.root)")
                .succeeded()
            defer { _ = try? Command("umount", [box.root]).run() }
            #expect(try box.ok("images", "-q").lines.count == 1)
            try box.ok("ps", "-a")
            expectOneLine(try box.run("run", "--rm", "busybox", "true"), status: 125, box.root)
        }
    }
}
