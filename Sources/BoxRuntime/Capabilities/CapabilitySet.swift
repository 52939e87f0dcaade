package import BoxModel
internal import CBoxSys

/// A set of capabilities; the raw value is the mask that capset(2) takes.
package struct CapabilitySet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package init(_ capabilities: [Capability]) {
        self.init(rawValue: capabilities.reduce(0) { $0 | 1 << UInt64($1.rawValue) })
    }

    /// Every capability this program knows.
    package static let all = CapabilitySet(Capability.allCases)

    /// What a container gets unless it asks for something else: Docker's fourteen.
    package static let standard = CapabilitySet([
        .chown, .dacOverride, .fsetid, .fowner, .mknod, .netRaw, .setgid, .setuid, .setfcap, .setpcap,
        .netBindService, .sysChroot, .kill, .auditWrite,
    ])

    /// What this process could hand on: its bounding set, as far as kernel and program know it.
    ///
    /// A process in a container or on a hardened machine lacks some, and dropping is for ever, so that asking the
    /// kernel for more would only fail. PR_CAPBSET_READ fails beyond the last capability of the kernel (prctl(2)),
    /// which spares reading `/proc/sys/kernel/cap_last_cap`.
    package static func available() -> CapabilitySet {
        var mask: UInt64 = 0
        for capability in Capability.allCases {
            let held = box_capbset_read(CInt(capability.rawValue))
            if held < 0 { break }
            if held == 1 { mask |= 1 << UInt64(capability.rawValue) }
        }
        return CapabilitySet(rawValue: mask)
    }

    package func contains(_ capability: Capability) -> Bool {
        rawValue & 1 << UInt64(capability.rawValue) != 0
    }

    package var capabilities: [Capability] { Capability.allCases.filter { contains($0) } }
    /// Names with `CAP_`, in the kernel's order.
    package var names: [String] { capabilities.map(\.name) }

    /// The sets of the runtime specification.
    ///
    /// Inheritable and ambient stay empty: a program gets capabilities by being root or by its file, never by
    /// inheritance (CVE-2022-24769).
    package var specification: RuntimeSpec.Capabilities {
        var sets = RuntimeSpec.Capabilities()
        sets.bounding = names
        sets.permitted = sets.bounding
        sets.effective = sets.bounding
        return sets
    }
}

/// What a user asks for with `--cap-add`, `--cap-drop` and `--privileged`.
package struct CapabilityRequest: Sendable {
    package var add: [String]
    package var drop: [String]
    package var privileged: Bool

    package init(add: [String] = [], drop: [String] = [], privileged: Bool = false) {
        self.add = add
        self.drop = drop
        self.privileged = privileged
    }

    /// What the container gets, by Docker's rules.
    ///
    /// - `--privileged` gives everything there is and makes the other two meaningless.
    /// - Adding `ALL` starts from everything and takes the dropped ones away; dropping `ALL` starts from nothing.
    /// - A capability both added and dropped by name is there.
    ///
    /// - Parameter available: what can be handed on; the standard set and `ALL` silently shrink to it, while
    ///   asking for a missing one by name fails.
    package func resolve(available: CapabilitySet) throws(BoxFailure) -> CapabilitySet {
        let added = try Self.parse(add)
        let dropped = try Self.parse(drop)
        if privileged { return available }
        if added.all { return available.subtracting(dropped.set) }
        let missing = added.set.subtracting(available)
        if let name = missing.names.first {
            throw BoxFailure(
                .unsupported, "add the capability", name,
                reason: "box does not have it itself (it is not in its bounding set)",
                hint: "leave it out, or start box where it has \(name)")
        }
        let base = dropped.all ? [] : CapabilitySet.standard.subtracting(dropped.set).intersection(available)
        return base.union(added.set)
    }

    private static func parse(_ words: [String]) throws(BoxFailure) -> (all: Bool, set: CapabilitySet) {
        var all = false
        var capabilities: [Capability] = []
        for word in words {
            let upper = word.uppercased()
            if upper == "ALL" || upper == "CAP_ALL" {
                all = true
            } else {
                capabilities.append(try Capability(parsing: word))
            }
        }
        return (all, CapabilitySet(capabilities))
    }
}
