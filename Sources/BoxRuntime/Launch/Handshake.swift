/// What monitor and init say to each other over their socket while a container starts.
package enum HandshakeMessage: Equatable, Sendable {
    /// To init, with descriptors: detached mounts that only the monitor may make.
    case mounts
    /// To init: cgroup, identity maps and network are ready.
    case go
    /// To the monitor, with one descriptor: the master of the container's terminal.
    case terminal
    /// To the monitor: all is set up, execve(2) comes next. The end of the connection then means success.
    case executing
    case failed(LaunchFailure)

    package var bytes: [UInt8] {
        switch self {
        case .mounts: return [1]
        case .go: return [2]
        case .terminal: return [3]
        case .executing: return [4]
        case .failed(let failure):
            var bytes: [UInt8] = [5, failure.step.rawValue]
            withUnsafeBytes(of: failure.errno.littleEndian) { bytes.append(contentsOf: $0) }
            let subject = failure.subject.utf8.prefix(8192)
            withUnsafeBytes(of: UInt16(subject.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: subject)
            bytes.append(contentsOf: failure.detail.utf8.prefix(8192))
            return bytes
        }
    }

    package init?(bytes: [UInt8]) {
        switch (bytes.first, bytes.count) {
        case (1, 1): self = .mounts
        case (2, 1): self = .go
        case (3, 1): self = .terminal
        case (4, 1): self = .executing
        case (5, 8...):
            guard let step = LaunchFailure.Step(rawValue: bytes[1]) else { return nil }
            var errno: UInt32 = 0
            for index in 0..<4 { errno |= UInt32(bytes[2 + index]) << (8 * UInt32(index)) }
            let length = Int(bytes[6]) | Int(bytes[7]) << 8
            guard bytes.count >= 8 + length else { return nil }
            self = .failed(
                LaunchFailure(
                    step, String(decoding: bytes[8..<(8 + length)], as: UTF8.self),
                    String(decoding: bytes[(8 + length)...], as: UTF8.self), errno: Int32(bitPattern: errno)))
        default: return nil
        }
    }
}

/// The monitor's side of a container's start, as a value without input or output.
package struct Handshake: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        /// Init waits; cgroup, maps and network are being made.
        case held
        case preparing
        case executing
        case started
        case failed
    }

    package enum Action: Equatable, Sendable {
        case wait
        case keepTerminal
        case started
        case fail(LaunchFailure)
    }

    package private(set) var state = State.held
    private var awaitsTerminal: Bool

    package init(terminal: Bool) {
        awaitsTerminal = terminal
    }

    /// `go` was sent.
    package mutating func released() -> Action {
        guard state == .held else { return disorder("init was released twice") }
        state = .preparing
        return .wait
    }

    package mutating func received(_ message: HandshakeMessage) -> Action {
        switch (message, state) {
        case (.failed(let failure), .held), (.failed(let failure), .preparing), (.failed(let failure), .executing):
            state = .failed
            return .fail(failure)
        case (.terminal, .preparing) where awaitsTerminal:
            awaitsTerminal = false
            return .keepTerminal
        case (.executing, .preparing) where !awaitsTerminal:
            state = .executing
            return .wait
        default:
            return disorder("init said \(message) while \(state)")
        }
    }

    /// The connection ended: every copy of init's end was closed, by execve(2) or by death.
    package mutating func closed() -> Action {
        switch state {
        case .executing:
            state = .started
            return .started
        case .held, .preparing:
            return disorder("its first process was killed during set-up; look for an out-of-memory kill in dmesg")
        case .started, .failed:
            return disorder("the connection ended twice")
        }
    }

    private mutating func disorder(_ reason: String) -> Action {
        state = .failed
        return .fail(LaunchFailure(.handshake, "", reason))
    }
}
