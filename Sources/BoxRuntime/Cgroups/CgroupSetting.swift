internal import BoxModel
internal import BoxSystem
internal import Glibc
internal import SystemPackage

/// One value for one control file, with the words for when the kernel refuses it.
struct CgroupSetting: Equatable {
    /// The controller whose file it is.
    let controller: String
    let file: String
    let value: String
    /// What is limited, as in "limit the …".
    let subject: String
    /// What the kernel takes, where that can be said beforehand.
    let range: String?

    init(_ controller: String, _ file: String, _ value: String, subject: String, range: String? = nil) {
        self.controller = controller
        self.file = file
        self.value = value
        self.subject = subject
        self.range = range
    }

    func write(in folder: CgroupFolder) throws(BoxFailure) {
        do { try folder.write(file, value) } catch { throw failure(error, folder: folder) }
    }

    func failure(_ failure: SystemFailure, folder: CgroupFolder) -> BoxFailure {
        switch failure.errno.rawValue {
        case ENOENT, EOPNOTSUPP:
            missing(hint: nil)
        case EINVAL, ERANGE:
            BoxFailure(
                .invalid, "limit the \(subject) to", value, reason: "the kernel refuses the value for \(file)",
                hint: range.map { "allowed is \($0)" }, errno: failure.errno.rawValue)
        case EBUSY:
            BoxFailure(
                .conflict, "limit the \(subject) to", value, reason: "the container uses more than that already",
                hint: "stop it first, or choose a higher limit", errno: failure.errno.rawValue)
        default:
            BoxFailure(failure, "limit the \(subject) to", value)
        }
    }

    /// The failure for a controller that is not there.
    func missing(hint: String?) -> BoxFailure {
        BoxFailure(
            .unsupported, "limit the \(subject)",
            reason: "the cgroup controller `\(controller)` is missing or has no \(file)",
            hint: hint ?? "leave the limit out, or use a kernel that has it")
    }
}

/// Refuses values that the kernel would silently clamp or refuse without a reason.
enum CgroupRange {
    static func check<Number: BinaryInteger & Sendable>(
        _ value: Number, _ range: ClosedRange<Number>, _ subject: String, unit: String = ""
    ) throws(BoxFailure) {
        guard !range.contains(value) else { return }
        throw BoxFailure(
            .invalid, "limit the \(subject) to", "\(value)\(unit)", reason: "it is out of range",
            hint: "allowed is \(range.lowerBound) to \(range.upperBound)\(unit)")
    }

    static func check(_ resources: RuntimeSpec.Resources) throws(BoxFailure) {
        // -1 is unlimited, 0 is "not set" for Docker's clients.
        for (bytes, subject) in [
            (resources.memory?.limit, "memory"), (resources.memory?.swap, "memory and swap"),
            (resources.memory?.reservation, "reserved memory"),
        ] {
            if let bytes { try check(bytes, -1...Int64.max, subject, unit: " bytes") }
        }
        if let memory = resources.memory, let limit = memory.limit, let swap = memory.swap, limit > 0, swap > 0,
            swap < limit
        {
            throw BoxFailure(
                .invalid, "limit the memory and swap to", "\(swap) bytes",
                reason: "that is less than the \(limit) bytes of memory alone",
                hint: "the swap limit counts memory and swap together")
        }
        if let swappiness = resources.memory?.swappiness { try check(swappiness, 0...100, "swappiness") }
        if let cpu = resources.cpu {
            // 0 is "not set"; below 2 and above 2^18 the kernel clamps.
            if let shares = cpu.shares, shares != 0 { try check(shares, 2...262_144, "CPU shares") }
            if let period = cpu.period, period != 0 { try check(period, 1000...1_000_000, "CPU period", unit: " µs") }
            if let quota = cpu.quota, quota > 0 { try check(quota, 1000...Int64.max / 1000, "CPU quota", unit: " µs") }
        }
        // PID_MAX_LIMIT of 64-bit kernels.
        if let limit = resources.pids?.limit { try check(limit, -1...4_194_304, "number of processes") }
        if let weight = resources.blockIO?.weight, weight != 0 { try check(weight, 10...1000, "block I/O weight") }
    }
}
