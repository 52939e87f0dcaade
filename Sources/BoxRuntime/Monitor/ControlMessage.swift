package import BoxSystem

/// What clients and the monitor of a container say to each other over its control socket, one message a packet.
///
/// The first byte is the version of the protocol: monitors outlive the program that started them, and a newer client
/// must be able to tell that it talks to an older monitor. Numbers are little-endian.
package enum ControlMessage: Hashable, Sendable {
    // From a client
    /// Connects output; carries the descriptors for standard output and standard error, in this order, as asked.
    ///
    /// The size of the client's terminal becomes the container's before its first instruction.
    case attach(Attachment, TerminalSize?)
    case signal(Int32)
    /// Signal first, kill after the grace period (seconds; negative waits for ever).
    case stop(signal: Int32, grace: Int32)
    /// Asks for ``exited`` when the container ends.
    case wait
    case pause
    case unpause
    /// Asks for something that only the one who runs the monitor understands; answered by ``done`` or ``refused``.
    case change([UInt8])

    // From the monitor
    /// Carries the writing end of standard input or the terminal's master, where asked and open.
    case attached
    case started(pid: Int32)
    /// It never ran: the exit code for the client and the reason.
    case failed(code: Int32, reason: String)
    case exited(code: Int32)
    /// The answer to signal, pause and unpause: 0 or an errno.
    case done(errno: Int32)
    /// A change was not made: the kind of failure and the reason.
    case refused(kind: String, reason: String)
    /// A client's output descriptor can take no more, e.g. because its reader went away.
    case outputClosed

    package struct Attachment: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let input = Attachment(rawValue: 1)
        package static let output = Attachment(rawValue: 2)
        package static let error = Attachment(rawValue: 4)
    }

    package static let version: UInt8 = 1
}

extension ControlMessage {
    package var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.version]
        func append(_ kind: UInt8, _ numbers: Int32..., text: String = "") {
            bytes.append(kind)
            for number in numbers { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
            bytes.append(contentsOf: text.utf8.prefix(16 * 1024))
        }
        switch self {
        case .attach(let attachment, nil): append(1, Int32(attachment.rawValue))
        case .attach(let attachment, let size?):
            append(1, Int32(attachment.rawValue), Int32(size.rows), Int32(size.columns))
        case .signal(let signal): append(2, signal)
        case .stop(let signal, let grace): append(3, signal, grace)
        case .wait: append(4)
        case .pause: append(5)
        case .unpause: append(6)
        case .change(let content):
            append(7)
            bytes += content
        case .attached: append(65)
        case .started(let pid): append(66, pid)
        case .failed(let code, let reason): append(67, code, text: reason)
        case .exited(let code): append(68, code)
        case .done(let errno): append(69, errno)
        case .outputClosed: append(70)
        case .refused(let kind, let reason): append(71, text: kind + "\n" + reason)
        }
        return bytes
    }

    /// The message in a packet, or nil where it is none that this version knows.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= 2, bytes[0] == Self.version else { return nil }
        func number(_ index: Int) -> Int32? {
            let start = 2 + index * 4
            guard bytes.count >= start + 4 else { return nil }
            return bytes[start..<start + 4].reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        }
        switch bytes[1] {
        case 1:
            guard let flags = number(0), let raw = UInt8(exactly: flags) else { return nil }
            var size: TerminalSize?
            if let rows = number(1).flatMap({ UInt16(exactly: $0) }),
                let columns = number(2).flatMap({ UInt16(exactly: $0) })
            {
                size = TerminalSize(rows: rows, columns: columns)
            }
            self = .attach(Attachment(rawValue: raw), size)
        case 2:
            guard let signal = number(0) else { return nil }
            self = .signal(signal)
        case 3:
            guard let signal = number(0), let grace = number(1) else { return nil }
            self = .stop(signal: signal, grace: grace)
        case 4: self = .wait
        case 5: self = .pause
        case 6: self = .unpause
        case 7: self = .change(Array(bytes[2...]))
        case 65: self = .attached
        case 66:
            guard let pid = number(0) else { return nil }
            self = .started(pid: pid)
        case 67:
            guard let code = number(0) else { return nil }
            self = .failed(code: code, reason: String(decoding: bytes[6...], as: UTF8.self))
        case 68:
            guard let code = number(0) else { return nil }
            self = .exited(code: code)
        case 69:
            guard let errno = number(0) else { return nil }
            self = .done(errno: errno)
        case 70: self = .outputClosed
        case 71:
            let parts = String(decoding: bytes[2...], as: UTF8.self).split(separator: "\n", maxSplits: 1)
            self = .refused(kind: String(parts.first ?? ""), reason: String(parts.last ?? ""))
        default: return nil
        }
    }
}
