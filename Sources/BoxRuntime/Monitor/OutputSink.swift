internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// A client's descriptor for one stream of output, with what it could not take yet.
///
/// The descriptor is a regular file, or a pipe whose open file description is non-blocking and the client's own, so
/// that a slow reader can never stop the monitor.
struct OutputSink: ~Copyable {
    enum Progress {
        case flushed
        case full
        case closed
    }

    let fd: OwnedFD
    private var pending: [UInt8] = []
    private var start = 0

    init(_ fd: consuming OwnedFD) {
        self.fd = fd
    }

    var isFlushed: Bool { start == pending.count }

    /// Writes as much as the descriptor takes and keeps the rest.
    mutating func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
        guard isFlushed else {
            pending.append(contentsOf: bytes)
            return .full
        }
        var done = 0
        while done < bytes.count {
            let count = box_write(fd.raw, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count == -Int(EAGAIN) {
                pending = Array(bytes[done...])
                start = 0
                return .full
            }
            if count <= 0 { return .closed }
            done += count
        }
        return .flushed
    }

    /// Writes what was kept.
    mutating func flush() -> Progress {
        while start < pending.count {
            let count = pending.withUnsafeBytes { bytes in
                box_write(fd.raw, bytes.baseAddress.map { $0 + start }, bytes.count - start)
            }
            if count == -Int(EAGAIN) { return .full }
            if count <= 0 { return .closed }
            start += count
        }
        pending = []
        start = 0
        return .flushed
    }
}
