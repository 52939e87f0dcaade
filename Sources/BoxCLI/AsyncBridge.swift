internal import BoxModel
internal import BoxSystem
internal import Synchronization

/// The one place where the synchronous program waits for asynchronous work (pulls).
///
/// An asynchronous `main` would move this code to another thread, which namespaces and signals do not bear, and cost
/// 20 ms at its first suspension; a thread that waits for a task costs nothing.
enum AsyncBridge {
    /// Runs a task to its end.
    ///
    /// An interrupt cancels it; a second one ends the program.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(BoxFailure) -> Value
    ) throws(BoxFailure) -> Value {
        let result = Mutex<Result<Value, BoxFailure>?>(nil)
        return try withExtendedLifetime(Box(result)) { box throws(BoxFailure) in
            try wait(box, body)
        }
    }

    private static func wait<Value: Sendable>(
        _ box: Box<Value>, _ body: @escaping @Sendable () async throws(BoxFailure) -> Value
    ) throws(BoxFailure) -> Value {
        let task = Task.detached {
            let outcome: Result<Value, BoxFailure>
            do throws(BoxFailure) { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            box.finish(outcome)
        }
        var cancelled = false
        while true {
            if let outcome = box.poll(milliseconds: 50) { return try outcome.get() }
            if Interrupt.count > 0 && !cancelled {
                cancelled = true
                task.cancel()
            }
        }
    }

    private final class Box<Value: Sendable>: Sendable {
        private let result: Mutex<Result<Value, BoxFailure>?>
        private let doorbell = Doorbell()

        init(_ result: consuming Mutex<Result<Value, BoxFailure>?>) {
            self.result = result
        }

        func finish(_ outcome: Result<Value, BoxFailure>) {
            result.withLock { $0 = outcome }
            doorbell.ring()
        }

        func poll(milliseconds: Int32) -> Result<Value, BoxFailure>? {
            doorbell.wait(milliseconds: milliseconds)
            return result.withLock { $0 }
        }
    }
}
