package import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import CSeccomp
internal import Glibc
internal import SystemPackage

/// Turns a filter of the runtime specification into the instructions that seccomp(2) loads.
package enum SeccompCompiler {
    /// Changes with whatever changes the instructions for the same profile.
    static let revision = 1
    /// The kernel's BPF_MAXINSNS.
    private static let instructionLimit = 4096

    /// Compiles with libseccomp; costs some milliseconds, see ``SeccompCache``.
    ///
    /// Names that the machine does not know are passed over, since a profile lists those of many kernels. A
    /// profile's newest call draws a line: calls beyond it fail with ENOSYS, not with the default error, because
    /// libraries try a new call first and fall back only on ENOSYS.
    ///
    /// - Returns: an array of `struct sock_filter`, eight bytes each.
    package static func compile(_ profile: RuntimeSpec.Seccomp) throws(BoxFailure) -> [UInt8] {
        let defaultErrno = profile.defaultErrnoRet ?? 1
        guard let defaultAction = action(profile.defaultAction, errno: defaultErrno) else {
            throw failure("the action \(profile.defaultAction) is not supported")
        }
        guard let context = seccomp_init(defaultAction) else { throw failure("libseccomp refuses the default action") }
        defer { seccomp_release(context) }
        // A binary tree over the numbers instead of a chain of some 400 comparisons (libseccomp 2.5).
        _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)

        var prelude = SeccompPrelude()
        for name in profile.architectures ?? [] {
            guard name.hasPrefix("SCMP_ARCH_") else { throw failure("the architecture \(name) is unknown") }
            let token = seccomp_arch_resolve_name(name.dropFirst("SCMP_ARCH_".count).lowercased())
            guard token != 0 else { throw failure("the architecture \(name) is unknown") }
            let result = seccomp_arch_add(context, token)
            guard result == 0 || result == -EEXIST else { throw failure("libseccomp refuses \(name)", result) }
            prelude.add(architecture: token)
        }
        prelude.add(architecture: seccomp_arch_native())

        for rule in profile.syscalls ?? [] {
            guard let action = action(rule.action, errno: rule.errnoRet ?? 1) else {
                throw failure("the action \(rule.action) is not supported")
            }
            for name in rule.names {
                let number = seccomp_syscall_resolve_name(name)
                // __NR_SCMP_ERROR; other negative numbers stand for calls of the 32-bit siblings.
                if number == -1 {
                    guard let new = NewSyscalls.number(name) else { continue }
                    prelude.note(number: new)
                    if action != defaultAction && rule.args == nil { prelude.add(number: new, action: action) }
                    continue
                }
                if number >= 0 { prelude.note(number: UInt32(number)) }
                // libseccomp takes a rule that says what happens anyway for a mistake.
                if action != defaultAction { try add(rule, action: action, number: number, name: name, to: context) }
            }
        }
        let allowsByDefault = ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].contains(profile.defaultAction)
        let bytes = prelude.bytes(refusesUnknown: !allowsByDefault) + (try export(context))
        guard bytes.count / 8 <= instructionLimit else {
            throw failure("it compiles to \(bytes.count / 8) instructions; the kernel takes \(instructionLimit)")
        }
        return bytes
    }

    private static func add(
        _ rule: RuntimeSpec.Seccomp.Rule, action: UInt32, number: CInt, name: String, to context: scmp_filter_ctx
    ) throws(BoxFailure) {
        var comparisons: [scmp_arg_cmp] = []
        for argument in rule.args ?? [] {
            guard let op = comparison(argument.op), argument.index < 6 else {
                throw failure("an argument of \(name) is malformed")
            }
            comparisons.append(
                scmp_arg_cmp(
                    arg: argument.index, op: op, datum_a: argument.value, datum_b: argument.valueTwo ?? 0))
        }
        // libseccomp compares an argument once per rule. Several comparisons of one argument are alternatives, as
        // the container runtimes agreed.
        let indexes = Set(comparisons.map(\.arg))
        let alternatives = indexes.count == comparisons.count ? [comparisons] : comparisons.map { [$0] }
        for alternative in alternatives {
            let result = seccomp_rule_add_array(context, action, number, UInt32(alternative.count), alternative)
            guard result == 0 || result == -EEXIST else {
                throw failure("libseccomp refuses the rule of \(name)", result)
            }
        }
    }

    private static func export(_ context: scmp_filter_ctx) throws(BoxFailure) -> [UInt8] {
        do {
            let file = OwnedFD(adopting: try check(box_memfd("seccomp", false), "memfd_create"))
            try check(seccomp_export_bpf(context, file.raw), "seccomp_export_bpf")
            try check(box_lseek(file.raw, 0, SEEK_SET), "lseek")
            return try file.readAll(limit: instructionLimit * 64, subject: "seccomp filter")
        } catch {
            throw BoxFailure(error, "compile the seccomp filter")
        }
    }

    /// The return value of the filter (seccomp(2)), or nil for an action box does not have.
    static func action(_ name: String, errno: UInt32) -> UInt32? {
        switch name {
        case "SCMP_ACT_ALLOW": 0x7fff_0000
        case "SCMP_ACT_LOG": 0x7ffc_0000
        case "SCMP_ACT_TRACE": 0x7ff0_0000 | errno & 0xffff
        case "SCMP_ACT_ERRNO": 0x0005_0000 | errno & 0xffff
        case "SCMP_ACT_TRAP": 0x0003_0000
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": 0
        case "SCMP_ACT_KILL_PROCESS": 0x8000_0000
        default: nil
        }
    }

    static func comparison(_ name: String) -> scmp_compare? {
        switch name {
        case "SCMP_CMP_NE": SCMP_CMP_NE
        case "SCMP_CMP_LT": SCMP_CMP_LT
        case "SCMP_CMP_LE": SCMP_CMP_LE
        case "SCMP_CMP_EQ": SCMP_CMP_EQ
        case "SCMP_CMP_GE": SCMP_CMP_GE
        case "SCMP_CMP_GT": SCMP_CMP_GT
        case "SCMP_CMP_MASKED_EQ": SCMP_CMP_MASKED_EQ
        default: nil
        }
    }

    private static func failure(_ reason: String, _ result: CInt = 0) -> BoxFailure {
        let text = result < 0 ? ": " + SystemFailure("", errno: Errno(rawValue: -result)).reason : ""
        return BoxFailure(
            .invalid, "compile the seccomp filter", reason: reason + text,
            hint: "check the profile, or run with --security-opt seccomp=unconfined")
    }
}
