internal import BoxModel
internal import BoxRuntime

/// Everything a monitor needs to run one container, with no name left to look up.
///
/// It is handed over in a file in memory, never on a command line or in the environment, where others could read it.
struct RunPlan: Codable, Sendable {
    var id: ContainerID
    var launch: LaunchPlan
    /// Where the store keeps images and containers, and where run-time state is.
    var root: String
    var state: String
    var log: LogWriter.Bounds
    /// With networks of its own; nil otherwise.
    var network: NetworkPlan?
    var openStdin: Bool
    var stdinOnce: Bool
    var autoRemove: Bool
    /// Go with the container under `--rm`.
    var anonymousVolumes: [String]
    /// Whether the one who starts the monitor attaches before the container starts.
    var attachesFirst: Bool
    var restartCount: Int

    var encoded: [UInt8] {
        get throws(BoxFailure) { try JSON.encode(self, "write the plan of a container") }
    }

    init(
        id: ContainerID, launch: LaunchPlan, root: String, state: String, log: LogWriter.Bounds,
        config: ContainerConfig, attachesFirst: Bool
    ) {
        self.id = id
        self.launch = launch
        self.root = root
        self.state = state
        self.log = log
        openStdin = config.openStdin
        stdinOnce = config.stdinOnce
        autoRemove = config.autoRemove
        anonymousVolumes = config.mounts.filter { $0.kind == .volume && $0.anonymous }.map(\.source)
        self.attachesFirst = attachesFirst
        restartCount = 0
    }

    init(decoding bytes: [UInt8]) throws(BoxFailure) {
        self = try JSON.decode(from: bytes, "read the plan of", "a container")
    }
}
