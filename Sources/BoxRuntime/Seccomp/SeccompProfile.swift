package import BoxModel
internal import CBoxSys

/// Where system call filters come from: the built-in table or a file of the user.
package enum SeccompProfile {
    static let allow = "SCMP_ACT_ALLOW"
    static let errno = "SCMP_ACT_ERRNO"
    private static let namespaceFlags: UInt64 =
        BOX_CLONE_NEWNS | BOX_CLONE_NEWUTS | BOX_CLONE_NEWIPC | BOX_CLONE_NEWUSER | BOX_CLONE_NEWPID | BOX_CLONE_NEWNET
        | BOX_CLONE_NEWCGROUP

    /// The filter that every container gets unless it asks for another.
    ///
    /// As strong as Docker's default profile (as of 2026), with these differences, all on purpose:
    /// - ptrace and its relatives need no check for Linux 4.8, since box does not run on older kernels.
    /// - Of the socket families only AF_ALG and AF_VSOCK are refused; Docker also refuses families that kernels of
    ///   today no longer have.
    /// - System calls newer than the last one the profile knows fail with ENOSYS as under runc, but by a list of
    ///   ours, so that an old libseccomp does not turn fchmodat2 and the like into EPERM.
    /// - Only x86-64 and 64-bit ARM are described, each with its 32-bit siblings.
    ///
    /// - Parameters:
    ///   - capabilities: the bounding set of the container.
    ///   - architecture: as images name it, `amd64` or `arm64`.
    package static func `default`(
        capabilities: CapabilitySet, architecture: String = Platform.current.architecture
    ) -> RuntimeSpec.Seccomp {
        var profile = RuntimeSpec.Seccomp(defaultAction: errno)
        profile.defaultErrnoRet = 1
        profile.architectures =
            architecture == "arm64"
            ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]

        var names: [String] = []
        names.reserveCapacity(420)
        for group in SyscallGroup.always {
            if let wanted = group.architecture, wanted.description != architecture { continue }
            append(group.names, to: &names)
        }
        for group in SyscallGroup.privileged {
            guard let needed = group.needs, capabilities.contains(needed) else { continue }
            append(group.names, to: &names)
        }
        var rules = [rule(names)]

        // AF_ALG (38) is the kernel's cryptography, with a bad history and no need for it; AF_VSOCK (40) reaches
        // virtual machines past the network namespace.
        rules.append(rule(["socket"], .init(index: 0, value: 38, op: "SCMP_CMP_LT")))
        rules.append(rule(["socket"], .init(index: 0, value: 39, op: "SCMP_CMP_EQ")))
        // One by one: the kernel looks at the lower half of the register only, so that a number above, such as
        // 2^32 + 40, would pass a comparison for "greater" and still be AF_VSOCK. 45 is the last family, AF_MCTP.
        for family: UInt64 in 41...45 {
            rules.append(rule(["socket"], .init(index: 0, value: family, op: "SCMP_CMP_EQ")))
        }

        // PER_LINUX, PER_LINUX32, UNAME26 with either, and asking: the others switch protections of memory off.
        for persona: UInt64 in [0, 0x8, 0x20000, 0x20008, 0xffff_ffff] {
            rules.append(rule(["personality"], .init(index: 0, value: persona, op: "SCMP_CMP_EQ")))
        }

        if !capabilities.contains(.sysAdmin) {
            // Threads and processes, but no namespaces.
            rules.append(
                rule(["clone"], .init(index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ")))
            // The flags of clone3 are behind a pointer, where no filter can look; ENOSYS makes libc use clone.
            var clone3 = RuntimeSpec.Seccomp.Rule(names: ["clone3"], action: errno)
            clone3.errnoRet = 38
            rules.append(clone3)
        }
        profile.syscalls = rules
        return profile
    }

    private static func append(_ words: StaticString, to names: inout [String]) {
        words.withUTF8Buffer { text in
            for word in text.split(separator: UInt8(ascii: " ")) {
                names.append(String(decoding: word, as: UTF8.self))
            }
        }
    }

    private static func rule(
        _ names: [String], _ arguments: RuntimeSpec.Seccomp.Argument...
    ) -> RuntimeSpec.Seccomp.Rule {
        var rule = RuntimeSpec.Seccomp.Rule(names: names, action: allow)
        if !arguments.isEmpty { rule.args = arguments }
        return rule
    }
}
