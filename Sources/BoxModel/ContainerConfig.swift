/// What was asked of a container, with the image's configuration merged in and every name resolved that does not need
/// its root file system.
///
/// Written once; never changed by running.
package struct ContainerConfig: Hashable, Sendable, Codable {
    /// Of this document; a reader refuses a higher one.
    package static let currentFormat = 1

    package var format = ContainerConfig.currentFormat
    package var id: ContainerID
    package var name: ContainerName
    package var created: Timestamp
    /// As the user typed it.
    package var imageName: String
    /// The digest of the image's configuration.
    package var imageID: Digest
    package var manifestDigest: Digest?
    package var platform: Platform
    /// Lowest first.
    package var layers: [DiffID]

    // What runs
    package var entrypoint: [String] = []
    package var command: [String] = []
    package var environment: [String] = []
    package var workingDirectory = "/"
    /// `uid|name[:gid|group]`, looked up in the container's own files at start; empty is root.
    package var user = ""
    package var additionalGroups: [String] = []
    package var hostname = ""
    package var domainname = ""
    package var tty = false
    package var openStdin = false
    /// Standard input closes when the first client's does.
    package var stdinOnce = false
    /// Whether it was made to run in the background.
    package var isDetached: Bool?
    package var useInit = false
    package var stopSignal = "SIGTERM"
    /// Seconds; -1 waits for ever.
    package var stopTimeout = 10
    package var labels: [String: String] = [:]
    package var annotations: [String: String] = [:]
    package var exposedPorts: [String] = []
    package var autoRemove = false
    package var detachKeys: String?

    // Where it lives
    package var mounts: [Mount] = []
    package var readOnlyRootFS = false
    package var shmSize: Int64 = 64 << 20
    package var network: NetworkMode = .isolated
    /// With ``NetworkMode/networks``; nil otherwise.
    package var networks: ContainerNetworks?
    package var extraHosts: [String] = []
    package var dns: [String] = []
    package var dnsSearch: [String] = []
    package var dnsOptions: [String] = []
    package var pidMode = NamespaceMode.private
    package var ipcMode = NamespaceMode.private
    package var utsMode = NamespaceMode.private
    package var cgroupMode = NamespaceMode.private
    package var userMode = NamespaceMode.host

    // What it may do
    package var privileged = false
    package var capabilitiesAdded: [String] = []
    package var capabilitiesDropped: [String] = []
    package var securityOptions: [String] = []
    package var devices: [DeviceRequest] = []
    package var sysctls: [String: String] = [:]
    package var ulimits: [RuntimeSpec.ResourceLimit] = []
    package var resources = ResourceRequest()
    package var oomScoreAdjustment: Int?

    package init(
        id: ContainerID, name: ContainerName, created: Timestamp, imageName: String, imageID: Digest,
        platform: Platform, layers: [DiffID]
    ) {
        self.id = id
        self.name = name
        self.created = created
        self.imageName = imageName
        self.imageID = imageID
        self.platform = platform
        self.layers = layers
    }

    /// The ports that image and flags name as listened on.
    package var ports: [ContainerPort] { exposedPorts.compactMap { ContainerPort($0) } }

    /// Entry point and command as one argument vector.
    package var arguments: [String] { entrypoint + command }
}

/// Limits as flags give them.
package struct ResourceRequest: Hashable, Sendable, Codable {
    /// Bytes; nil is unlimited.
    package var memory: Int64?
    /// Memory plus swap in bytes; -1 is unlimited.
    package var memorySwap: Int64?
    package var memoryReservation: Int64?
    /// Billionths of a processor.
    package var nanoCPUs: Int64?
    package var cpuShares: UInt64?
    package var cpuPeriod: UInt64?
    package var cpuQuota: Int64?
    package var cpusetCPUs: String?
    package var cpusetMems: String?
    package var pidsLimit: Int64?
    package var blkioWeight: UInt16?

    package init() {}
}

/// `--device host[:container[:rwm]]`.
package struct DeviceRequest: Hashable, Sendable, Codable {
    package var hostPath: String
    package var containerPath: String
    package var access: String

    package init(hostPath: String, containerPath: String, access: String) {
        self.hostPath = hostPath
        self.containerPath = containerPath
        self.access = access
    }
}

/// Which namespace of a kind a container gets.
package enum NamespaceMode: Hashable, Sendable, Codable {
    case `private`
    case host
    /// Private, but others may join (`--ipc shareable`).
    case shareable
    /// No shared memory at all (`--ipc none`).
    case none
    case container(ContainerID)
}

/// How a container is connected.
package enum NetworkMode: Hashable, Sendable, Codable {
    /// A network namespace of its own with interfaces in the networks that it joined.
    case networks
    /// A network namespace of its own with loopback only, for want of the right to make interfaces.
    case isolated
    case none
    case host
    case container(ContainerID)
}
