package import BoxModel

extension Compression {
    /// Bytes of a prefix that decide.
    package static let magicLength = 6

    /// Tells the compression by the first bytes; what none of them fits counts as uncompressed.
    package static func detect(prefix: [UInt8]) -> Compression {
        if prefix.starts(with: [0x1f, 0x8b]) { return .gzip }
        if prefix.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { return .zstd }
        // A zstd stream may begin with a skippable frame, as zstd:chunked writes it (RFC 8878, 3.1.2).
        if prefix.count >= 4, prefix[0] & 0xf0 == 0x50, prefix[1...3] == [0x2a, 0x4d, 0x18] { return .zstd }
        if prefix.starts(with: [0x42, 0x5a, 0x68]) { return .bzip2 }
        if prefix.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) { return .xz }
        return .uncompressed
    }
}
