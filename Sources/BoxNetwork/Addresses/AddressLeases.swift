package import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// The addresses of one network that containers hold.
///
/// A lease is a symbolic link named by the address whose target is the holder's id: symlink(2) makes it in one step
/// with its content and fails where it exists, so that no crash leaves half a lease and nobody gets another's. The
/// folder itself is locked (flock(2)) while something changes, and ``LeaseMap`` remembers where to look for a free
/// address.
package final class AddressLeases {
    private let folder: String
    private let isGone: (ContainerID) -> Bool

    /// - Parameters:
    ///   - folder: of this network alone, on a tmpfs; made on the first lease.
    ///   - isGone: whether a holder exists no more; asked where no address is free or the wanted one is held. It is
    ///     asked under the folder's lock, so it must not lease or release.
    package init(folder: String, isGone: @escaping (ContainerID) -> Bool = { _ in false }) {
        self.folder = folder
        self.isGone = isGone
    }

    /// Leases an address of one version: the wanted one, else the one after the last that was given.
    ///
    /// The wanted address may lie outside of the range that others are chosen from; a holder that asks for what it
    /// holds gets it again.
    ///
    /// - Returns: the address with the length of its sub-network.
    /// - Throws: `invalid` where the wanted address cannot be a container's, `conflict` where it is another's,
    ///   `exhausted` where none is free.
    package func take(
        from pools: [NetworkRecord.Pool], version: IPAddress.Version, wanted: IPAddress? = nil, owner: ContainerID
    ) throws(BoxFailure) -> IPPrefix {
        let pools = pools.filter { $0.subnet.version == version }
        if let wanted {
            let pool = try Self.pool(of: wanted, in: pools)
            let result = try locked("lease the address", "\(wanted)") { directory throws(SystemFailure) in
                try lease(wanted, of: pool, owner, directory)
            }
            return try result.get()
        }
        let found = try locked("lease an address in", folder) { directory throws(SystemFailure) -> IPPrefix? in
            if let address = try firstFree(of: pools, owner, directory) { return address }
            // Nothing is free by the maps, which a killed process may have left behind the truth.
            try collect(directory, where: isGone)
            let held = try Self.addresses(directory)
            for pool in pools { try LeaseMap(pool, directory).reset(to: held) }
            return try firstFree(of: pools, owner, directory)
        }
        if let found { return found }
        let ranges = pools.map { ($0.range ?? $0.subnet).description }.joined(separator: ", ")
        throw BoxFailure(
            .exhausted, "lease an IP\(version == .v4 ? "v4" : "v6") address",
            reason: pools.isEmpty
                ? "the network has no IP\(version == .v4 ? "v4" : "v6") addresses" : "all of \(ranges) are in use",
            hint: pools.isEmpty
                ? "make the network with a --subnet of that version"
                : "remove containers, or make a network with a larger --subnet")
    }

    /// Gives an address back if `owner` holds it.
    package func release(_ address: IPAddress, owner: ContainerID) {
        try? lockedIfThere { directory throws(SystemFailure) in
            guard Self.owner(of: "\(address)", directory) == owner.text else { return }
            try directory.unlink("\(address)")
            try LeaseMap.clear(address, directory)
        }
    }

    /// Gives back everything that `owner` holds.
    package func releaseAll(of owner: ContainerID) {
        release { $0 == owner }
    }

    /// Gives back everything whose holders are gone, for example after `kill -9`.
    package func release(where isGone: (ContainerID) -> Bool) {
        try? lockedIfThere { directory throws(SystemFailure) in try collect(directory, where: isGone) }
    }

    /// Every lease, by address.
    package func all() throws(BoxFailure) -> [(address: IPAddress, owner: ContainerID)] {
        do {
            let directory = try Directory(opening: folder)
            return try Self.addresses(directory).compactMap { address in
                guard let text = Self.owner(of: "\(address)", directory), let owner = ContainerID(text) else {
                    return nil
                }
                return (address, owner)
            }
        } catch {
            if error.errno == .noSuchFileOrDirectory { return [] }
            throw BoxFailure(error, "list the address leases")
        }
    }

    // MARK: Taking

    private static func pool(
        of wanted: IPAddress, in pools: [NetworkRecord.Pool]
    ) throws(BoxFailure) -> NetworkRecord.Pool {
        func refused(_ reason: String, hint: String? = nil) -> BoxFailure {
            BoxFailure(.invalid, "lease the address", "\(wanted)", reason: reason, hint: hint)
        }
        guard let pool = pools.first(where: { $0.subnet.contains(wanted) }) else {
            let subnets = pools.map(\.subnet.description).joined(separator: ", ")
            throw refused(
                subnets.isEmpty
                    ? "the network has no IP\(wanted.isV4 ? "v4" : "v6") sub-network"
                    : "it is outside of the network's \(subnets)")
        }
        if wanted == pool.gateway { throw refused("it is the network's gateway", hint: "choose another address") }
        if pool.isStructural(wanted) {
            throw refused(
                "it is the \(wanted == pool.subnet.first ? "network" : "broadcast") address of \(pool.subnet)")
        }
        if let other = pool.auxiliary.first(where: { $0.value == wanted }) {
            throw refused("it is reserved for \(other.key) (--aux-address)")
        }
        return pool
    }

    private func lease(
        _ address: IPAddress, of pool: NetworkRecord.Pool, _ owner: ContainerID, _ directory: borrowing Directory
    ) throws(SystemFailure) -> Result<IPPrefix, BoxFailure> {
        if try !Self.link(address, owner, directory) {
            let holder = Self.owner(of: "\(address)", directory)
            if holder != owner.text {
                if let id = holder.flatMap({ ContainerID($0) }), !isGone(id) {
                    return .failure(
                        BoxFailure(
                            .conflict, "lease the address", "\(address)",
                            reason: "container \(id.short) has it already", hint: "choose another address"))
                }
                try directory.unlink("\(address)")
                _ = try Self.link(address, owner, directory)
            }
        }
        try LeaseMap(pool, directory).mark(address)
        return .success(Self.prefix(address, pool))
    }

    private func firstFree(
        of pools: [NetworkRecord.Pool], _ owner: ContainerID, _ directory: borrowing Directory
    ) throws(SystemFailure) -> IPPrefix? {
        for pool in pools {
            let map = try LeaseMap(pool, directory)
            while let address = try map.next() {
                // Marked in any case: a reserved address, or a lease whose maker died before it could mark it.
                var isOurs = false
                if !pool.isReserved(address) { isOurs = try Self.link(address, owner, directory) }
                try map.mark(address, isLast: true)
                if isOurs { return Self.prefix(address, pool) }
            }
        }
        return nil
    }

    private static func prefix(_ address: IPAddress, _ pool: NetworkRecord.Pool) -> IPPrefix {
        guard let prefix = IPPrefix(address, length: pool.subnet.length) else {
            preconditionFailure("an address has its pool's version")
        }
        return prefix
    }

    /// Makes the lease; false where there is one.
    private static func link(
        _ address: IPAddress, _ owner: ContainerID, _ directory: borrowing Directory
    ) throws(SystemFailure) -> Bool {
        let made = box_symlinkat(owner.text, directory.fd.raw, "\(address)")
        if made == -EEXIST { return false }
        try check(made, "symlink", directory.describe("\(address)"))
        return true
    }

    // MARK: The folder

    private static func owner(of name: String, _ directory: borrowing Directory) -> String? {
        try? directory.readLink(name)
    }

    private static func addresses(_ directory: borrowing Directory) throws(SystemFailure) -> [IPAddress] {
        try directory.names().compactMap { IPAddress($0) }.sorted()
    }

    private func collect(
        _ directory: borrowing Directory, where isGone: (ContainerID) -> Bool
    ) throws(SystemFailure) {
        var known: [String: Bool] = [:]
        for address in try Self.addresses(directory) {
            guard let text = Self.owner(of: "\(address)", directory) else { continue }
            let gone = known[text] ?? (ContainerID(text).map(isGone) ?? true)
            known[text] = gone
            guard gone else { continue }
            try directory.unlink("\(address)")
            try LeaseMap.clear(address, directory)
        }
    }

    private func locked<Value>(
        _ operation: String, _ subject: String,
        _ body: (borrowing Directory) throws(SystemFailure) -> Value
    ) throws(BoxFailure) -> Value {
        do {
            while true {
                let directory = try opened()
                try check(box_flock(directory.fd.raw, LOCK_EX), "flock", folder)
                do {
                    return try body(directory)
                } catch  where error.errno == .noSuchFileOrDirectory && !isThere(directory) {
                    // The network was removed and made again meanwhile; its folder is another one.
                    continue
                }
            }
        } catch {
            throw BoxFailure(error, operation, subject)
        }
    }

    private func lockedIfThere(
        _ body: (borrowing Directory) throws(SystemFailure) -> Void
    ) throws(SystemFailure) {
        let directory = try Directory(opening: folder)
        try check(box_flock(directory.fd.raw, LOCK_EX), "flock", folder)
        try body(directory)
    }

    private func opened() throws(SystemFailure) -> Directory {
        do {
            return try Directory(opening: folder)
        } catch {
            guard error.errno == .noSuchFileOrDirectory else { throw error }
            return try makeDirectories(folder, mode: 0o700)
        }
    }

    private func isThere(_ directory: borrowing Directory) -> Bool {
        guard let held = try? directory.fd.status(), let named = try? Directory(opening: folder).fd.status() else {
            return false
        }
        return held.inode == named.inode && held.device == named.device
    }
}
