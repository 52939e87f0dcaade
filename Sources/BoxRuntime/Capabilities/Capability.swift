package import BoxModel

/// One privilege of capabilities(7); the raw value is its number in the kernel.
package enum Capability: UInt8, CaseIterable, Sendable {
    case chown, dacOverride, dacReadSearch, fowner, fsetid, kill, setgid, setuid, setpcap, linuxImmutable
    case netBindService, netBroadcast, netAdmin, netRaw, ipcLock, ipcOwner, sysModule, sysRawio, sysChroot, sysPtrace
    case sysPacct, sysAdmin, sysBoot, sysNice, sysResource, sysTime, sysTtyConfig, mknod, lease, auditWrite
    case auditControl, setfcap, macOverride, macAdmin, syslog, wakeAlarm, blockSuspend, auditRead, perfmon, bpf
    case checkpointRestore

    private static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]

    /// The name of the manual, with `CAP_`.
    package var name: String { Self.names[Int(rawValue)] }

    /// The capability of exactly this name.
    package init?(name: String) {
        guard let index = Self.names.firstIndex(of: name) else { return nil }
        self.init(rawValue: UInt8(index))
    }

    /// Reads what a user wrote: any case, with or without `CAP_`.
    package init(parsing text: String) throws(BoxFailure) {
        let upper = text.uppercased()
        let wanted = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
        if let found = Capability(name: wanted) {
            self = found
            return
        }
        let nearest = Self.nearest(to: wanted)
        throw BoxFailure(
            .invalid, "use the capability", text, reason: "there is no such capability",
            hint: nearest.map { "did you mean \($0)?" } ?? "capabilities(7) lists them all")
    }

    /// The bits of the named capabilities, as capset(2) takes them.
    ///
    /// - Parameter names: names as the runtime specification has them, with `CAP_`.
    package static func mask(names: [String]) throws(BoxFailure) -> UInt64 {
        var mask: UInt64 = 0
        for name in names { mask |= 1 << UInt64(try Capability(parsing: name).rawValue) }
        return mask
    }

    /// The known name with the fewest typing errors, if there are few enough to guess.
    private static func nearest(to wanted: String) -> String? {
        let limit = max(2, (wanted.utf8.count - 4) / 3)
        let candidates = names.map { (name: $0, distance: editDistance(Array($0.utf8), Array(wanted.utf8))) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }), best.distance <= limit else { return nil }
        return best.name
    }

    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard right.count <= 64 else { return Int.max }
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in right.enumerated() {
                let substituted = diagonal + (byte == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
