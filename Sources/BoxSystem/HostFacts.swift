internal import CBoxSys

/// What this machine and this process are, found out once and passed down.
package struct HostFacts: Sendable {
    package let effectiveUser: UInt32
    package let effectiveGroup: UInt32
    package let kernelRelease: String
    package let hostname: String
    package let machine: String
    /// Bytes.
    package let memory: UInt64
    package let processors: Int

    /// Whether this process may own files for others, asked of the kernel each time.
    package static var isRoot: Bool { box_geteuid() == 0 }

    package static func current() -> HostFacts {
        func text(_ bytes: [CChar]) -> String {
            String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        var system = [CChar](repeating: 0, count: 65)
        var node = system
        var release = system
        var machine = system
        _ = box_uname(&system, &node, &release, &machine, 65)
        return HostFacts(
            effectiveUser: box_geteuid(), effectiveGroup: box_getegid(), kernelRelease: text(release),
            hostname: text(node), machine: text(machine), memory: box_total_memory(),
            processors: Int(box_cpu_count()))
    }
}
