internal import BoxModel
internal import CArchive

/// bzip2 and xz by libarchive's filter of that name and no other.
///
/// They only occur in archives from `docker save` and the like, never in an OCI layer. What follows the last bzip2 stream is ignored, as bzip2(1) does.
struct FilterDecoder: Decoder {
    private let reader: Reader

    /// What the read callback of libarchive reaches.
    private final class Reader {
        let archive: OpaquePointer
        let input: HashedInput
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 64)
        var failure: BoxFailure?

        init(_ archive: OpaquePointer, _ input: HashedInput) {
            self.archive = archive
            self.input = input
        }

        deinit {
            archive_read_free(archive)
            memory.deallocate()
        }

        func read() -> Int {
            do {
                return try input.read(into: memory)
            } catch {
                failure = error
                return Int(ARCHIVE_FATAL)
            }
        }
    }

    private let compression: Compression
    private let name: String
    private var isOpen = false

    init(_ input: HashedInput, compression: Compression, archive name: String) throws(BoxFailure) {
        guard let archive = archive_read_new() else {
            throw BoxFailure(.exhausted, "start libarchive", reason: "out of memory")
        }
        reader = Reader(archive, input)
        self.compression = compression
        self.name = name
        archive_read_support_format_raw(archive)
        let result =
            compression == .bzip2
            ? archive_read_support_filter_bzip2(archive) : archive_read_support_filter_xz(archive)
        // Without the library libarchive would run a program of that name instead, which it tells by a warning.
        guard result == ARCHIVE_OK else {
            throw BoxFailure(.unsupported, "decompress", name, reason: "\(compression.rawValue) is not built in")
        }
    }

    mutating func decode(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        if !isOpen {
            isOpen = true
            let opened = archive_read_open(
                reader.archive, Unmanaged.passUnretained(reader).toOpaque(), nil,
                { _, context, block in
                    guard let context, let block else { return Int(ARCHIVE_FATAL) }
                    let reader = Unmanaged<Reader>.fromOpaque(context).takeUnretainedValue()
                    let count = reader.read()
                    block.pointee = UnsafeRawPointer(reader.memory.baseAddress)
                    return count
                }, nil)
            try check(opened)
            // The raw format shows whatever comes out even where no filter fitted.
            guard archive_filter_count(reader.archive) == 2 else {
                throw damaged(name, compression, "no \(compression.rawValue) header")
            }
            var entry: OpaquePointer?
            let result = archive_read_next_header(reader.archive, &entry)
            if result == ARCHIVE_EOF { return 0 }
            try check(result)
        }
        let count = archive_read_data(reader.archive, buffer.baseAddress, buffer.count)
        if count < 0 { try check(CInt(count)) }
        if count == 0 && !reader.input.reachedEnd {
            // The filter stopped before the source did.
            let rest = try reader.input.read(into: reader.memory)
            if rest > 0 { throw followed(name, compression) }
        }
        return count
    }

    private func check(_ result: CInt) throws(BoxFailure) {
        guard result != ARCHIVE_OK && result != ARCHIVE_WARN else { return }
        if let failure = reader.failure { throw failure }
        let detail = archive_error_string(reader.archive).map { String(cString: $0) } ?? "error \(result)"
        // liblzma's word for a missing end is "No progress is possible" (LZMA_BUF_ERROR).
        if detail.lowercased().contains("truncated") || detail.contains("No progress") {
            throw truncated(name, compression)
        }
        throw damaged(name, compression, detail)
    }
}
