internal import BoxModel
internal import CArchive
internal import Glibc

/// The entries of a tar archive out of a ``ChunkQueue``, by libarchive's tar reader and no other format.
///
/// libarchive converts the names of pax headers to the character set of LC_CTYPE. In a UTF-8 locale that
/// normalises them, so that two different names can become one file; in the C locale the conversion fails with a
/// warning and the raw bytes stay. So the thread is put into the C locale while it calls libarchive, and
/// ARCHIVE_WARN is success.
final class TarReader {
    let subject: EntrySubject
    private let archive: OpaquePointer
    private let feed: Feed
    private let cLocale: locale_t?
    private(set) var hasEndMarker = false
    /// Whether anything but zeros followed the end marker.
    private(set) var hasTrailingData = false

    /// What libarchive's read callback reaches, and what of the stream must be remembered to judge its end.
    private final class Feed {
        let queue: ChunkQueue
        var chunk: UnsafeRawBufferPointer?
        /// Whether the chunk was fetched before libarchive asked for it.
        var isFresh = false
        var chunkStart: Int64 = 0
        var chunkEnd: Int64 = 0
        var failure: BoxFailure?
        /// Where the next header is expected, and whether that block is all zeros, once it has been seen.
        var watched: Int64 = 0
        var watchedIsZero: Bool?

        init(_ queue: ChunkQueue) {
            self.queue = queue
        }

        func next() -> Bool {
            do {
                chunk = try queue.next()
            } catch {
                failure = error
                chunk = nil
            }
            chunkStart = chunkEnd
            chunkEnd += Int64(chunk?.count ?? 0)
            inspectWatched()
            return chunk != nil
        }

        func watch(_ position: Int64) {
            watched = position
            watchedIsZero = nil
            inspectWatched()
        }

        /// Headers are aligned to blocks and chunks are multiples of them, so a block is never in two chunks.
        private func inspectWatched() {
            guard let chunk, watchedIsZero == nil, watched >= chunkStart, watched < chunkEnd else { return }
            let offset = Int(watched - chunkStart)
            watchedIsZero = chunk[offset..<min(chunk.count, offset + 512)].allSatisfy { $0 == 0 }
        }
    }

    init(_ queue: ChunkQueue, subject: EntrySubject) throws(BoxFailure) {
        guard let archive = archive_read_new() else {
            throw BoxFailure(.exhausted, "start libarchive", reason: "out of memory")
        }
        self.archive = archive
        self.subject = subject
        feed = Feed(queue)
        cLocale = newlocale(CInt(1 << LC_CTYPE), "C", nil)
        archive_read_support_filter_none(archive)
        archive_read_support_format_tar(archive)
    }

    deinit {
        archive_read_free(archive)
        if let cLocale { freelocale(cLocale) }
    }

    /// Visits every entry to the end of the archive and of the stream.
    func forEach(_ body: (TarEntry) throws(BoxFailure) -> Void) throws(BoxFailure) {
        let before = cLocale.flatMap { uselocale($0) }
        defer { if let before { uselocale(before) } }
        // An archive without a single byte has no entries; libarchive would not recognise it.
        guard feed.next() else {
            if let failure = feed.failure { throw failure }
            return
        }
        feed.isFresh = true
        try check(
            archive_read_open(
                archive, Unmanaged.passUnretained(feed).toOpaque(), nil,
                { _, context, block in
                    guard let context, let block else { return Int(ARCHIVE_FATAL) }
                    let feed = Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
                    if feed.isFresh { feed.isFresh = false } else { _ = feed.next() }
                    block.pointee = feed.chunk?.baseAddress
                    return feed.failure == nil ? feed.chunk?.count ?? 0 : Int(ARCHIVE_FATAL)
                }, nil))
        var hasEntry = false
        while true {
            // What libarchive would do itself inside archive_read_next_header; here it gives the position away.
            if hasEntry { try check(archive_read_data_skip(archive)) }
            feed.watch(archive_filter_bytes(archive, -1))
            var raw: OpaquePointer?
            let result = archive_read_next_header(archive, &raw)
            if result == ARCHIVE_EOF { break }
            try check(result)
            hasEntry = true
            guard let raw else { throw subject.failure(.corrupt, reason: "libarchive gave no entry") }
            try body(TarEntry(raw: raw, reader: self))
        }
        subject.entry = []
        try judgeEnd()
    }

    /// The next piece of the current entry's data and its offset in the file; nil after the last one.
    func nextBlock() throws(BoxFailure) -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var base: UnsafeRawPointer?
        var size = 0
        var offset: Int64 = 0
        let result = archive_read_data_block(archive, &base, &size, &offset)
        if result == ARCHIVE_EOF { return nil }
        try check(result)
        return (UnsafeRawBufferPointer(start: base, count: size), offset)
    }

    /// libarchive calls several things the end: the marker, the end of the stream at a block, an extended header
    /// without its entry.
    private func judgeEnd() throws(BoxFailure) {
        if feed.watchedIsZero == false {
            throw subject.failure(.corrupt, reason: "the archive is truncated inside an extended header")
        }
        hasEndMarker = feed.watchedIsZero == true
        var unread = max(0, archive_filter_bytes(archive, -1) - feed.chunkStart)
        while let chunk = feed.chunk {
            if Int(unread) < chunk.count && chunk[Int(unread)...].contains(where: { $0 != 0 }) {
                hasTrailingData = true
            }
            unread = 0
            _ = feed.next()
        }
        if let failure = feed.failure { throw failure }
    }

    private func check(_ result: CInt) throws(BoxFailure) {
        guard result != ARCHIVE_OK && result != ARCHIVE_WARN else { return }
        if let failure = feed.failure { throw failure }
        let detail = archive_error_string(archive).map { String(cString: $0) } ?? "error \(result)"
        if detail.hasPrefix("Unrecognized") {
            throw subject.failure(.corrupt, reason: "it is not a tar archive")
        }
        // An extended header without a block after it is a fatal error without words.
        if detail.hasPrefix("Truncated") || feed.chunk == nil {
            throw subject.failure(.corrupt, reason: "the archive is truncated", hint: "fetch it again")
        }
        throw subject.failure(.corrupt, reason: "the archive is damaged (\(detail))", hint: "fetch it again")
    }
}
