/// Writes archives byte by byte, also those that no tool would write.
struct TarBuilder {
    enum Format {
        case ustar, gnu, pax
    }

    var format = Format.ustar
    private(set) var bytes: [UInt8] = []

    init(_ format: Format = .ustar) {
        self.format = format
    }

    struct Entry {
        var name: [UInt8]
        var type: UInt8 = UInt8(ascii: "0")
        var content: [UInt8] = []
        var link: [UInt8] = []
        var mode = 0o644
        var owner = 0
        var group = 0
        var time = 1_700_000_000
        var major = 0
        var minor = 0
        /// Records of a pax header before this entry.
        var records: [(String, [UInt8])] = []
        /// The size field, where it lies.
        var declaredSize: Int?
    }

    static func header(_ entry: Entry, format: Format) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Sequence<UInt8>, _ offset: Int, _ length: Int) {
            for (index, byte) in text.prefix(length).enumerated() { block[offset + index] = byte }
        }
        func octal(_ number: Int, _ offset: Int, _ length: Int) {
            let digits = String(number, radix: 8)
            put((String(repeating: "0", count: max(0, length - 1 - digits.count)) + digits).utf8, offset, length - 1)
        }
        put(entry.name, 0, 100)
        octal(entry.mode, 100, 8)
        octal(entry.owner, 108, 8)
        octal(entry.group, 116, 8)
        let size = entry.declaredSize ?? entry.content.count
        if size < 0o77777777777 {
            octal(size, 124, 12)
        } else {
            // base-256, as GNU tar writes numbers that do not fit
            block[124] = 0x80
            for index in 0..<8 { block[135 - index] = UInt8(truncatingIfNeeded: size >> (8 * index)) }
        }
        octal(entry.time, 136, 12)
        block[156] = entry.type
        put(entry.link, 157, 100)
        put(format == .gnu ? Array("ustar  \0".utf8) : Array("ustar\u{0}00".utf8), 257, 8)
        octal(entry.major, 329, 8)
        octal(entry.minor, 337, 8)
        put(Array("        ".utf8), 148, 8)
        octal(block.reduce(0) { $0 + Int($1) }, 148, 7)
        block[155] = UInt8(ascii: " ")
        return block
    }

    mutating func add(_ entry: Entry) {
        var entry = entry
        if format == .gnu {
            if entry.name.count > 100 { special("L", entry.name + [0]) }
            if entry.link.count > 100 { special("K", entry.link + [0]) }
        } else {
            if entry.name.count > 100 { entry.records.append(("path", entry.name)) }
            if entry.link.count > 100 { entry.records.append(("linkpath", entry.link)) }
        }
        if !entry.records.isEmpty { special("x", entry.records.flatMap(Self.record)) }
        raw(Self.header(entry, format: format))
        raw(entry.content)
        pad()
    }

    private mutating func special(_ type: Unicode.Scalar, _ content: [UInt8]) {
        raw(
            Self.header(
                Entry(name: Array("special".utf8), type: UInt8(ascii: type), content: content), format: format))
        raw(content)
        pad()
    }

    static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let body = Array(" \(key)=".utf8) + value + [10]
        var length = body.count + 1
        while String(length).utf8.count + body.count != length { length = String(length).utf8.count + body.count }
        return Array(String(length).utf8) + body
    }

    mutating func raw(_ more: [UInt8]) {
        bytes += more
    }

    mutating func pad() {
        bytes += [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
    }

    /// With the end marker.
    func finished() -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: 1024)
    }
}

extension TarBuilder {
    mutating func file(_ name: String, _ content: String = "x", mode: Int = 0o644) {
        add(Entry(name: Array(name.utf8), content: Array(content.utf8), mode: mode))
    }

    mutating func directory(_ name: String, mode: Int = 0o755) {
        add(Entry(name: Array(name.utf8), type: UInt8(ascii: "5"), mode: mode))
    }

    mutating func symlink(_ name: String, _ target: String) {
        add(Entry(name: Array(name.utf8), type: UInt8(ascii: "2"), link: Array(target.utf8)))
    }

    mutating func hardLink(_ name: String, _ target: String) {
        add(Entry(name: Array(name.utf8), type: UInt8(ascii: "1"), link: Array(target.utf8)))
    }

    mutating func attribute(_ name: String, _ key: String, _ value: String) {
        add(
            Entry(
                name: Array(name.utf8), content: Array("x".utf8),
                records: [("SCHILY.xattr." + key, Array(value.utf8))]))
    }
}
