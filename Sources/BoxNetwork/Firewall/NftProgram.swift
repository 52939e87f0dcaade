internal import BoxModel
internal import BoxSystem
internal import SystemPackage

/// The program nft(8).
struct NftProgram {
    /// Nil finds it.
    let path: String?

    private static let usualPlaces = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"

    /// The path of a firewall program; sbin is looked into even where `PATH` of an ordinary login lacks it.
    static func find(_ name: String) -> String? {
        findProgram(name) ?? findProgram(name, path: usualPlaces)
    }

    /// Has a script executed: all of it or, where anything in it fails, nothing.
    func run(_ script: String) throws(BoxFailure) {
        guard let path = path ?? Self.find("nft") else { throw Self.missing("nft") }
        let result: (status: Int32, output: [UInt8], error: [UInt8])
        do {
            result = try Spawn.capture(path, ["-f", "-"], input: Array(script.utf8))
        } catch {
            if error.errno == .noSuchFileOrDirectory { throw Self.missing(path) }
            throw BoxFailure(error, "change the firewall with", path)
        }
        guard result.status != 0 else { return }
        throw Self.refused(path, result.status, result.error)
    }

    static func refused(_ program: String, _ status: Int32, _ error: [UInt8]) -> BoxFailure {
        let lines = String(decoding: error, as: UTF8.self).split(separator: "\n")
        let line = lines.first.map(String.init) ?? "no message"
        let source = lines.count > 1 ? String(lines[1]) : ""
        func says(_ texts: String...) -> Bool { texts.contains { line.contains($0) } }
        let kind: BoxFailure.Kind
        let hint: String
        if says("Operation not permitted", "Permission denied", "you must be root") {
            (kind, hint) = (.denied, "run as root")
        } else if says("not supported", "cache initialization failed")
            || (says("No such file or directory") && source.hasPrefix("add "))
        {
            // The kernel answers so where the module that an expression or a chain type is in cannot be loaded.
            (kind, hint) = (.unsupported, "load the kernel's part with `modprobe \(module(source))`")
        } else {
            (kind, hint) = (.unavailable, "see what is there with `nft list ruleset`")
        }
        return BoxFailure(
            kind, "change the firewall with", program, reason: "it ended with status \(status): \(line.prefix(300))",
            hint: hint)
    }

    /// The module of the kernel that a line of a script needs beside the core.
    private static func module(_ source: String) -> String {
        if source.contains("masquerade comment") { return "nft_masq" }
        if source.contains("type nat") { return "nft_chain_nat" }
        if source.contains(" ct st") { return "nft_ct" }
        return "nf_tables"
    }

    static func missing(_ program: String) -> BoxFailure {
        BoxFailure(
            .unsupported, "make firewall rules", reason: "there is no program \(program)",
            hint: "install it with `apt-get install nftables`")
    }

    /// Why nf_tables could not be asked.
    static func explain(_ failure: SystemFailure) -> BoxFailure {
        switch failure.errno {
        case .notPermitted, .permissionDenied:
            BoxFailure(failure, "check the firewall", kind: .denied, hint: "run as root")
        case .protocolNotSupported, .addressFamilyNotSupported, .notSupportedOnSocket, .invalidArgument:
            // The socket or the subsystem is not there: without it nothing can be checked or made.
            BoxFailure(
                .unsupported, "check the firewall", reason: "this kernel has no nf_tables (\(failure))",
                hint: "load it with `modprobe nf_tables`", errno: failure.errno.rawValue)
        default: BoxFailure(failure, "check the firewall")
        }
    }
}
