internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Messages on a connection, each after its length (RFC 1035, section 4.2.2).
struct DNSStreamBuffer {
    enum End {
        case open, closed
    }

    private var bytes: [UInt8] = []
    private(set) var isTooLong = false

    static func frame(_ message: [UInt8]) -> [UInt8] {
        [UInt8(message.count >> 8 & 0xff), UInt8(message.count & 0xff)] + message
    }

    /// Takes what has arrived, at most a little more than one message of `limit` bytes at a time.
    mutating func fill(from fd: borrowing OwnedFD, limit: Int) -> End {
        let chunk = 2048
        while bytes.count < 2 + limit {
            let old = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: chunk))
            let got = bytes.withUnsafeMutableBytes { box_read(fd.raw, $0.baseAddress.map { $0 + old }, chunk) }
            bytes.removeLast(chunk - max(0, Int(got)))
            if got == -EAGAIN { return .open }
            if got <= 0 { return .closed }
        }
        return .open
    }

    /// The next whole message; one of more than `limit` bytes is never waited for.
    mutating func next(limit: Int) -> [UInt8]? {
        guard bytes.count >= 2 else { return nil }
        let size = Int(bytes[0]) << 8 | Int(bytes[1])
        if size > limit { isTooLong = true }
        guard size <= limit, bytes.count >= 2 + size else { return nil }
        defer {
            bytes.removeFirst(2 + size)
            if bytes.isEmpty { bytes = [] }
        }
        return Array(bytes[2..<(2 + size)])
    }
}
