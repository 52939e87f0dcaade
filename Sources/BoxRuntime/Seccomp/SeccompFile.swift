package import BoxModel
internal import BoxSystem
internal import CBoxSys

extension SeccompProfile {
    /// Reads the file of `--security-opt seccomp=FILE`: Docker's profile format with its conditions, or the plain
    /// form of the runtime specification.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - source: the name to show in a failure.
    ///   - capabilities: the bounding set of the container, which conditions look at.
    ///   - kernel: release as uname(2) gives it; nil is the running one.
    /// - Returns: nil where the file asks for no filter at all.
    package static func parse(
        _ bytes: [UInt8], source: String, capabilities: CapabilitySet,
        architecture: String = Platform.current.architecture, kernel: String? = nil
    ) throws(BoxFailure) -> RuntimeSpec.Seccomp? {
        let document: JSON
        do { document = try JSON(parsing: bytes) } catch {
            throw BoxFailure(.invalid, "read the seccomp profile", source, reason: error.description)
        }
        let reader = SeccompFile(
            source: source, capabilities: capabilities, architecture: architecture, kernel: kernel ?? runningKernel())
        return try reader.profile(document)
    }

    private static func runningKernel() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4 * 65) { buffer in
            guard let base = buffer.baseAddress, box_uname(base, base + 65, base + 130, base + 195, 65) >= 0 else {
                return ""
            }
            return String(cString: base + 130)
        }
    }
}

/// One reading of a profile file.
private struct SeccompFile {
    let source: String
    let capabilities: CapabilitySet
    let architecture: String
    let kernel: String

    func profile(_ document: JSON) throws(BoxFailure) -> RuntimeSpec.Seccomp? {
        guard document.objectValue != nil else { throw invalid("it is not a JSON object") }
        let entries = try list(document["syscalls"], "syscalls")
        guard let action = document["defaultAction"]?.stringValue, !action.isEmpty else {
            // Docker: neither a default nor rules means no filter.
            if entries.isEmpty { return nil }
            throw invalid("it has no defaultAction")
        }
        try check(action: action)
        var profile = RuntimeSpec.Seccomp(defaultAction: action)
        profile.defaultErrnoRet = try number(document["defaultErrnoRet"], "defaultErrnoRet")
        profile.architectures = try architectures(document)
        profile.flags = document["flags"]?.stringArray
        if let path = document["listenerPath"]?.stringValue, !path.isEmpty {
            throw BoxFailure(
                .unsupported, "use the seccomp profile", source, reason: "it wants a listener (listenerPath)",
                hint: "use a profile without SCMP_ACT_NOTIFY")
        }
        var rules: [RuntimeSpec.Seccomp.Rule] = []
        for entry in entries {
            if let rule = try rule(entry) { rules.append(rule) }
        }
        profile.syscalls = rules
        return profile
    }

    private func architectures(_ document: JSON) throws(BoxFailure) -> [String]? {
        let plain = document["architectures"]?.stringArray ?? []
        let map = try list(document["archMap"], "archMap")
        if !plain.isEmpty && !map.isEmpty { throw invalid("it has both architectures and archMap; use one of them") }
        if !plain.isEmpty { return plain }
        let native = architecture == "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64"
        guard let entry = map.first(where: { $0["architecture"]?.stringValue == native }) else { return nil }
        return [native] + (entry["subArchitectures"]?.stringArray ?? [])
    }

    private func rule(_ entry: JSON) throws(BoxFailure) -> RuntimeSpec.Seccomp.Rule? {
        var names = entry["names"]?.stringArray ?? []
        if let name = entry["name"]?.stringValue, !name.isEmpty {
            guard names.isEmpty else { throw invalid("a rule has both name and names; use one of them") }
            names = [name]
        }
        guard !names.isEmpty else { throw invalid("a rule names no system call") }
        guard let action = entry["action"]?.stringValue else { throw invalid("the rule of \(names[0]) has no action") }
        try check(action: action)
        guard try applies(entry) else { return nil }
        var rule = RuntimeSpec.Seccomp.Rule(names: names, action: action)
        rule.errnoRet = try number(entry["errnoRet"], "errnoRet")
        var arguments: [RuntimeSpec.Seccomp.Argument] = []
        for argument in try list(entry["args"], "args") { arguments.append(try self.argument(argument, names[0])) }
        if !arguments.isEmpty { rule.args = arguments }
        return rule
    }

    private func argument(_ json: JSON, _ name: String) throws(BoxFailure) -> RuntimeSpec.Seccomp.Argument {
        guard let index = json["index"]?.intValue, (0...5).contains(index), let op = json["op"]?.stringValue,
            SeccompCompiler.comparison(op) != nil
        else { throw invalid("an argument of \(name) is malformed: index is 0 to 5, op one of SCMP_CMP_…") }
        return .init(
            index: UInt32(index), value: try wide(json["value"], name), valueTwo: try wide(json["valueTwo"], name),
            op: op)
    }

    /// 64-bit values; those above the signed range come as non-integers of JSON.
    private func wide(_ json: JSON?, _ name: String) throws(BoxFailure) -> UInt64 {
        guard let json, !json.isNull else { return 0 }
        if let value = json.intValue, value >= 0 { return UInt64(value) }
        if let value = json.doubleValue, let exact = UInt64(exactly: value) { return exact }
        throw invalid("an argument of \(name) has a value that is no unsigned number")
    }

    private func applies(_ entry: JSON) throws(BoxFailure) -> Bool {
        if let excludes = entry["excludes"], excludes.objectValue != nil {
            if arches(excludes).contains(architecture) { return false }
            for name in caps(excludes) where holds(name) { return false }
            if let version = excludes["minKernel"]?.stringValue, try isAtLeast(version) { return false }
        }
        if let includes = entry["includes"], includes.objectValue != nil {
            let arches = arches(includes)
            if !arches.isEmpty && !arches.contains(architecture) { return false }
            for name in caps(includes) where !holds(name) { return false }
            if let version = includes["minKernel"]?.stringValue, try !isAtLeast(version) { return false }
        }
        return true
    }

    private func arches(_ filter: JSON) -> [String] { filter["arches"]?.stringArray ?? [] }
    private func caps(_ filter: JSON) -> [String] { filter["caps"]?.stringArray ?? [] }

    /// A capability of the future is one the container does not have.
    private func holds(_ name: String) -> Bool {
        Capability(name: name).map { capabilities.contains($0) } ?? false
    }

    private func isAtLeast(_ version: String) throws(BoxFailure) -> Bool {
        guard let wanted = Self.twoNumbers(version) else {
            throw invalid("minKernel \(version) is not a kernel version")
        }
        guard let running = Self.twoNumbers(kernel) else { return true }
        return running >= wanted
    }

    private static func twoNumbers(_ text: String) -> (Int, Int)? {
        let parts = text.split(separator: ".", maxSplits: 2)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else {
            return nil
        }
        return (major, minor)
    }

    private func check(action: String) throws(BoxFailure) {
        guard SeccompCompiler.action(action, errno: 1) != nil else {
            throw BoxFailure(
                .unsupported, "use the seccomp profile", source, reason: "the action \(action) is not supported",
                hint: "use SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_LOG, SCMP_ACT_TRAP or SCMP_ACT_KILL_PROCESS")
        }
    }

    private func number(_ json: JSON?, _ field: String) throws(BoxFailure) -> UInt32? {
        guard let json, !json.isNull else { return nil }
        guard let value = json.intValue, (0...4095).contains(value) else {
            throw invalid("\(field) is not an error number")
        }
        return UInt32(value)
    }

    private func list(_ json: JSON?, _ field: String) throws(BoxFailure) -> [JSON] {
        guard let json, !json.isNull else { return [] }
        guard let values = json.arrayValue else { throw invalid("\(field) is not a list") }
        return values
    }

    private func invalid(_ reason: String) -> BoxFailure {
        BoxFailure(
            .invalid, "read the seccomp profile", source, reason: reason,
            hint: "the format is that of Docker's default.json")
    }
}
