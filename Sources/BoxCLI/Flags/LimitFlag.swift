internal import BoxModel
internal import BoxTemplate

/// `--ulimit NAME=SOFT[:HARD]`.
enum UlimitFlag {
    private static let names: [String: String] = [
        "core": "RLIMIT_CORE", "cpu": "RLIMIT_CPU", "data": "RLIMIT_DATA", "fsize": "RLIMIT_FSIZE",
        "locks": "RLIMIT_LOCKS", "memlock": "RLIMIT_MEMLOCK", "msgqueue": "RLIMIT_MSGQUEUE", "nice": "RLIMIT_NICE",
        "nofile": "RLIMIT_NOFILE", "nproc": "RLIMIT_NPROC", "rss": "RLIMIT_RSS", "rtprio": "RLIMIT_RTPRIO",
        "rttime": "RLIMIT_RTTIME", "sigpending": "RLIMIT_SIGPENDING", "stack": "RLIMIT_STACK",
    ]

    static func limit(_ text: String) throws(BoxFailure) -> RuntimeSpec.ResourceLimit {
        func invalid(_ reason: String) -> BoxFailure {
            BoxFailure(
                .invalid, "use --ulimit", "\"\(text)\"", reason: reason,
                hint: "write NAME=SOFT[:HARD], e.g. nofile=1024:2048")
        }
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw invalid("the value is missing") }
        guard let type = names[parts[0]] else {
            let near = nearest(to: parts[0], in: Array(names.keys)).map { ", did you mean \($0)" } ?? ""
            throw invalid("\"\(parts[0])\" is no limit\(near)")
        }
        let values = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        func value(_ text: Substring) throws(BoxFailure) -> UInt64 {
            if text == "-1" || text == "unlimited" { return .max }
            guard let number = UInt64(text) else { throw invalid("\"\(text)\" is no number") }
            return number
        }
        guard (1...2).contains(values.count) else { throw invalid("it has too many parts") }
        let soft = try value(values[0])
        let hard = values.count == 2 ? try value(values[1]) : soft
        guard soft <= hard else { throw invalid("the soft limit is above the hard one") }
        return RuntimeSpec.ResourceLimit(type: type, soft: soft, hard: hard)
    }
}

/// `--cpus 1.5`.
enum CPUsFlag {
    /// - Returns: nil for 0, which is no limit.
    static func nanoCPUs(_ text: String, available: Int) throws(BoxFailure) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = parts[0].isEmpty ? 0 : Int64(parts[0]), whole >= 0,
            whole < 1 << 20,
            parts.count == 1 || (parts[1].count <= 9 && parts[1].allSatisfy(\.isNumber))
        else {
            throw BoxFailure(
                .invalid, "use --cpus", "\"\(text)\"", reason: "it is no number of processors",
                hint: "write for example 1.5")
        }
        let fraction = parts.count == 2 ? Int64(parts[1] + String(repeating: "0", count: 9 - parts[1].count)) ?? 0 : 0
        let nano = whole * 1_000_000_000 + fraction
        if nano == 0 { return nil }
        guard nano >= 10_000_000, whole < Int64(available) || nano == Int64(available) * 1_000_000_000 else {
            throw BoxFailure(
                .invalid, "use --cpus", text, reason: "this machine has \(available) processors",
                hint: "choose from 0.01 to \(available)")
        }
        return nano
    }
}

/// Sizes such as `512m`.
enum SizeFlag {
    static func bytes(_ text: String, flag: String) throws(BoxFailure) -> Int64 {
        guard let bytes = try? ByteSize.parse(text), bytes >= 0 else {
            throw BoxFailure(
                .invalid, "use --\(flag)", "\"\(text)\"", reason: "it is no size",
                hint: "write a number with b, k, m or g")
        }
        return bytes
    }
}

/// `--device HOST[:TARGET[:rwm]]`.
enum DeviceFlag {
    static func device(_ text: String) throws(BoxFailure) -> DeviceRequest {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        func invalid(_ reason: String) -> BoxFailure {
            BoxFailure(.invalid, "use --device", "\"\(text)\"", reason: reason, hint: "write PATH[:TARGET[:rwm]]")
        }
        func isAccess(_ text: String) -> Bool { !text.isEmpty && text.allSatisfy { "rwm".contains($0) } }
        guard (1...3).contains(parts.count), parts[0].hasPrefix("/") else { throw invalid("the path is not absolute") }
        var target = parts[0]
        var access = "rwm"
        if parts.count == 2, isAccess(parts[1]) {
            access = parts[1]
        } else if parts.count >= 2 {
            target = parts[1]
        }
        if parts.count == 3 { access = parts[2] }
        guard target.hasPrefix("/") else { throw invalid("the target is not absolute") }
        guard isAccess(access) else { throw invalid("\"\(access)\" is not made of r, w and m") }
        return DeviceRequest(hostPath: parts[0], containerPath: target, access: access)
    }
}
