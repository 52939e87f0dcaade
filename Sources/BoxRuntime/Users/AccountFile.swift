/// The lines of passwd(5) or group(5), read as bytes: a hostile file is neither trusted nor copied.
struct AccountFile {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    struct User: Equatable {
        let name: String
        let uid: UInt32
        let gid: UInt32
        let home: String
    }

    struct Group: Equatable {
        let name: String
        let gid: UInt32
        let members: [String]
    }

    /// The first account for which `matches` holds; lines without valid ids are passed over.
    func user(where matches: (_ name: ArraySlice<UInt8>, _ uid: UInt32) -> Bool) -> User? {
        for line in bytes.split(separator: 10) {
            let fields = line.split(separator: 58, maxSplits: 6, omittingEmptySubsequences: false)
            guard fields.count >= 4, let uid = Self.number(fields[2]), let gid = Self.number(fields[3]),
                matches(fields[0], uid)
            else { continue }
            let home = fields.count > 5 ? fields[5] : []
            return User(
                name: String(decoding: fields[0], as: UTF8.self), uid: uid, gid: gid,
                home: String(decoding: home, as: UTF8.self))
        }
        return nil
    }

    /// All groups for which `matches` holds.
    func groups(
        where matches: (_ name: ArraySlice<UInt8>, _ gid: UInt32, _ members: ArraySlice<UInt8>) -> Bool
    ) -> [Group] {
        var found: [Group] = []
        for line in bytes.split(separator: 10) {
            let fields = line.split(separator: 58, maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count >= 3, let gid = Self.number(fields[2]) else { continue }
            let members = fields.count > 3 ? fields[3] : []
            guard matches(fields[0], gid, members) else { continue }
            found.append(
                Group(
                    name: String(decoding: fields[0], as: UTF8.self), gid: gid,
                    members: members.split(separator: 44).map { String(decoding: $0, as: UTF8.self) }))
        }
        return found
    }

    /// A decimal id.
    ///
    /// The highest number stands for "no change" in the set…id calls and is none.
    static func number<Digits: Collection<UInt8>>(_ digits: Digits) -> UInt32? {
        guard !digits.isEmpty, digits.count <= 10 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + UInt64(digit - 48)
        }
        // Docker's range; above it some file systems and tools see negative numbers.
        return value <= UInt64(Int32.max) ? UInt32(value) : nil
    }
}
