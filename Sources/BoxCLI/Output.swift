internal import BoxSystem
internal import Synchronization

/// This process's standard streams, unbuffered, so that text and the output of containers keep their order.
enum Output {
    enum Stream: Int32 {
        case output = 1
        case error = 2
    }

    /// Why something could not be written to standard output: the exit status must tell, whatever else went well.
    private static let failure = Mutex<SystemFailure?>(nil)

    static func write(_ text: String, to stream: Stream) {
        write(Array(text.utf8), to: stream)
    }

    static func write(_ bytes: [UInt8], to stream: Stream) {
        do {
            try StandardStream(stream.rawValue).writeAll(bytes)
        } catch {
            // What is done goes on; nobody is left to tell where standard error has gone.
            if stream == .output { failure.withLock { $0 = error } }
        }
    }

    /// The first reason why standard output is not complete.
    static var lost: SystemFailure? { failure.withLock { $0 } }
}
