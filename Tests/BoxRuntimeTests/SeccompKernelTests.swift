import BoxModel
import BoxSystem
import Glibc
import Testing

@testable import BoxRuntime

private let python = findProgram("python3")

/// Loads a filter from a file, then makes calls and prints the errno of each (0 is success).
private let loader = """
    import ctypes, sys, struct
    libc = ctypes.CDLL(None, use_errno=True)
    program = open(sys.argv[1], 'rb').read()
    buffer = ctypes.create_string_buffer(program, len(program))
    class Prog(ctypes.Structure):
        _fields_ = [('len', ctypes.c_ushort), ('filter', ctypes.c_void_p)]
    prog = Prog(len(program) // 8, ctypes.addressof(buffer))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(prog), 0, 0):
        sys.exit('cannot load the filter: errno %d' % ctypes.get_errno())
    for call in sys.argv[2:]:
        numbers = [ctypes.c_long(int(word, 0)) for word in call.split(',')]
        ctypes.set_errno(0)
        result = libc.syscall(*numbers)
        print(ctypes.get_errno() if result < 0 else 0)
    """

#if arch(x86_64)
    @Suite(.enabled(if: python != nil, "a filter must be loaded by another process, for which the test uses python3"))
    struct SeccompKernelTests {
        private func call(_ calls: [String], under profile: RuntimeSpec.Seccomp) throws -> [Int32] {
            let program = try SeccompCompiler.compile(profile)
            let path = "/tmp/box-seccomp-\(getpid())-\(randomBytes(4).map(String.init).joined()).bpf"
            let folder = try Directory(opening: "/tmp")
            let name = String(path.dropFirst("/tmp/".count))
            try folder.write(name, program)
            defer { try? folder.unlink(name) }
            let result = try Spawn.capture(try #require(python), ["-c", loader, path] + calls)
            #expect(result.status == 0, "\(String(decoding: result.error, as: UTF8.self))")
            return String(decoding: result.output, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) }
        }

        private static let cases: [(call: String, errno: Int32, what: String)] = [
            ("39", 0, "getpid"),
            ("165,0,0,0,0,0", EPERM, "mount"),
            ("250,0,0,0", EPERM, "keyctl"),
            ("435,0,0", ENOSYS, "clone3"),
            ("272,0x10000000", EPERM, "unshare(CLONE_NEWUSER)"),
            ("56,0x10000011,0,0,0,0", EPERM, "clone(CLONE_NEWUSER)"),
            ("41,40,1,0", EPERM, "socket(AF_VSOCK)"),
            ("41,38,5,0", EPERM, "socket(AF_ALG)"),
            ("41,1,1,0", 0, "socket(AF_UNIX)"),
            ("41,2,1,0", 0, "socket(AF_INET)"),
            ("169,0,0,0", EPERM, "reboot"),
            ("425,0,0", EPERM, "io_uring_setup"),
            ("321,0,0,0", EPERM, "bpf"),
            ("135,0xffffffff", 0, "personality(query)"),
            ("135,0x40000", EPERM, "personality(ADDR_NO_RANDOMIZE)"),
            ("452,-1,0,0,0", EBADF, "fchmodat2 is newer than this libseccomp, but reaches the kernel"),
            ("467,-1,0,0", ENOSYS, "open_tree_attr is newer than the profile"),
            ("999", ENOSYS, "no such call"),
        ]

        @Test func theDefaultFilterDecides() throws {
            let results = try call(
                Self.cases.map(\.call), under: SeccompProfile.default(capabilities: .standard))
            try #require(results.count == Self.cases.count)
            for (result, expected) in zip(results, Self.cases) {
                // A kernel older than the call itself says ENOSYS.
                let accepted = expected.errno == EBADF ? [EBADF, EFAULT, ENOSYS] : [expected.errno]
                #expect(accepted.contains(result), "\(expected.what)")
            }
        }

        @Test func withAdministrationTheKernelDecides() throws {
            let results = try call(
                ["165,0,0,0,0,0", "435,0,0"], under: SeccompProfile.default(capabilities: .all))
            // mount without a target: the kernel looked at the arguments; clone3 of size 0 likewise.
            #expect(results.count == 2)
            #expect([EFAULT, EINVAL].contains(results.first) || results.first == EPERM && geteuid() != 0)
            #expect(results.last == EINVAL)
        }

        @Test func aProfileThatAllowsAllButOneWorks() throws {
            var profile = RuntimeSpec.Seccomp(defaultAction: "SCMP_ACT_ALLOW")
            var rule = RuntimeSpec.Seccomp.Rule(names: ["getppid", "not_a_call"], action: "SCMP_ACT_ERRNO")
            rule.errnoRet = 77
            profile.syscalls = [rule]
            #expect(try call(["110", "39", "999"], under: profile) == [77, 0, ENOSYS])
        }

        @Test func comparisonsOfOneArgumentAreAlternatives() throws {
            var profile = RuntimeSpec.Seccomp(defaultAction: "SCMP_ACT_ALLOW")
            var rule = RuntimeSpec.Seccomp.Rule(names: ["getpgid"], action: "SCMP_ACT_ERRNO")
            rule.errnoRet = 55
            rule.args = [
                .init(index: 0, value: 0, op: "SCMP_CMP_EQ"), .init(index: 0, value: 7_000_000, op: "SCMP_CMP_EQ"),
            ]
            profile.syscalls = [rule]
            #expect(try call(["121,0", "121,7000000", "121,7000001"], under: profile) == [55, 55, ESRCH])
        }
    }
#endif

@Suite struct SeccompCacheTests {
    @Test func theSecondTimeTheFileIsRead() throws {
        let path = "/tmp/box-seccomp-cache-\(getpid())-\(randomBytes(4).map(String.init).joined())"
        defer { try? Directory(opening: "/tmp").removeTree(String(path.dropFirst("/tmp/".count))) }
        let cache = SeccompCache(directory: path)
        let profile = SeccompProfile.default(capabilities: .standard)
        let program = try cache.program(for: profile)
        #expect(program.count % 8 == 0 && program.count / 8 > 100 && program.count / 8 <= 4096)
        let folder = try Directory(opening: path)
        let names = try folder.names()
        #expect(names.count == 1)
        let name = try #require(names.first)
        #expect(try folder.status(name).permissions == 0o600)

        // What is read is what the file says: mark its last byte.
        var stored = try folder.read(name)
        let original = stored
        stored[stored.count - 1] ^= 1
        try folder.write(name, stored, mode: 0o600)
        #expect(try cache.program(for: profile).last == original.last.map { $0 ^ 1 })

        // A torn file, or one of another profile under this name, is compiled anew.
        try folder.write(name, Array(original.dropLast(3)), mode: 0o600)
        #expect(try cache.program(for: profile) == program)
        #expect(try folder.read(name) == original)
        stored = original
        stored[20] ^= 1
        try folder.write(name, stored, mode: 0o600)
        #expect(try cache.program(for: profile) == program)

        // Another set of capabilities is another filter.
        let other = try cache.program(for: SeccompProfile.default(capabilities: .all))
        #expect(other != program)
        #expect(try folder.names().count == 2)
    }

    @Test func withoutAFolderItCompiles() throws {
        let cache = SeccompCache(directory: "/proc/self/nothing")
        #expect(try !cache.program(for: SeccompProfile.default(capabilities: [])).isEmpty)
    }
}
