internal import BoxModel
internal import Glibc

/// A bounded queue of byte chunks between one producing and one consuming thread; nothing is copied in it.
///
/// `@unchecked Sendable`: every mutable field is only touched with `mutex` held, and a buffer belongs to the side
/// that took it.
final class ChunkQueue: @unchecked Sendable {
    /// A multiple of a tar block, so that no header lies across two chunks.
    static let chunkSize = 256 * 1024
    private static let chunkCount = 8

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: chunkSize * chunkCount, alignment: 4096)
    private var filled: [Int] = []
    private var taken = 0
    private var returned = 0
    private var consumed = 0
    private var isFinished = false
    private var isCancelled = false
    private var failure: BoxFailure?

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        filled = [Int](repeating: 0, count: Self.chunkCount)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
        memory.deallocate()
    }

    private func buffer(_ number: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: memory + (number % Self.chunkCount) * Self.chunkSize, count: Self.chunkSize)
    }

    // MARK: Producing

    /// Waits for an empty buffer; nil once the consumer has cancelled.
    func emptyBuffer() -> UnsafeMutableRawBufferPointer? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while taken - returned == Self.chunkCount && !isCancelled { pthread_cond_wait(changed, mutex) }
        return isCancelled ? nil : buffer(taken)
    }

    /// Hands the buffer of the last ``emptyBuffer()`` over.
    func push(count: Int) {
        pthread_mutex_lock(mutex)
        filled[taken % Self.chunkCount] = count
        taken += 1
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Ends the stream, after what was pushed so far.
    func finish(_ failure: BoxFailure? = nil) {
        pthread_mutex_lock(mutex)
        isFinished = true
        self.failure = failure
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
    }

    // MARK: Consuming

    /// The next chunk, valid until the next call; nil at the end.
    func next() throws(BoxFailure) -> UnsafeRawBufferPointer? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if returned < consumed {
            returned = consumed
            pthread_cond_signal(changed)
        }
        while consumed == taken && !isFinished { pthread_cond_wait(changed, mutex) }
        if consumed < taken {
            consumed += 1
            return UnsafeRawBufferPointer(rebasing: buffer(consumed - 1)[..<filled[(consumed - 1) % Self.chunkCount]])
        }
        if let failure { throw failure }
        return nil
    }

    /// Makes the producer stop at its next buffer.
    func cancel() {
        pthread_mutex_lock(mutex)
        isCancelled = true
        pthread_cond_signal(changed)
        pthread_mutex_unlock(mutex)
    }
}
