internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Leads a server's replies to a foreign address back to the forwarder's socket in the same network namespace.
///
/// The forwarder connects from the client's address, so the replies would leave by the default route. Its packets bear
/// a mark, and what answers them gets the same mark: connections by `tcp_fwmark_accept`, resets and ICMP by
/// `fwmark_reflect` (ip-sysctl), datagrams by conntrack. Marked packets are delivered locally.
enum ReplyRoute {
    /// `box` in ASCII: mark and routing table.
    static let mark: UInt32 = 0x62_6f78

    /// Sets the calling thread's network namespace up; what is there already stays.
    static func install() throws(SystemFailure) {
        try writeControl("/proc/sys/net/ipv4/tcp_fwmark_accept", "1")
        try writeControl("/proc/sys/net/ipv4/fwmark_reflect", "1")
        let socket = OwnedFD(adopting: try check(box_netlink_socket(0), "socket", "netlink"))
        try check(box_receive_timeout(socket.raw, 2000), "setsockopt", "netlink")
        try install(family: UInt8(AF_INET), socket)
        do {
            try writeControl("/proc/sys/net/ipv6/fwmark_reflect", "1")
            try install(family: UInt8(AF_INET6), socket)
        } catch {
            // Without IPv6 in the kernel or the container nothing comes that way.
        }
    }

    private static func install(family: UInt8, _ socket: borrowing OwnedFD) throws(SystemFailure) {
        // struct fib_rule_hdr: family, lengths, tos, table, two reserved, action FR_ACT_TO_TBL, flags. Attributes:
        // FRA_PRIORITY, FRA_FWMARK, FRA_FWMASK, FRA_TABLE (linux/fib_rules.h).
        try request(
            32, [family, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            [(6, 100), (10, mark), (16, .max), (15, mark)], socket)
        // struct rtmsg: family, lengths, tos, table, RTPROT_STATIC, RT_SCOPE_HOST, RTN_LOCAL, flags. Attributes:
        // RTA_OIF, where the loopback interface is always the first, and RTA_TABLE (rtnetlink(7)).
        try request(24, [family, 0, 0, 0, 0, 4, 254, 2, 0, 0, 0, 0], [(4, 1), (15, mark)], socket)
    }

    /// Sends RTM_NEWRULE or RTM_NEWROUTE and waits for its answer.
    private static func request(
        _ type: UInt16, _ header: [UInt8], _ attributes: [(UInt16, UInt32)], _ socket: borrowing OwnedFD
    ) throws(SystemFailure) {
        var message: [UInt8] = []
        func add<Number: FixedWidthInteger>(_ number: Number) {
            withUnsafeBytes(of: number) { message += $0 }
        }
        // NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE (netlink(7)).
        add(UInt32(16 + header.count + attributes.count * 8))
        add(type)
        add(UInt16(0x605))
        add(UInt32(1))
        add(UInt32(0))
        message += header
        for (name, value) in attributes {
            add(UInt16(8))
            add(name)
            add(value)
        }
        try check(message.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }, "send", "netlink")
        var answer = [UInt8](repeating: 0, count: 256)
        let got = try check(
            answer.withUnsafeMutableBytes { box_receive(socket.raw, $0.baseAddress, $0.count) }, "recv", "netlink")
        guard got >= 20 else { throw SystemFailure("recv", "netlink", errno: .ioError) }
        let error = answer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 16, as: Int32.self) }
        guard error != -EEXIST else { return }
        try check(error, "netlink", type == 32 ? "policy rule" : "local route")
    }

    /// Lets replies to datagrams carry the mark of the datagram they answer.
    ///
    /// A datagram socket has no accepted child that could inherit the mark, and a rule by source port would also catch
    /// what the server says to others, so conntrack remembers it.
    static func markDatagramReplies() throws(SystemFailure) {
        guard let nft = findProgram("nft") else { throw SystemFailure("exec", "nft", errno: .noSuchFileOrDirectory) }
        let script = """
            add table inet box_ports
            delete table inet box_ports
            table inet box_ports {
                chain arriving {
                    type filter hook input priority -150
                    meta l4proto udp meta mark \(mark) ct mark set meta mark
                }
                chain leaving {
                    type route hook output priority -150
                    meta l4proto udp ct mark \(mark) meta mark set ct mark
                }
            }
            """
        let run = try Spawn.capture(nft, ["-f", "-"], input: [UInt8](script.utf8))
        guard run.status == 0 else { throw SystemFailure("nft", "box_ports", errno: .notSupported) }
        // A flow lives as long here as in the forwarder; the default forgets a silent one after half a minute.
        try? writeControl("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "\(DatagramFlows.idleSeconds)")
    }
}
