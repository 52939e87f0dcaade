/// Reads a message from its start to its end; every method says nil instead of reading past the end.
struct DNSReader {
    private let bytes: ArraySlice<UInt8>
    /// Index of the next byte in the slice.
    private(set) var offset: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    mutating func byte() -> UInt8? {
        guard offset < bytes.endIndex else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func word() -> UInt16? {
        guard let high = byte(), let low = byte() else { return nil }
        return UInt16(high) << 8 | UInt16(low)
    }

    mutating func skip(_ count: Int) -> Bool {
        guard bytes.endIndex - offset >= count else { return false }
        offset += count
        return true
    }

    /// The bytes of a name without pointers: the first name of a message has nothing before it to point to.
    mutating func plainName() -> ArraySlice<UInt8>? {
        let start = offset
        while let length = byte() {
            if length == 0 { return offset - start <= 255 ? bytes[start..<offset] : nil }
            guard length <= 63, skip(Int(length)), offset - start < 255 else { return nil }
        }
        return nil
    }

    /// Steps over a name; a pointer ends it and is not followed, so that none can lead in circles.
    mutating func skipName() -> Bool {
        let start = offset
        while let length = byte(), offset - start <= 255 {
            switch length {
            case 0: return true
            case 1...63: guard skip(Int(length)) else { return false }
            case 0xc0...: return skip(1)
            default: return false
            }
        }
        return false
    }
}
