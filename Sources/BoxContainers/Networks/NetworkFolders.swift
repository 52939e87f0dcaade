internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxSystem

/// Who has which address and which name on each network: folders that all monitors share and a reboot empties.
struct NetworkFolders {
    let store: Store

    func leases(_ network: String) -> AddressLeases {
        AddressLeases(folder: store.networkStatePath(network) + "/leases") { [store] in !store.isMonitored($0) }
    }

    /// - Parameter name: the network's, under which its containers are known as `NAME.NETWORK` too.
    func names(_ network: String, name: String = "") -> NameTable {
        NameTable(folder: store.networkStatePath(network) + "/names", network: name)
    }

    /// Gives up whatever a container that is gone still had.
    func release(_ owner: ContainerID) {
        let path = store.location.state + "/networks"
        guard let names = try? Directory(opening: path).names() else { return }
        for id in names {
            self.names(id).withdraw(owner: owner)
            leases(id).releaseAll(of: owner)
        }
    }
}
