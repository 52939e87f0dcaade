internal import BoxModel
internal import CBoxSys

/// Who a process is for the kernel: ids, capabilities, what it may still gain (credentials(7), capabilities(7)).
struct Identity {
    let uid: UInt32
    let gid: UInt32
    let groups: [UInt32]
    private let areUsersMapped: Bool
    private let bounding: UInt64
    private let effective: UInt64
    private let permitted: UInt64
    private let inheritable: UInt64
    private let ambient: UInt64

    init(_ user: ContainerUser, _ capabilities: RuntimeSpec.Capabilities?, areUsersMapped: Bool) throws(LaunchFailure) {
        self.areUsersMapped = areUsersMapped
        uid = user.uid
        gid = user.gid
        groups = user.groups
        let sets = capabilities ?? RuntimeSpec.Capabilities()
        bounding = try Self.mask(sets.bounding)
        permitted = try Self.mask(sets.permitted) & bounding
        effective = try Self.mask(sets.effective) & permitted
        inheritable = try Self.mask(sets.inheritable) & bounding
        ambient = try Self.mask(sets.ambient) & permitted & inheritable
    }

    private static func mask(_ names: [String]) throws(LaunchFailure) -> UInt64 {
        do { return try Capability.mask(names: names) } catch { throw LaunchFailure(error, .capability) }
    }

    /// Drops what the bounding set does not name; needs CAP_SETPCAP, so it comes before ``take()``.
    func dropBounding() throws(LaunchFailure) {
        for capability in CInt(0)..<64 where bounding & (1 << UInt64(capability)) == 0 {
            let result = box_capbset_drop(capability)
            // EINVAL is the first number that this kernel has no capability for.
            if result == -22 { break }
            try attempt(result, .capability, "prctl PR_CAPBSET_DROP", "\(capability)")
        }
    }

    /// Changes to the user: groups, then gid, then uid, as each step needs the privilege the next one gives up.
    func take() throws(LaunchFailure) {
        try attempt(box_keepcaps(true), .user, "prctl PR_SET_KEEPCAPS", "")
        // Always, also with no groups: else those of whoever started box would stay (setgroups(2)).
        let result = box_setgroups(groups, groups.count)
        // A user namespace that an ordinary user made denies the call for good (user_namespaces(7)).
        let isDenied = result == -1 && areUsersMapped && groups.count <= 1
        if !isDenied {
            try attempt(result, .user, "setgroups", groups.map(String.init).joined(separator: ","))
        }
        try attempt(
            box_setresgid(gid), .user, "setresgid", "\(gid)", hint: "the group has no mapping in the user namespace")
        try attempt(
            box_setresuid(uid), .user, "setresuid", "\(uid)", hint: "the user has no mapping in the user namespace")
        _ = box_keepcaps(false)
        // What execve(2) would do for a user who is not root, done before it: neither the search for the command nor
        // an init that stays may use what the command will not have.
        let isRoot = uid == 0
        let set = box_capset(isRoot ? effective : ambient, isRoot ? permitted : ambient, inheritable)
        try attempt(
            set, .capability, "capset", "", hint: "box itself does not have all capabilities that were asked for")
        for capability in CInt(0)..<64 where ambient & (1 << UInt64(capability)) != 0 {
            try attempt(box_cap_ambient_raise(capability), .capability, "prctl PR_CAP_AMBIENT", "\(capability)")
        }
    }
}
