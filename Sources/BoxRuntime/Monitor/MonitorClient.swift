internal import BoxSystem

/// One connected client as the monitor sees it.
final class MonitorClient {
    let socket: MessageSocket
    var output: OutputSink?
    var error: OutputSink?
    var wantsExit = false
    /// Whether the socket is in the event loop as readable.
    let token: UInt64

    init(_ socket: consuming MessageSocket, token: UInt64) {
        self.socket = socket
        self.token = token
    }

    /// Sends without waiting; a client that does not read its answers loses them.
    func send(_ message: ControlMessage, descriptors: [CInt] = []) {
        try? socket.send(message.encoded, descriptors: descriptors, waiting: false)
    }

    func isFlushed(_ stream: LogRecord.Stream) -> Bool {
        switch stream {
        case .output: output?.isFlushed ?? true
        case .error: error?.isFlushed ?? true
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, _ stream: LogRecord.Stream) -> OutputSink.Progress? {
        switch stream {
        case .output: output?.write(bytes)
        case .error: error?.write(bytes)
        }
    }

    func flush(_ stream: LogRecord.Stream) -> OutputSink.Progress? {
        switch stream {
        case .output: output?.flush()
        case .error: error?.flush()
        }
    }

    func descriptor(_ stream: LogRecord.Stream) -> CInt? {
        switch stream {
        case .output:
            switch output {
            case .some(let sink): sink.fd.raw
            case .none: nil
            }
        case .error:
            switch error {
            case .some(let sink): sink.fd.raw
            case .none: nil
            }
        }
    }

    func drop(_ stream: LogRecord.Stream) {
        switch stream {
        case .output: output = nil
        case .error: error = nil
        }
    }
}
