internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The namespaces of a specification, sorted by how they are had: made by clone3(2), joined, or made later.
struct Namespaces: ~Copyable {
    /// CLONE_NEW… of those that clone3 makes.
    private(set) var cloneFlags: UInt64 = 0
    /// Open namespaces to join after the clone, with their type.
    private var joined: [(flag: UInt64, fd: SharedFD, path: String)] = []
    private(set) var pidNamespace: SharedFD?
    private(set) var userNamespace: SharedFD?
    private(set) var hasOwnCgroup = false
    private(set) var kinds: Set<RuntimeSpec.Namespace.Kind> = []

    /// Opens what is to be joined while the host's paths still mean something.
    init(_ namespaces: [RuntimeSpec.Namespace]) throws(LaunchFailure) {
        for namespace in namespaces {
            guard let path = namespace.path else {
                kinds.insert(namespace.type)
                // The root of a new cgroup namespace is where its maker is (cgroup_namespaces(7)): later, in place.
                if namespace.type == .cgroup { hasOwnCgroup = true } else { cloneFlags |= Self.flag(namespace.type) }
                continue
            }
            let fd = SharedFD(
                OwnedFD(
                    adopting: try attempt(
                        box_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0), .namespace, "open", path,
                        hint: "the container it belongs to may have ended")))
            switch namespace.type {
            case .pid: pidNamespace = fd
            case .user: userNamespace = fd
            case .mount:
                throw LaunchFailure(.namespace, path, "a container cannot use another one's mount namespace")
            default: joined.append((Self.flag(namespace.type), fd, path))
            }
        }
        guard kinds.contains(.mount) else {
            throw LaunchFailure(.namespace, "mount", "a container needs a mount namespace of its own")
        }
    }

    /// Whether the container has a namespace of this kind to itself.
    func isOwn(_ kind: RuntimeSpec.Namespace.Kind) -> Bool { kinds.contains(kind) }

    /// Whether the container's ids are not the host's.
    var areUsersMapped: Bool { isOwn(.user) || userNamespace != nil }

    /// Joins the others' namespaces (setns(2)); in init.
    func join() throws(LaunchFailure) {
        for (flag, fd, path) in joined {
            try attempt(box_setns(fd.raw, CInt(truncatingIfNeeded: flag)), .namespace, "setns", path)
        }
    }

    private static func flag(_ kind: RuntimeSpec.Namespace.Kind) -> UInt64 {
        switch kind {
        case .pid: BOX_CLONE_NEWPID
        case .network: BOX_CLONE_NEWNET
        case .mount: BOX_CLONE_NEWNS
        case .ipc: BOX_CLONE_NEWIPC
        case .uts: BOX_CLONE_NEWUTS
        case .user: BOX_CLONE_NEWUSER
        case .cgroup: BOX_CLONE_NEWCGROUP
        case .time: BOX_CLONE_NEWTIME
        }
    }
}
