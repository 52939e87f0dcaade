import Foundation
import Testing

/// What this machine lets tests do; the condition and the reason of `.enabled(if:)`.
enum Privileges {
    static let rootReason: Comment = "needs root"
    static let isRoot = geteuid() == 0

    static let overlayReason: Comment = "needs root and a kernel with overlayfs"
    static let hasOverlay: Bool =
        isRoot
        && works(
            """
            d=$(mktemp -d); mkdir $d/l $d/u $d/w $d/m
            unshare -m mount -t overlay o -o lowerdir=$d/l,upperdir=$d/u,workdir=$d/w $d/m; s=$?; rm -rf $d; exit $s
            """)

    static let namespacesReason: Comment = "needs the right to make namespaces"
    static let hasNamespaces = works("unshare --mount --uts --ipc --net --pid --fork true")

    static let networksReason: Comment = "needs root, overlayfs, ip, nft and bridges"
    static let hasNetworks =
        hasOverlay
        && works(
            """
            command -v ip && command -v nft && command -v nsenter && unshare -n sh -c '
            ip link add br0 type bridge && ip link add ve0 type veth peer name ve1 && nft add table inet t'
            """)

    static let userNamespacesReason: Comment = "needs user namespaces"
    static let hasUserNamespaces = works("unshare --user --map-root-user true")

    static let memoryCgroupReason: Comment = "needs a memory controller that root may use (cgroup v1 or v2)"
    static let hasMemoryCgroup =
        isRoot
        && (access("/sys/fs/cgroup/memory/memory.limit_in_bytes", F_OK) == 0
            || access("/sys/fs/cgroup/memory/cgroup.procs", F_OK) == 0
            || works("grep -qw memory /sys/fs/cgroup/cgroup.controllers"))

    static let registryReason: Comment = "needs docker-registry and skopeo (make setup TEST=1)"
    static let hasRegistry = ["docker-registry", "skopeo"].allSatisfy { works("command -v \($0)") }

    static let podmanReason: Comment = "needs podman and root"
    static let hasPodman = isRoot && works("command -v podman")

    static let debianReason: Comment = "needs mmdebstrap and a Debian mirror"
    static let hasDebian = isRoot && works("command -v mmdebstrap")

    private static func works(_ script: String) -> Bool {
        (try? Command("/bin/sh", ["-c", script], timeout: .seconds(20)).run().status) == 0
    }
}

/// How many rounds a random test takes: one portion in `make test`, `BOX_SOAK` times as many in `make soak`.
enum Soak {
    static let factor = ProcessInfo.processInfo.environment["BOX_SOAK"].flatMap(Int.init) ?? 1
    static func rounds(_ portion: Int) -> Int { portion * max(1, factor) }
}
