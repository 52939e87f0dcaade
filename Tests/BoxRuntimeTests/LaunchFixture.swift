import BoxModel
import BoxRuntime
import Foundation
import Testing

/// What the probe reads; the same shape as in `runtime-probe`.
struct ProbeRequest: Codable {
    var plan: LaunchPlan
    var terminal: Bool?
    var seccompProgram: [UInt8]?
}

/// A container of a test: a busybox root file system as one layer, and a plan that a test changes before it runs.
final class LaunchFixture {
    static let reason: Comment = "needs root, overlayfs and /bin/busybox"
    static let isPossible = geteuid() == 0 && access("/bin/busybox", X_OK) == 0 && supportsOverlay

    private static let supportsOverlay =
        (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8))?.contains("overlay") == true

    let directory: URL
    /// The lowest layer.
    let layer: URL
    var request: ProbeRequest

    var plan: LaunchPlan {
        get { request.plan }
        set { request.plan = newValue }
    }
    var spec: RuntimeSpec {
        get { request.plan.spec }
        set { request.plan.spec = newValue }
    }

    /// Docker's capabilities.
    static let usualCapabilities = [
        "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
        "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
    ].map { "CAP_" + $0 }

    init(_ arguments: String...) throws {
        directory = URL(fileURLWithPath: NSTemporaryDirectory() + "box-launch-\(UUID().uuidString)")
        layer = directory.appendingPathComponent("base")
        for folder in ["base/bin", "base/etc", "base/tmp", "base/root", "upper", "work", "mount"] {
            try FileManager.default.createDirectory(
                at: directory.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        var spec = RuntimeSpec()
        spec.process.args = arguments
        spec.process.env = ["PATH=/usr/local/bin:/bin"]
        spec.linux.namespaces = [.init(.pid), .init(.network), .init(.mount), .init(.ipc), .init(.uts), .init(.cgroup)]
        spec.mounts = Self.usualMounts
        spec.linux.maskedPaths = [
            "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/interrupts",
        ]
        spec.linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        var capabilities = RuntimeSpec.Capabilities()
        capabilities.bounding = Self.usualCapabilities
        capabilities.permitted = Self.usualCapabilities
        capabilities.effective = Self.usualCapabilities
        spec.process.capabilities = capabilities
        let plan = LaunchPlan(
            spec: spec,
            rootfs: .overlay(
                .init(
                    layers: [layer.path], upper: directory.appendingPathComponent("upper").path,
                    work: directory.appendingPathComponent("work").path)),
            mountpoint: directory.appendingPathComponent("mount").path)
        request = ProbeRequest(plan: plan)
        try installBusybox()
        try write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n")
        try write("etc/group", "root:x:0:\nusers:x:100:alice\nalice:x:1000:\nextra:x:55:\n")
    }

    deinit {
        try? FileManager.default.removeItem(at: directory)
    }

    static let usualMounts: [RuntimeSpec.Mount] = [
        .init(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
        .init(
            destination: "/dev", type: "tmpfs", source: "tmpfs",
            options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        .init(
            destination: "/dev/pts", type: "devpts", source: "devpts",
            options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        .init(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]),
        .init(
            destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
            options: ["ro", "nosuid", "noexec", "nodev"]),
        .init(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
        .init(
            destination: "/dev/shm", type: "tmpfs", source: "shm",
            options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
    ]

    /// Writes a file of the image.
    func write(_ path: String, _ text: String, mode: Int = 0o644) throws {
        let file = layer.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    }

    func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: layer.appendingPathComponent(path).path, withDestinationPath: target)
    }

    func shell(_ script: String) {
        spec.process.args = ["/bin/sh", "-c", script]
    }

    struct Outcome {
        let status: Int32
        let output: String
        let error: String
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    func run() throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("runtime-probe")
        let input = directory.appendingPathComponent("request.json")
        let output = directory.appendingPathComponent("output")
        let error = directory.appendingPathComponent("error")
        try JSONEncoder().encode(request).write(to: input)
        for file in [output, error] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardInput = try FileHandle(forReadingFrom: input)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: error)
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            error: String(decoding: try Data(contentsOf: error), as: UTF8.self))
    }

    private func installBusybox() throws {
        let applets = [
            "sh", "cat", "echo", "ls", "id", "hostname", "mount", "grep", "sleep", "true", "kill", "stat", "readlink",
            "touch", "mkdir", "pwd", "env", "chmod", "tty", "head", "wc", "ps", "test", "ulimit", "umount", "dd",
        ]
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: layer.path + "/bin/busybox")
        for applet in applets { try link("bin/" + applet, to: "busybox") }
        // Debian's busybox is dynamic unless busybox-static is installed.
        for library in Self.libraries {
            let target = URL(fileURLWithPath: layer.path + library)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(contentsOf: URL(fileURLWithPath: library)).write(to: target)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: target.path)
        }
    }

    private static let libraries: [String] = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "ldd /bin/busybox 2>/dev/null | grep -o '/[^ ]*'"]
        let pipe = Pipe()
        process.standardOutput = pipe
        guard (try? process.run()) != nil else { return [] }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }()
}
