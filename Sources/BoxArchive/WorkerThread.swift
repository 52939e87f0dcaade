internal import BoxModel
internal import Glibc

/// A thread of our own: unpacking blocks for long, which the threads of Swift concurrency must not.
///
/// All signals are blocked in it, so that handlers and signalfd(2) stay with the first thread and a write into a
/// pipe without a reader fails with EPIPE instead of ending the process (pipe(7)).
final class WorkerThread {
    private var thread = pthread_t()
    private var isRunning = false

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    init(_ run: @escaping @Sendable () -> Void) throws(BoxFailure) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        let body = Unmanaged.passRetained(Body(run))
        // The start routine returns instead of calling pthread_exit(3), which would unwind the stack.
        let failed = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        pthread_sigmask(SIG_SETMASK, &before, nil)
        guard failed == 0 else {
            body.release()
            throw BoxFailure(
                .exhausted, "start a thread", reason: String(cString: strerror(failed)), errno: failed)
        }
        isRunning = true
    }

    /// Waits until the thread has ended; a second call does nothing.
    func join() {
        guard isRunning else { return }
        pthread_join(thread, nil)
        isRunning = false
    }

    deinit {
        join()
    }
}
