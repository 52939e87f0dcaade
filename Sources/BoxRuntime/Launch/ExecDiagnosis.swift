internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Finds out why a program that is there cannot be executed; the errno of execve(2) alone misleads.
enum ExecDiagnosis {
    /// Whether something is there at all; then ENOENT is about an interpreter or a loader.
    static func exists(_ path: String) -> Bool {
        var raw = stat()
        return box_fstatat(AT_FDCWD, path, &raw, 0) == 0
    }

    /// Explains an execve(2) of `path` that failed with `errno`.
    static func explain(_ path: String, _ errno: Int32) -> LaunchFailure {
        if errno == ENOENT || errno == ENOEXEC || errno == EACCES || errno == EISDIR, let reason = reason(path, errno) {
            return LaunchFailure(.commandInvalid, path, reason, errno: errno)
        }
        let text =
            switch errno {
            case E2BIG: "its arguments and environment are longer than the kernel allows"
            case ETXTBSY: "it is open for writing somewhere"
            default: SystemFailure("execve", path, errno: .init(rawValue: errno)).reason
            }
        return LaunchFailure(.commandInvalid, path, text, errno: errno)
    }

    private static func reason(_ path: String, _ errno: Int32) -> String? {
        var raw = stat()
        guard box_fstatat(AT_FDCWD, path, &raw, 0) == 0 else { return nil }
        switch FileStatus(raw: raw).kind {
        case .regular: break
        case .directory: return "it is a directory"
        default: return "it is not a regular file"
        }
        let permissions = FileStatus(raw: raw).permissions
        if errno == EACCES && permissions & 0o111 == 0 {
            return "it is not executable; set the x bit in the image (chmod +x)"
        }
        let head = head(of: path)
        if let interpreter = Script.interpreter(head) { return explain(interpreter, path) }
        if let program = Executable(head) {
            if program.machine != Executable.own {
                return "it is a program for \(program.machineName), this machine is \(Executable.name(Executable.own))"
                    + "; use an image for this platform"
            }
            if let loader = program.loader(head), errno == ENOENT, !exists(loader) {
                let library = loader.contains("musl") ? "musl" : "another C library or image"
                return "its loader \(loader) is not in the image; it was built for \(library)"
            }
        }
        switch errno {
        case EACCES:
            var system = statfs()
            let fd = box_open(AT_FDCWD, path, CInt(BOX_O_PATH), 0)
            defer { if fd >= 0 { _ = box_close(fd) } }
            if fd >= 0, box_statfs(fd, &system) == 0, system.f_flags & 8 != 0 {
                return "it lies on a file system that is mounted noexec"
            }
            return "user \(box_geteuid()) may not execute it; its mode is 0\(String(permissions, radix: 8))"
        case ENOEXEC:
            return raw.st_size == 0
                ? "it is empty"
                : "it is neither a program for this machine nor a script that begins with #!"
        default: return nil
        }
    }

    private static func explain(_ interpreter: Script.Interpreter, _ path: String) -> String? {
        if interpreter.hasCarriageReturn {
            return "its first line ends in CRLF, so that the kernel looks for \(interpreter.path)\\r"
                + "; save the script with LF line ends"
        }
        guard !interpreter.path.isEmpty else { return "its first line names no interpreter after #!" }
        guard exists(interpreter.path) else {
            return "its interpreter \(interpreter.path) (first line) is not in the container"
        }
        return box_faccessat(AT_FDCWD, interpreter.path, X_OK, 0) < 0
            ? "its interpreter \(interpreter.path) (first line) is not executable" : nil
    }

    /// The first bytes of a regular file; empty where it may not be read.
    private static func head(of path: String) -> [UInt8] {
        let fd = box_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0)
        guard fd >= 0 else { return [] }
        defer { _ = box_close(fd) }
        return [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(0, box_pread(fd, buffer.baseAddress, 4096, 0))
        }
    }
}

/// The first line of a script (execve(2)).
enum Script {
    struct Interpreter: Equatable {
        let path: String
        let hasCarriageReturn: Bool
    }

    /// The interpreter, or nil where the file is no script.
    static func interpreter(_ head: [UInt8]) -> Interpreter? {
        guard head.starts(with: [0x23, 0x21]) else { return nil }
        let line = head.dropFirst(2).prefix { $0 != 10 && $0 != 0 }
        let word = line.drop { $0 == 32 || $0 == 9 }.prefix { $0 != 32 && $0 != 9 }
        return Interpreter(
            path: String(decoding: word.last == 13 ? word.dropLast() : word, as: UTF8.self),
            hasCarriageReturn: word.last == 13)
    }
}

/// The header of an ELF program (elf(5)).
struct Executable: Equatable {
    let machine: UInt16
    private let is64Bit: Bool
    private let isLittleEndian: Bool

    #if arch(x86_64)
        static let own: UInt16 = 62
    #elseif arch(arm64)
        static let own: UInt16 = 183
    #elseif arch(riscv64)
        static let own: UInt16 = 243
    #elseif arch(powerpc64le)
        static let own: UInt16 = 21
    #elseif arch(s390x)
        static let own: UInt16 = 22
    #elseif arch(arm)
        static let own: UInt16 = 40
    #else
        static let own: UInt16 = 3
    #endif

    init?(_ head: [UInt8]) {
        guard head.count >= 52, head.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return nil }
        is64Bit = head[4] == 2
        isLittleEndian = head[5] != 2
        machine = isLittleEndian ? UInt16(head[18]) | UInt16(head[19]) << 8 : UInt16(head[19]) | UInt16(head[18]) << 8
    }

    var machineName: String { Self.name(machine) }

    static func name(_ machine: UInt16) -> String {
        switch machine {
        case 3: "386"
        case 8: "mips"
        case 20: "ppc"
        case 21: "ppc64le"
        case 22: "s390x"
        case 40: "arm"
        case 62: "amd64"
        case 183: "arm64"
        case 243: "riscv64"
        case 258: "loong64"
        default: "machine \(machine)"
        }
    }

    /// The loader that PT_INTERP names, or nil for a static program.
    func loader(_ head: [UInt8]) -> String? {
        guard is64Bit, isLittleEndian, head.count >= 64 else { return nil }
        func number(_ offset: Int, _ size: Int) -> Int? {
            guard offset >= 0, offset <= head.count - size else { return nil }
            var value: UInt64 = 0
            for index in 0..<size { value |= UInt64(head[offset + index]) << (8 * UInt64(index)) }
            return Int(exactly: value)
        }
        guard let table = number(32, 8), let size = number(54, 2), let count = number(56, 2), size >= 56,
            table < head.count
        else { return nil }
        for index in 0..<count {
            let entry = table + index * size
            guard let type = number(entry, 4), let offset = number(entry + 8, 8), let length = number(entry + 32, 8)
            else { return nil }
            guard type == 3 else { continue }
            guard offset < head.count, length > 0, length < head.count else { return nil }
            return String(decoding: head[offset...].prefix(length).prefix { $0 != 0 }, as: UTF8.self)
        }
        return nil
    }
}
