internal import BoxModel
internal import Crypto

/// The compressed side of a layer: hands bytes on and hashes them on the way.
///
/// `@unchecked Sendable`: used by one thread at a time; joining that thread orders the accesses.
final class HashedInput: @unchecked Sendable {
    private var source: any ByteSource
    private var hash = SHA256()
    private var readAhead: [UInt8] = []
    private var readAheadPosition = 0
    private let progress: (@Sendable (Int64) -> Void)?
    private(set) var size: Int64 = 0
    private(set) var reachedEnd = false

    init(_ source: any ByteSource, progress: (@Sendable (Int64) -> Void)?) {
        self.source = source
        self.progress = progress
    }

    var interrupt: (@Sendable () -> Void)? { source.interrupt }

    /// Reads the first bytes without consuming them; fewer only where the source has no more.
    func prefix(_ count: Int) throws(BoxFailure) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        var filled = 0
        while filled < count {
            let got = try fetch(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if got == 0 { break }
            filled += got
        }
        readAhead = Array(buffer[..<filled])
        readAheadPosition = 0
        return readAhead
    }

    /// Fills some of the buffer; 0 is the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        guard readAheadPosition < readAhead.count else { return reachedEnd ? 0 : try fetch(buffer) }
        let count = min(buffer.count, readAhead.count - readAheadPosition)
        buffer.copyBytes(from: readAhead[readAheadPosition..<readAheadPosition + count])
        readAheadPosition += count
        if readAheadPosition == readAhead.count {
            readAhead = []
            readAheadPosition = 0
        }
        return count
    }

    /// The digest of everything read so far.
    func digest() throws(BoxFailure) -> BoxModel.Digest {
        try sha256Digest(hash)
    }

    private func fetch(_ buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        let count = try source.read(into: buffer)
        if count == 0 {
            reachedEnd = true
            return 0
        }
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        size += Int64(count)
        progress?(size)
        return count
    }
}

/// The value of a running SHA-256 as a digest.
func sha256Digest(_ hash: SHA256) throws(BoxFailure) -> BoxModel.Digest {
    guard let digest = BoxModel.Digest(.sha256, bytes: hash.finalize()) else {
        throw BoxFailure(.internal, "hash", reason: "SHA-256 has not 32 bytes")
    }
    return digest
}
