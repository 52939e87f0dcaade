package import BoxSystem
internal import CBoxSys
internal import Glibc

/// Appends a container's output to its bounded log: files `0` (newest) to `count - 1` in a folder of their own.
///
/// A write that fails, for example on a full disk, loses that output and nothing else: the container goes on.
package struct LogWriter: ~Copyable {
    /// How much is kept.
    package struct Bounds: Hashable, Sendable, Codable {
        /// Bytes of one file.
        package var fileSize: Int64
        package var fileCount: Int

        package init(fileSize: Int64 = 20 << 20, fileCount: Int = 5) {
            self.fileSize = fileSize
            self.fileCount = fileCount
        }
    }

    private let directory: Directory
    private let bounds: Bounds
    private var file: OwnedFD
    private var size: Int64

    /// Opens the log for appending.
    package init(_ directory: consuming Directory, bounds: Bounds) throws(SystemFailure) {
        self.bounds = bounds
        let opened = try directory.open("0", flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o640)
        size = try opened.status().size
        file = opened
        self.directory = directory
    }

    /// Appends one stretch of output.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, stream: LogRecord.Stream, time: Int64) {
        guard !bytes.isEmpty else { return }
        let total = Int64(LogLayout.headerSize + bytes.count + LogLayout.trailerSize)
        if size > 0 && size + total > bounds.fileSize { rotate() }
        let written = withUnsafeTemporaryAllocation(byteCount: LogLayout.headerSize, alignment: 8) { header in
            LogLayout.writeHeader(header, length: bytes.count, stream: stream, time: time)
            var trailer = UInt32(bytes.count).littleEndian
            return withUnsafeMutableBytes(of: &trailer) { trailer in
                withUnsafeTemporaryAllocation(of: iovec.self, capacity: 3) { vectors in
                    vectors[0] = iovec(iov_base: header.baseAddress, iov_len: header.count)
                    vectors[1] = iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                    vectors[2] = iovec(iov_base: trailer.baseAddress, iov_len: trailer.count)
                    return Int64(box_writev(file.raw, vectors.baseAddress, 3))
                }
            }
        }
        if written == total {
            size += total
        } else if written > 0 {
            // A record cut short by a full disk would hide all that follow it from a reader.
            _ = box_ftruncate(file.raw, size)
        }
    }

    private mutating func rotate() {
        for number in stride(from: bounds.fileCount - 1, to: 0, by: -1) {
            try? directory.rename("\(number - 1)", to: "\(number)")
        }
        if bounds.fileCount == 1 { try? directory.unlink("0") }
        guard let fresh = try? directory.open("0", flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o640) else { return }
        file = fresh
        size = 0
    }
}
