internal import CBoxSys
internal import Glibc

/// One epoll(7) set; single-threaded programs wait in it for everything at once.
package struct EventLoop: ~Copyable {
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let readable = Interest(rawValue: 0x001)
        package static let writable = Interest(rawValue: 0x004)
        package static let failed = Interest(rawValue: 0x008)
        package static let hungUp = Interest(rawValue: 0x010)
        package static let edge = Interest(rawValue: 1 << 31)
    }

    package struct Event: Sendable {
        package let token: UInt64
        package let interest: Interest
    }

    private let fd: OwnedFD
    /// The set itself, which another set can watch: it is readable when an event waits (epoll(7)).
    package var descriptor: CInt { fd.raw }

    package init() throws(SystemFailure) {
        fd = OwnedFD(adopting: try check(box_epoll_create(), "epoll_create1"))
    }

    package borrowing func add(_ raw: CInt, _ interest: Interest, token: UInt64) throws(SystemFailure) {
        try check(box_epoll_ctl(fd.raw, 1, raw, interest.rawValue, token), "epoll_ctl add")
    }

    package borrowing func change(_ raw: CInt, _ interest: Interest, token: UInt64) throws(SystemFailure) {
        try check(box_epoll_ctl(fd.raw, 3, raw, interest.rawValue, token), "epoll_ctl mod")
    }

    package borrowing func remove(_ raw: CInt) {
        _ = box_epoll_ctl(fd.raw, 2, raw, 0, 0)
    }

    /// Waits for events.
    ///
    /// - Parameter timeout: milliseconds; negative waits for ever.
    package borrowing func wait(timeout: Int32 = -1) throws(SystemFailure) -> [Event] {
        try withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 32) { interests throws(SystemFailure) in
            try withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 32) { tokens throws(SystemFailure) in
                let count = try check(
                    box_epoll_wait(fd.raw, interests.baseAddress, tokens.baseAddress, 32, timeout), "epoll_wait")
                return (0..<Int(count)).map {
                    Event(token: tokens[$0], interest: Interest(rawValue: interests[$0]))
                }
            }
        }
    }
}

/// Signals read from a descriptor instead of interrupting (signalfd(2)).
///
/// They stay blocked for the process.
package struct SignalSource: ~Copyable {
    package let fd: OwnedFD

    /// - Parameter blockAll: whether every other signal is blocked too, as a monitor wants it.
    package init(_ signals: [CInt], blockAll: Bool = false) throws(SystemFailure) {
        fd = OwnedFD(
            adopting: try check(box_signalfd(signals, CInt(signals.count), blockAll), "signalfd"))
    }

    /// The next pending signal, or nil where there is none now.
    package borrowing func next() -> CInt? {
        var signal: CInt = 0
        var pid: CInt = 0
        var status: CInt = 0
        return box_signalfd_read(fd.raw, &signal, &pid, &status) > 0 ? signal : nil
    }
}

/// A one-shot timer that is a descriptor (timerfd_create(2)).
package struct Timer: ~Copyable {
    package let fd: OwnedFD

    package init() throws(SystemFailure) {
        fd = OwnedFD(adopting: try check(box_timerfd(), "timerfd_create"))
    }

    /// Arms the timer; 0 disarms it.
    package borrowing func set(nanoseconds: Int64) {
        _ = box_timerfd_set(fd.raw, nanoseconds)
    }

    /// Takes the expiry off so that the descriptor is no longer readable.
    package borrowing func drain() {
        var count: UInt64 = 0
        _ = box_read(fd.raw, &count, 8)
    }
}
