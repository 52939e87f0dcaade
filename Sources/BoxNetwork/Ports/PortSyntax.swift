package import BoxModel

/// The written forms of published and exposed ports, read and printed as Docker does.
package enum PortSyntax {
    /// Reads one value of `-p`: `[[ADDRESS:]HOSTPORT:]PORT[/PROTOCOL]`, ranges, or `published=8080,target=80`.
    package static func mappings(_ text: String) throws(BoxFailure) -> [PortMapping] {
        func refuse(_ reason: String) -> BoxFailure {
            BoxFailure(
                .invalid, "publish", "\"\(text)\"", reason: reason,
                hint: "write [[ADDRESS:]HOSTPORT[-END]:]PORT[-END][/tcp|udp|sctp]")
        }
        let plain = text.contains("=") ? try shortForm(text, refuse) : text
        let parts = split(plain)
        guard !parts.container.isEmpty else { throw refuse("it names no port of the container") }
        let (range, transport) = try containerPorts(parts.container, refuse)
        guard range.lowerBound > 0 else { throw refuse("a container has no port 0") }

        var address: IPAddress?
        if !parts.address.isEmpty {
            address = IPAddress(String(unbracketed(parts.address)))
            guard address != nil else { throw refuse("\"\(parts.address)\" is no IP address") }
        }
        guard !parts.host.isEmpty else {
            return range.map { PortMapping(ContainerPort($0, transport), hostAddress: address) }
        }
        guard let host = Self.range(parts.host) else { throw refuse("\"\(parts.host)\" is no port or range of ports") }
        if range.count == host.count {
            return zip(range, host).map {
                PortMapping(ContainerPort($0, transport), hostAddress: address, hostPort: $1)
            }
        }
        guard range.count == 1 else {
            throw refuse("the ranges differ: \(range.count) ports of the container, \(host.count) of the host")
        }
        guard host.lowerBound > 0 else { throw refuse("a range of the host cannot begin with 0") }
        return [
            PortMapping(
                ContainerPort(range.lowerBound, transport), hostAddress: address, hostPort: host.lowerBound,
                last: host.upperBound)
        ]
    }

    /// Reads one value of `--expose`: `PORT[-END][/PROTOCOL]`.
    package static func exposed(_ text: String) throws(BoxFailure) -> [ContainerPort] {
        func refuse(_ reason: String) -> BoxFailure {
            BoxFailure(.invalid, "expose", "\"\(text)\"", reason: reason, hint: "write PORT[-END][/tcp|udp|sctp]")
        }
        guard !text.contains(":") else { throw refuse("it names a port of the host") }
        let (range, transport) = try containerPorts(text[...], refuse)
        guard range.lowerBound > 0 else { throw refuse("a container has no port 0") }
        return range.map { ContainerPort($0, transport) }
    }

    /// The colon form of `published=…,target=…,protocol=…`.
    private static func shortForm(_ text: String, _ refuse: (String) -> BoxFailure) throws(BoxFailure) -> String {
        var values: [Substring: Substring] = [:]
        for field in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { throw refuse("\"\(field)\" is not name=value") }
            guard ["published", "target", "protocol", "mode"].contains(pair[0]) else {
                throw refuse("there is no field \"\(pair[0])\"")
            }
            guard values.updateValue(pair[1], forKey: pair[0]) == nil else {
                throw refuse("the field \"\(pair[0])\" is given twice")
            }
        }
        guard let target = values["target"], !target.isEmpty else { throw refuse("it names no target") }
        let transport = values["protocol"].map { "/\($0)" } ?? ""
        return values["published"].map { "\($0):\(target)\(transport)" } ?? "\(target)\(transport)"
    }

    /// Splits at the last two colons, so that an IPv6 address may come without brackets.
    private static func split(_ text: String) -> (address: Substring, host: Substring, container: Substring) {
        guard let last = text.lastIndex(of: ":") else { return ("", "", text[...]) }
        let container = text[text.index(after: last)...]
        let before = text[..<last]
        guard let second = before.lastIndex(of: ":") else { return ("", before, container) }
        return (before[..<second], before[before.index(after: second)...], container)
    }

    private static func unbracketed(_ text: Substring) -> Substring {
        text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text
    }

    private static func containerPorts(
        _ text: Substring, _ refuse: (String) -> BoxFailure
    ) throws(BoxFailure) -> (ClosedRange<UInt16>, TransportProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var transport = TransportProtocol.tcp
        if parts.count == 2 {
            guard let named = TransportProtocol(rawValue: parts[1].lowercased()) else {
                throw refuse("\"\(parts[1])\" is no protocol")
            }
            transport = named
        }
        guard let first = parts.first, let range = range(first) else {
            throw refuse("\"\(parts.first ?? "")\" is no port or range of ports")
        }
        return (range, transport)
    }

    private static func range(_ text: Substring) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(number)
        guard let first = ends.first, let low = first else { return nil }
        guard ends.count == 2 else { return low...low }
        guard let high = ends[1], low <= high else { return nil }
        return low...high
    }

    /// Only digits: `UInt16` itself would take a sign.
    private static func number(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } ? UInt16(text) : nil
    }
}
