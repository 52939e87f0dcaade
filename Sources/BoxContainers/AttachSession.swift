internal import BoxRuntime
package import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// The client's side of a container in the foreground: standard streams, terminal, signals.
///
/// Output to pipes and files is written by the monitor itself, through descriptors handed to it; only what cannot be
/// handed over (terminals, sockets) passes through this process.
package final class AttachSession {
    package struct Options: Sendable {
        package var input = false
        package var output = true
        package var error = true
        package var tty = false
        package var forwardsSignals = true
        /// nil detaches never.
        package var detachKeys: DetachKeys?

        package init() {}
    }

    package enum Outcome: Hashable, Sendable {
        case exited(Int32)
        /// It never ran.
        case failed(code: Int32, reason: String)
        case detached
        /// Whoever read our output has gone.
        case outputClosed
        /// The monitor went away without a word.
        case lost
    }

    private enum Token: UInt64 {
        case socket, signals, input, inputWriter, output, error
    }

    private let socket: MessageSocket
    private var options: Options
    private let loop: EventLoop
    private let signals: SignalSource
    private var outputRelay: SharedFD?
    private var errorRelay: SharedFD?
    /// Where typed or piped input goes: the container's standard input, or its terminal's master.
    private var inputWriter: SharedFD?
    private var pendingInput: ArraySlice<UInt8> = []
    private var inputIsPollable = true
    private var rawTerminal: RawTerminal?
    private var outcome: Outcome?
    /// Called once, when the monitor says its first word: from then on it is known to be there.
    package var onFirstAnswer: (() -> Void)?
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    /// What would end this process with the terminal left raw.
    private static let deadly: [CInt] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
    private static let forwarded: [CInt] = [
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU,
    ]

    /// Asks the monitor at the other end of `socket` for the streams.
    package init(_ socket: consuming MessageSocket, _ options: Options) throws(SystemFailure) {
        self.options = options
        self.socket = socket
        loop = try EventLoop()
        _ = box_ignore_signal(SIGPIPE)
        signals = try SignalSource((options.forwardsSignals ? Self.forwarded : Self.deadly) + [SIGWINCH])
        try loop.add(self.socket.fd.raw, .readable, token: Token.socket.rawValue)
        try loop.add(signals.fd.raw, .readable, token: Token.signals.rawValue)
        try attach()
    }

    deinit {
        buffer.deallocate()
    }

    private func attach() throws(SystemFailure) {
        var attachment: ControlMessage.Attachment = []
        var sinks: [SharedFD] = []
        if options.input { attachment.insert(.input) }
        if options.output {
            attachment.insert(.output)
            let channel = try OutputChannel(STDOUT_FILENO)
            sinks.append(channel.sink)
            outputRelay = channel.relay
            if let relay = outputRelay { try loop.add(relay.raw, .readable, token: Token.output.rawValue) }
        }
        if options.error && !options.tty {
            attachment.insert(.error)
            let channel = try OutputChannel(STDERR_FILENO)
            sinks.append(channel.sink)
            errorRelay = channel.relay
            if let relay = errorRelay { try loop.add(relay.raw, .readable, token: Token.error.rawValue) }
        }
        try socket.send(
            ControlMessage.attach(attachment, options.tty ? Self.terminalSize : nil).encoded,
            descriptors: sinks.map(\.raw))
        withExtendedLifetime(sinks) {}
    }

    /// Carries streams and signals until the container ends or this client is done with it.
    package func run() throws(SystemFailure) -> Outcome {
        while true {
            for event in try loop.wait() {
                switch Token(rawValue: event.token) {
                case .socket: try receive()
                case .signals: while let signal = signals.next() { forward(signal) }
                case .input: readInput()
                case .inputWriter: writeInput()
                case .output: if let relay = outputRelay { drain(relay, to: STDOUT_FILENO) }
                case .error: if let relay = errorRelay { drain(relay, to: STDERR_FILENO) }
                case nil: break
                }
            }
            if let outcome {
                if let relay = outputRelay { drain(relay, to: STDOUT_FILENO) }
                if let relay = errorRelay { drain(relay, to: STDERR_FILENO) }
                rawTerminal = nil
                return outcome
            }
        }
    }

    private func receive() throws(SystemFailure) {
        switch try socket.receive(waiting: false) {
        case .nothingYet: break
        case .closed: outcome = outcome ?? .lost
        case .message(let packet):
            onFirstAnswer?()
            onFirstAnswer = nil
            switch ControlMessage(packet.bytes) {
            case .attached: try beginInput(packet.takeDescriptor())
            case .exited(let code): outcome = .exited(code)
            case .failed(let code, let reason): outcome = .failed(code: code, reason: reason)
            case .outputClosed: outcome = .outputClosed
            default: break
            }
        }
    }

    private func forward(_ signal: CInt) {
        if signal == SIGWINCH {
            resize()
        } else if !options.forwardsSignals {
            rawTerminal = nil
            // As if it had never been caught, so that who waits for this process sees the signal (signal(7)).
            _ = box_reset_signals()
            _ = box_kill(box_getpid(), signal)
        } else {
            try? socket.send(ControlMessage.signal(signal).encoded, waiting: false)
        }
    }

    private static var terminalSize: TerminalSize? {
        Terminal.size(of: STDIN_FILENO) ?? Terminal.size(of: STDOUT_FILENO)
    }

    private func resize() {
        guard options.tty, let master = inputWriter, let size = Self.terminalSize else { return }
        Terminal.setSize(size, of: master.raw)
    }

    // MARK: Input

    private func beginInput(_ descriptor: consuming OwnedFD?) throws(SystemFailure) {
        guard let descriptor else { return }
        let writer = SharedFD(descriptor)
        inputWriter = writer
        if options.tty {
            rawTerminal = RawTerminal(STDIN_FILENO)
            resize()
        }
        guard options.input else { return }
        try check(box_set_nonblocking(writer.raw, true), "fcntl")
        do {
            try loop.add(STDIN_FILENO, .readable, token: Token.input.rawValue)
        } catch {
            // Regular files are always ready and not for epoll (epoll_ctl(2), EPERM): the writer sets the pace.
            guard error.errno == .notPermitted else { throw error }
            inputIsPollable = false
            readInput()
        }
    }

    private func readInput() {
        guard pendingInput.isEmpty, inputWriter != nil else { return }
        let count = box_read(STDIN_FILENO, buffer.baseAddress, buffer.count)
        if count == -Int(EAGAIN) { return }
        guard count > 0 else {
            endInput()
            return
        }
        var bytes = Array(buffer[..<count])
        if options.tty, var keys = options.detachKeys {
            let filtered = keys.filter(bytes)
            options.detachKeys = keys
            bytes = filtered.output
            if filtered.detached { outcome = .detached }
        }
        pendingInput = bytes[...]
        writeInput()
    }

    private func writeInput() {
        guard let writer = inputWriter else { return }
        while true {
            while !pendingInput.isEmpty {
                let count = pendingInput.withUnsafeBytes { box_write(writer.raw, $0.baseAddress, $0.count) }
                if count == -Int(EAGAIN) {
                    waitForWriter(writer)
                    return
                }
                guard count > 0 else {
                    endInput()
                    return
                }
                pendingInput = pendingInput.dropFirst(count)
            }
            loop.remove(writer.raw)
            if inputIsPollable {
                try? loop.add(STDIN_FILENO, .readable, token: Token.input.rawValue)
                return
            }
            let count = box_read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            guard count > 0 else {
                endInput()
                return
            }
            pendingInput = Array(buffer[..<count])[...]
        }
    }

    private func waitForWriter(_ writer: SharedFD) {
        if inputIsPollable { loop.remove(STDIN_FILENO) }
        try? loop.add(writer.raw, .writable, token: Token.inputWriter.rawValue)
    }

    /// The end of input closes the container's; a terminal stays open, as its end is a typed character.
    private func endInput() {
        if inputIsPollable { loop.remove(STDIN_FILENO) }
        pendingInput = []
        if !options.tty {
            if let writer = inputWriter { loop.remove(writer.raw) }
            inputWriter = nil
        }
    }

    // MARK: Output

    private func drain(_ relay: SharedFD, to target: CInt) {
        while true {
            let count = box_read(relay.raw, buffer.baseAddress, buffer.count)
            guard count > 0 else {
                if count == 0 { loop.remove(relay.raw) }
                return
            }
            var done = 0
            while done < count {
                let written = box_write(target, buffer.baseAddress.map { $0 + done }, count - done)
                if written == -Int(EAGAIN) {
                    _ = box_poll(target, CInt(POLLOUT), -1)
                    continue
                }
                guard written > 0 else {
                    outcome = outcome ?? .outputClosed
                    return
                }
                done += written
            }
        }
    }
}

/// How one of this process's output streams is handed to a monitor.
private struct OutputChannel {
    /// For the monitor: writes to it never block it.
    let sink: SharedFD
    /// What this process must copy itself, where the stream cannot be handed over.
    let relay: SharedFD?

    init(_ raw: CInt) throws(SystemFailure) {
        var status = stat()
        _ = box_fstatat(raw, "", &status, CInt(BOX_AT_EMPTY_PATH))
        switch FileStatus(raw: status).kind {
        case .regular:
            sink = SharedFD(OwnedFD(adopting: try check(box_dup(raw), "dup")))
            relay = nil
            return
        case .fifo:
            // Opened anew, the pipe has an open file description that is ours alone and may be non-blocking;
            // O_NONBLOCK on the one we were given would surprise whoever shares it (open(2), pipe(7)).
            let opened = box_open(AT_FDCWD, "/proc/self/fd/\(raw)", O_WRONLY | O_NONBLOCK, 0)
            if opened >= 0 {
                sink = SharedFD(OwnedFD(adopting: opened))
                relay = nil
                return
            }
        default: break
        }
        let ends = try Pipe(nonBlocking: true).ends()
        sink = SharedFD(OwnedFD(adopting: ends.writer))
        relay = SharedFD(OwnedFD(adopting: ends.reader))
    }
}
