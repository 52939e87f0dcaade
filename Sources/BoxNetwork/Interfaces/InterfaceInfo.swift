package import BoxModel

/// What the kernel tells of one network interface.
package struct InterfaceInfo: Hashable, Sendable {
    package var name: String
    package var index: Int32
    /// `ip link`'s alias: where box writes down whose an interface is.
    package var alias: String
    package var isUp: Bool
    /// `bridge`, `veth`, …; empty for hardware.
    package var kind: String
    package var mac: MACAddress
    /// Bytes of the largest packet.
    package var mtu: Int
    package var statistics: InterfaceStatistics
}

/// Counters of one interface since it was made.
package struct InterfaceStatistics: Hashable, Sendable {
    package var receivedPackets: UInt64 = 0
    package var sentPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var sentBytes: UInt64 = 0
    package var receiveErrors: UInt64 = 0
    package var sendErrors: UInt64 = 0
    package var receiveDrops: UInt64 = 0
    package var sendDrops: UInt64 = 0
}

extension InterfaceInfo {
    /// Reads an RTM_NEWLINK message: `struct ifinfomsg` and attributes (linux/if_link.h).
    init?(_ message: RouteSocket.Message) {
        guard message.type == RouteRequest.Kind.newLink.rawValue, message.payload.count >= 16 else { return nil }
        let attributes = NetlinkAttributes(message.payload.dropFirst(16))
        guard let name = attributes.text(Link.name) else { return nil }
        self.name = name
        index = message.payload.number(at: 4)
        isUp = (message.payload.number(at: 8) as UInt32) & 1 == 1
        alias = attributes.text(Link.alias) ?? ""
        kind = attributes.nested(Link.info)?.text(Link.infoKind) ?? ""
        mac = MACAddress(bits: (attributes[Link.address] ?? []).prefix(6).reduce(0) { $0 << 8 | UInt64($1) })
        mtu = Int(attributes.number(Link.mtu) ?? UInt32(0))
        statistics = InterfaceStatistics()
        guard let counters = attributes[Link.statistics], counters.count >= 64 else { return }
        // struct rtnl_link_stats64
        statistics.receivedPackets = counters.number(at: 0)
        statistics.sentPackets = counters.number(at: 8)
        statistics.receivedBytes = counters.number(at: 16)
        statistics.sentBytes = counters.number(at: 24)
        statistics.receiveErrors = counters.number(at: 32)
        statistics.sendErrors = counters.number(at: 40)
        statistics.receiveDrops = counters.number(at: 48)
        statistics.sendDrops = counters.number(at: 56)
    }
}

/// Attributes of links (linux/if_link.h, linux/veth.h).
enum Link {
    static let address: UInt16 = 1
    static let name: UInt16 = 3
    static let mtu: UInt16 = 4
    static let lower: UInt16 = 5
    static let master: UInt16 = 10
    static let protocolInfo: UInt16 = 12
    static let info: UInt16 = 18
    static let alias: UInt16 = 20
    static let statistics: UInt16 = 23
    static let familySpecific: UInt16 = 26
    static let namespace: UInt16 = 28
    static let infoKind: UInt16 = 1
    static let infoData: UInt16 = 2
    static let vethPeer: UInt16 = 1
    static let bridgeForwardDelay: UInt16 = 1
    static let bridgeSpanningTree: UInt16 = 5
    static let bridgePortIsolated: UInt16 = 33
    static let macvlanMode: UInt16 = 1
    static let ipvlanMode: UInt16 = 1
    static let vlanID: UInt16 = 1
    static let v6AddressGeneration: UInt16 = 8
    static let up: UInt32 = 1
    /// NLA_F_NESTED, which newer attributes must carry.
    static let nested: UInt16 = 0x8000
}
