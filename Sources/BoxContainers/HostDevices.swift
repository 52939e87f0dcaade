internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Device nodes of the host that a container is given.
enum HostDevices {
    /// All nodes below `/dev`, for `--privileged`; not those that a container has of its own.
    static func all() -> [RuntimeSpec.Device] {
        var found: [RuntimeSpec.Device] = []
        walk("/dev", &found, depth: 0)
        return found
    }

    private static let skipped: Set<String> = [
        "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/console", "/dev/ptmx", "/dev/.lxc", "/dev/.udev",
    ]

    private static func walk(_ path: String, _ found: inout [RuntimeSpec.Device], depth: Int) {
        guard depth < 8, let folder = try? Directory(opening: path), let names = try? folder.names() else { return }
        for name in names.sorted() {
            let child = path + "/" + name
            guard !skipped.contains(child), let status = try? folder.status(name) else { continue }
            if status.kind == .directory {
                walk(child, &found, depth: depth + 1)
            } else if let device = device(status, path: child) {
                found.append(device)
            }
        }
    }

    private static func device(_ status: FileStatus, path: String) -> RuntimeSpec.Device? {
        let type: String
        switch status.kind {
        case .characterDevice: type = "c"
        case .blockDevice: type = "b"
        default: return nil
        }
        var device = RuntimeSpec.Device(
            path: path, type: type, major: Int64(box_major(status.specialDevice)),
            minor: Int64(box_minor(status.specialDevice)), fileMode: status.permissions)
        device.uid = status.owner
        device.gid = status.group
        return device
    }

    /// The node that `--device` names, or all nodes below the folder that it names, and the rules that allow them.
    static func find(
        _ request: DeviceRequest
    ) throws(BoxFailure) -> (devices: [RuntimeSpec.Device], rules: [RuntimeSpec.DeviceRule]) {
        var raw = stat()
        let result = box_fstatat(AT_FDCWD, request.hostPath, &raw, 0)
        guard result == 0 else {
            throw BoxFailure(
                SystemFailure("stat", request.hostPath, errno: Errno(rawValue: -result)), "use the device",
                request.hostPath)
        }
        let status = FileStatus(raw: raw)
        var devices: [RuntimeSpec.Device] = []
        if status.kind == .directory {
            walk(request.hostPath, &devices, depth: 0)
            for index in devices.indices {
                devices[index].path = request.containerPath + devices[index].path.dropFirst(request.hostPath.count)
            }
        } else if let device = device(status, path: request.containerPath) {
            devices = [device]
        }
        guard !devices.isEmpty else {
            throw BoxFailure(.invalid, "use the device", request.hostPath, reason: "it is no device node")
        }
        return (
            devices,
            devices.map {
                RuntimeSpec.DeviceRule(
                    allow: true, type: $0.type, major: $0.major, minor: $0.minor, access: request.access)
            }
        )
    }
}
