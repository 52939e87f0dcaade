/// What a container asked of networks: those it joins and the ports it publishes.
///
/// Part of the configuration as it was created; commands that change it later write a document of its own beside it.
package struct ContainerNetworks: Hashable, Sendable, Codable {
    /// In the order in which they were asked for; the first gives the interface `eth0`.
    package var endpoints: [EndpointRequest] = []
    package var ports: [PortMapping] = []
    /// Whether every exposed port is published on a port of the kernel's choice.
    package var publishesAll = false

    package init() {}

    /// What to publish of a container that exposes `exposed`: what was asked for, and the rest where all was.
    package func mappings(exposed: [ContainerPort]) -> [PortMapping] {
        guard publishesAll else { return ports }
        let named = Set(ports.map(\.port))
        return ports + exposed.filter { !named.contains($0) }.map { PortMapping($0) }
    }
}
