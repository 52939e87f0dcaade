internal import BoxSystem

/// The right to write to the store, as long as it lives: a shared lock that keeps the collector from taking away what
/// is written but not referenced yet.
///
/// The kernel drops it with a killed process.
///
/// Hold it for a whole operation (a pull, the creation of a container) and no longer: not while a container runs.
package struct StoreLease: ~Copyable, Sendable {
    private let lock: FileLock
    private let store: Store

    init(_ lock: consuming FileLock, _ store: Store) {
        self.lock = lock
        self.store = store
    }

    deinit {
        store.leaseEnded()
    }

    /// Ends the lease before its scope does.
    package consuming func end() {}
}
