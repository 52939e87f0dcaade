internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// A container's connection to its resolver; questions and answers follow each other as they come (RFC 7766).
final class ResolverClient {
    /// Answers that the client does not take away are not kept beyond this.
    private static let outputLimit = 80 << 10

    let fd: OwnedFD
    let token: UInt64
    /// Grows with each use of any connection, so that the one unused longest can be found.
    var lastUse: UInt64
    /// Questions that are still being asked elsewhere.
    var waiting = 0
    private var input = DNSStreamBuffer()
    private var output: [UInt8] = []
    private var hasEnded = false
    private(set) var isBroken = false

    init(_ fd: consuming OwnedFD, token: UInt64) {
        self.fd = fd
        self.token = token
        lastUse = token
    }

    /// Whether nothing more can come of it.
    var isDone: Bool { isBroken || (hasEnded && waiting == 0 && output.isEmpty) }

    /// What to watch the connection for; a client may stop sending and still wait for answers.
    var interest: EventLoop.Interest {
        var interest: EventLoop.Interest = hasEnded ? [] : .readable
        if !output.isEmpty { interest.insert(.writable) }
        return interest
    }

    /// Takes in what has arrived.
    ///
    /// - Returns: the whole questions in it.
    func receive() -> [[UInt8]] {
        if !hasEnded, input.fill(from: fd, limit: DNSQuery.longest) == .closed { hasEnded = true }
        var questions: [[UInt8]] = []
        while let question = input.next(limit: DNSQuery.longest) { questions.append(question) }
        if input.isTooLong { isBroken = true }
        return questions
    }

    func send(_ reply: [UInt8]) {
        output += DNSStreamBuffer.frame(reply)
        flush()
        if output.count > Self.outputLimit { isBroken = true }
    }

    func flush() {
        while !output.isEmpty, !isBroken {
            let sent = output.withUnsafeBytes { box_send(fd.raw, $0.baseAddress, $0.count) }
            if sent == -EAGAIN { return }
            guard sent > 0 else {
                isBroken = true
                return
            }
            if sent == output.count { output = [] } else { output.removeFirst(Int(sent)) }
        }
    }

    /// Nothing can be sent or received any more.
    func abandon() { isBroken = true }
}
