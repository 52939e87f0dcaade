internal import BoxModel

/// Device rules as a program that the kernel runs at each open(2) and mknod(2) of a device: cgroup v2 has no
/// control file for them (BPF_PROG_TYPE_CGROUP_DEVICE, bpf(2)).
///
/// As in v1 the last rule that says something about an access decides; so the program asks them from the last to
/// the first. An access is allowed if one rule allows all of it, and denied if a rule denies any of it.
struct DeviceProgram {
    /// `struct bpf_insn`: code 8, destination 4, source 4, offset 16, immediate 32.
    private(set) var instructions: [UInt64] = []
    let allowsEverything: Bool

    private enum Code {
        static let load32: UInt8 = 0x61  // BPF_LDX | BPF_MEM | BPF_W
        static let moveRegister: UInt8 = 0xbf  // BPF_ALU64 | BPF_MOV | BPF_X
        static let move: UInt8 = 0xb7  // BPF_ALU64 | BPF_MOV | BPF_K
        static let and32: UInt8 = 0x54  // BPF_ALU | BPF_AND | BPF_K
        static let shiftRight32: UInt8 = 0x74  // BPF_ALU | BPF_RSH | BPF_K
        static let jumpIfEqual: UInt8 = 0x15  // BPF_JMP | BPF_JEQ | BPF_K
        static let jumpIfNotEqual: UInt8 = 0x55  // BPF_JMP | BPF_JNE | BPF_K
        static let exit: UInt8 = 0x95  // BPF_JMP | BPF_EXIT
    }

    init(_ rules: [RuntimeSpec.DeviceRule]) throws(BoxFailure) {
        var matches: [DeviceMatch] = []
        for rule in rules {
            let match = try DeviceMatch(rule)
            // v1 merges rights to the same device, so that `r` and `w` granted one by one allow both at once.
            if let same = matches.lastIndex(where: { Self.sameDevice($0, match) }), match.allow, matches[same].allow,
                !matches[same...].contains(where: { !$0.allow })
            {
                matches[same].access |= match.access
            } else {
                matches.append(match)
            }
        }
        allowsEverything = matches.last.map { $0.allow && $0.matchesEverything } ?? false

        // r2 type, r3 access, r4 major, r5 minor out of the context in r1 (struct bpf_cgroup_dev_ctx)
        emit(Code.load32, destination: 2, source: 1, offset: 0)
        emit(Code.moveRegister, destination: 3, source: 2)
        emit(Code.shiftRight32, destination: 3, immediate: 16)
        emit(Code.and32, destination: 2, immediate: 0xffff)
        emit(Code.load32, destination: 4, source: 1, offset: 4)
        emit(Code.load32, destination: 5, source: 1, offset: 8)
        for match in matches.reversed() {
            emit(match)
            // The verifier refuses what can never be reached.
            if match.matchesEverything { return }
        }
        emit(Code.move, destination: 0, immediate: 0)
        emit(Code.exit)
    }

    private static func sameDevice(_ left: DeviceMatch, _ right: DeviceMatch) -> Bool {
        left.type == right.type && left.major == right.major && left.minor == right.minor
    }

    private mutating func emit(_ match: DeviceMatch) {
        // Places whose jump leads behind this rule.
        var misses: [Int] = []
        if let type = match.type {
            misses.append(instructions.count)
            emit(Code.jumpIfNotEqual, destination: 2, immediate: type == UInt8(ascii: "b") ? 1 : 2)
        }
        if match.access != DeviceMatch.anyAccess {
            emit(Code.moveRegister, destination: 1, source: 3)
            let relevant = match.allow ? ~match.access & DeviceMatch.anyAccess : match.access
            emit(Code.and32, destination: 1, immediate: Int32(relevant))
            misses.append(instructions.count)
            emit(match.allow ? Code.jumpIfNotEqual : Code.jumpIfEqual, destination: 1, immediate: 0)
        }
        for (register, number) in [(UInt8(4), match.major), (5, match.minor)] {
            guard let number else { continue }
            misses.append(instructions.count)
            emit(Code.jumpIfNotEqual, destination: register, immediate: Int32(bitPattern: number))
        }
        emit(Code.move, destination: 0, immediate: match.allow ? 1 : 0)
        emit(Code.exit)
        for miss in misses {
            let distance = UInt64(instructions.count - miss - 1)
            instructions[miss] |= distance << 16
        }
    }

    private mutating func emit(
        _ code: UInt8, destination: UInt8 = 0, source: UInt8 = 0, offset: UInt16 = 0, immediate: Int32 = 0
    ) {
        instructions.append(
            UInt64(code) | UInt64(source << 4 | destination) << 8 | UInt64(offset) << 16
                | UInt64(UInt32(bitPattern: immediate)) << 32)
    }
}
