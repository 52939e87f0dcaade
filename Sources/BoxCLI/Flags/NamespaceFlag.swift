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

/// `--network` and `--dns`.
enum NetworkFlag {
    static func mode(_ texts: [String], _ containers: Containers) throws(BoxFailure) -> NetworkMode {
        guard let text = texts.first else { return .isolated }
        guard texts.count == 1 else {
            throw BoxFailure(
                .unsupported, "use --network", texts.joined(separator: ", "), reason: "box joins one network only yet")
        }
        switch text {
        case "none": return .none
        case "host": return .host
        case "default", "": return .isolated
        default: break
        }
        if text.hasPrefix("container:") { return .container(try containers.find(String(text.dropFirst(10))).id) }
        throw BoxFailure(
            .unsupported, "use --network", "\"\(text)\"", reason: "box has no networks of its own yet",
            hint: "choose none, host or container:NAME")
    }

    static func server(_ text: String) throws(BoxFailure) -> String {
        guard InternetAddress.isValid(text) else {
            throw BoxFailure(.invalid, "use --dns", "\"\(text)\"", reason: "it is no IP address")
        }
        return text
    }
}

/// `--platform`.
enum PlatformFlag {
    static func platform(_ text: String) throws(BoxFailure) -> Platform {
        guard let platform = Platform(text) else {
            throw BoxFailure(
                .invalid, "use --platform", "\"\(text)\"", reason: "it is no platform",
                hint: "write os/arch[/variant], e.g. linux/arm64")
        }
        return platform
    }
}
