internal import BoxContainers
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

/// `--pid`, `--ipc`, `--uts`, `--cgroupns` and `--userns`.
enum NamespaceFlag {
    /// - Parameter containers: where `container:NAME` is looked up; nil where that form does not exist.
    static func mode(
        _ flag: String, _ text: String?, allowed: [String], _ containers: Containers?
    ) throws(BoxFailure) -> NamespaceMode {
        guard let text, !text.isEmpty else { return .private }
        if let containers, text.hasPrefix("container:") {
            return .container(try containers.find(String(text.dropFirst(10))).id)
        }
        if allowed.contains(text) {
            switch text {
            case "host": return .host
            case "shareable": return .shareable
            case "none": return .none
            default: return .private
            }
        }
        let forms = containers == nil ? allowed : allowed + ["container:NAME"]
        throw BoxFailure(
            .invalid, "use --\(flag)", "\"\(text)\"", reason: "there is no such mode",
            hint: "choose \(forms.joined(separator: ", "))")
    }
}

/// `--platform`.
enum PlatformFlag {
    static func platform(_ text: String) throws(BoxFailure) -> Platform {
        guard let platform = Platform(text), platform.isKnown else {
            throw BoxFailure(
                .invalid, "use --platform", "\"\(text)\"", reason: "it is no platform",
                hint: "write os/arch[/variant], e.g. linux/arm64")
        }
        return platform
    }
}
