internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension RootSetup {
    private static let defaultDevices = [
        RuntimeSpec.Device(path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666),
        RuntimeSpec.Device(path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 0o666),
        RuntimeSpec.Device(path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 0o666),
        RuntimeSpec.Device(path: "/dev/random", type: "c", major: 1, minor: 8, fileMode: 0o666),
        RuntimeSpec.Device(path: "/dev/urandom", type: "c", major: 1, minor: 9, fileMode: 0o666),
        RuntimeSpec.Device(path: "/dev/tty", type: "c", major: 5, minor: 0, fileMode: 0o666),
    ]

    private static let links = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("core", "/proc/kcore"), ("ptmx", "pts/ptmx"),
    ]

    /// Whether `/dev` is the specification's own tmpfs and not the image's or the host's directory.
    private var hasOwnDev: Bool {
        spec.mounts.contains {
            $0.type == "tmpfs" && $0.destination.split(separator: "/").map(String.init) == ["dev"]
        }
    }

    /// Fills `/dev` and finds a null device that is one.
    mutating func makeDevices() throws(LaunchFailure) {
        do {
            if hasOwnDev {
                let dev = try tree.open("/dev", flags: CInt(BOX_O_PATH) | O_DIRECTORY, following: false)
                for device in Self.defaultDevices { try make(device, in: dev, String(device.path.dropFirst(5))) }
                for (name, target) in Self.links {
                    let result = box_symlinkat(target, dev.raw, name)
                    if result != -EEXIST { try check(result, "symlink", "/dev/\(name)") }
                }
            }
            for device in spec.linux.devices ?? [] {
                let parts = device.path.split(separator: "/").map(String.init)
                guard device.path.hasPrefix("/"), let name = parts.last, !parts.contains("..") else {
                    throw LaunchFailure(.device, device.path, "the path must be absolute")
                }
                let made = try tree.make("/" + parts.dropLast().joined(separator: "/"), .directory(mode: 0o755))
                try make(device, in: OwnedFD(adopting: made.place), name)
            }
            null = try openNull()
        } catch {
            throw LaunchFailure(error, .device)
        }
    }

    private func make(
        _ device: RuntimeSpec.Device, in folder: borrowing OwnedFD, _ name: String
    ) throws(LaunchFailure) {
        let kinds: [String: UInt32] = ["c": 0o020000, "u": 0o020000, "b": 0o060000, "p": 0o010000]
        guard let kind = kinds[device.type] else {
            throw LaunchFailure(.device, device.path, "there is no device type \(device.type)")
        }
        let number = box_makedev(UInt32(truncatingIfNeeded: device.major), UInt32(truncatingIfNeeded: device.minor))
        if isInUserNamespace && device.type != "p" {
            return try bindHostDevice(device, number, in: folder, name)
        }
        do {
            let result = box_mknodat(folder.raw, name, kind | (device.fileMode ?? 0o666), number)
            if result == -EEXIST {
                var raw = stat()
                try check(box_fstatat(folder.raw, name, &raw, AT_SYMLINK_NOFOLLOW), "stat", device.path)
                guard raw.st_mode & 0o170000 == kind, device.type == "p" || raw.st_rdev == number else {
                    throw LaunchFailure(.device, device.path, "something else is there already", errno: EEXIST)
                }
                return
            }
            try check(result, "mknod", device.path)
            if let uid = device.uid, let gid = device.gid, uid != 0 || gid != 0 {
                try check(box_fchownat(folder.raw, name, uid, gid, AT_SYMLINK_NOFOLLOW), "chown", device.path)
            }
        } catch {
            throw LaunchFailure(error, .device, device.path)
        }
    }

    /// The host's node instead of an own one, where mknod(2) is not allowed.
    private func bindHostDevice(
        _ device: RuntimeSpec.Device, _ number: UInt64, in folder: borrowing OwnedFD, _ name: String
    ) throws(LaunchFailure) {
        let kind = device.type == "b" ? "block" : "char"
        var source = try? Self.cloneTree(device.path, recursive: false)
        if Self.number(of: source) != number {
            source = try Self.cloneTree("/dev/\(kind)/\(device.major):\(device.minor)", recursive: false)
        }
        guard let found = source, try Self.isDevice(found, number) else {
            throw LaunchFailure(.device, device.path, "the host has no node for it")
        }
        let made = box_open(folder.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666)
        if made >= 0 { _ = box_close(made) } else if made != -EEXIST { try attempt(made, .device, "open", device.path) }
        let place = OwnedFD(
            adopting: try attempt(
                box_open(folder.raw, name, CInt(BOX_O_PATH) | O_NOFOLLOW, 0), .device, "open", device.path))
        let flags = UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)
        try attempt(box_move_mount(found.raw, "", place.raw, "", flags), .device, "move_mount", device.path)
    }

    private static func number(of fd: borrowing OwnedFD?) -> UInt64? {
        switch fd {
        case .some(let fd): return (try? fd.status())?.specialDevice
        case .none: return nil
        }
    }

    private static func isDevice(_ fd: borrowing OwnedFD, _ number: UInt64) throws(LaunchFailure) -> Bool {
        do {
            let status = try fd.status()
            return (status.kind == .characterDevice || status.kind == .blockDevice) && status.specialDevice == number
        } catch {
            throw LaunchFailure(error, .device)
        }
    }

    /// The container's `/dev/null` where it is one, else the host's.
    ///
    /// What an image calls `/dev/null` may be anything (CVE-2025-31133).
    private func openNull() throws(SystemFailure) -> CInt {
        let number = box_makedev(1, 3)
        if hasOwnDev, let own = try? tree.open("/dev/null", flags: CInt(BOX_O_PATH), following: false),
            let status = try? own.status(), status.kind == .characterDevice, status.specialDevice == number
        {
            return own.release()
        }
        let host = OwnedFD(
            adopting: try check(box_open(AT_FDCWD, "/dev/null", CInt(BOX_O_PATH), 0), "open", "/dev/null"))
        let status = try host.status(subject: "/dev/null")
        guard status.kind == .characterDevice, status.specialDevice == number else {
            throw SystemFailure("open", "/dev/null", errno: .noSuchAddressOrDevice)
        }
        return host.release()
    }
}
