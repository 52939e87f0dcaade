internal import BoxSystem

/// This process's standard streams, unbuffered, so that text and the output of containers keep their order.
enum Output {
    enum Stream: Int32 {
        case output = 1
        case error = 2
    }

    static func write(_ text: String, to stream: Stream) {
        write(Array(text.utf8), to: stream)
    }

    static func write(_ bytes: [UInt8], to stream: Stream) {
        // Nobody is left to tell where the reader has gone; SIGPIPE ends a program that writes on.
        try? StandardStream(stream.rawValue).writeAll(bytes)
    }
}
