internal import BoxModel
internal import BoxNetwork
internal import BoxRuntime
internal import FoundationEssentials

/// Everything a monitor needs to run one container, with no name left to look up. It is handed over in a file in
/// memory, never on a command line or in the environment, where others could read it.
struct RunPlan: Codable, Sendable {
    var id: ContainerID
    var launch: LaunchPlan
    var network: NetworkPlan
    /// Where the store keeps images and containers, and where run-time state is.
    var root: String
    var state: String
    var log: LogWriter.Bounds
    var openStdin: Bool
    var stdinOnce: Bool
    var autoRemove: Bool
    /// Whether the one who starts the monitor attaches before the container starts.
    var attachesFirst: Bool
    var restartCount: Int

    var encoded: [UInt8] {
        get throws(BoxFailure) {
            do { return Array(try JSONEncoder().encode(self)) } catch {
                throw BoxFailure(.internal, "write the plan of", id.short, reason: "\(error)")
            }
        }
    }

    init(
        id: ContainerID, launch: LaunchPlan, network: NetworkPlan, root: String, state: String, log: LogWriter.Bounds,
        config: ContainerConfig, attachesFirst: Bool
    ) {
        self.id = id
        self.launch = launch
        self.network = network
        self.root = root
        self.state = state
        self.log = log
        openStdin = config.openStdin
        stdinOnce = config.stdinOnce
        autoRemove = config.autoRemove
        self.attachesFirst = attachesFirst
        restartCount = 0
    }

    init(decoding bytes: [UInt8]) throws(BoxFailure) {
        do { self = try JSONDecoder().decode(RunPlan.self, from: Data(bytes)) } catch {
            throw BoxFailure(.internal, "read the plan of a container", reason: "\(error)")
        }
    }
}
