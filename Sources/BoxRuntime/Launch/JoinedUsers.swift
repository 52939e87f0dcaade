internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// A container that lives in another one's user namespace.
enum JoinedUsers {
    /// Clones from inside the user namespace, so that it owns the new namespaces (user_namespaces(7)).
    ///
    /// The caller itself must not join, since there is no way back. A process in between joins and clones a sibling of
    /// its own, i.e. a child of the caller (CLONE_PARENT).
    ///
    /// - Returns: as clone3(2): 0 in the child, else its pid or a negative errno.
    static func clone(_ arguments: inout box_clone, users: SharedFD, pidNamespace: SharedFD?) -> Int32 {
        guard let ends = try? MessageSocket.pair() else { return -EMFILE }
        // The cgroup is entered by the one in between, who still may, and inherited.
        var first = box_clone(flags: 0, cgroup_fd: arguments.cgroup_fd, pidfd: -1)
        arguments.cgroup_fd = -1
        let between = box_clone3(&first)
        if between == 0 {
            _ = box_close(ends.ours)
            var result = box_setns(users.raw, CInt(truncatingIfNeeded: BOX_CLONE_NEWUSER))
            // May be denied for good there (user_namespaces(7)); the groups then have no name inside.
            if result >= 0 { _ = box_setgroups([], 0) }
            if result >= 0 { result = box_setresgid(0) }
            if result >= 0 { result = box_setresuid(0) }
            if result >= 0, let pidNamespace {
                result = box_setns(pidNamespace.raw, CInt(truncatingIfNeeded: BOX_CLONE_NEWPID))
            }
            if result >= 0 {
                result = box_clone3_sibling(&arguments)
                if result == 0 {
                    _ = box_close(ends.theirs)
                    return 0
                }
            }
            let answer = withUnsafeBytes(of: result) { Array($0) }
            try? MessageSocket(OwnedFD(adopting: ends.theirs)).send(
                answer, descriptors: result > 0 ? [arguments.pidfd] : [])
            box_exit(0)
        }
        _ = box_close(ends.theirs)
        let socket = MessageSocket(OwnedFD(adopting: ends.ours))
        guard between > 0 else { return between }
        _ = box_close(first.pidfd)
        var result: Int32 = -ECHILD
        if case .message(let message)? = try? socket.receive(), message.bytes.count == 4 {
            result = message.bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
            if let pidfd = message.takeDescriptor() { arguments.pidfd = pidfd.release() }
        }
        var status: CInt = 0
        _ = box_waitpid(between, &status, 0)
        return result
    }
}
