import BoxModel
import Testing

@testable import BoxRuntime

@Suite struct SeccompProfileTests {
    private func names(_ capabilities: CapabilitySet) -> Set<String> {
        let rules = SeccompProfile.default(capabilities: capabilities).syscalls ?? []
        return Set(rules.filter { $0.args == nil && $0.action == SeccompProfile.allow }.flatMap(\.names))
    }

    @Test func noNameTwiceAndNoneTwiceInTheTable() {
        var seen: Set<String> = []
        for group in SyscallGroup.always {
            for name in group.names.description.split(separator: " ") {
                #expect(seen.insert(String(name)).inserted, "\(name)")
            }
        }
        #expect(seen.count > 350)
    }

    @Test(arguments: [
        "mount", "umount2", "unshare", "setns", "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "reboot",
        "kexec_load", "init_module", "swapon", "io_uring_setup", "userfaultfd", "clock_settime", "iopl", "acct",
        "open_by_handle_at", "kcmp", "nfsservctl", "quotactl", "syslog", "pidfd_getfd", "vhangup", "clone3",
    ])
    func dangerousCallsAreOut(_ name: String) {
        #expect(!names(.standard).contains(name))
    }

    @Test(arguments: [
        (Capability.sysAdmin, "mount"), (.sysAdmin, "clone3"), (.sysPtrace, "kcmp"), (.sysModule, "init_module"),
        (.sysTime, "clock_settime"), (.bpf, "bpf"), (.perfmon, "perf_event_open"), (.sysBoot, "reboot"),
        (.syslog, "syslog"), (.dacReadSearch, "open_by_handle_at"), (.sysNice, "mbind"), (.sysRawio, "iopl"),
    ])
    func capabilitiesOpenTheirCalls(_ capability: Capability, _ name: String) {
        #expect(names(CapabilitySet([capability])).contains(name))
        #expect(!names([]).contains(name))
    }

    private static let file = """
        {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
         "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                     {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
         "syscalls": [
          {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
          {"name": "mount", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
          {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
          {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
          {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.10"}},
          {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
           "args": [{"index": 0, "value": 4294967295, "op": "SCMP_CMP_EQ"}]}]}
        """

    private func read(
        _ text: String, capabilities: CapabilitySet = .standard, architecture: String = "amd64",
        kernel: String = "6.1.0"
    ) throws -> RuntimeSpec.Seccomp? {
        try SeccompProfile.parse(
            Array(text.utf8), source: "profile.json", capabilities: capabilities, architecture: architecture,
            kernel: kernel)
    }

    @Test func conditionsAreEvaluated() throws {
        let profile = try #require(try read(Self.file))
        #expect(profile.defaultErrnoRet == 38)
        #expect(profile.architectures == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
        let names = profile.syscalls?.map(\.names)
        #expect(names == [["read", "write"], ["clone3"], ["arch_prctl"], ["ptrace"], ["personality"]])
        #expect(profile.syscalls?[1].errnoRet == 1)
        #expect(profile.syscalls?[4].args?.first?.value == 0xffff_ffff)

        let admin = try read(Self.file, capabilities: .all, architecture: "arm64", kernel: "5.9.16-custom")
        #expect(admin?.architectures == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"])
        #expect(admin?.syscalls?.map(\.names) == [["read", "write"], ["mount"], ["personality"]])
    }

    @Test func theSpecificationsFormIsRead() throws {
        let text = """
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
             "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
            """
        let profile = try #require(try read(text))
        #expect(profile.architectures == ["SCMP_ARCH_X86_64"])
        #expect(try SeccompCompiler.compile(profile).count % 8 == 0)
        #expect(try read("{}") == nil)
    }

    @Test(arguments: [
        "[]", "{", #"{"defaultAction":"SCMP_ACT_DANCE"}"#,
        #"{"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"action":"SCMP_ACT_ERRNO"}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ERRNO"}]}"#,
        #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["b"],"action":"SCMP_ACT_NOTIFY"}]}"#,
        """
        {"defaultAction":"SCMP_ACT_ALLOW",
         "syscalls":[{"names":["b"],"action":"SCMP_ACT_ERRNO","args":[{"index":9,"op":"SCMP_CMP_EQ"}]}]}
        """,
        """
        {"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],
         "archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}
        """,
    ])
    func malformedFilesAreRefused(_ text: String) {
        let failure = #expect(throws: BoxFailure.self) { try read(text) }
        #expect(failure?.description.contains("profile.json") == true)
    }
}
