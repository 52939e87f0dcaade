/// Instructions in front of libseccomp's: they decide what libseccomp is too old to know.
///
/// Where they do not decide they fall through, and libseccomp's program begins anew with the architecture.
struct SeccompPrelude {
    private enum Code {
        static let load: UInt16 = 0x20  // BPF_LD | BPF_W | BPF_ABS
        static let jump: UInt16 = 0x05  // BPF_JMP | BPF_JA
        static let ifEqual: UInt16 = 0x15  // BPF_JMP | BPF_JEQ | BPF_K
        static let ifGreater: UInt16 = 0x25  // BPF_JMP | BPF_JGT | BPF_K
        static let ifNotLess: UInt16 = 0x35  // BPF_JMP | BPF_JGE | BPF_K
        static let result: UInt16 = 0x06  // BPF_RET | BPF_K
    }

    /// Fails with ENOSYS.
    private static let unknown: UInt32 = 0x0005_0000 | 38
    private static let x32Bit: UInt32 = 0x4000_0000

    private var architectures: [UInt32] = []
    private var decided: [(number: UInt32, action: UInt32)] = []
    private var newest: UInt32 = NewSyscalls.first - 1

    /// Adds an AUDIT_ARCH token; x32 is one of libseccomp's own and shares that of x86-64.
    mutating func add(architecture token: UInt32) {
        if !architectures.contains(token) { architectures.append(token) }
    }

    /// Notes that the profile knows a call, whatever it does with it.
    mutating func note(number: UInt32) {
        newest = max(newest, number)
    }

    mutating func add(number: UInt32, action: UInt32) {
        // The first rule decides, as between two groups of one table.
        if !decided.contains(where: { $0.number == number }) { decided.append((number, action)) }
    }

    /// - Parameter refusesUnknown: whether calls newer than the newest known fail with ENOSYS.
    func bytes(refusesUnknown: Bool) -> [UInt8] {
        guard refusesUnknown || !decided.isEmpty else { return [] }
        var body: [(UInt16, UInt8, UInt8, UInt32)] = [(Code.load, 0, 0, 0)]
        let tail = 2 * decided.count + (refusesUnknown ? 2 : 0)
        // Numbers with the bit of x32 are left to libseccomp.
        body.append((Code.ifNotLess, 0, 1, Self.x32Bit))
        body.append((Code.jump, 0, 0, UInt32(tail)))
        for (number, action) in decided {
            body.append((Code.ifEqual, 0, 1, number))
            body.append((Code.result, 0, 0, action))
        }
        if refusesUnknown {
            body.append((Code.ifGreater, 0, 1, newest))
            body.append((Code.result, 0, 0, Self.unknown))
        }
        // struct seccomp_data: number at 0, architecture at 4
        var head: [(UInt16, UInt8, UInt8, UInt32)] = [(Code.load, 0, 0, 4)]
        for (index, token) in architectures.enumerated() {
            head.append((Code.ifEqual, UInt8(architectures.count - index), 0, token))
        }
        head.append((Code.jump, 0, 0, UInt32(body.count)))
        var bytes: [UInt8] = []
        for (code, yes, no, constant) in head + body {
            bytes += [UInt8(code & 0xff), UInt8(code >> 8), yes, no]
            for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(constant >> shift & 0xff)) }
        }
        return bytes
    }
}
