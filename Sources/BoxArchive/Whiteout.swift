/// What the names of the layer format that begin with `.wh.` say (image-spec, layer, "Whiteouts").
enum Whiteout: Equatable {
    /// Hides one name of the layers below.
    case name([UInt8])
    /// Hides everything that the layers below have in this directory.
    case opaque
    /// A leftover of AUFS that means nothing any more.
    case ignored
    /// Hides the directory itself or what is outside of it.
    case invalid

    private static let prefix = Array(".wh.".utf8)
    private static let metadataPrefix = Array(".wh..wh.".utf8)
    private static let opaqueName = Array(".wh..wh..opq".utf8)

    /// nil for an ordinary entry.
    init?(_ path: EntryPath) {
        if path.name == Self.opaqueName {
            self = .opaque
        } else if path.components.contains(where: { $0.starts(with: Self.metadataPrefix) }) {
            self = .ignored
        } else if path.name.starts(with: Self.prefix) {
            let hidden = Array(path.name.dropFirst(Self.prefix.count))
            self = hidden.isEmpty || hidden == [46] || hidden == [46, 46] ? .invalid : .name(hidden)
        } else {
            return nil
        }
    }
}
