package import BoxModel
internal import BoxSystem
internal import SystemPackage

extension Firewall {
    /// Lets the host forward packets, as Docker does; changes nothing where it does already.
    ///
    /// - Throws: `denied` or `unsupported`, naming the setting that somebody else has to set.
    package func enableForwarding(v6: Bool) throws(BoxFailure) {
        try Forwarding.enable("net.ipv4.ip_forward")
        guard v6 else { return }
        // `default` first: an interface that appears in between has it from there (ip-sysctl.txt).
        try Forwarding.enable("net.ipv6.conf.default.forwarding")
        try Forwarding.enable("net.ipv6.conf.all.forwarding")
    }
}

/// Settings of sysctl(8) that make a machine a router.
enum Forwarding {
    /// - Parameter root: where proc(5) is; of the calling thread's network namespace.
    static func enable(_ setting: String, root: String = "/proc/sys") throws(BoxFailure) {
        let path = "\(root)/\(setting.replacing(".", with: "/"))"
        do {
            let value = try readText(path, limit: 64)
            if !value.hasPrefix("0") { return }
            try writeControl(path, "1")
        } catch {
            let missing = error.errno == .noSuchFileOrDirectory
            throw BoxFailure(
                error, "let the host forward packets with", setting, kind: missing ? .unsupported : .denied,
                hint: missing
                    ? "this kernel runs without that protocol; make the network without it"
                    : "set it on the host with `sysctl -w \(setting)=1`")
        }
    }
}
