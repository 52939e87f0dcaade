internal import CBoxSys
internal import Glibc

/// Starts a thread of our own that ends with the closure; for blocking work that no task may do.
///
/// - Returns: false where the system refuses another thread.
package func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let context = Unmanaged.passRetained(ThreadBody(body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
    // Decoders keep tables on their stack and call back into Swift; the default of 8 MiB is only address space.
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { raw in
            guard let raw else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue().body()
            return nil
        }, context.toOpaque())
    if result != 0 { context.release() }
    return result == 0
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}

/// Applies a closure to all elements on up to `width` threads and waits for all of them.
func concurrently<Element: Sendable, Value: Sendable>(
    _ elements: [Element], width: Int, _ body: @escaping @Sendable (Element) -> Value
) -> [Value] {
    let work = Guarded(SharedWork<Value>(count: elements.count))
    let drain: @Sendable () -> Void = {
        while true {
            let index = work.change { state in
                defer { state.next += 1 }
                return state.next
            }
            guard index < elements.count else { return }
            let value = body(elements[index])
            work.change {
                $0.values[index] = value
                $0.finished += 1
            }
        }
    }
    for _ in 1..<max(1, min(width, elements.count)) { _ = startThread(drain) }
    drain()
    return work.wait { $0.finished == elements.count ? $0.values.compactMap { $0 } : nil }
}

private struct SharedWork<Value: Sendable>: Sendable {
    var next = 0
    var finished = 0
    var values: [Value?]

    init(count: Int) {
        values = Array(repeating: nil, count: count)
    }
}
