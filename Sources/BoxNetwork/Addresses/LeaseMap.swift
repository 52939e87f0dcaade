internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Where to look for a free address of one range: a bit per address that was seen in use, and the address to try next.
///
/// Only a reminder that keeps the search short with many leases; the leases themselves are the truth. A bit that is
/// missing costs one try, a bit too many is noticed when nothing else is left and the map is made anew. The file is
/// sparse: a machine that starts a hundred containers touches two pages of it.
struct LeaseMap: ~Copyable {
    /// Addresses that a map reaches; of larger ranges only the first ones are ever given.
    ///
    /// A million containers do not fit on one bridge (1,024 ports, linux/net/bridge/br_private.h).
    private static let reach: UInt128 = 1 << 20
    private static let chunk = 4096
    private static let folder = ".maps"
    /// The index to try next stands before the bits, on a cache line of its own.
    private static let header = 64

    private let file: OwnedFD
    private let first: IPAddress
    private let count: Int

    /// Opens the map of a pool, made where it is missing.
    init(_ pool: NetworkRecord.Pool, _ directory: borrowing Directory) throws(SystemFailure) {
        let range = pool.range ?? pool.subnet
        let name = Self.folder + "/" + Self.name(range)
        var raw = box_open(directory.fd.raw, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        if raw == -ENOENT {
            _ = try directory.makeDirectory(Self.folder, mode: 0o700)
            raw = box_open(directory.fd.raw, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        }
        self.init(OwnedFD(adopting: try check(raw, "open", directory.describe(name))), range)
    }

    private init(_ file: consuming OwnedFD, _ range: IPPrefix) {
        self.file = file
        first = range.first
        count = Int(min(range.count, Self.reach))
    }

    /// Forgets that an address is in use.
    static func clear(_ address: IPAddress, _ directory: borrowing Directory) throws(SystemFailure) {
        let maps: Directory
        do {
            maps = try directory.directory(folder)
        } catch  where error.errno == .noSuchFileOrDirectory {
            return
        }
        for name in try maps.names() {
            guard let range = IPPrefix(name.replacing("-", with: "/")), range.contains(address) else { continue }
            let map = LeaseMap(try maps.open(name, flags: O_RDWR), range)
            try map.set(address, false)
        }
    }

    private static func name(_ range: IPPrefix) -> String {
        "\(range.first)-\(range.length)"
    }

    /// The next address that is not known to be in use, once around the range.
    func next() throws(SystemFailure) -> IPAddress? {
        let start = min(try hint(), count - 1)
        var found = try clearBit(in: start..<count)
        if found == nil { found = try clearBit(in: 0..<start) }
        guard let index = found else { return nil }
        return IPAddress(first.version, bits: first.bits + UInt128(index))
    }

    /// Remembers that an address is in use.
    ///
    /// - Parameter isLast: whether the search for the next one starts behind it.
    func mark(_ address: IPAddress, isLast: Bool = false) throws(SystemFailure) {
        try set(address, true)
        guard isLast, let index = index(of: address) else { return }
        var next = UInt64(index + 1 == count ? 0 : index + 1)
        try check(box_pwrite(file.raw, &next, 8, 0), "write", "the lease map")
    }

    /// Makes the bits say what is true; the place to go on stays.
    func reset(to held: [IPAddress]) throws(SystemFailure) {
        var bits = [UInt8](repeating: 0, count: (count + 7) / 8)
        for address in held {
            if let index = index(of: address) { bits[index / 8] |= 1 << UInt8(index % 8) }
        }
        let written = bits.withUnsafeBytes { box_pwrite(file.raw, $0.baseAddress, $0.count, Int64(Self.header)) }
        try check(written, "write", "the lease map")
    }

    private func hint() throws(SystemFailure) -> Int {
        var next: UInt64 = 0
        try check(box_pread(file.raw, &next, 8, 0), "read", "the lease map")
        return Int(clamping: next)
    }

    private func index(of address: IPAddress) -> Int? {
        guard address.version == first.version, address >= first, address.bits - first.bits < UInt128(count) else {
            return nil
        }
        return Int(address.bits - first.bits)
    }

    private func set(_ address: IPAddress, _ value: Bool) throws(SystemFailure) {
        guard let index = index(of: address) else { return }
        let offset = Int64(Self.header + index / 8)
        var byte: UInt8 = 0
        try check(box_pread(file.raw, &byte, 1, offset), "read", "the lease map")
        let bit = UInt8(1) << UInt8(index % 8)
        byte = value ? byte | bit : byte & ~bit
        try check(box_pwrite(file.raw, &byte, 1, offset), "write", "the lease map")
    }

    /// The first clear bit; what the file does not reach is clear.
    private func clearBit(in indexes: Range<Int>) throws(SystemFailure) -> Int? {
        var index = indexes.lowerBound
        while index < indexes.upperBound {
            let firstByte = index / 8
            let bytes = try read(firstByte, min(Self.chunk, (indexes.upperBound + 7) / 8 - firstByte))
            let end = min(indexes.upperBound, (firstByte + bytes.count) * 8)
            if bytes.isEmpty { return index }
            while index < end {
                let byte = bytes[index / 8 - firstByte]
                if byte == 0xff {
                    index = (index / 8 + 1) * 8
                } else if byte >> UInt8(index % 8) & 1 == 0 {
                    return index
                } else {
                    index += 1
                }
            }
        }
        return nil
    }

    private func read(_ firstByte: Int, _ count: Int) throws(SystemFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes {
            box_pread(file.raw, $0.baseAddress, $0.count, Int64(Self.header + firstByte))
        }
        bytes.removeLast(count - Int(try check(got, "read", "the lease map")))
        return bytes
    }
}
