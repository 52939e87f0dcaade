internal import BoxModel
internal import CArchive

/// gzip by zlib in this process: all members, with their checksums and lengths (RFC 1952).
struct GzipDecoder: Decoder {
    private let state: State
    private let window: InputWindow
    private let archive: String
    private var isInsideMember = false
    private var members = 0

    /// zlib keeps a pointer back to the stream, which therefore must not move.
    private final class State {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

        init() {
            stream.initialize(to: z_stream())
        }

        deinit {
            inflateEnd(stream)
            stream.deallocate()
        }
    }

    init(_ input: HashedInput, archive: String) throws(BoxFailure) {
        state = State()
        window = InputWindow(input)
        self.archive = archive
        // 15 bits of window, + 16 for the gzip format with its checks (zlib.h, inflateInit2).
        let result = inflateInit2_(state.stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw BoxFailure(.exhausted, "start zlib", reason: "error \(result)") }
    }

    mutating func decode(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        let stream = state.stream
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(buffer.count)
        while Int(stream.pointee.avail_out) == buffer.count {
            let input = try window.available()
            guard let base = input.baseAddress, !input.isEmpty else {
                if isInsideMember || members == 0 { throw truncated(archive, .gzip) }
                return 0
            }
            if !isInsideMember {
                if members > 0 && input[0] == 0 {
                    // Tapes pad with zeros, and gzip(1) accepts that.
                    try skipPadding()
                    return 0
                }
                guard members == 0 || input[0] == 0x1f else { throw followed(archive, .gzip) }
                inflateReset(stream)
                isInsideMember = true
            }
            stream.pointee.next_in = base.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_in = UInt32(input.count)
            let result = inflate(stream, Z_NO_FLUSH)
            window.consume(input.count - Int(stream.pointee.avail_in))
            switch result {
            case Z_STREAM_END:
                isInsideMember = false
                members += 1
            case Z_OK, Z_BUF_ERROR:
                continue
            default:
                let detail = stream.pointee.msg.map { String(cString: $0) } ?? "error \(result)"
                if members > 0 && detail == "incorrect header check" { throw followed(archive, .gzip) }
                throw damaged(archive, .gzip, detail)
            }
        }
        return buffer.count - Int(stream.pointee.avail_out)
    }

    private func skipPadding() throws(BoxFailure) {
        while true {
            let rest = try window.available()
            if rest.isEmpty { return }
            guard rest.allSatisfy({ $0 == 0 }) else { throw followed(archive, .gzip) }
            window.consume(rest.count)
        }
    }
}
