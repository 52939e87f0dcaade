internal import BoxModel
internal import CArchive

/// Zstandard by libzstd in this process: all frames, with their checksums (RFC 8878).
struct ZstdDecoder: Decoder {
    private let state: State
    private let window: InputWindow
    private let archive: String
    /// What ZSTD_decompressStream last said: 0 between frames.
    private var expected = 0
    private var frames = 0

    private final class State {
        let context: OpaquePointer

        init?() {
            guard let context = ZSTD_createDCtx() else { return nil }
            self.context = context
        }

        deinit {
            ZSTD_freeDCtx(context)
        }
    }

    init(_ input: HashedInput, archive: String) throws(BoxFailure) {
        guard let state = State() else { throw BoxFailure(.exhausted, "start zstd", reason: "out of memory") }
        self.state = state
        window = InputWindow(input)
        self.archive = archive
    }

    mutating func decode(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
        while output.pos == 0 {
            let available = try window.available()
            if available.isEmpty {
                // A frame may still hold back output that no further input is needed for.
                guard expected == 0 && frames > 0 else {
                    var nothing = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
                    let result = ZSTD_decompressStream(state.context, &output, &nothing)
                    if ZSTD_isError(result) == 0 && output.pos > 0 {
                        expected = result
                        return output.pos
                    }
                    throw truncated(archive, .zstd)
                }
                return 0
            }
            var input = ZSTD_inBuffer(src: available.baseAddress, size: available.count, pos: 0)
            let result = ZSTD_decompressStream(state.context, &output, &input)
            window.consume(input.pos)
            if ZSTD_isError(result) != 0 {
                if expected == 0 && frames > 0 { throw followed(archive, .zstd) }
                throw damaged(archive, .zstd, String(cString: ZSTD_getErrorName(result)))
            }
            expected = result
            if result == 0 { frames += 1 }
        }
        return output.pos
    }
}
