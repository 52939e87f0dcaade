internal import CBoxSys

/// The kernel's clocks (clock_gettime(2)).
package enum SystemClock {
    /// Nanoseconds since 1970.
    package static var now: Int64 { box_clock_ns(0) }
    /// Nanoseconds since boot without sleep; only for differences.
    package static var monotonic: Int64 { box_clock_ns(1) }

    /// Offset from UTC and abbreviation of the local time zone at an instant.
    package static func localZone(at seconds: Int64) -> (offset: Int, abbreviation: String) {
        var name = [CChar](repeating: 0, count: 16)
        let offset = box_local_offset(seconds, &name, name.count)
        return (Int(offset), String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}

/// Random bytes of the kernel (getrandom(2)).
package func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        var filled = 0
        while filled < count {
            let got = box_random(buffer.baseAddress.map { $0 + filled }, count - filled)
            // getrandom cannot fail with a valid buffer (getrandom(2)).
            precondition(got > 0, "getrandom")
            filled += got
        }
        initialized = count
    }
}

extension SystemClock {
    /// Lets some time pass (poll(2) without descriptors).
    package static func sleep(milliseconds: Int32) {
        _ = box_poll(-1, 0, milliseconds)
    }
}
