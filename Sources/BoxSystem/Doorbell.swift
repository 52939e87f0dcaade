internal import CBoxSys
internal import Glibc

/// Wakes one thread from another (eventfd(2)).
package final class Doorbell: Sendable {
    private let fd: CInt

    package init() {
        fd = box_eventfd()
    }

    deinit {
        if fd >= 0 { _ = box_close(fd) }
    }

    package func ring() {
        var one: UInt64 = 1
        _ = box_write(fd, &one, 8)
    }

    /// Waits until it rings, but no longer than the time.
    package func wait(milliseconds: Int32) {
        _ = box_poll(fd, CInt(POLLIN), milliseconds)
    }
}

/// Interrupts by the person at the terminal, counted instead of obeyed while work is under way that can be ended
/// cleanly (sigaction(2)).
package enum Interrupt {
    package static var count: Int { Int(box_interrupt_count()) }

    /// Counts the first interrupt and termination; the second ends the program as usual.
    package static func beginCounting() {
        box_count_interrupts()
    }
}
