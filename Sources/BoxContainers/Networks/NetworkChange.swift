internal import BoxModel

/// What a command asks of a running container's monitor about its networks.
enum NetworkChange: Codable, Sendable {
    case connect(NetworkPlan.Join)
    /// By the network's id.
    case disconnect(String)
    case publish([PortMapping])
    case unpublish([ContainerPort])
}
