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

/// Opens `/dev/null` in the place of standard streams that the caller closed, so that nothing that is opened later gets
/// their numbers and with them a program's output.
package func reserveStandardStreams() {
    for number in CInt(0)..<3 where box_get_flags(number) == -EBADF {
        // The lowest free number is the one that is missing (open(2)).
        let opened = box_open(AT_FDCWD, "/dev/null", O_RDWR, 0)
        guard opened >= 0 else { return }
        _ = box_set_cloexec(opened, false)
    }
}
