internal import CBoxSys
internal import Glibc

/// One of the descriptors 0, 1 and 2, which belong to the process as a whole and are never closed.
package struct StandardStream: Sendable {
    package let raw: CInt

    package init(_ raw: CInt) {
        self.raw = raw
    }

    /// Writes all bytes, waiting where a non-blocking descriptor was inherited.
    package func writeAll(_ bytes: [UInt8]) throws(SystemFailure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { box_write(raw, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if count == -Int(EAGAIN) {
                _ = box_poll(raw, CInt(POLLOUT), -1)
                continue
            }
            try check(count, "write")
            done += count
        }
    }
}
