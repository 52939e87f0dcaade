import ArgumentParser
import BoxModel
import Foundation
import Testing

@testable import BoxCLI

@Suite struct DockerGrammarTests {
    private func normalised(_ words: String, stops: Bool = true) -> [String] {
        DockerGrammar.normalised(words.split(separator: " ").map(String.init), stopsAtPositional: stops) {
            FlagShapes.of(RunVerb.self)
        }
    }

    @Test(arguments: [
        ("--rm=true image", "--rm image"), ("--rm=false image", "image"), ("-itu0 image", "-i -t -u 0 image"),
        ("-u=1000 image", "-u 1000 image"), ("-it=false image", "-i image"),
        ("--sig-proxy=false image", "--no-sig-proxy image"),
        ("-it image -xyz --rm=false", "-i -t image -xyz --rm=false"),
        ("--name x -- -it", "--name x -- -it"), ("--entrypoint=true image", "--entrypoint=true image"),
        ("-e A=b=c image", "-e A=b=c image"), ("--name -x image", "--name -x image"),
    ])
    func rewrites(words: String, expected: String) {
        #expect(normalised(words).joined(separator: " ") == expected)
    }

    @Test func shapesKnowEveryVerb() {
        for entry in VerbTable.entries {
            #expect(entry.verb.configuration.commandName?.isEmpty == false)
            #expect(!entry.verb.configuration.abstract.isEmpty)
        }
        let shape = FlagShapes.of(RunVerb.self)
        #expect(shape.switches.isSuperset(of: ["rm", "i", "t", "d", "init", "privileged"]))
        #expect(shape.options.isSuperset(of: ["name", "v", "e", "memory", "network", "net", "security-opt"]))
    }

    /// The flags that the first issue of the project asks for.
    @Test(arguments: [
        "detach", "interactive", "tty", "rm", "name", "env", "env-file", "workdir", "user", "group-add", "entrypoint",
        "hostname", "platform", "pull", "quiet", "cidfile", "volume", "mount", "tmpfs", "read-only", "shm-size",
        "network", "add-host", "dns", "dns-search", "cap-add", "cap-drop", "security-opt", "privileged", "device",
        "sysctl", "ulimit", "init", "stop-signal", "stop-timeout", "label", "annotation", "memory", "memory-swap",
        "cpus", "cpu-shares", "cpuset-cpus", "pids-limit", "pid", "ipc", "uts", "cgroupns", "userns", "detach-keys",
        "sig-proxy",
    ])
    func runHas(flag: String) {
        let shape = FlagShapes.of(RunVerb.self)
        #expect(shape.switches.union(shape.options).contains(flag))
    }
}

@Suite struct FlagTests {
    @Test func volumesInAllForms() throws {
        let bind = try MountFlag.volume("/a:/b:ro,rslave", workingDirectory: "/here")
        #expect(bind.kind == .bind && bind.readOnly && bind.propagation == .rslave && bind.createsSource)
        #expect(try MountFlag.volume("./x:/b", workingDirectory: "/here").source == "/here/./x")
        let named = try MountFlag.volume("data:/b:nocopy", workingDirectory: "/")
        #expect(named.kind == .volume && named.source == "data" && named.noCopy && !named.anonymous)
        #expect(try MountFlag.volume("/b", workingDirectory: "/").anonymous)
    }

    @Test(arguments: ["", "a:b", "/a:/b:ro:x", "/a::ro", "/a:/", "/a:/b:bogus", "data:/b:rslave", ":/b"])
    func volumesThatAreNone(text: String) {
        #expect(throws: BoxFailure.self) { try MountFlag.volume(text, workingDirectory: "/") }
    }

    @Test func mountsInAllForms() throws {
        let bind = try MountFlag.mount(#"type=bind,"src=/a,b",dst=/c,ro"#, workingDirectory: "/")
        #expect(bind.source == "/a,b" && bind.readOnly && !bind.createsSource)
        let memory = try MountFlag.mount("type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=700", workingDirectory: "/")
        #expect(memory.tmpfsOptions == ["size=67108864", "mode=700"])
        #expect(try MountFlag.mount("target=/v", workingDirectory: "/").anonymous)
    }

    @Test(arguments: [
        "type=bind,target=/x", "type=nfs,target=/x", "type=tmpfs,source=/a,target=/x", "target=x", "type=volume",
        "type=bind,sorce=/a,target=/x", "type=bind,source=/a,target=/x,ro=maybe", "\"type=bind",
    ])
    func mountsThatAreNone(text: String) {
        #expect(throws: BoxFailure.self) { try MountFlag.mount(text, workingDirectory: "/") }
    }

    @Test func limits() throws {
        let limit = try UlimitFlag.limit("nofile=10:20")
        #expect(limit == RuntimeSpec.ResourceLimit(type: "RLIMIT_NOFILE", soft: 10, hard: 20))
        #expect(try UlimitFlag.limit("core=-1").hard == .max)
        #expect(throws: BoxFailure.self) { try UlimitFlag.limit("nofile=20:10") }
        #expect(throws: BoxFailure.self) { try UlimitFlag.limit("nofiles=20") }
        #expect(try CPUsFlag.nanoCPUs("1.5", available: 2) == 1_500_000_000)
        #expect(throws: BoxFailure.self) { try CPUsFlag.nanoCPUs("3", available: 2) }
        #expect(try CPUsFlag.nanoCPUs("0", available: 2) == nil)
        #expect(throws: BoxFailure.self) { try CPUsFlag.nanoCPUs("0.001", available: 2) }
    }

    @Test func devices() throws {
        let device = try DeviceFlag.device("/dev/fuse:/dev/x:r")
        #expect(device == DeviceRequest(hostPath: "/dev/fuse", containerPath: "/dev/x", access: "r"))
        #expect(try DeviceFlag.device("/dev/fuse:rw").access == "rw")
        #expect(throws: BoxFailure.self) { try DeviceFlag.device("fuse") }
    }

    @Test func environmentFiles() throws {
        let path = "/tmp/box-env-\(getpid())"
        try Data("# comment\nA=1\n\n  B=two words\nC\n".utf8).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(
            try EnvironmentFlag.variables(files: [path], entries: ["D=x=y", "GONE"]) == [
                "A=1", "B=two words", "D=x=y", "GONE",
            ])
        try Data("bad name=1\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect { try EnvironmentFlag.variables(files: [path], entries: []) } throws: {
            "\($0)".contains("\(path) line 1")
        }
    }

    @Test(arguments: [
        ("busy*", "busybox", true), ("b?sy", "busy", true), ("a/*", "a/b/c", false), ("[a-c]x", "bx", true),
        ("[^a]x", "ax", false), ("", "", true), ("*", "a/b", false),
    ])
    func globs(pattern: String, name: String, fits: Bool) {
        #expect(Glob.matches(pattern, name) == fits)
    }

    @Test func changesOfAnImport() throws {
        var execution = ImageConfig.Execution()
        for text in [
            #"CMD ["a","b"]"#, "ENTRYPOINT run it", #"ENV A=1 B="two words""#, "ENV C three four", "EXPOSE 80 53/udp",
            "LABEL x=y", "USER me", "VOLUME /a /b", "WORKDIR /w", "STOPSIGNAL INT",
        ] { try ImageChange.apply(text, to: &execution) }
        #expect(execution.command == ["a", "b"])
        #expect(execution.entrypoint == ["/bin/sh", "-c", "run it"])
        #expect(execution.environment == ["A=1", "B=two words", "C=three four"])
        #expect(execution.exposedPorts?.keys.sorted() == ["53/udp", "80/tcp"])
        #expect(execution.volumes?.keys.sorted() == ["/a", "/b"])
        #expect(throws: BoxFailure.self) { try ImageChange.apply("RUN x", to: &execution) }
        #expect(throws: BoxFailure.self) { try ImageChange.apply("CMD", to: &execution) }
    }
}
