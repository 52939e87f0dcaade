import BoxModel
import Testing

@testable import BoxRuntime

@Suite("What a launch takes apart")
struct LaunchParsingTests {
    private static let passwd = AccountFile(
        Array(
            """
            root:x:0:0:root:/root:/bin/sh
            broken
            alice:x:1000:1001:Alice:/home/alice:/bin/sh
            1234:x:77:78::/n:/bin/sh
            nohome:x:5:5
            huge:x:4294967295:0::/:
            minus:x:-1:0::/:

            """.utf8))
    private static let group = AccountFile(
        Array("root:x:0:\nusers:x:100:bob,alice\nalice:x:1001:\nextra:x:55:alicex\nwheel:x:10:alice".utf8))

    @Test(
        "Users are found as docker finds them",
        arguments: [
            ("", [], 0, 0, [0], "/root"), ("root", [], 0, 0, [0], "/root"),
            ("alice", [], 1000, 1001, [1001, 100, 10], "/home/alice"),
            ("1000", [], 1000, 1001, [1001, 100, 10], "/home/alice"),
            ("alice:users", [], 1000, 100, [100], "/home/alice"), ("alice:7", [], 1000, 7, [7], "/home/alice"),
            ("4242", [], 4242, 0, [0], "/"), ("4242:4343", [], 4242, 4343, [4343], "/"),
            ("nohome", [], 5, 5, [5], "/"), ("1234", [], 1234, 0, [0], "/"),
            ("alice", ["extra", "9", "100"], 1000, 1001, [1001, 100, 10, 55, 9], "/home/alice"),
        ] as [(String, [String], UInt32, UInt32, [UInt32], String)])
    func users(spec: String, extra: [String], uid: UInt32, gid: UInt32, groups: [UInt32], home: String) throws {
        let user = try UserRequest(spec: spec, additionalGroups: extra).resolve(passwd: Self.passwd, group: Self.group)
        #expect(user == ContainerUser(uid: uid, gid: gid, groups: groups, home: home))
    }

    @Test(
        "Unknown names are refused",
        arguments: ["bob", "alice:nogroup", "huge", "minus", "4294967295", "-1", "99999999999"])
    func unknownUsers(spec: String) {
        #expect(throws: LaunchFailure.self) {
            try UserRequest(spec: spec).resolve(passwd: Self.passwd, group: Self.group)
        }
    }

    @Test("Mount options become flags, attributes and data")
    func options() {
        let options = MountOptions(["rbind", "ro", "nosuid", "rslave", "size=64m", "noatime", "mode=755"])
        #expect(options.isBind && options.isRecursive)
        #expect(options.flags == 1 | 2 | 1 << 10)
        #expect(options.attributes == 1 | 2 | 0x10)
        #expect(options.clearedAttributes == 0x70)
        #expect(options.propagation == 1 << 19 && options.isPropagationRecursive)
        #expect(options.data == "size=64m,mode=755")
        #expect(!MountOptions(["bind"]).isRecursive)
        #expect(MountOptions(["ro", "rw"]).flags == 0)
        #expect(MountOptions(["rro"]).isRecursivelyReadOnly)
        #expect(MountOptions.propagation("rshared") == 1 << 20 | 1 << 14)
        #expect(MountOptions.propagation("sideways") == nil)
    }

    @Test(
        "Only parameters of own namespaces may be set",
        arguments: [
            ("net.ipv4.ip_forward", true), ("net/ipv4/ip_forward", true), ("kernel.shmmax", true),
            ("fs.mqueue.msg_max", true), ("kernel.domainname", true), ("kernel.hostname", false),
            ("vm.swappiness", false), ("kernel.core_pattern", false), ("net", false), ("net..x", false),
            ("net/../kernel/core_pattern", false), ("/net/ipv4", false), ("net.ipv4/../x", false), ("", false),
            ("fs.mqueueX", false), ("kernel/core_pattern", false),
        ])
    func parameters(name: String, isAllowed: Bool) {
        #expect((Sysctl.refusal(of: name) { _ in true } == nil) == isAllowed)
        #expect(Sysctl.refusal(of: name) { _ in false } != nil)
    }

    @Test("The first separator of a parameter separates")
    func parameterPaths() {
        #expect(Sysctl.path(of: "net.ipv4.conf.eth0/1.forwarding") == "net/ipv4/conf/eth0.1/forwarding")
        #expect(Sysctl.path(of: "net/ipv4/conf/eth0.1/forwarding") == "net/ipv4/conf/eth0.1/forwarding")
    }

    @Test("Interpreters are read from first lines")
    func scripts() {
        #expect(Script.interpreter(Array("#!/bin/sh\necho".utf8)) == .init(path: "/bin/sh", hasCarriageReturn: false))
        #expect(Script.interpreter(Array("#! /bin/sh -e\r\n".utf8)) == .init(path: "/bin/sh", hasCarriageReturn: false))
        #expect(Script.interpreter(Array("#!/bin/sh\r\n".utf8)) == .init(path: "/bin/sh", hasCarriageReturn: true))
        #expect(Script.interpreter(Array("#!".utf8)) == .init(path: "", hasCarriageReturn: false))
        #expect(Script.interpreter(Array("echo".utf8)) == nil)
    }

    @Test("Cgroup hierarchies know their directories")
    func hierarchies() {
        let found = RootSetup.Hierarchy.parse("3:cpu,cpuacct:/a\n2:name=systemd:/\n0::/x:y\nrubbish\n")
        #expect(found.map(\.directory) == ["cpu,cpuacct", "systemd", "unified"])
        #expect(found.map(\.path) == ["/a", "/", "/x:y"])
    }

    @Test("Damaged programs are looked at without harm")
    func damagedPrograms() {
        var head = [UInt8](repeating: 0xff, count: 80)
        head.replaceSubrange(0..<6, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1])
        #expect(Executable(head)?.loader(head) == nil)
        #expect(Executable([0x7f, 0x45, 0x4c, 0x46]) == nil)
    }
}
