package import BoxModel

/// Where a store and its run-time state lie.
package struct StoreLocation: Hashable, Sendable {
    /// The folder that lasts: `/var/lib/box`.
    package let root: String
    /// The folder that a reboot empties: `/run/box`.
    package let state: String

    package init(root: String, state: String) {
        self.root = root
        self.state = state
    }

    /// Flags win over `BOX_ROOT` and `BOX_STATE`, these over the places that the user's kind has by default.
    ///
    /// - Parameter workingDirectory: what relative flags and `BOX_*` variables are relative to; the monitor of a
    ///   container has another one, so that only absolute places are handed on.
    package static func resolve(
        environment: [String: String], euid: UInt32, workingDirectory: String, rootFlag: String? = nil,
        stateFlag: String? = nil
    ) throws(BoxFailure) -> StoreLocation {
        func chosen(_ flag: String?, _ variable: String) -> String? {
            let text = flag ?? environment[variable] ?? ""
            guard !text.isEmpty else { return nil }
            return absolute(text, in: workingDirectory)
        }
        /// A folder variable of the XDG base directory specification: relative values are to be ignored.
        func standard(_ variable: String) -> String? {
            guard let text = environment[variable], text.hasPrefix("/") else { return nil }
            return absolute(text, in: "/")
        }
        let root: String
        if let given = chosen(rootFlag, "BOX_ROOT") {
            root = given
        } else if euid == 0 {
            root = "/var/lib/box"
        } else if let data = standard("XDG_DATA_HOME") ?? standard("HOME").map({ $0 + "/.local/share" }) {
            root = data + "/box"
        } else {
            throw BoxFailure(
                .invalid, "find the store", reason: "neither XDG_DATA_HOME nor HOME is an absolute path",
                hint: "name a folder with --root or BOX_ROOT")
        }
        let state: String
        if let given = chosen(stateFlag, "BOX_STATE") {
            state = given
        } else if euid == 0 {
            state = "/run/box"
        } else {
            state = standard("XDG_RUNTIME_DIR").map { $0 + "/box" } ?? root + "/run"
        }
        return StoreLocation(root: root, state: state)
    }

    /// An absolute path without trailing and doubled slashes and without `.`; `..` stays for the kernel.
    private static func absolute(_ path: String, in base: String) -> String {
        let full = path.hasPrefix("/") ? path : base + "/" + path
        return "/" + full.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}
