internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import SystemPackage

/// Leads what a container sends to the resolver's well-known port to the ports that the resolver really has.
///
/// A container may run a name server of its own on every address, so port 53 must stay free. The rules are one nftables
/// table inside the container's namespace, handed to the kernel over netlink(7) in one batch, since starting `nft` costs
/// more than the rest of a container's network; conntrack turns the answers back.
struct ResolverRedirect {
    static let table = "box_resolver"

    let address: IPAddress
    let port: UInt16
    let datagrams: UInt16
    let streams: UInt16

    /// Puts the rules into the calling thread's network namespace, in place of older ones.
    func install() throws(SystemFailure) {
        do {
            try install(replacing: false)
        } catch {
            // A removed table makes close(2) wait for ten milliseconds, so only where there is one.
            guard error.errno == .fileExists else { throw error }
            try install(replacing: true)
        }
    }

    private func install(replacing: Bool) throws(SystemFailure) {
        let socket = OwnedFD(adopting: try check(box_netlink_socket(12), "socket", "netlink"))
        try check(box_receive_timeout(socket.raw, 2000), "setsockopt", "netlink")
        var batch = RedirectBatch()
        let named = RedirectAttributes { $0.text(1, Self.table) }
        if replacing { batch.add(.deleteTable, named) }
        batch.add(.newTable, named)
        batch.add(
            .newChain,
            RedirectAttributes {
                $0.text(1, Self.table)
                $0.text(3, "output")
                $0.nested(4) {
                    $0.number(1, 3)  // NF_INET_LOCAL_OUT
                    $0.number(2, UInt32(bitPattern: -100))  // NF_IP_PRI_NAT_DST
                }
                $0.text(7, "nat")
            })
        batch.add(.newRule, rule(transport: 17, to: datagrams))
        batch.add(.newRule, rule(transport: 6, to: streams))
        let bytes = batch.finish()
        try check(bytes.withUnsafeBytes { box_send(socket.raw, $0.baseAddress, $0.count) }, "send", "nf_tables")
        try awaitAnswers(batch.count, socket)
    }

    /// Reads one NLMSG_ERROR for each message; the number 0 in it says that all went well (netlink(7)).
    private func awaitAnswers(_ count: Int, _ socket: borrowing OwnedFD) throws(SystemFailure) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var seen = 0
        while seen < count {
            let got = buffer.withUnsafeMutableBytes { box_receive(socket.raw, $0.baseAddress, $0.count) }
            let filled = min(Int(try check(got, "recv", "nf_tables")), buffer.count)
            for error in Self.results(buffer[..<filled]) {
                try check(error, "nf_tables", Self.table)
                seen += 1
            }
        }
    }

    private static func results(_ bytes: ArraySlice<UInt8>) -> [Int32] {
        bytes.withUnsafeBytes { raw in
            var found: [Int32] = []
            var offset = 0
            while offset + 20 <= raw.count {
                let size = Int(raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                if raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self) == 2 {
                    found.append(raw.loadUnaligned(fromByteOffset: offset + 16, as: Int32.self))
                }
                guard size >= 16 else { break }
                offset += (size + 3) & ~3
            }
            return found
        }
    }

    /// The rule `meta l4proto T ip daddr ADDRESS th dport PORT dnat to ADDRESS:TARGET`.
    private func rule(transport: UInt8, to target: UInt16) -> RedirectAttributes {
        RedirectAttributes {
            $0.text(1, Self.table)
            $0.text(2, "output")
            $0.nested(4) {
                $0.expression("meta") {
                    $0.number(1, 1)
                    $0.number(2, 16)  // NFT_META_L4PROTO
                }
                $0.compare([transport])
                $0.payload(base: 1, offset: 16, size: 4)
                $0.compare(address.bytes)
                $0.payload(base: 2, offset: 2, size: 2)
                $0.compare(port.bigEndianBytes)
                $0.immediate(register: 1, address.bytes)
                $0.immediate(register: 2, target.bigEndianBytes)
                $0.expression("nat") {
                    $0.number(1, 1)  // NFT_NAT_DNAT
                    $0.number(2, 2)  // NFPROTO_IPV4
                    $0.number(3, 1)
                    $0.number(5, 2)
                }
            }
        }
    }
}

extension UInt16 {
    fileprivate var bigEndianBytes: [UInt8] { [UInt8(self >> 8), UInt8(truncatingIfNeeded: self)] }
}

/// Messages for nf_tables that the kernel takes all or none of (nfnetlink's batches).
private struct RedirectBatch {
    enum Kind: UInt16 {
        case newTable = 0
        case deleteTable = 2
        case newChain = 3
        case newRule = 6
    }

    private var bytes: [UInt8] = []
    private(set) var count = 0

    init() {
        message(type: 0x10, flags: 1, family: 0, resource: 10, [])
    }

    mutating func add(_ kind: Kind, _ attributes: RedirectAttributes) {
        count += 1
        // REQUEST, ACK; and where something is made CREATE, rules at the end with APPEND, others as new ones with EXCL.
        let make: UInt16 = kind == .deleteTable ? 0 : kind == .newRule ? 0xc00 : 0x600
        message(type: 10 << 8 | kind.rawValue, flags: 5 | make, family: 2, resource: 0, attributes.bytes)
    }

    mutating func finish() -> [UInt8] {
        message(type: 0x11, flags: 1, family: 0, resource: 10, [])
        return bytes
    }

    private mutating func message(type: UInt16, flags: UInt16, family: UInt8, resource: UInt16, _ body: [UInt8]) {
        withUnsafeBytes(of: UInt32(20 + body.count)) { bytes += $0 }
        withUnsafeBytes(of: type) { bytes += $0 }
        withUnsafeBytes(of: flags) { bytes += $0 }
        withUnsafeBytes(of: UInt32(count)) { bytes += $0 }
        bytes += [0, 0, 0, 0, family, 0] + resource.bigEndianBytes + body
    }
}

/// Netlink attributes as nf_tables wants them: numbers in network order, each padded to four bytes.
private struct RedirectAttributes {
    private(set) var bytes: [UInt8] = []

    init(_ fill: (inout RedirectAttributes) -> Void) {
        fill(&self)
    }

    private mutating func add(_ type: UInt16, _ data: [UInt8]) {
        withUnsafeBytes(of: UInt16(4 + data.count)) { bytes += $0 }
        withUnsafeBytes(of: type) { bytes += $0 }
        bytes += data
        bytes += [UInt8](repeating: 0, count: (4 - data.count % 4) % 4)
    }

    mutating func text(_ type: UInt16, _ text: String) { add(type, Array(text.utf8) + [0]) }

    mutating func number(_ type: UInt16, _ number: UInt32) {
        add(type, withUnsafeBytes(of: number.bigEndian) { Array($0) })
    }

    mutating func nested(_ type: UInt16, _ fill: (inout RedirectAttributes) -> Void) {
        add(type | 0x8000, RedirectAttributes(fill).bytes)
    }

    mutating func expression(_ name: String, _ fill: (inout RedirectAttributes) -> Void) {
        nested(1) {
            $0.text(1, name)
            $0.nested(2, fill)
        }
    }

    private mutating func data(_ type: UInt16, _ value: [UInt8]) {
        nested(type) { $0.add(1, value) }
    }

    mutating func payload(base: UInt32, offset: UInt32, size: UInt32) {
        expression("payload") {
            $0.number(1, 1)
            $0.number(2, base)
            $0.number(3, offset)
            $0.number(4, size)
        }
    }

    mutating func compare(_ value: [UInt8]) {
        expression("cmp") {
            $0.number(1, 1)
            $0.number(2, 0)  // NFT_CMP_EQ
            $0.data(3, value)
        }
    }

    mutating func immediate(register: UInt32, _ value: [UInt8]) {
        expression("immediate") {
            $0.number(1, register)
            $0.data(2, value)
        }
    }
}
