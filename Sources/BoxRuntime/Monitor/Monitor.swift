package import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Watches over one container from its start to its end: carries its output to the log and to clients, delivers
/// signals, stops it when asked and learns its exit status.
///
/// One thread, one `epoll` set. The container's descriptors and the clients' never block, so that no client, slow,
/// stopped or dead, keeps the monitor from its work.
package final class Monitor {
    /// What the monitor is given to watch.
    package struct Subject: ~Copyable {
        package var pid: Int32
        package var pidfd: OwnedFD
        /// Reading ends of the container's pipes; nil with a terminal.
        package var output: OwnedFD?
        package var error: OwnedFD?
        /// The writing end of standard input, where it is open.
        package var input: OwnedFD?
        package var terminal: OwnedFD?
        /// Whether the terminal's other side has gone.
        var terminalClosed = false

        package init(pid: Int32, pidfd: consuming OwnedFD) {
            self.pid = pid
            self.pidfd = pidfd
        }

        var terminalRaw: CInt? {
            switch terminal {
            case .some(let fd): fd.raw
            case .none: nil
            }
        }

        var inputRaw: CInt? {
            switch input {
            case .some(let fd): fd.raw
            case .none: nil
            }
        }

        var outputRaw: CInt? {
            if let terminalRaw { return terminalClosed ? nil : terminalRaw }
            switch output {
            case .some(let fd): return fd.raw
            case .none: return nil
            }
        }

        var errorRaw: CInt? {
            switch error {
            case .some(let fd): fd.raw
            case .none: nil
            }
        }
    }

    /// What the one who runs the monitor does for it.
    package struct Actions {
        /// Freezes or thaws the container and returns 0 or an errno.
        package var freeze: (Bool) -> Int32
        /// Kills every process of the container.
        package var killAll: () -> Void
        /// Makes a change that a client asks for and answers with `done` or `refused`.
        package var change: ([UInt8]) -> ControlMessage

        package init(
            freeze: @escaping (Bool) -> Int32, killAll: @escaping () -> Void,
            change: @escaping ([UInt8]) -> ControlMessage
        ) {
            self.freeze = freeze
            self.killAll = killAll
            self.change = change
        }
    }

    private enum Token {
        static let signals: UInt64 = 0
        static let listener: UInt64 = 1
        static let grace: UInt64 = 2
        static let output: UInt64 = 3
        static let error: UInt64 = 4
        /// Clients have `firstClient + 4 n`, their sinks that plus 1 and 2.
        static let firstClient: UInt64 = 16
    }

    private let loop: EventLoop
    private let signals: SignalSource
    private let listener: OwnedFD
    private let grace: Timer
    private var log: LogWriter?
    private var clients: [UInt64: MonitorClient] = [:]
    private var nextToken = Token.firstClient
    private var subject: Subject?
    private var stdinOnce = false
    private var exitStatus: Int32?
    private var paused: Set<UInt8> = []
    private var actions = Actions(freeze: { _ in 0 }, killAll: {}, change: { _ in .done(errno: ENOSYS) })
    private var members: [UInt64: any LoopMember] = [:]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    /// - Parameters:
    ///   - listener: the control socket, listening and non-blocking.
    ///   - log: nil keeps no log.
    package init(listener: consuming OwnedFD, log: consuming LogWriter?) throws(SystemFailure) {
        loop = try EventLoop()
        signals = try SignalSource([SIGCHLD, SIGTERM], blockAll: true)
        grace = try Timer()
        try loop.add(signals.fd.raw, .readable, token: Token.signals)
        try loop.add(listener.raw, .readable, token: Token.listener)
        try loop.add(grace.fd.raw, .readable, token: Token.grace)
        self.listener = listener
        self.log = log
    }

    deinit {
        buffer.deallocate()
    }

    /// Takes something else into the loop, for as long as the monitor lives.
    package func add(member: any LoopMember) {
        let token = nextToken
        nextToken += 4
        guard (try? loop.add(member.descriptor, .readable, token: token)) != nil else { return }
        members[token] = member
    }

    // MARK: Clients

    /// Takes a connection over.
    package func add(client socket: consuming MessageSocket) {
        let token = nextToken
        nextToken += 4
        let client = MonitorClient(socket, token: token)
        guard (try? loop.add(client.socket.fd.raw, .readable, token: token)) != nil else { return }
        clients[token] = client
    }

    /// Waits for the first message of every client there is, so that no output can come before its taker.
    package func greetClients() {
        for client in clients.values {
            if let received = try? client.socket.receive() { handle(received, from: client) }
        }
    }

    /// Tells every client.
    package func broadcast(_ message: ControlMessage) {
        for client in clients.values { client.send(message) }
    }

    /// Tells those that wait for the end.
    package func announceExit(_ code: Int32) {
        for client in clients.values where client.wantsExit { client.send(.exited(code: code)) }
    }

    private func remove(_ client: MonitorClient) {
        loop.remove(client.socket.fd.raw)
        for stream in [LogRecord.Stream.output, .error] { drop(stream, of: client) }
        clients[client.token] = nil
    }

    private func drop(_ stream: LogRecord.Stream, of client: MonitorClient) {
        guard let raw = client.descriptor(stream) else { return }
        loop.remove(raw)
        client.drop(stream)
        resumeIfFlushed(stream)
    }

    private func handle(_ received: MessageSocket.Received, from client: MonitorClient) {
        switch received {
        case .nothingYet: break
        case .closed: remove(client)
        case .message(let packet):
            guard let message = ControlMessage(packet.bytes) else {
                remove(client)
                return
            }
            handle(message, packet, from: client)
        }
    }

    private func handle(_ message: ControlMessage, _ packet: MessageSocket.Message, from client: MonitorClient) {
        switch message {
        case .attach(let attachment, let size):
            if subject == nil { terminalSize = size ?? terminalSize }
            if attachment.contains(.output), let fd = packet.takeDescriptor() { client.output = OutputSink(fd) }
            if attachment.contains(.error), let fd = packet.takeDescriptor() { client.error = OutputSink(fd) }
            client.wantsExit = true
            if subject != nil { giveInput(to: client, wanted: attachment.contains(.input)) }
            pendingInput = attachment.contains(.input) && subject == nil ? client : pendingInput
        case .signal(let signal): client.send(.done(errno: deliver(signal)))
        case .stop(let signal, let seconds):
            client.wantsExit = true
            stop(signal: signal, seconds: seconds)
        case .wait:
            client.wantsExit = true
        case .pause: client.send(.done(errno: actions.freeze(true)))
        case .unpause: client.send(.done(errno: actions.freeze(false)))
        case .change(let content): client.send(actions.change(content))
        case .attached, .started, .failed, .exited, .done, .refused, .outputClosed: remove(client)
        }
    }

    /// The client that asked for standard input before the container was there.
    private var pendingInput: MonitorClient?
    /// The size of the terminal of a client that came before the container was there.
    package private(set) var terminalSize: TerminalSize?

    private func giveInput(to client: MonitorClient, wanted: Bool) {
        guard wanted else {
            client.send(.attached)
            return
        }
        if let raw = subject?.terminalRaw ?? subject?.inputRaw {
            client.send(.attached, descriptors: [raw])
        } else {
            client.send(.attached)
        }
        if stdinOnce { subject?.input = nil }
    }

    private func deliver(_ signal: Int32) -> Int32 {
        guard exitStatus == nil, let raw = subject?.pidfd.raw else { return ESRCH }
        return -box_pidfd_send_signal(raw, signal)
    }

    private func stop(signal: Int32, seconds: Int32) {
        _ = deliver(signal)
        if seconds == 0 {
            actions.killAll()
        } else if seconds > 0 {
            grace.set(nanoseconds: Int64(seconds) * 1_000_000_000)
        }
    }

    // MARK: The container

    /// Watches until the container has ended and its last output is delivered.
    ///
    /// - Parameter stdinOnce: whether standard input goes to one client only and ends with it.
    /// - Returns: the exit status; 128+n stands for death by signal n.
    package func run(
        _ watched: consuming Subject, stdinOnce: Bool, actions: Actions
    ) throws(SystemFailure) -> Int32 {
        self.stdinOnce = stdinOnce
        self.actions = actions
        for raw in [watched.outputRaw, watched.errorRaw].compactMap(\.self) {
            try check(box_set_nonblocking(raw, true), "fcntl")
        }
        if let raw = watched.outputRaw { try loop.add(raw, .readable, token: Token.output) }
        if let raw = watched.errorRaw { try loop.add(raw, .readable, token: Token.error) }
        subject = consume watched
        if let client = pendingInput {
            giveInput(to: client, wanted: true)
            pendingInput = nil
        } else {
            for client in clients.values where client.wantsExit { client.send(.attached) }
        }
        while true {
            if let status = exitStatus, isDrained { return status }
            for event in try loop.wait(timeout: exitStatus == nil ? -1 : drainTimeout()) {
                handle(event)
            }
        }
    }

    private var drainStart: Int64?

    /// After the end, output that others still hold open (`--pid host`) is waited for a tenth of a second only.
    private func drainTimeout() -> Int32 {
        let allFlushed = clients.values.allSatisfy { $0.isFlushed(.output) && $0.isFlushed(.error) }
        let now = SystemClock.monotonic
        if drainStart == nil { drainStart = now }
        if allFlushed, let start = drainStart, now - start > 100_000_000 {
            close(.output)
            close(.error)
            return 0
        }
        return 20
    }

    private var isDrained: Bool {
        subject?.outputRaw == nil && subject?.errorRaw == nil
            && clients.values.allSatisfy { $0.isFlushed(.output) && $0.isFlushed(.error) }
    }

    private func handle(_ event: EventLoop.Event) {
        switch event.token {
        case Token.signals:
            while let signal = signals.next() {
                if signal == SIGTERM { stop(signal: SIGTERM, seconds: 10) } else { reap() }
            }
        case Token.listener:
            while let socket = MessageSocket.accept(listener) { add(client: socket) }
        case Token.grace:
            grace.drain()
            actions.killAll()
        case Token.output: pump(.output)
        case Token.error: pump(.error)
        default:
            if let member = members[event.token] { return member.work() }
            guard let client = clients[event.token & ~3] else { return }
            switch event.token & 3 {
            case 0:
                if let received = try? client.socket.receive(waiting: false) {
                    handle(received, from: client)
                } else {
                    remove(client)
                }
            case 1: flush(.output, of: client)
            default: flush(.error, of: client)
            }
        }
    }

    /// As the parent of the container's init and the subreaper of what it leaves (prctl(2)).
    private func reap() {
        var status: CInt = 0
        while true {
            let pid = box_waitpid(-1, &status, WNOHANG)
            guard pid > 0 else { return }
            if pid == subject?.pid { exitStatus = status }
        }
    }

    private func pump(_ stream: LogRecord.Stream) {
        guard let raw = stream == .output ? subject?.outputRaw : subject?.errorRaw else { return }
        // A few reads in a row, then the others get their turn.
        for _ in 0..<16 {
            let count = box_read(raw, buffer.baseAddress, buffer.count)
            if count == -Int(EAGAIN) { return }
            // A terminal whose last process has gone reads EIO (pty(7)).
            if count <= 0 {
                close(stream)
                return
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            log?.append(bytes, stream: stream, time: SystemClock.now)
            var isFull = false
            for client in clients.values {
                switch client.write(bytes, stream) {
                case nil, .flushed?: break
                case .full?:
                    isFull = true
                    if let sink = client.descriptor(stream) {
                        try? loop.add(sink, .writable, token: client.token + UInt64(stream.rawValue))
                    }
                case .closed?:
                    drop(stream, of: client)
                    client.send(.outputClosed)
                }
            }
            if isFull {
                loop.remove(raw)
                paused.insert(stream.rawValue)
                return
            }
        }
    }

    private func flush(_ stream: LogRecord.Stream, of client: MonitorClient) {
        switch client.flush(stream) {
        case .full?: break
        case .closed?:
            drop(stream, of: client)
            client.send(.outputClosed)
        case nil, .flushed?:
            if let sink = client.descriptor(stream) { loop.remove(sink) }
            resumeIfFlushed(stream)
        }
    }

    private func resumeIfFlushed(_ stream: LogRecord.Stream) {
        guard paused.contains(stream.rawValue), clients.values.allSatisfy({ $0.isFlushed(stream) }),
            let raw = stream == .output ? subject?.outputRaw : subject?.errorRaw
        else { return }
        paused.remove(stream.rawValue)
        try? loop.add(raw, .readable, token: stream == .output ? Token.output : Token.error)
    }

    private func close(_ stream: LogRecord.Stream) {
        switch stream {
        case .output:
            if let raw = subject?.outputRaw { loop.remove(raw) }
            if subject?.terminalRaw != nil {
                subject?.terminalClosed = true
            } else {
                subject?.output = nil
            }
        case .error:
            if let raw = subject?.errorRaw { loop.remove(raw) }
            subject?.error = nil
        }
    }
}
