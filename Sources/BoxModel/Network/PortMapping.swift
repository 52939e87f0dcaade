/// A transport protocol that has ports.
package enum TransportProtocol: String, Hashable, Sendable, Codable, CaseIterable {
    case tcp, udp, sctp
}

/// A port inside a container, `80/tcp`.
package struct ContainerPort: Hashable, Sendable, Codable {
    package var number: UInt16
    package var transport: TransportProtocol

    package init(_ number: UInt16, _ transport: TransportProtocol) {
        self.number = number
        self.transport = transport
    }
}

extension ContainerPort: Comparable, LosslessStringConvertible {
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = UInt16(parts[0]), number > 0 else { return nil }
        guard let transport = parts.count == 1 ? .tcp : TransportProtocol(rawValue: parts[1].lowercased()) else {
            return nil
        }
        self.init(number, transport)
    }

    package var description: String { "\(number)/\(transport.rawValue)" }

    package static func < (left: ContainerPort, right: ContainerPort) -> Bool {
        (left.number, left.transport.rawValue) < (right.number, right.transport.rawValue)
    }
}

/// One container port published on the host, as it was asked for.
package struct PortMapping: Hashable, Sendable, Codable {
    package var port: ContainerPort
    /// Nil is every address of the machine, of both versions, or what the network's option says.
    package var hostAddress: IPAddress?
    /// The first of the wanted host ports, ending at ``hostPortLast``; 0 lets the kernel choose.
    package var hostPort: UInt16
    package var hostPortLast: UInt16

    package init(_ port: ContainerPort, hostAddress: IPAddress? = nil, hostPort: UInt16 = 0, last: UInt16? = nil) {
        self.port = port
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        hostPortLast = last ?? hostPort
    }
}

/// One published port as it is: what `ps` and `port` show.
package struct PublishedPort: Hashable, Sendable, Codable {
    package var port: ContainerPort
    package var hostAddress: IPAddress
    package var hostPort: UInt16

    package init(_ port: ContainerPort, hostAddress: IPAddress, hostPort: UInt16) {
        self.port = port
        self.hostAddress = hostAddress
        self.hostPort = hostPort
    }
}
