internal import BoxModel
internal import CBoxSys

extension RuntimeSpec.ResourceLimit {
    /// The numbers of setrlimit(2) on Linux, the same on every 64-bit machine that runs containers.
    private static let numbers: [String: CInt] = [
        "RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5,
        "RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10,
        "RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
    ]

    /// Sets the limit for the calling process.
    func apply() throws(LaunchFailure) {
        guard let number = Self.numbers[type] else { throw LaunchFailure(.limit, type, "there is no such limit") }
        guard soft <= hard else {
            throw LaunchFailure(.limit, type, "the soft limit \(soft) is above the hard limit \(hard)")
        }
        let result = box_setrlimit(number, soft, hard)
        guard result < 0 else { return }
        var currentSoft: UInt64 = 0
        var currentHard: UInt64 = 0
        // EPERM is a hard limit raised without CAP_SYS_RESOURCE (setrlimit(2)).
        let mayExplain = result == -1 && box_getrlimit(number, &currentSoft, &currentHard) == 0 && hard > currentHard
        try attempt(
            result, .limit, "setrlimit", type,
            hint: mayExplain
                ? "\(hard) is above box's own hard limit of \(currentHard), which it may not raise without"
                    + " CAP_SYS_RESOURCE; ask for at most that"
                : nil)
    }
}
