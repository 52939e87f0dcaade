/// Writes tar archives byte by byte, also those that no honest program would write (tar(5)).
struct TarWriter {
    enum LongNames {
        /// Names over 100 bytes as PAX records.
        case pax
        /// Names over 100 bytes as GNU's `L` and `K` entries.
        case gnu
    }

    enum Kind: UInt8 {
        case file = 0x30
        case hardLink = 0x31
        case symbolicLink = 0x32
        case characterDevice = 0x33
        case blockDevice = 0x34
        case directory = 0x35
        case fifo = 0x36
    }

    /// One entry; names are bytes and are not looked at.
    struct Entry {
        var name: [UInt8]
        var kind = Kind.file
        var contents: [UInt8] = []
        var linkName: [UInt8] = []
        var mode = 0o644
        var owner = 0
        var group = 0
        var time = 1_700_000_000
        var device = (major: 0, minor: 0)
        /// Written as they are into a PAX header before the entry.
        var pax: [(String, [UInt8])] = []

        init(_ name: String, _ kind: Kind = .file, _ contents: some Sequence<UInt8> = [], mode: Int? = nil) {
            self.name = Array(name.utf8)
            self.kind = kind
            self.contents = Array(contents)
            self.mode = mode ?? (kind == .directory ? 0o755 : 0o644)
        }
    }

    private(set) var bytes: [UInt8] = []
    var longNames = LongNames.pax

    /// The archive with its end mark.
    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    mutating func file(_ name: String, _ text: String = "", mode: Int = 0o644) {
        add(Entry(name, .file, text.utf8, mode: mode))
    }

    mutating func directory(_ name: String, mode: Int = 0o755) {
        add(Entry(name, .directory, mode: mode))
    }

    mutating func link(_ name: String, to target: String) {
        var entry = Entry(name, .symbolicLink, mode: 0o777)
        entry.linkName = Array(target.utf8)
        add(entry)
    }

    mutating func hardLink(_ name: String, to target: String) {
        var entry = Entry(name, .hardLink)
        entry.linkName = Array(target.utf8)
        add(entry)
    }

    mutating func device(_ name: String, _ kind: Kind = .characterDevice, major: Int, minor: Int) {
        var entry = Entry(name, kind)
        entry.device = (major, minor)
        add(entry)
    }

    /// The mark by which a layer removes what lower layers have at this path (OCI image specification, "Whiteouts").
    mutating func whiteout(_ path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        file((parts.dropLast() + [".wh.\(parts[parts.count - 1])"]).joined(separator: "/"), mode: 0)
    }

    /// The mark by which a layer hides everything that lower layers have in this directory.
    mutating func opaque(_ directory: String) {
        file("\(directory)/.wh..wh..opq", mode: 0)
    }

    /// A file with holes, in GNU's sparse format 1.0: a map of its data regions in front of them.
    ///
    /// Regions are whole blocks of 512 bytes; only the last one may be shorter.
    mutating func sparse(_ name: String, size: Int, data: [(offset: Int, bytes: [UInt8])]) {
        // A hole at the end is told by an empty region behind it.
        let regions = data + [(size, [])]
        var map = "\(regions.count)\n"
        for region in regions { map += "\(region.offset)\n\(region.bytes.count)\n" }
        var entry = Entry("GNUSparseFile.0/\(name)", .file, padded(Array(map.utf8)) + data.flatMap(\.bytes))
        entry.pax = [
            ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
            ("GNU.sparse.name", Array(name.utf8)), ("GNU.sparse.realsize", Array("\(size)".utf8)),
        ]
        add(entry)
    }

    /// A file with an extended attribute, as GNU tar, libarchive and Docker write it.
    mutating func file(_ name: String, _ text: String, attributes: [(String, [UInt8])], mode: Int = 0o644) {
        var entry = Entry(name, .file, text.utf8, mode: mode)
        entry.pax = attributes.map { ("SCHILY.xattr.\($0.0)", $0.1) }
        add(entry)
    }

    mutating func add(_ entry: Entry) {
        var entry = entry
        if entry.name.count > 100 || entry.linkName.count > 100 {
            switch longNames {
            case .pax:
                if entry.name.count > 100 { entry.pax.append(("path", entry.name)) }
                if entry.linkName.count > 100 { entry.pax.append(("linkpath", entry.linkName)) }
            case .gnu:
                if entry.name.count > 100 { record("././@LongLink", 0x4c, entry.name + [0]) }
                if entry.linkName.count > 100 { record("././@LongLink", 0x4b, entry.linkName + [0]) }
            }
        }
        if !entry.pax.isEmpty {
            record("PaxHeaders/entry", 0x78, entry.pax.flatMap { TarWriter.paxRecord($0.0, $0.1) })
        }
        bytes += header(entry, type: entry.kind.rawValue, size: entry.contents.count)
        bytes += padded(entry.contents)
    }

    /// Anything, e.g. a broken header.
    mutating func raw(_ more: [UInt8]) {
        bytes += more
    }

    private mutating func record(_ name: String, _ type: UInt8, _ contents: [UInt8]) {
        bytes += header(Entry(name), type: type, size: contents.count)
        bytes += padded(contents)
    }

    private func padded(_ contents: [UInt8]) -> [UInt8] {
        contents + [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512)
    }

    /// The length of a record counts its own digits.
    private static func paxRecord(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0a]
        var length = rest.count
        while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
        return Array("\(length)".utf8) + rest
    }

    private func header(_ entry: Entry, type: UInt8, size: Int) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ field: some Sequence<UInt8>, at offset: Int, _ width: Int) {
            for (index, byte) in field.prefix(width).enumerated() { block[offset + index] = byte }
        }
        func number(_ value: Int, at offset: Int, _ width: Int) {
            let digits = String(value, radix: 8)
            put(
                String(repeating: "0", count: max(0, width - 1 - digits.count)).utf8 + Array(digits.utf8), at: offset,
                width - 1)
        }
        put(entry.name, at: 0, 100)
        number(entry.mode, at: 100, 8)
        number(entry.owner, at: 108, 8)
        number(entry.group, at: 116, 8)
        number(size, at: 124, 12)
        number(entry.time, at: 136, 12)
        put("        ".utf8, at: 148, 8)
        block[156] = type
        put(entry.linkName, at: 157, 100)
        put("ustar\0".utf8, at: 257, 6)
        put("00".utf8, at: 263, 2)
        number(entry.device.major, at: 329, 8)
        number(entry.device.minor, at: 337, 8)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(
            "\(String(repeating: "0", count: max(0, 6 - String(sum, radix: 8).count)))\(String(sum, radix: 8))\0 ".utf8,
            at: 148, 8)
        return block
    }
}
