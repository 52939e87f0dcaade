package import BoxModel
package import BoxRuntime
package import BoxStore
internal import BoxSystem

/// What of a container's log is wanted.
package struct LogRequest: Sendable {
    package var follow = false
    /// nil is everything.
    package var tail: Int?
    package var since: Timestamp?
    package var until: Timestamp?
    package var timestamps = false

    package init() {}
}

/// Takes a container's log apart into lines and picks those that are wanted.
struct LogLines {
    /// A line as far as it has come, with the time of its beginning.
    private struct Partial {
        var time: Int64 = 0
        var bytes: [UInt8] = []
    }

    private let request: LogRequest
    private var partials: [LogRecord.Stream: Partial] = [:]
    private var skipped: Int

    init(_ request: LogRequest, skipping lines: Int) {
        self.request = request
        skipped = lines
    }

    /// Passes on the lines that a record completes.
    ///
    /// - Returns: whether later records can matter still.
    mutating func take(_ record: LogRecord, _ emit: (LogRecord.Stream, Int64, [UInt8]) -> Void) -> Bool {
        if let until = request.until, record.time > until.nanoseconds { return false }
        var rest = record.bytes[...]
        while !rest.isEmpty {
            let newline = rest.firstIndex(of: UInt8(ascii: "\n"))
            let piece = newline.map { rest[...$0] } ?? rest
            rest = newline.map { rest[rest.index(after: $0)...] } ?? []
            var partial = partials[record.stream] ?? Partial()
            if partial.bytes.isEmpty { partial.time = record.time }
            partial.bytes += piece
            // A program that never ends its line must not fill the memory.
            if newline == nil && partial.bytes.count < 1 << 20 {
                partials[record.stream] = partial
                continue
            }
            partials[record.stream] = nil
            pass(record.stream, partial, emit)
        }
        return true
    }

    /// Passes on what has no newline yet.
    mutating func flush(_ emit: (LogRecord.Stream, Int64, [UInt8]) -> Void) {
        for (stream, partial) in partials.sorted(by: { $0.value.time < $1.value.time }) { pass(stream, partial, emit) }
        partials = [:]
    }

    private mutating func pass(
        _ stream: LogRecord.Stream, _ partial: Partial, _ emit: (LogRecord.Stream, Int64, [UInt8]) -> Void
    ) {
        if skipped > 0 {
            skipped -= 1
            return
        }
        if let since = request.since, partial.time < since.nanoseconds { return }
        emit(stream, partial.time, partial.bytes)
    }
}

extension Containers {
    /// Passes on a container's log, line by line, with the stream and the time at which each line began.
    ///
    /// With `follow` it returns when the container has ended or `until` is past.
    package func logs(
        _ record: ContainerRecord, _ request: LogRequest, name: String,
        emit: (LogRecord.Stream, Int64, [UInt8]) -> Void
    ) throws(BoxFailure) {
        let directory: Directory
        do { directory = try record.directory.directory("log") } catch {
            throw BoxFailure(error, "read the log of", name)
        }
        var reader = LogReader(directory)
        var skipping = 0
        if let tail = request.tail { skipping = reader.seekToTail(lines: tail) }
        if request.tail == 0 && !request.follow { return }
        var lines = LogLines(request, skipping: skipping)
        while true {
            // Looked at first: what was written before the end is then surely read.
            let ended = !request.follow || !store.isMonitored(record.id)
            while let next = reader.next() {
                guard lines.take(next, emit) else { return }
            }
            if request.follow { lines.flush(emit) }
            if ended { break }
            if let until = request.until, SystemClock.now > until.nanoseconds { return }
            SystemClock.sleep(milliseconds: 20)
        }
        lines.flush(emit)
    }
}
