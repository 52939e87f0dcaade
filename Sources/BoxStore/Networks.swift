package import BoxModel
package import BoxSystem
internal import Glibc
internal import SystemPackage

/// All networks whose record could be read, and why others could not.
package struct NetworkListing: Sendable {
    package var records: [NetworkRecord] = []
    package var unreadable: [BoxFailure] = []
}

extension Store {
    /// The networks that exist without a record: the machine's own, and none at all.
    ///
    /// Their identities are made of their names, so that they are the same in every store.
    package static let predefinedNetworks: [NetworkRecord] = [
        NetworkRecord(
            id: Digest.sha256(of: Array("box network host".utf8)).hex, name: "host", driver: .host, created: .never),
        NetworkRecord(
            id: Digest.sha256(of: Array("box network none".utf8)).hex, name: "none", driver: .null, created: .never),
    ]

    /// The folder of what is known about a network while containers are on it; a reboot empties it.
    package func networkStatePath(_ id: String) -> String { "\(location.state)/networks/\(id)" }

    /// The network of exactly this name, or nil.
    package func network(named name: String) throws(BoxFailure) -> NetworkRecord? {
        if let known = Self.predefinedNetworks.first(where: { $0.name == name }) { return known }
        guard Self.isNetworkName(name), let root else { return nil }
        let file = "networks/\(name)"
        let bytes = try storing("read the network's record", path(file)) { () throws(SystemFailure) in
            try root.directory.readIfPresent(file)
        }
        guard let bytes else { return nil }
        let record = try JSON.decode(
            NetworkRecord.self, from: bytes, "read the network's record", path(file),
            hint: "run `box system check`")
        guard record.format <= NetworkRecord.currentFormat else {
            throw BoxFailure(
                .unsupported, "read the network's record", name, reason: "a newer version of box wrote it",
                hint: "use that version of box")
        }
        return record
    }

    /// All networks that have a record, sorted by name.
    package func networks() throws(BoxFailure) -> NetworkListing {
        var listing = NetworkListing()
        guard let root, root.directory.exists("networks") else { return listing }
        let names = try storing("list the networks", location.root) { () throws(SystemFailure) in
            try root.directory.visibleNames(in: "networks")
        }
        for name in names.sorted() {
            do {
                if let record = try network(named: name) { listing.records.append(record) }
            } catch {
                listing.unreadable.append(error)
            }
        }
        return listing
    }

    /// Finds a network by name, id or the beginning of its id, in this order.
    package func findNetwork(_ text: String) throws(BoxFailure) -> NetworkRecord {
        if let record = try network(named: text) { return record }
        let isPrefix = !text.isEmpty && text.utf8.allSatisfy { $0.isAlphanumericByte }
        let candidates =
            isPrefix ? (Self.predefinedNetworks + (try networks().records)).filter { $0.id.hasPrefix(text) } : []
        guard candidates.count < 2 else {
            throw BoxFailure(
                .conflict, "find the network", text,
                reason: "several networks begin so: \(candidates.map(\.shortID).joined(separator: ", "))",
                hint: "give more digits or a name")
        }
        guard let only = candidates.first else {
            throw BoxFailure(
                .notFound, "find the network", text, reason: "no such network",
                hint: "`box network ls` lists all; `box network create \(text)` makes it")
        }
        return only
    }

    /// Waits for the right to add and remove networks, so that their ranges of addresses are chosen one at a time.
    ///
    /// The caller holds a lease.
    package func networksLock() throws(BoxFailure) -> FileLock {
        let root = try writableRoot("change the networks")
        return try storing("lock the networks", location.root) { () throws(SystemFailure) in
            try root.directory.makeIfMissing("networks", mode: 0o755)
            return try FileLock(root.directory, "networks/.lock", .exclusive)
        }
    }

    /// Makes a network known; the caller holds ``networksLock()``.
    ///
    /// - Throws: `conflict` where the name is taken.
    package func addNetwork(_ record: NetworkRecord) throws(BoxFailure) {
        let root = try writableRoot("create the network")
        try Self.checkNetworkName(record.name)
        guard try network(named: record.name) == nil else {
            throw BoxFailure(
                .conflict, "create the network", record.name, reason: "a network of this name exists already",
                hint: "choose another name, or remove it with `box network rm \(record.name)`")
        }
        let bytes = try JSON.encode(record, "create the network")
        try storing("create the network", record.name) { () throws(SystemFailure) in
            try replaceFile(root.directory, "networks/\(record.name)", bytes, mode: 0o644, durable: true)
        }
    }

    /// Forgets a network; the caller holds ``networksLock()`` and knows that nothing uses it.
    package func forgetNetwork(_ record: NetworkRecord) throws(BoxFailure) {
        let root = try writableRoot("remove the network")
        try Self.checkNetworkName(record.name)
        do throws(SystemFailure) {
            try root.directory.unlink("networks/\(record.name)")
        } catch  where error.isMissing {
            // Somebody was faster.
        } catch {
            throw BoxFailure(error, "remove the network", record.name)
        }
    }

    /// Takes the folder of a forgotten network's leases and names away.
    package func removeNetworkState(_ record: NetworkRecord) {
        if let parent = try? Directory(opening: location.state + "/networks") { try? parent.removeTree(record.id) }
    }

    private static func isNetworkName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first.isAlphanumericByte, name.utf8.count <= 255 else { return false }
        return name.utf8.allSatisfy { $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    package static func checkNetworkName(_ name: String) throws(BoxFailure) {
        guard isNetworkName(name) else {
            throw BoxFailure(
                .invalid, "use the network name", "\"\(name.prefix(300))\"",
                reason: "only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed")
        }
    }
}

extension ContainerRecord {
    /// What the container asks of networks now: what it was created with, or what later commands made of it.
    package func networks(_ config: ContainerConfig) throws(BoxFailure) -> ContainerNetworks {
        let bytes = try storing("read the container's networks", directory.describe("networks")) {
            () throws(SystemFailure) in
            try directory.readIfPresent("networks")
        }
        guard let bytes else { return config.networks ?? ContainerNetworks() }
        return try JSON.decode(from: bytes, "read the container's networks", directory.describe("networks"))
    }

    /// Records other networks; the caller holds the container's lock.
    package func write(_ networks: ContainerNetworks) throws(BoxFailure) {
        let bytes = try JSON.encode(networks, "record the container's networks")
        try storing("record the container's networks", directory.describe("networks")) { () throws(SystemFailure) in
            try directory.replaceAsOnlyWriter("networks", bytes)
        }
    }
}

extension RuntimeDirectory {
    /// How the running container is connected; its monitor keeps it.
    package func endpoints() -> [Endpoint] {
        guard let bytes = try? directory.readIfPresent("endpoints") else { return [] }
        return (try? JSON.decode(from: bytes, "read the endpoints", directory.describe("endpoints"))) ?? []
    }

    package func write(_ endpoints: [Endpoint]) throws(BoxFailure) {
        let bytes = try JSON.encode(endpoints, "record the endpoints")
        try storing("record the endpoints", directory.describe("endpoints")) { () throws(SystemFailure) in
            try directory.replaceAsOnlyWriter("endpoints", bytes)
        }
    }
}
