package import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// A name server that questions are forwarded to.
package struct NameServer: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16
    /// Index of the host's interface that a link-local address is reached through; 0 where it does not matter.
    package var scope: UInt32

    package init(_ address: IPAddress, port: UInt16 = 53, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    /// Reads an address as resolv.conf(5) and `--dns` hold it, `fe80::1%eth0` included.
    package init?(_ text: String) {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        self.init(address)
        if parts.count == 2 { scope = UInt32(parts[1]) ?? box_interface_index(String(parts[1])) }
    }

    var socketAddress: box_inet_address { box_inet_address(address, port: port, scope: scope) }
}

extension box_inet_address {
    fileprivate init(_ address: IPAddress, port: UInt16, scope: UInt32) {
        self.init()
        family = CInt(address.version.rawValue)
        self.port = port
        self.scope = scope
        withUnsafeMutableBytes(of: &bytes) { $0.copyBytes(from: address.bytes) }
    }
}

/// The servers that are asked: those that were given, or the host's own, which may change at any time.
struct NameServerSource {
    private let given: [NameServer]
    private let file: String
    private var seen: FileStatus?
    private var read: [NameServer] = []

    init(given: [NameServer], file: String) {
        self.given = given
        self.file = file
    }

    /// Costs one stat(2) while the file stays the same.
    mutating func current() -> [NameServer] {
        if !given.isEmpty { return given }
        // Followed to its end: systemd-resolved and others put a link there and rename a new file into its target.
        var raw = stat()
        guard box_fstatat(AT_FDCWD, file, &raw, 0) == 0 else {
            seen = nil
            return Self.fallback
        }
        let status = FileStatus(raw: raw)
        if let seen, seen.modified == status.modified, seen.inode == status.inode, seen.size == status.size {
            return read
        }
        let text = (try? readText(file, limit: 1 << 16)) ?? ""
        read = Self.servers(in: text)
        seen = status
        return read
    }

    /// What a resolver asks that is told of none (resolv.conf(5)).
    private static let fallback = [NameServer(.loopbackV4)]

    static func servers(in text: String) -> [NameServer] {
        let found = text.split(whereSeparator: \.isNewline).compactMap { line -> NameServer? in
            let words = line.split(maxSplits: 2) { $0 == " " || $0 == "\t" }
            guard words.count >= 2, words[0] == "nameserver" else { return nil }
            return NameServer(String(words[1]))
        }
        return found.isEmpty ? fallback : found
    }
}
