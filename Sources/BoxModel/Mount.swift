/// Something from outside that a container sees at a place of its own.
package struct Mount: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        case bind, volume, tmpfs
    }

    package enum Propagation: String, Hashable, Sendable, Codable {
        case `private`, rprivate, shared, rshared, slave, rslave
    }

    package var kind: Kind
    /// A host path (bind) or a volume's name; empty is an anonymous volume.
    package var source: String
    /// Absolute, inside the container.
    package var destination: String
    package var readOnly = false
    package var propagation: Propagation?
    /// Whether only the top mount becomes read-only, not those below it.
    package var nonRecursiveReadOnly = false
    /// Whether submounts of a bind source are left out.
    package var nonRecursive = false
    /// Whether a missing bind source is made as a directory (`-v`, not `--mount`).
    package var createsSource = false
    /// Whether an empty volume is not filled from the image.
    package var noCopy = false
    /// A volume that nobody named; it goes with the container under `--rm`.
    package var anonymous = false
    package var volumeLabels: [String: String] = [:]
    package var volumeSubpath: String?
    package var tmpfsOptions: [String] = []

    package init(_ kind: Kind, source: String, destination: String) {
        self.kind = kind
        self.source = source
        self.destination = destination
    }
}
