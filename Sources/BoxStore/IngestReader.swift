package import BoxModel
internal import BoxSystem

/// Follows a part file while it grows: the file is the pipe between the network and the unpacker, so that neither
/// waits for the other longer than it must and nothing is buffered twice.
package struct IngestReader: Sendable {
    private let ingest: Ingest
    private var offset: Int64 = 0

    init(_ ingest: Ingest) {
        self.ingest = ingest
    }

    /// Reads what is there, waiting until something is.
    ///
    /// - Returns: 0 at the end.
    /// - Throws: the writer's failure once everything that arrived before it was read.
    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        guard !buffer.isEmpty else { return 0 }
        let offset = self.offset
        let digest = "\(ingest.digest)"
        let next: Result<Int64, BoxFailure> = ingest.progress.wait { state in
            if state.readersStopped {
                return .failure(BoxFailure(.cancelled, "read the blob", digest, reason: "nobody wants the rest"))
            }
            if state.available > offset { return .success(state.available - offset) }
            if let failure = state.failure { return .failure(failure) }
            return state.ended ? .success(0) : nil
        }
        let ready = try next.get()
        if ready == 0 { return 0 }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, Int(ready))])
        let count = try storing("read the blob", "\(ingest.digest)") { () throws(SystemFailure) in
            try ingest.file.read(into: room, at: offset, "")
        }
        self.offset += Int64(count)
        return count
    }

    /// Ends reads that wait, and all later ones, while the writer goes on.
    package func stop() {
        ingest.progress.change { $0.readersStopped = true }
    }
}
