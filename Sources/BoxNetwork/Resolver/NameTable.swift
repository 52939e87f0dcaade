package import BoxModel
internal import BoxSystem
internal import SystemPackage

/// The names and addresses of one network's containers, shared between all monitors through a folder.
///
/// Nothing is ever loaded or cached: each question reads the folder, so that an answer is never older than the
/// question. Every entry is one symbolic link whose target is the value, made by one symlink(2) or rename(2) and
/// removed by one unlink(2); a process killed at any instant leaves only whole entries. On a tmpfs a short target lives
/// in the inode, so that reading one is a single call without a page of its own.
///
///     owners/ID/nNAME      -> "172.18.0.2 fd00::2"   what ID has published; written first, removed last
///     owners/ID/aADDRESS   -> "web"
///     names/NAME/ID        -> "172.18.0.2 fd00::2"
///     addresses/ADDRESS/ID -> "web"
///
/// Two owners never write the same entry, so none can remove what another has just published.
package final class NameTable: Sendable {
    /// One name of one container.
    package struct Entry: Hashable, Sendable {
        package let owner: ContainerID
        package let name: String
        package let v4: IPAddress?
        package let v6: IPAddress?
    }

    package let folder: String
    /// The network's name: `NAME.NETWORK` is answered too; empty where it is not.
    package let network: String

    package init(folder: String, network: String = "") {
        self.folder = folder
        self.network = NameEntry.lowercased(network)
    }

    // MARK: Asking

    /// Everybody who has the name, in the order of their identities; empty where nobody does.
    package func addresses(of name: String) -> [(owner: ContainerID, v4: IPAddress?, v6: IPAddress?)] {
        guard let key = NameEntry.encode(name), let holders = try? Directory(opening: "\(folder)/names/\(key)"),
            let owners = try? holders.names()
        else { return [] }
        return owners.sorted().compactMap { text in
            guard let owner = ContainerID(text), let value = try? holders.readLink(text) else { return nil }
            let (v4, v6) = NameEntry.addresses(value)
            return (owner, v4, v6)
        }
    }

    /// The names of the containers that have the address: more than one only where one of them is gone.
    package func holders(of address: IPAddress) -> [(owner: ContainerID, name: String)] {
        guard let holders = try? Directory(opening: "\(folder)/addresses/\(address)"),
            let owners = try? holders.names()
        else { return [] }
        return owners.sorted().compactMap { text in
            guard let owner = ContainerID(text), let value = try? holders.readLink(text),
                let name = NameEntry.decode(value)
            else { return nil }
            return (owner, name)
        }
    }

    /// The name of the container that has the address.
    package func name(of address: IPAddress) -> String? {
        holders(of: address).first?.name
    }

    /// Every name, in the order of owners and names.
    package func entries() -> [Entry] {
        owners().flatMap { owner -> [Entry] in
            guard let own = try? Directory(opening: "\(folder)/owners/\(owner)"), let published = try? own.names()
            else {
                return []
            }
            return published.sorted().compactMap { item in
                guard item.first == "n", let name = NameEntry.decode(item.dropFirst()),
                    let value = try? own.readLink(item)
                else { return nil }
                let (v4, v6) = NameEntry.addresses(value)
                return Entry(owner: owner, name: name, v4: v4, v6: v6)
            }
        }
    }

    private func owners() -> [ContainerID] {
        guard let all = try? Directory(opening: "\(folder)/owners"), let names = try? all.names() else { return [] }
        return names.sorted().compactMap { ContainerID($0) }
    }

    // MARK: Changing

    /// Makes the endpoint's names and addresses those of the owner, in place of what it had published before.
    ///
    /// Names that no DNS question can spell (a label of more than 63 bytes, an empty one) are left out: a container
    /// may have such a name, it only cannot be found by it.
    ///
    /// - Parameter name: what the addresses are called when they are looked up.
    package func publish(_ endpoint: Endpoint, owner: ContainerID, name: String) throws(BoxFailure) {
        let v4 = endpoint.v4?.address
        let v6 = endpoint.v6?.address
        let value = NameEntry.value(v4, v6)
        let keys = Set(endpoint.names.compactMap { NameEntry.key($0) })
        let label = NameEntry.key(name)
        let addresses = label == nil ? [] : [v4, v6].compactMap { $0?.description }
        do {
            let own = try makeDirectories("\(folder)/owners/\(owner)")
            let before = try own.names()
            for key in keys {
                try put("n" + key, value, in: own, staging: own)
                try put(owner.text, value, under: "names/\(key)", staging: own)
            }
            for address in addresses {
                guard let label else { break }
                try put("a" + address, label, in: own, staging: own)
                try put(owner.text, label, under: "addresses/\(address)", staging: own)
            }
            let now = Set(keys.map { "n" + $0 } + addresses.map { "a" + $0 })
            for item in before where !now.contains(item) { try take(item, of: owner, own) }
        } catch {
            throw BoxFailure(error, "publish the names of the container", owner.short)
        }
    }

    /// Takes back everything that the owner has published.
    package func withdraw(owner: ContainerID) {
        guard let own = try? Directory(opening: "\(folder)/owners/\(owner)"), let items = try? own.names() else {
            return
        }
        for item in items { try? take(item, of: owner, own) }
        if let all = try? Directory(opening: "\(folder)/owners") { try? all.removeDirectory(owner.text) }
    }

    /// Takes back what owners have published that are gone.
    package func withdraw(where isGone: (ContainerID) -> Bool) {
        for owner in owners() where isGone(owner) { withdraw(owner: owner) }
    }

    /// Removes one entry, and the folder of its name when it was the last.
    private func take(_ item: String, of owner: ContainerID, _ own: borrowing Directory) throws(SystemFailure) {
        let kind = item.hasPrefix("n") ? "names" : "addresses"
        let key = String(item.dropFirst())
        if item.hasPrefix("n") || item.hasPrefix("a"), let index = try? Directory(opening: "\(folder)/\(kind)"),
            let holders = try? index.directory(key)
        {
            try? holders.unlink(owner.text)
            try? index.removeDirectory(key)
        }
        try own.unlink(item)
    }

    private func put(
        _ name: String, _ value: String, under path: String, staging own: borrowing Directory
    ) throws(SystemFailure) {
        // Whoever takes the last entry of a name removes its folder, perhaps just after it was opened here.
        var attempts = 0
        while true {
            attempts += 1
            do {
                return try put(name, value, in: try makeDirectories("\(folder)/\(path)"), staging: own)
            } catch {
                guard error.errno == .noSuchFileOrDirectory, attempts < 1000 else { throw error }
            }
        }
    }

    /// Makes or replaces one link in one step.
    ///
    /// - Parameter own: where the new one is made first: with the owner's other entries, so that it goes with them.
    private func put(
        _ name: String, _ value: String, in directory: borrowing Directory, staging own: borrowing Directory
    ) throws(SystemFailure) {
        do {
            return try directory.symlink(name, to: value)
        } catch {
            guard error.errno == .fileExists else { throw error }
        }
        if try directory.readLink(name) == value { return }
        let temporary = temporaryName(for: "")
        try own.symlink(temporary, to: value)
        do { try own.rename(temporary, to: directory, as: name) } catch {
            try? own.unlink(temporary)
            throw error
        }
    }
}
