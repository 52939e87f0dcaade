package import BoxModel

/// `--security-opt`, taken apart.
package struct SecurityOptions: Hashable, Sendable {
    package enum Seccomp: Hashable, Sendable {
        case builtIn
        case unconfined
        case file(String)
    }

    package private(set) var noNewPrivileges = false
    package private(set) var seccomp = Seccomp.builtIn
    package private(set) var unmasksSystemPaths = false

    /// Options that were checked before; see ``check(_:)``.
    package init(_ options: [String]) {
        for option in options {
            let (key, value) = Self.split(option)
            switch key {
            case "no-new-privileges": noNewPrivileges = value != "false"
            case "seccomp":
                seccomp = value == "unconfined" ? .unconfined : value == "builtin" ? .builtIn : .file(value)
            case "systempaths": unmasksSystemPaths = value == "unconfined"
            default: break
            }
        }
    }

    /// Refuses what would silently be without effect.
    package static func check(_ options: [String]) throws(BoxFailure) {
        for option in options {
            let (key, value) = split(option)
            switch key {
            case "no-new-privileges" where ["", "true", "false"].contains(value): continue
            case "seccomp" where !value.isEmpty: continue
            case "systempaths" where value == "unconfined": continue
            case "label" where value == "disable", "apparmor" where value == "unconfined": continue
            case "label", "apparmor":
                throw BoxFailure(
                    .unsupported, "use --security-opt", option, reason: "box does not apply \(key) profiles yet",
                    hint: "only \(key == "label" ? "label=disable" : "apparmor=unconfined") is accepted")
            default:
                throw BoxFailure(
                    .invalid, "use --security-opt", option, reason: "no such option or value",
                    hint: "known are no-new-privileges, seccomp=FILE|unconfined|builtin, systempaths=unconfined")
            }
        }
    }

    /// Docker takes `key=value` and the older `key:value`.
    private static func split(_ option: String) -> (key: String, value: String) {
        guard let index = option.firstIndex(where: { $0 == "=" || $0 == ":" }) else { return (option, "") }
        return (String(option[..<index]), String(option[option.index(after: index)...]))
    }
}
