package import BoxModel
internal import BoxSystem

/// The host's rules for bridge networks, in the nftables table `inet box`, which is box's alone.
///
/// Whether everything is in place is asked of the kernel directly; nft(8) runs only where something is to be changed,
/// once and with one script, which the kernel takes whole or not at all. Published ports need no rules: a process on
/// the host listens for them, so that the host's own rules decide about them.
///
/// All calls concern the network namespace of the calling thread. Processes may add networks at the same time; the
/// caller's lock on its networks must keep a removal or a reload from meeting them.
package struct Firewall {
    private let nft: NftProgram

    /// - Parameter program: the path of nft(8); nil finds it when it is needed.
    package init(program: String? = nil) {
        nft = NftProgram(path: program)
    }

    /// Makes sure that the rules for a network are there and whole.
    ///
    /// - Parameter all: every network there should be rules for; asked only where the table has to be mended.
    /// - Throws: `unsupported` where nft or the kernel's part is missing, else what nft refused.
    package func ensure(
        _ network: FirewallNetwork, all: () throws(BoxFailure) -> [FirewallNetwork]
    ) throws(BoxFailure) {
        try network.check()
        let socket = try open()
        let state = try state(network, socket)
        if !state.hasRules || !state.missing.isEmpty {
            // Where something is missing it may be the others' too: a set was flushed.
            let networks = [network] + (try all()).filter { $0.bridge != network.bridge }
            for network in networks { try network.check() }
            try run((state.hasRules ? "" : FirewallScript.frame()) + FirewallScript.add(networks), orWhole: networks)
        }
        try ForeignRules(nft).add(network, to: state.closed, socket)
    }

    /// Takes the rules of a network away, and with the last network's the table.
    ///
    /// - Parameter remaining: every other network there should be rules for.
    package func remove(_ network: FirewallNetwork, remaining: [FirewallNetwork]) throws(BoxFailure) {
        try network.check()
        let others = remaining.filter { $0.bridge != network.bridge }
        let socket = try open()
        let state = try state(network, socket)
        if state.isThere {
            if others.isEmpty {
                try nft.run(FirewallScript.removeTable)
            } else {
                try run(FirewallScript.frame() + FirewallScript.remove(network, remaining: others), orWhole: others)
            }
        }
        try ForeignRules(nft).remove(socket) { $0 == network.bridge }
    }

    /// Makes the table anew from nothing, and the rules in other tables where they are missing.
    package func reload(all: [FirewallNetwork]) throws(BoxFailure) {
        for network in all { try network.check() }
        try nft.run(all.isEmpty ? FirewallScript.removeTable : FirewallScript.whole(all))
        let socket = try open()
        let bridges = Set(all.map(\.bridge))
        try ForeignRules(nft).remove(socket) { !bridges.contains($0) }
        for network in all {
            try ForeignRules(nft).add(network, to: state(network, socket).closed, socket)
        }
    }

    /// Has a script executed that leaves what others added; where it is refused, since chains or sets are not as box
    /// makes them, everything is made anew.
    private func run(_ script: String, orWhole networks: [FirewallNetwork]) throws(BoxFailure) {
        do {
            try nft.run(script)
        } catch {
            try nft.run(FirewallScript.whole(networks))
        }
    }

    private func open() throws(BoxFailure) -> NetfilterSocket {
        do { return try NetfilterSocket() } catch { throw NftProgram.explain(error) }
    }

    private func state(
        _ network: FirewallNetwork, _ socket: borrowing NetfilterSocket
    ) throws(BoxFailure) -> FirewallState {
        do { return try FirewallState(network, socket) } catch { throw NftProgram.explain(error) }
    }
}
