internal import BoxModel
internal import BoxSystem

/// Turns the bytes of a ``HashedInput`` into the uncompressed archive, and reads it to its very end.
protocol Decoder {
    /// Fills some of the buffer; 0 is the end of a whole and valid stream.
    mutating func decode(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int

    /// Ends whatever the decoder started; called exactly once, after success as well as after a failure.
    mutating func stop()
}

extension Decoder {
    mutating func stop() {}
}

/// The bytes as they are.
struct PlainDecoder: Decoder {
    let input: HashedInput

    mutating func decode(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        try input.read(into: buffer)
    }
}

/// A piece of compressed input that a decoder works on.
final class InputWindow {
    private let input: HashedInput
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 64)
    private var range = 0..<0

    init(_ input: HashedInput) {
        self.input = input
    }

    deinit {
        memory.deallocate()
    }

    /// What is there and not yet consumed, fetched where nothing is; empty only at the end of the input.
    func available() throws(BoxFailure) -> UnsafeMutableRawBufferPointer {
        if range.isEmpty { range = 0..<(try input.read(into: memory)) }
        return UnsafeMutableRawBufferPointer(rebasing: memory[range])
    }

    func consume(_ count: Int) {
        range = (range.lowerBound + count)..<range.upperBound
    }
}

/// The failure of a stream whose end is missing.
func truncated(_ archive: String, _ compression: Compression) -> BoxFailure {
    BoxFailure(
        .corrupt, "decompress", archive, reason: "the \(compression.rawValue) stream is truncated",
        hint: "fetch it again")
}

/// The failure of a stream that is not what it says.
func damaged(_ archive: String, _ compression: Compression, _ detail: String) -> BoxFailure {
    BoxFailure(
        .corrupt, "decompress", archive, reason: "the \(compression.rawValue) stream is damaged (\(detail))",
        hint: "fetch it again")
}

/// The failure of a stream that something else follows.
func followed(_ archive: String, _ compression: Compression) -> BoxFailure {
    BoxFailure(
        .corrupt, "decompress", archive, reason: "other data follows the \(compression.rawValue) stream")
}
