internal import BoxModel

/// How a layer is unpacked, and the limits that a hostile one runs into.
package struct UnpackOptions: Sendable {
    /// Which attributes overlayfs reads its marks from: `trusted.` needs CAP_SYS_ADMIN, `user.` is for mounts with
    /// the option `userxattr`.
    package enum OverlayMarks: String, Sendable {
        case trusted
        case user

        /// The attribute that hides everything below a directory.
        var opaque: String { "\(rawValue).overlay.opaque" }
        /// The attribute of an empty file that stands for a whiteout where no device node can be made.
        var whiteout: String { "\(rawValue).overlay.whiteout" }
    }

    /// What to call the archive in a failure, such as `layer 3f2a9c0d11e2`.
    package var name: String
    /// Whether files get the owners of the archive; off for a process that may not change owners.
    package var preservesOwner = true
    /// Whether device nodes are left out instead of refused where they cannot be made.
    package var skipsDevices = false
    package var marks = OverlayMarks.trusted
    /// Whether whiteouts become empty files with an attribute even where a device node could be made.
    package var whiteoutsAsAttributes = false
    /// Bytes of the uncompressed archive, and of all file contents together.
    package var maximumSize: Int64 = 256 << 30
    package var maximumEntries = 10_000_000
    /// Bytes of an entry's name.
    package var maximumPathLength = 4095
    package var maximumDepth = 1024
    /// Whether the archive must end with its marker (two blocks of zeros) and nothing after it.
    ///
    /// Docker does not
    /// insist, so only archives whose digest nobody knows should.
    package var requiresEndMarker = false
    /// Whether igzip or unpigz may be run for large gzip archives.
    package var usesPrograms = true
    /// Folders to look for them in, separated by colons; nil is `PATH`.
    package var programSearchPath: String?
    /// Gets the number of compressed bytes read so far, on a thread of the unpacker.
    package var progress: (@Sendable (Int64) -> Void)?

    package init(name: String = "layer") {
        self.name = name
    }

    func tooLarge(reason: String) -> BoxFailure {
        BoxFailure(
            .exhausted, "unpack", name, reason: "\(reason), which looks like a decompression bomb",
            hint: "raise the limit if the archive is trusted")
    }
}
