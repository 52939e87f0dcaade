package import BoxModel
internal import BoxSystem
internal import CSeccomp

/// Compiled filters in a folder of box's own, so that a start reads a file instead of compiling.
///
/// A file holds the profile it was compiled from in full and is used only where that is the same byte for byte; its
/// name is merely a short way to find it.
package struct SeccompCache: Sendable {
    private static let magic = Array("BOXSECC1".utf8)
    private let directory: String

    /// - Parameter directory: made when the first filter is stored, for its owner only.
    package init(directory: String) {
        self.directory = directory
    }

    /// The instructions of a profile, as seccomp(2) takes them.
    ///
    /// That the folder cannot be read or written only costs time.
    package func program(for profile: RuntimeSpec.Seccomp) throws(BoxFailure) -> [UInt8] {
        let key = Self.key(of: profile)
        let name = Self.name(of: key)
        if let stored = try? readFile(directory + "/" + name, limit: 1 << 20), let program = Self.program(stored, key) {
            return program
        }
        let program = try SeccompCompiler.compile(profile)
        if let folder = try? makeDirectories(directory, mode: 0o700) {
            try? folder.write(name, Self.header(key) + program, mode: 0o600)
        }
        return program
    }

    private static func header(_ key: [UInt8]) -> [UInt8] {
        let length = UInt32(key.count)
        return magic + [0, 8, 16, 24].map { UInt8(length >> $0 & 0xff) } + key
    }

    private static func program(_ stored: [UInt8], _ key: [UInt8]) -> [UInt8]? {
        let header = header(key)
        guard stored.starts(with: header), stored.count > header.count, (stored.count - header.count) % 8 == 0 else {
            return nil
        }
        return Array(stored[header.count...])
    }

    /// Everything that the instructions depend on.
    private static func key(of profile: RuntimeSpec.Seccomp) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(8192)
        func add(_ text: String) {
            key.append(contentsOf: text.utf8)
            key.append(0)
        }
        func add(_ number: UInt64?) { add(number.map { String($0) } ?? "-") }
        add(UInt64(SeccompCompiler.revision))
        add(Platform.current.architecture)
        if let version = seccomp_version()?.pointee { add("\(version.major).\(version.minor).\(version.micro)") }
        add(profile.defaultAction)
        add(profile.defaultErrnoRet.map(UInt64.init))
        for name in profile.architectures ?? [] { add(name) }
        for rule in profile.syscalls ?? [] {
            add("\u{1}")
            add(rule.action)
            add(rule.errnoRet.map(UInt64.init))
            for name in rule.names { add(name) }
            for argument in rule.args ?? [] {
                add("\u{2}")
                add(UInt64(argument.index))
                add(argument.value)
                add(argument.valueTwo)
                add(argument.op)
            }
        }
        return key
    }

    /// FNV-1a; two profiles of one name would only take turns.
    private static func name(of key: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return String(hash, radix: 16) + ".bpf"
    }
}
