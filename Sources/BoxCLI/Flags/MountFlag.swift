internal import BoxModel
internal import BoxTemplate

/// `-v`, `--mount` and `--tmpfs` as mounts.
enum MountFlag {
    /// `[SOURCE:]TARGET[:OPTIONS]`.
    static func volume(_ text: String, workingDirectory: String) throws(BoxFailure) -> Mount {
        func invalid(_ reason: String) -> BoxFailure {
            BoxFailure(.invalid, "use --volume", "\"\(text)\"", reason: reason, hint: "write [SOURCE:]TARGET[:OPTIONS]")
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw invalid(parts.count > 3 ? "it has too many parts" : "a part of it is empty")
        }
        let target = parts.count == 1 ? parts[0] : parts[1]
        try checkTarget(target, { reason throws(BoxFailure) in throw invalid(reason) })
        var mount: Mount
        if parts.count == 1 {
            mount = Mount(.volume, source: "", destination: target)
            mount.anonymous = true
        } else if parts[0].hasPrefix("/") {
            mount = Mount(.bind, source: parts[0], destination: target)
            mount.createsSource = true
        } else if parts[0].hasPrefix(".") || parts[0].hasPrefix("~") {
            mount = Mount(.bind, source: absolute(parts[0], in: workingDirectory), destination: target)
            mount.createsSource = true
        } else {
            mount = Mount(.volume, source: try volumeName(parts[0]), destination: target)
        }
        for option in parts.count == 3 ? parts[2].split(separator: ",").map(String.init) : [] {
            if let propagation = Mount.Propagation(rawValue: option) {
                guard mount.kind == .bind else { throw invalid("\(option) is for folders of the host only") }
                mount.propagation = propagation
                continue
            }
            switch option {
            case "ro", "readonly": mount.readOnly = true
            case "rw": mount.readOnly = false
            case "nocopy": mount.noCopy = true
            // SELinux labels and the consistency words of Docker Desktop mean nothing on this file system.
            case "z", "Z", "consistent", "cached", "delegated": break
            default: throw invalid("\"\(option)\" is no option of a volume")
            }
        }
        return mount
    }

    /// `type=…,source=…,target=…`.
    static func mount(_ text: String, workingDirectory: String) throws(BoxFailure) -> Mount {
        func invalid(_ reason: String) -> BoxFailure {
            BoxFailure(
                .invalid, "use --mount", "\"\(text)\"", reason: reason,
                hint: "write type=bind|volume|tmpfs,source=SOURCE,target=TARGET")
        }
        var kind = Mount.Kind.volume
        var mount = Mount(.volume, source: "", destination: "")
        for field in try CommaList.fields(text) {
            let key = String(field.prefix { $0 != "=" }).lowercased()
            let hasValue = field.contains("=")
            let value = hasValue ? String(field[field.index(field.startIndex, offsetBy: key.count + 1)...]) : ""
            func flag() throws(BoxFailure) -> Bool {
                switch value {
                case "" where !hasValue, "true", "1": true
                case "false", "0": false
                default: throw invalid("\(key) is true or false, not \"\(value)\"")
                }
            }
            switch key {
            case "type":
                guard let known = Mount.Kind(rawValue: value) else {
                    throw invalid("\"\(value)\" is no type that box mounts")
                }
                kind = known
            case "source", "src": mount.source = value
            case "target", "dst", "destination": mount.destination = value
            case "readonly", "ro": mount.readOnly = try flag()
            case "bind-propagation":
                guard let propagation = Mount.Propagation(rawValue: value) else {
                    throw invalid("\"\(value)\" is no propagation")
                }
                mount.propagation = propagation
            case "bind-nonrecursive": mount.nonRecursive = try flag()
            case "bind-recursive":
                switch value {
                case "enabled": break
                case "disabled": mount.nonRecursive = true
                case "writable": mount.nonRecursiveReadOnly = true
                case "readonly": mount.readOnly = true
                default: throw invalid("bind-recursive is enabled, disabled, writable or readonly")
                }
            case "volume-nocopy": mount.noCopy = try flag()
            case "volume-subpath": mount.volumeSubpath = value
            case "volume-label":
                let name = String(value.prefix { $0 != "=" })
                mount.volumeLabels[name] = String(value.dropFirst(name.count + 1))
            case "tmpfs-size": mount.tmpfsOptions.append("size=\(try SizeFlag.bytes(value, flag: "tmpfs-size"))")
            case "tmpfs-mode": mount.tmpfsOptions.append("mode=\(value)")
            case "consistency": break
            default:
                let known = ["type", "source", "target", "readonly", "bind-propagation", "volume-nocopy", "tmpfs-size"]
                let near = nearest(to: key, in: known).map { ", did you mean \($0)" } ?? ""
                throw invalid("\"\(key)\" is no key of --mount\(near)")
            }
        }
        mount.kind = kind
        try checkTarget(mount.destination, { reason throws(BoxFailure) in throw invalid(reason) })
        switch kind {
        case .bind:
            guard !mount.source.isEmpty else { throw invalid("a bind mount needs a source") }
            mount.source = absolute(mount.source, in: workingDirectory)
        case .volume:
            if mount.source.isEmpty { mount.anonymous = true } else { mount.source = try volumeName(mount.source) }
        case .tmpfs:
            guard mount.source.isEmpty else { throw invalid("a tmpfs has no source") }
        }
        return mount
    }

    /// `TARGET[:OPTIONS]`.
    static func tmpfs(_ text: String) throws(BoxFailure) -> Mount {
        let target = String(text.prefix { $0 != ":" })
        var mount = Mount(.tmpfs, source: "", destination: target)
        try checkTarget(target) { reason throws(BoxFailure) in
            throw BoxFailure(.invalid, "use --tmpfs", "\"\(text)\"", reason: reason, hint: "write TARGET[:OPTIONS]")
        }
        let known: Set<String> = [
            "rw", "ro", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "size", "mode", "uid", "gid", "nr_inodes",
            "nr_blocks", "huge", "relatime", "noatime", "strictatime",
        ]
        for option in text.dropFirst(target.count + 1).split(separator: ",").map(String.init) {
            guard known.contains(String(option.prefix { $0 != "=" })) else {
                throw BoxFailure(
                    .invalid, "use --tmpfs", "\"\(text)\"", reason: "\"\(option)\" is no option of a tmpfs")
            }
            if option == "ro" { mount.readOnly = true } else { mount.tmpfsOptions.append(option) }
        }
        return mount
    }

    private static func checkTarget(
        _ target: String, _ fail: (String) throws(BoxFailure) -> Void
    ) throws(BoxFailure) {
        if target.isEmpty { try fail("the target is missing") }
        if !target.hasPrefix("/") { try fail("the target \"\(target)\" is not absolute") }
        if target.split(separator: "/").filter({ $0 != "." }).isEmpty { try fail("the target cannot be the root") }
    }

    private static func volumeName(_ text: String) throws(BoxFailure) -> String {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first.isAlphanumericByte, bytes.count <= 255,
            bytes.allSatisfy({ $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
        else {
            throw BoxFailure(
                .invalid, "use the volume name", "\"\(text)\"", reason: "only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed",
                hint: "to bind a folder of the host, write an absolute path or ./\(text)")
        }
        return text
    }

    private static func absolute(_ path: String, in workingDirectory: String) -> String {
        path.hasPrefix("/") ? path : workingDirectory + "/" + path
    }
}
