package import BoxModel

/// Which devices a container may open and make.
package enum DeviceRules {
    /// Docker's: any node may be made, but only the harmless ones and terminals be opened.
    package static let standard: [RuntimeSpec.DeviceRule] = [
        .init(allow: false, access: "rwm"),
        .init(allow: true, type: "c", access: "m"),
        .init(allow: true, type: "b", access: "m"),
        // null, zero, full, random, urandom
        .init(allow: true, type: "c", major: 1, minor: 3, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 5, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 7, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 8, access: "rwm"),
        .init(allow: true, type: "c", major: 1, minor: 9, access: "rwm"),
        // tty, console, ptmx and every pseudo-terminal
        .init(allow: true, type: "c", major: 5, minor: 0, access: "rwm"),
        .init(allow: true, type: "c", major: 5, minor: 1, access: "rwm"),
        .init(allow: true, type: "c", major: 5, minor: 2, access: "rwm"),
        .init(allow: true, type: "c", major: 136, access: "rwm"),
    ]

    /// No restriction, for `--privileged`.
    package static let everything: [RuntimeSpec.DeviceRule] = [.init(allow: true, access: "rwm")]
}

/// A device rule with everything filled in and checked.
struct DeviceMatch: Equatable {
    var allow: Bool
    /// `c`, `b`, or nil for both.
    var type: UInt8?
    /// nil is any.
    var major: UInt32?
    var minor: UInt32?
    /// The bits of `BPF_DEVCG_ACC_`: mknod 1, read 2, write 4.
    var access: UInt8

    static let anyAccess: UInt8 = 7

    init(_ rule: RuntimeSpec.DeviceRule) throws(BoxFailure) {
        allow = rule.allow
        switch rule.type {
        case "c", "u": type = UInt8(ascii: "c")
        case "b": type = UInt8(ascii: "b")
        case nil, "a", "": type = nil
        default: throw Self.invalid(rule, "the type is c, b or a")
        }
        major = try Self.number(rule.major, rule)
        minor = try Self.number(rule.minor, rule)
        access = 0
        for letter in rule.access ?? "rwm" {
            switch letter {
            case "m": access |= 1
            case "r": access |= 2
            case "w": access |= 4
            default: throw Self.invalid(rule, "access is made of r, w and m")
            }
        }
    }

    /// The whole rule as the files `devices.allow` and `devices.deny` of v1 take it.
    var legacyText: String {
        let letters = (access & 2 != 0 ? "r" : "") + (access & 4 != 0 ? "w" : "") + (access & 1 != 0 ? "m" : "")
        let kind = type.map { String(UnicodeScalar($0)) } ?? "a"
        return "\(kind) \(major.map(String.init) ?? "*"):\(minor.map(String.init) ?? "*") \(letters)"
    }

    var matchesEverything: Bool { type == nil && major == nil && minor == nil && access == Self.anyAccess }

    private static func number(_ value: Int64?, _ rule: RuntimeSpec.DeviceRule) throws(BoxFailure) -> UInt32? {
        guard let value, value != -1 else { return nil }
        guard (0...Int64(Int32.max)).contains(value) else { throw invalid(rule, "device numbers are not negative") }
        return UInt32(value)
    }

    private static func invalid(_ rule: RuntimeSpec.DeviceRule, _ hint: String) -> BoxFailure {
        let numbers = "\(rule.major.map(String.init) ?? "*"):\(rule.minor.map(String.init) ?? "*")"
        return BoxFailure(
            .invalid, "use the device rule", "\(rule.type ?? "a") \(numbers) \(rule.access ?? "rwm")",
            reason: "it is malformed", hint: hint)
    }
}
