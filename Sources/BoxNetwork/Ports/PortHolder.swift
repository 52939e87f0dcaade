package import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The process that holds a port of the machine.
package struct PortHolder: Equatable, Sendable {
    package let pid: Int32
    /// The short name of its program (proc(5), comm).
    package let command: String

    /// Finds who holds a port, or nil where that cannot be seen.
    ///
    /// - Parameter address: the address wanted; nil is any.
    package static func find(
        _ port: UInt16, _ transport: TransportProtocol, address: IPAddress? = nil
    ) -> PortHolder? {
        let inodes = Set(
            tables(transport).flatMap { table -> [Substring] in
                guard let text = try? readText("/proc/thread-self/net/\(table)") else { return [] }
                return Self.inodes(text, port, transport, address)
            }.map { "socket:[\($0)]" })
        return inodes.isEmpty ? nil : owner(inodes)
    }

    private static func tables(_ transport: TransportProtocol) -> [String] {
        switch transport {
        case .tcp: ["tcp", "tcp6"]
        case .udp: ["udp", "udp6"]
        case .sctp: ["sctp/eps"]
        }
    }

    /// The inodes of the sockets bound to the port in the text of one file of /proc/net (proc(5)).
    static func inodes(
        _ text: String, _ port: UInt16, _ transport: TransportProtocol, _ address: IPAddress?
    ) -> [Substring] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            if transport == .sctp {
                // ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS (net/sctp/proc.c).
                return fields.count > 7 && UInt16(fields[5]) == port ? fields[7] : nil
            }
            guard fields.count > 9, let colon = fields[1].lastIndex(of: ":"),
                UInt16(fields[1][fields[1].index(after: colon)...], radix: 16) == port
            else { return nil }
            // State 0A is LISTEN; connections from the port do not keep others from listening at it.
            guard transport == .udp || fields[3] == "0A", fields[9] != "0" else { return nil }
            if let address, !address.isUnspecified, let held = Self.address(fields[1][..<colon]),
                !held.isUnspecified, held != address
            {
                return nil
            }
            return fields[9]
        }
    }

    /// Four bytes to a word, each word in the machine's order.
    private static func address(_ text: Substring) -> IPAddress? {
        var bytes: [UInt8] = []
        var rest = text
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            withUnsafeBytes(of: word) { bytes += $0 }
            rest = rest.dropFirst(8)
        }
        return IPAddress(bytes: bytes)?.unmapped
    }

    private static func owner(_ links: Set<String>) -> PortHolder? {
        guard let processes = try? Directory(opening: "/proc").names() else { return nil }
        for pid in processes.lazy.compactMap(Int32.init).sorted() {
            guard let folder = try? Directory(opening: "/proc/\(pid)/fd"), let names = try? folder.names() else {
                continue
            }
            for name in names {
                guard let link = try? folder.readLink(name), links.contains(link) else { continue }
                let command = (try? readText("/proc/\(pid)/comm")) ?? ""
                return PortHolder(pid: pid, command: String(command.prefix { $0 != "\n" }))
            }
        }
        return nil
    }
}
