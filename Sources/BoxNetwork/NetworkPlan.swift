package import BoxModel
package import BoxSystem
internal import CBoxSys
internal import Glibc

/// What is to be done for a container's network once its namespace exists.
package enum NetworkPlan: Hashable, Sendable, Codable {
    /// Nothing: the host's namespace or another container's, which is set up already.
    case asFound
    /// Bring loopback up in a namespace of the container's own.
    case loopback

    package init(_ mode: NetworkMode) {
        switch mode {
        case .host, .container: self = .asFound
        case .none, .isolated: self = .loopback
        }
    }

    /// Carries the plan out inside the namespace of a process, from a single-threaded process, which comes back to
    /// its own namespace (setns(2)).
    package func apply(to pid: Int32) throws(SystemFailure) {
        guard self == .loopback else { return }
        let own = OwnedFD(
            adopting: try check(box_open(AT_FDCWD, "/proc/self/ns/net", O_RDONLY, 0), "open", "/proc/self/ns/net"))
        let path = "/proc/\(pid)/ns/net"
        let other = OwnedFD(adopting: try check(box_open(AT_FDCWD, path, O_RDONLY, 0), "open", path))
        try check(box_setns(other.raw, Int32(BOX_CLONE_NEWNET)), "setns", path)
        let result = box_link_up("lo")
        try check(box_setns(own.raw, Int32(BOX_CLONE_NEWNET)), "setns", "/proc/self/ns/net")
        try check(result, "ioctl SIOCSIFFLAGS", "lo")
    }
}
