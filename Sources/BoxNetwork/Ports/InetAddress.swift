internal import BoxModel
internal import CBoxSys

extension box_inet_address {
    init(_ address: IPAddress, port: UInt16) {
        self.init()
        family = CInt(address.version.rawValue)
        self.port = port
        withUnsafeMutableBytes(of: &bytes) { $0.copyBytes(from: address.bytes) }
    }

    var address: IPAddress {
        withUnsafeBytes(of: bytes) { raw in
            IPAddress(bytes: raw.prefix(family == 6 ? 16 : 4)) ?? (family == 6 ? .anyV6 : .anyV4)
        }
    }
}

extension TransportProtocol {
    /// Arguments of socket(2): type and protocol.
    var socketKind: (type: CInt, number: CInt) {
        switch self {
        case .tcp: (CInt(BOX_STREAM), 6)
        case .udp: (CInt(BOX_DATAGRAM), 17)
        case .sctp: (CInt(BOX_STREAM), CInt(BOX_SCTP))
        }
    }
}
