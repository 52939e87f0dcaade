internal import Glibc

/// Shared state behind a mutex, with a condition to wait for.
///
/// Unchecked: every access to `state` happens between lock and unlock of `mutex`.
final class Guarded<State>: @unchecked Sendable {
    private var state: State
    // Both are waited on by address, which must not move (pthread_cond_init(3)).
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Reads the state.
    func read<Value>(_ body: (State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(state)
    }

    /// Changes the state and wakes everybody who waits.
    func change<Value>(_ body: (inout State) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    /// Waits until the state yields a value.
    func wait<Value>(for body: (State) -> Value?) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value = body(state) { return value }
            pthread_cond_wait(condition, mutex)
        }
    }
}
