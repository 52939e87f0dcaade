package import BoxModel
internal import BoxSystem
internal import SystemPackage

extension Store {
    /// The first host id of a container's own range of 65,536, which no other container of this store has.
    ///
    /// Ranges begin at 2^20, above those that users and other tools are given (subuid(5)). A reservation is a symbolic
    /// link from the range's number to the container, kept until the container is gone.
    package func userRange(_ id: ContainerID) throws(BoxFailure) -> UInt32 {
        let root = try writableRoot("reserve a range of users")
        let lock = try namesLock(root)
        let slot = try storing("reserve a range of users", id.short) { () throws(SystemFailure) -> UInt32 in
            try root.directory.makeIfMissing("users", mode: 0o755)
            var taken: Set<UInt32> = []
            for name in try root.directory.visibleNames(in: "users") {
                guard let slot = UInt32(name), let holder = try? root.directory.readLink("users/" + name) else {
                    continue
                }
                if holder == id.text { return slot }
                if root.directory.exists("containers/" + holder) {
                    taken.insert(slot)
                } else {
                    try root.directory.unlink("users/" + name)
                }
            }
            guard let free = (UInt32(0)..<Self.userRangeCount).first(where: { !taken.contains($0) }) else {
                throw SystemFailure("choose", "users", errno: .noSpace)
            }
            try root.directory.symlink("users/\(free)", to: id.text)
            return free
        }
        _ = consume lock
        return Self.firstUserRange + slot << 16
    }

    private static let firstUserRange: UInt32 = 1 << 20
    /// As many as fit below 2^32, whose last id stands for "none" (chown(2)).
    private static let userRangeCount: UInt32 = 65_535 - 16
}
