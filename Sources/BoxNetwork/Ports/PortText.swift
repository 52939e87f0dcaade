package import BoxModel

extension PortSyntax {
    /// The column of `ps`: `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 90-91/udp`.
    ///
    /// Docker's order and grouping: neighbours are joined where the port is the same on both sides, all others come
    /// one by one after them.
    package static func summary(_ published: [PublishedPort], exposed: [ContainerPort]) -> String {
        let named = Set(published.map(\.port))
        let entries =
            published.map(Entry.init)
            + Set(exposed).subtracting(named).map { Entry(port: $0, address: nil, host: 0) }
        var groups: [(key: Group, first: UInt16, last: UInt16)] = []
        var open: [Group: Int] = [:]
        var order: [Group] = []
        var closed: [String] = []
        var single: [String] = []
        for entry in entries.sorted() {
            if let address = entry.address, entry.host != entry.port.number {
                single.append("\(host(address, entry.host))->\(entry.port)")
                continue
            }
            let key = Group(address: entry.address, transport: entry.port.transport)
            let number = entry.port.number
            if let index = open[key] {
                if groups[index].last == number { continue }
                if groups[index].last + 1 == number {
                    groups[index].last = number
                    continue
                }
                closed.append(text(groups[index]))
                groups[index] = (key, number, number)
            } else {
                open[key] = groups.count
                order.append(key)
                groups.append((key, number, number))
            }
        }
        return (closed + order.compactMap { open[$0] }.map { text(groups[$0]) } + single).joined(separator: ", ")
    }

    /// The lines of `port`: `80/tcp -> 0.0.0.0:8080`.
    package static func lines(_ published: [PublishedPort]) -> [String] {
        published.map(Entry.init).sorted().compactMap { entry in
            entry.address.map { "\(entry.port) -> \(host($0, entry.host))" }
        }
    }

    /// The host's side of a published port: `0.0.0.0:8080`, `[::]:8080`.
    package static func hostText(_ published: PublishedPort) -> String {
        host(published.hostAddress, published.hostPort)
    }

    private static func host(_ address: IPAddress, _ port: UInt16) -> String {
        address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }

    private static func text(_ group: (key: Group, first: UInt16, last: UInt16)) -> String {
        let range = group.first == group.last ? "\(group.first)" : "\(group.first)-\(group.last)"
        guard let address = group.key.address else { return "\(range)/\(group.key.transport.rawValue)" }
        let shown = address.isV4 ? "\(address)" : "[\(address)]"
        return "\(shown):\(range)->\(range)/\(group.key.transport.rawValue)"
    }

    private struct Group: Hashable {
        let address: IPAddress?
        let transport: TransportProtocol
    }

    private struct Entry: Comparable {
        let port: ContainerPort
        let address: IPAddress?
        let host: UInt16

        init(port: ContainerPort, address: IPAddress?, host: UInt16) {
            self.port = port
            self.address = address
            self.host = host
        }

        init(_ published: PublishedPort) {
            self.init(port: published.port, address: published.hostAddress, host: published.hostPort)
        }

        static func < (left: Entry, right: Entry) -> Bool {
            if left.port.number != right.port.number { return left.port.number < right.port.number }
            if left.address != right.address {
                guard let first = left.address, let second = right.address else { return left.address == nil }
                return first < second
            }
            if left.host != right.host { return left.host < right.host }
            return left.port.transport.rawValue < right.port.transport.rawValue
        }
    }
}
