/// A user request after the look-up in the container's own files.
package struct ContainerUser: Equatable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// Supplementary groups with the primary one in front, so that dropping it does not get around a file mode.
    package var groups: [UInt32]
    package var home: String
}

extension UserRequest {
    /// Looks the request up; both contents are taken lazily, since a plain `0:0` needs none.
    ///
    /// The rules are docker's: a number that passwd(5) does not know is a user all the same, with group 0; a name
    /// must be known; a given group replaces those that list the user.
    func resolve(passwd: AccountFile, group: AccountFile) throws(LaunchFailure) -> ContainerUser {
        let parts = spec.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let wanted = parts.first.map(String.init) ?? ""
        let wantedGroup = parts.count > 1 ? String(parts[1]) : ""

        let number = wanted.isEmpty ? 0 : AccountFile.number(wanted.utf8)
        let name = Array(wanted.utf8)
        let account = passwd.user { candidate, uid in number.map { $0 == uid } ?? candidate.elementsEqual(name) }
        var user: ContainerUser
        if let account {
            user = ContainerUser(uid: account.uid, gid: account.gid, groups: [], home: account.home)
        } else if let number {
            user = ContainerUser(uid: number, gid: 0, groups: [], home: "/")
        } else {
            throw LaunchFailure(.user, wanted, "the container's /etc/passwd has no such user; give a number instead")
        }

        var supplementary: [UInt32] = []
        if !wantedGroup.isEmpty {
            user.gid = try Self.gid(of: wantedGroup, in: group)
        } else if let account {
            let member = Array(account.name.utf8)
            supplementary = group.groups { _, _, members in
                members.split(separator: 44).contains { $0.elementsEqual(member) }
            }.map(\.gid)
        }
        for extra in additionalGroups { supplementary.append(try Self.gid(of: extra, in: group)) }
        var seen: Set<UInt32> = []
        user.groups = ([user.gid] + supplementary).filter { seen.insert($0).inserted }
        if !user.home.hasPrefix("/") { user.home = "/" }
        return user
    }

    private static func gid(of wanted: String, in file: AccountFile) throws(LaunchFailure) -> UInt32 {
        if let number = AccountFile.number(wanted.utf8) { return number }
        let name = Array(wanted.utf8)
        guard let found = file.groups(where: { candidate, _, _ in candidate.elementsEqual(name) }).first else {
            throw LaunchFailure(.user, wanted, "the container's /etc/group has no such group; give a number instead")
        }
        return found.gid
    }
}
