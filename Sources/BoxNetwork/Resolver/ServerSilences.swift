internal import BoxSystem

/// Which name servers have left questions unanswered, so that not every question waits for them.
///
/// A server keeps its turn after a few silences, which may be those of a name far away asked for in both versions, and
/// gets it back after a while: it may know names that the others do not, such as those of a VPN. One that answers, with
/// whatever, is not silent.
struct ServerSilences {
    private static let tolerated = 3
    private var silences: [NameServer: (count: Int, until: Int64)] = [:]

    mutating func add(_ server: NameServer, until: Int64) {
        silences[server] = ((silences[server]?.count ?? 0) + 1, until)
    }

    mutating func end(_ server: NameServer) { silences[server] = nil }

    /// The servers with those at the end that have been silent lately.
    func order(_ servers: [NameServer]) -> [NameServer] {
        if silences.isEmpty { return servers }
        let now = SystemClock.monotonic
        func isSilent(_ server: NameServer) -> Bool {
            silences[server].map { $0.count > Self.tolerated && $0.until > now } ?? false
        }
        return servers.filter { !isSilent($0) } + servers.filter { isSilent($0) }
    }
}
