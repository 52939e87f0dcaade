internal import BoxModel

/// What the containers' own names answer.
struct LocalNames {
    var tables: [NameTable]
    let isAlive: (ContainerID) -> Bool
    /// Which address of several stands first; one count for each version, since libraries ask for both in turn.
    private var turns = (v4: 0, v6: 0)

    init(tables: [NameTable], isAlive: @escaping (ContainerID) -> Bool) {
        self.tables = tables
        self.isAlive = isAlive
    }

    /// The records that answer the question, none where the name has none of the type, nil where it is no name here.
    mutating func answer(_ query: DNSQuery) -> [DNSRecord]? {
        guard let name = query.name, query.group == DNSGroup.internet || query.group == DNSGroup.any else { return nil }
        if query.type == DNSType.pointer || query.type == DNSType.any, let address = DNSName.reversed(name) {
            return holder(of: address).map { [DNSRecord(type: DNSType.pointer, data: $0)] }
        }
        guard let found = addresses(of: name) else { return nil }
        var records: [DNSRecord] = []
        if query.type == DNSType.a || query.type == DNSType.any {
            records += Self.rotated(found.compactMap(\.v4), &turns.v4, DNSType.a)
        }
        if query.type == DNSType.aaaa || query.type == DNSType.any {
            records += Self.rotated(found.compactMap(\.v6), &turns.v6, DNSType.aaaa)
        }
        return records
    }

    /// Of the first network that knows the name; `NAME.NETWORK` asks one of them.
    private func addresses(of name: String) -> [(v4: IPAddress?, v6: IPAddress?)]? {
        for table in tables {
            var living = table.addresses(of: name).filter { isAlive($0.owner) }
            if living.isEmpty, !table.network.isEmpty, name.hasSuffix("." + table.network) {
                let short = String(name.dropLast(table.network.count + 1))
                living = table.addresses(of: short).filter { isAlive($0.owner) }
            }
            if !living.isEmpty { return living.map { ($0.v4, $0.v6) } }
        }
        return nil
    }

    private func holder(of address: IPAddress) -> [UInt8]? {
        for table in tables {
            for holder in table.holders(of: address) where isAlive(holder.owner) {
                let name = table.network.isEmpty ? holder.name : "\(holder.name).\(table.network)"
                if let data = DNSName.encode(name) ?? DNSName.encode(holder.name) { return data }
            }
        }
        return nil
    }

    private static func rotated(_ addresses: [IPAddress], _ turn: inout Int, _ type: UInt16) -> [DNSRecord] {
        guard !addresses.isEmpty else { return [] }
        let first = turn % addresses.count
        turn = (turn + 1) & 0xffff_ffff
        return (addresses[first...] + addresses[..<first]).map { DNSRecord(type: type, data: $0.bytes) }
    }
}
