import BoxModel
import BoxRuntime
import Foundation
import Testing

@Suite("A launched process, seen from inside", .enabled(if: LaunchFixture.isPossible, LaunchFixture.reason))
struct LaunchRunTests {
    @Test("It is process 1 of its own namespaces with its own host name")
    func identity() throws {
        let fixture = try LaunchFixture()
        fixture.spec.hostname = "käse"
        fixture.spec.domainname = "example"
        fixture.shell("echo $$; hostname; cat /proc/sys/kernel/domainname; cat /proc/1/comm; ls /sys/class/net; pwd")
        let outcome = try fixture.run()
        #expect(outcome.error == "")
        #expect(outcome.lines == ["1", "käse", "example", "sh", "lo", "/"])
    }

    @Test("Exit statuses and signals come through", arguments: [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 0)])
    func status(script: String, status: Int32) throws {
        let fixture = try LaunchFixture("/bin/sh", "-c", script)
        #expect(try fixture.run().status == status)
    }

    @Test("Capabilities, no_new_privs and the session are as asked for")
    func privileges() throws {
        let fixture = try LaunchFixture()
        fixture.spec.process.noNewPrivileges = true
        fixture.shell("grep -E 'Cap|NoNew' /proc/self/status; cat /proc/self/stat")
        let lines = try fixture.run().lines
        #expect(lines[0].hasSuffix("0000000000000000"))
        #expect(lines[1].hasSuffix("00000000a80425fb"))
        #expect(lines[2].hasSuffix("00000000a80425fb"))
        #expect(lines[3].hasSuffix("00000000a80425fb"))
        #expect(lines[4].hasSuffix("0000000000000000"))
        #expect(lines[5].hasSuffix("1"))
    }

    @Test("A user has its groups, no capabilities, and HOME from passwd")
    func user() throws {
        let fixture = try LaunchFixture()
        fixture.plan.user = UserRequest(spec: "alice", additionalGroups: ["extra"])
        fixture.shell(
            "id -u; id -g; id -G; echo $HOME; grep -E 'CapPrm|CapEff|CapBnd' /proc/self/status; echo x >/dev/stdout")
        let lines = try fixture.run().lines
        #expect(lines.prefix(4) == ["1000", "1000", "1000 55 100", "/home/alice"])
        #expect(lines[4].hasSuffix("0000000000000000"))
        #expect(lines[5].hasSuffix("0000000000000000"))
        #expect(lines[6].hasSuffix("00000000a80425fb"))
    }

    @Test("An ambient capability reaches a user's program")
    func ambient() throws {
        let fixture = try LaunchFixture()
        fixture.plan.user = UserRequest(spec: "1000:1000")
        fixture.spec.process.capabilities?.inheritable = ["CAP_NET_BIND_SERVICE"]
        fixture.spec.process.capabilities?.ambient = ["CAP_NET_BIND_SERVICE"]
        fixture.shell("grep -E 'CapEff|CapAmb' /proc/self/status")
        let lines = try fixture.run().lines
        #expect(lines.allSatisfy { $0.hasSuffix("0000000000000400") } && lines.count == 2)
    }

    @Test("Only 0, 1 and 2 are open")
    func descriptors() throws {
        let fixture = try LaunchFixture("/bin/ls", "/proc/self/fd")
        // 3 is the directory that ls reads.
        #expect(try fixture.run().lines == ["0", "1", "2", "3"])
    }

    @Test("An absent standard input is the container's own null device")
    func nullInput() throws {
        let fixture = try LaunchFixture()
        fixture.shell("stat -L -c %d /proc/self/fd/0; stat -c %d /dev/null; chmod 600 /dev/null; stat -c %a /dev/null")
        let lines = try fixture.run().lines
        #expect(lines[0] == lines[1])
        #expect(lines[2] == "600")
        let host = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.posixPermissions] as? Int
        #expect(host == 0o666)
    }

    @Test("Masked paths are empty, read-only paths cannot be written")
    func masks() throws {
        let fixture = try LaunchFixture()
        fixture.shell(
            """
            wc -c < /proc/keys; ls /sys/firmware | wc -l; wc -c < /proc/interrupts
            (echo 1 > /proc/sys/kernel/sysrq) 2>/dev/null && echo writable
            (echo b > /proc/sysrq-trigger) 2>/dev/null && echo writable
            (chmod 777 /proc/keys) 2>/dev/null && echo changeable
            mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
            umount /proc/keys 2>/dev/null && echo unmounted
            touch /sys/fs/cgroup/x 2>/dev/null && echo cgroup-writable
            echo end
            """)
        #expect(try fixture.run().lines == ["0", "0", "0", "end"])
    }

    @Test("Devices and links of /dev are there")
    func devices() throws {
        let fixture = try LaunchFixture()
        fixture.spec.linux.devices = [
            .init(path: "/dev/deep/seven", type: "c", major: 1, minor: 7, fileMode: 0o640)
        ]
        fixture.shell(
            "for d in null zero full random urandom tty deep/seven; do stat -c '%n %t:%T %a' /dev/$d; done;"
                + " for l in fd stdin ptmx core; do readlink /dev/$l; done; head -c 3 /dev/zero | wc -c")
        #expect(
            try fixture.run().lines == [
                "/dev/null 1:3 666", "/dev/zero 1:5 666", "/dev/full 1:7 666", "/dev/random 1:8 666",
                "/dev/urandom 1:9 666", "/dev/tty 5:0 666", "/dev/deep/seven 1:7 640", "/proc/self/fd",
                "/proc/self/fd/0", "pts/ptmx", "/proc/kcore", "3",
            ])
    }

    @Test("A terminal is the controlling one, and is the console")
    func terminal() throws {
        let fixture = try LaunchFixture()
        fixture.request.terminal = true
        fixture.shell("tty; stat -c '%t:%T' /dev/console /dev/pts/0; echo hello > /dev/tty; ls /proc/self/fd | wc -l")
        let lines = try fixture.run().output.replacingOccurrences(of: "\r", with: "").split(separator: "\n")
        #expect(lines == ["/dev/pts/0", "88:0", "88:0", "hello", "4"])
    }

    @Test("Bind mounts: file and directory, read-only, made destinations, gone sources")
    func binds() throws {
        let fixture = try LaunchFixture()
        let source = fixture.directory.appendingPathComponent("source")
        try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
        try Data("content\n".utf8).write(to: source.appendingPathComponent("file"))
        fixture.spec.mounts += [
            .init(destination: "/a/b/dir", type: "bind", source: source.path, options: ["rbind", "ro"]),
            .init(destination: "/c/file", type: "bind", source: source.path + "/file", options: ["rbind"]),
            .init(destination: "/t", type: "tmpfs", source: "tmpfs", options: ["size=64k", "noexec", "mode=1777"]),
        ]
        fixture.shell(
            """
            cat /a/b/dir/file /c/file; touch /a/b/dir/x 2>/dev/null && echo writable; echo more >> /c/file
            stat -c %a /t; dd if=/dev/zero of=/t/x bs=1k count=100 2>/dev/null && echo unlimited; echo end
            """)
        #expect(try fixture.run().lines == ["content", "content", "1777", "end"])
        #expect(try String(contentsOf: source.appendingPathComponent("file"), encoding: .utf8) == "content\nmore\n")

        fixture.spec.mounts.append(.init(destination: "/x", type: "bind", source: source.path + "/gone"))
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
        #expect(outcome.error.contains("/source/gone") && outcome.error.contains("does not exist"))
    }

    @Test("A read-only root has writable mounts")
    func readOnlyRoot() throws {
        let fixture = try LaunchFixture()
        fixture.spec.root.readonly = true
        fixture.shell("touch /x 2>/dev/null && echo writable; touch /dev/shm/x && echo shm")
        #expect(try fixture.run().lines == ["shm"])
    }

    @Test("The cgroup mount shows the container's own cgroups")
    func cgroups() throws {
        let fixture = try LaunchFixture()
        fixture.shell("ls /sys/fs/cgroup | wc -l; cat /proc/self/cgroup | grep -v ':/$' | wc -l")
        let lines = try fixture.run().lines
        #expect(Int(lines[0]) ?? 0 > 0)
        #expect(lines[1] == "0")
    }

    @Test("A working directory is made, also through a link")
    func workingDirectory() throws {
        let fixture = try LaunchFixture("/bin/pwd")
        fixture.spec.process.cwd = "/new/place"
        #expect(try fixture.run().lines == ["/new/place"])
        try fixture.link("srv", to: "/made/later")
        fixture.spec.process.cwd = "/srv/deep"
        fixture.spec.process.args = ["/bin/pwd", "-P"]
        #expect(try fixture.run().lines == ["/made/later/deep"])
    }

    @Test("130 layers with long paths, the topmost wins")
    func manyLayers() throws {
        let fixture = try LaunchFixture("/bin/sh", "-c", "cat /which; ls /layers | wc -l")
        var layers = [fixture.layer.path]
        for index in 0..<130 {
            let layer = fixture.directory.appendingPathComponent(String(repeating: "x", count: 120) + "\(index)")
            try FileManager.default.createDirectory(
                at: layer.appendingPathComponent("layers"), withIntermediateDirectories: true)
            try Data("\(index)\n".utf8).write(to: layer.appendingPathComponent("which"))
            try Data().write(to: layer.appendingPathComponent("layers/\(index)"))
            layers.insert(layer.path, at: 0)
        }
        guard case .overlay(var overlay) = fixture.plan.rootfs else { return }
        overlay.layers = layers
        fixture.plan.rootfs = .overlay(overlay)
        #expect(try fixture.run().lines == ["129", "130"])
    }

    @Test("Kernel parameters, limits and the umask are set")
    func parameters() throws {
        let fixture = try LaunchFixture()
        fixture.spec.linux.sysctl = ["net.ipv4.ip_unprivileged_port_start": "80", "kernel.msgmax": "4096"]
        fixture.spec.process.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 512, hard: 600)]
        fixture.shell(
            "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; ulimit -n; ulimit -Hn; umask")
        #expect(try fixture.run().lines == ["80", "4096", "512", "600", "0022"])

        fixture.spec.linux.sysctl = ["vm.swappiness": "1"]
        let outcome = try fixture.run()
        #expect(outcome.status == 125)
        #expect(outcome.error.contains("vm.swappiness") && outcome.error.contains("whole machine"))
    }

    @Test(
        "A failed exec says why",
        arguments: [
            ("nosuch", 127, "PATH"), ("/nosuch", 127, "no such file"), ("/etc", 126, "directory"),
            ("/etc/passwd", 126, "x bit"), ("/bin/crlf", 126, "CRLF"), ("/bin/lost", 126, "/usr/bin/python9"),
            ("/bin/plain", 126, "#!"), ("/bin/empty", 126, "empty"), ("/bin/foreign", 126, "s390x"),
            ("", 127, "no such command"),
            ("/bin/sh/x", 127, "no such file"),
        ])
    func failures(command: String, status: Int32, text: String) throws {
        let fixture = try LaunchFixture(command)
        try fixture.write("bin/crlf", "#!/bin/sh\r\necho hi\r\n", mode: 0o755)
        try fixture.write("bin/lost", "#!/usr/bin/python9 -E\n", mode: 0o755)
        try fixture.write("bin/plain", "echo hi\n", mode: 0o755)
        try fixture.write("bin/empty", "", mode: 0o755)
        var program = Array(try Data(contentsOf: fixture.layer.appendingPathComponent("bin/busybox")).prefix(4096))
        program[18] = 22
        let foreign = fixture.layer.appendingPathComponent("bin/foreign")
        try Data(program).write(to: foreign)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: foreign.path)
        let outcome = try fixture.run()
        #expect(outcome.status == status)
        #expect(outcome.error.contains(text), "\(outcome.error)")
        #expect(outcome.error.split(separator: "\n").count == 1)
    }

    @Test("A missing loader is named")
    func missingLoader() throws {
        let fixture = try LaunchFixture("/bin/other")
        // A 64-bit program for this machine whose only program header is PT_INTERP.
        let loader = Array("/lib/ld-musl-nowhere.so.1\0".utf8)
        var image = Array(try Data(contentsOf: URL(fileURLWithPath: "/proc/self/exe")).prefix(64))
        func put(_ offset: Int, _ value: UInt64, _ size: Int) {
            for index in 0..<size { image[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
        }
        put(32, 64, 8)
        put(54, 56, 2)
        put(56, 1, 2)
        image += [UInt8](repeating: 0, count: 56)
        put(64, 3, 4)
        put(72, 120, 8)
        put(96, UInt64(loader.count), 8)
        image += loader
        let file = fixture.layer.appendingPathComponent("bin/other")
        try Data(image).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        let outcome = try fixture.run()
        #expect(outcome.status == 126)
        #expect(outcome.error.contains("/lib/ld-musl-nowhere.so.1") && outcome.error.contains("musl"))
    }

    @Test("With --init box reaps, forwards, and hands the status on")
    func initProcess() throws {
        let fixture = try LaunchFixture()
        fixture.plan.useInit = true
        fixture.shell("cat /proc/1/comm; (sleep 0 &) ; sleep 0.1; ps -o stat | grep -c Z; exit 5")
        let outcome = try fixture.run()
        #expect(outcome.status == 5)
        #expect(outcome.lines == ["box-init", "0"])
        fixture.shell("trap 'echo got; exit 3' TERM; kill -TERM 1; sleep 1; sleep 1")
        let forwarded = try fixture.run()
        #expect(forwarded.status == 3 && forwarded.lines == ["got"])
        fixture.spec.process.args = ["/nosuch"]
        #expect(try fixture.run().status == 127)
    }

    @Test("A filter is loaded, with and without no_new_privs", arguments: [true, false])
    func filter(gainsNothing: Bool) throws {
        let fixture = try LaunchFixture()
        fixture.spec.process.noNewPrivileges = gainsNothing
        // BPF_RET | BPF_K, SECCOMP_RET_ALLOW
        fixture.request.seccompProgram = [0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]
        fixture.shell("grep -E '^Seccomp:|NoNew' /proc/self/status")
        let lines = try fixture.run().lines
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix(gainsNothing ? "1" : "0") == true)
        #expect(lines.last?.hasSuffix("2") == true)
    }

    @Test("Mapped users own the image's files and cannot make devices")
    func mappedUsers() throws {
        let fixture = try LaunchFixture()
        fixture.spec.linux.namespaces.append(.init(.user))
        fixture.spec.linux.uidMappings = [.init(containerID: 0, hostID: 100_000, size: 65536)]
        fixture.spec.linux.gidMappings = [.init(containerID: 0, hostID: 100_000, size: 65536)]
        let source = fixture.directory.appendingPathComponent("source")
        try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
        fixture.spec.mounts.append(
            .init(destination: "/data", type: "bind", source: source.path, options: ["rbind", "idmap"]))
        fixture.spec.mounts.append(.init(destination: "/host", type: "bind", source: source.path, options: ["rbind"]))
        fixture.shell(
            "touch /host/evil 2>/dev/null && echo escaped; id -u; cat /proc/self/uid_map | wc -l; stat -c %u /etc/passwd; touch /new /data/new; stat -c %u /new"
                + "; echo x > /dev/null && echo null; wc -c < /proc/keys")
        let outcome = try fixture.run()
        #expect(outcome.error == "")
        #expect(outcome.lines == ["0", "1", "0", "0", "null", "0"])
        for path in ["source/new", "upper/new"] {
            let file = fixture.directory.appendingPathComponent(path).path
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.ownerAccountID] as? Int == 0)
        }
    }

    @Test(
        "Another one's namespaces are joined",
        arguments: [["--pid", "--fork", "--kill-child"], ["--user", "--map-root-user", "--net"]])
    func joined(options: [String]) throws {
        let other = Process()
        other.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        other.arguments = options + ["sleep", "30"]
        try other.run()
        defer {
            kill(other.processIdentifier, SIGKILL)
            other.waitUntilExit()
        }
        let folder = "/proc/\(other.processIdentifier)/ns/"
        let isPID = options.contains("--pid")
        let probe = folder + (isPID ? "pid_for_children" : "net")
        let own = "/proc/self/ns/" + (isPID ? "pid" : "net")
        for _ in 0..<500 where (try? link(probe)) == (try? link(own)) || (try? link(probe)) == nil { usleep(10_000) }

        let fixture = try LaunchFixture()
        fixture.spec.linux.namespaces.removeAll { $0.type == (isPID ? .pid : .network) }
        if isPID {
            fixture.spec.linux.namespaces.append(.init(.pid, path: probe))
        } else {
            fixture.spec.linux.namespaces += [.init(.user, path: folder + "user"), .init(.network, path: probe)]
            fixture.spec.process.capabilities = nil
            // Only root is mapped there, the terminals' group 5 is not.
            fixture.spec.mounts[2].options?.removeAll { $0 == "gid=5" }
        }
        fixture.shell("for n in pid net user; do readlink /proc/self/ns/$n; done; echo $$; touch /new && echo made")
        let outcome = try fixture.run()
        #expect(outcome.error == "")
        let expected = try link(probe)
        #expect(outcome.lines.contains(expected))
        #expect(outcome.lines.last == "made")
        if isPID { #expect(!outcome.lines.contains("1")) }
    }

    private func link(_ path: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: path)
    }
}
