internal import BoxSystem
internal import CBoxSys

/// A pipe that carries bytes from one socket to another inside the kernel (splice(2)).
final class RelayPipe {
    let reader: OwnedFD
    let writer: OwnedFD
    /// Bytes it takes at most; fewer where they come in small pieces.
    let capacity: Int

    init(capacity wanted: Int) throws(SystemFailure) {
        let ends = try Pipe(nonBlocking: true).ends()
        reader = OwnedFD(adopting: ends.reader)
        writer = OwnedFD(adopting: ends.writer)
        // Unprivileged users have a limit for all their pipes (pipe(7)); then the default of 64 KiB serves.
        let got = box_set_pipe_size(ends.writer, CInt(wanted))
        capacity = got > 0 ? Int(got) : 65536
    }
}

/// Pipes that are empty and wait for the next connection that has something to say.
///
/// A connection holds a pipe only while there are bytes in it, so idle ones cost no more than their two sockets.
final class RelayPipePool {
    private var free: [RelayPipe] = []
    private var inUse = 0

    func take() throws(SystemFailure) -> RelayPipe {
        inUse += 1
        if let pipe = free.popLast() { return pipe }
        do {
            // Many slow readers at once must not fill the kernel's memory with what waits for them.
            return try RelayPipe(capacity: inUse > 64 ? 65536 : 1 << 20)
        } catch {
            inUse -= 1
            throw error
        }
    }

    /// - Parameter pipe: must be empty, else `drop()` is due.
    func give(_ pipe: RelayPipe) {
        inUse -= 1
        if free.count < 8 { free.append(pipe) }
    }

    /// Counts a pipe off that went with its content.
    func drop() { inUse -= 1 }
}
