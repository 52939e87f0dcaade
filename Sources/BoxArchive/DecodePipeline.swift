internal import BoxModel
internal import Crypto

/// The first half of unpacking, on a thread of its own: read, hash, decompress, hash, hand over.
///
/// `@unchecked Sendable`: the producing thread writes the result fields, the consumer reads them after the queue
/// has told it the end and the thread is joined.
final class DecodePipeline: @unchecked Sendable {
    /// Below this size of the compressed blob starting another program costs more than it saves.
    static let childThreshold = 1 << 20

    let queue = ChunkQueue()
    private let input: HashedInput
    private let compression: Compression?
    private let options: UnpackOptions
    private var thread: WorkerThread?
    private var hash = SHA256()
    private(set) var uncompressedSize: Int64 = 0

    init(_ source: any ByteSource, compression: Compression?, options: UnpackOptions) throws(BoxFailure) {
        input = HashedInput(source, progress: options.progress)
        self.compression = compression
        self.options = options
        thread = try WorkerThread { [unowned self] in self.run() }
    }

    /// Ends the thread, whatever it is doing, and waits for it.
    func stop() {
        queue.cancel()
        input.interrupt?()
        thread?.join()
        thread = nil
    }

    /// Waits for the thread after the last chunk; then the results stand.
    func join() {
        thread?.join()
        thread = nil
    }

    var compressedSize: Int64 { input.size }
    func compressedDigest() throws(BoxFailure) -> BoxModel.Digest { try input.digest() }
    func diffID() throws(BoxFailure) -> DiffID { DiffID(try sha256Digest(hash)) }

    private func run() {
        do {
            var decoder = try makeDecoder()
            defer { decoder.stop() }
            while let buffer = queue.emptyBuffer() {
                var filled = 0
                while filled < buffer.count {
                    let got = try decoder.decode(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                    if got == 0 { break }
                    filled += got
                }
                uncompressedSize += Int64(filled)
                guard uncompressedSize <= options.maximumSize else {
                    throw options.tooLarge(reason: "it unpacks to more than \(options.maximumSize) bytes")
                }
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<filled]))
                if filled > 0 { queue.push(count: filled) }
                if filled < buffer.count { break }
            }
            queue.finish()
        } catch {
            queue.finish(error as? BoxFailure ?? BoxFailure(.internal, "unpack", options.name, reason: "\(error)"))
        }
    }

    private func makeDecoder() throws(BoxFailure) -> any Decoder {
        let isChildPossible = options.usesPrograms && (compression == nil || compression == .gzip)
        let prefix = try input.prefix(isChildPossible ? Self.childThreshold : Compression.magicLength)
        switch compression ?? Compression.detect(prefix: prefix) {
        case .uncompressed:
            return PlainDecoder(input: input)
        case .gzip:
            if isChildPossible && prefix.count == Self.childThreshold,
                let child = try ChildDecoder(input, archive: options.name, searchPath: options.programSearchPath)
            {
                return child
            }
            return try GzipDecoder(input, archive: options.name)
        case .zstd:
            return try ZstdDecoder(input, archive: options.name)
        case .bzip2:
            return try FilterDecoder(input, compression: .bzip2, archive: options.name)
        case .xz:
            return try FilterDecoder(input, compression: .xz, archive: options.name)
        }
    }
}
