/// One stretch of a container's output as it was read, with its time.
package struct LogRecord: Hashable, Sendable {
    package enum Stream: UInt8, Sendable {
        case output = 1
        case error = 2
    }

    package var stream: Stream
    /// Nanoseconds since 1970.
    package var time: Int64
    package var bytes: [UInt8]

    package init(stream: Stream, time: Int64, bytes: [UInt8]) {
        self.stream = stream
        self.time = time
        self.bytes = bytes
    }
}

/// The layout of a log file: records one after the other, each.
///
///     length of the payload (4) · stream (1) · version (1) · zero (2) · time (8) · payload · length again (4)
///
/// in little-endian numbers. The length at the end lets a reader walk backwards from the end for `--tail`; output is
/// kept as it was read and split into lines only when it is shown, so that writing costs one system call per read.
package enum LogLayout {
    package static let headerSize = 16
    package static let trailerSize = 4
    package static let version: UInt8 = 1
    /// Most bytes of one payload; a larger length marks a damaged file.
    package static let payloadLimit = 1 << 20

    package static func writeHeader(
        _ header: UnsafeMutableRawBufferPointer, length: Int, stream: LogRecord.Stream, time: Int64
    ) {
        header.storeBytes(of: UInt32(length).littleEndian, as: UInt32.self)
        header[4] = stream.rawValue
        header[5] = version
        header[6] = 0
        header[7] = 0
        header.storeBytes(of: time.littleEndian, toByteOffset: 8, as: Int64.self)
    }

    /// Length, stream and time of a record header, or nil where it is damaged.
    package static func readHeader(
        _ header: UnsafeRawBufferPointer
    ) -> (length: Int, stream: LogRecord.Stream, time: Int64)? {
        guard header.count >= headerSize, header[5] == version,
            let stream = LogRecord.Stream(rawValue: header[4])
        else { return nil }
        let length = Int(UInt32(littleEndian: header.loadUnaligned(as: UInt32.self)))
        guard length <= payloadLimit else { return nil }
        return (length, stream, Int64(littleEndian: header.loadUnaligned(fromByteOffset: 8, as: Int64.self)))
    }
}
