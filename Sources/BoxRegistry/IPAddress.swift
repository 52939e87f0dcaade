internal import Glibc

/// An IPv4 or IPv6 address in network byte order.
struct IPAddress: Hashable, Sendable {
    /// 4 or 16.
    let bytes: [UInt8]

    init?(_ text: some StringProtocol) {
        let text = String(text)
        guard !text.utf8.contains(0) else { return nil }
        let family = text.contains(":") ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
        guard inet_pton(family, text, &bytes) == 1 else { return nil }
        // An IPv4 address mapped into IPv6 is the IPv4 address (RFC 4291, 2.5.5.2).
        if bytes.count == 16, bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 {
            bytes = Array(bytes.suffix(4))
        }
        self.bytes = bytes
    }

    var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    }
}

/// A range of addresses, `10.0.0.0/8`.
struct AddressRange: Hashable, Sendable {
    let address: IPAddress
    let prefix: Int

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]), let prefix = Int(parts[1]),
            (0...address.bytes.count * 8).contains(prefix)
        else { return nil }
        self.address = address
        self.prefix = prefix
    }

    func contains(_ other: IPAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        let whole = prefix / 8
        guard address.bytes.prefix(whole) == other.bytes.prefix(whole) else { return false }
        let rest = prefix % 8
        return rest == 0 || (address.bytes[whole] ^ other.bytes[whole]) >> (8 - rest) == 0
    }
}

/// Whether a host name means this machine, whatever a resolver says.
func isLoopback(host: String) -> Bool {
    host == "localhost" || host.hasSuffix(".localhost") || IPAddress(host)?.isLoopback == true
}
