internal import BoxModel

/// A path inside a layer: raw bytes, no leading `/`, no `.`, no `..`, no empty component; empty is the root.
struct EntryPath: Hashable {
    let components: [[UInt8]]

    init(_ components: [[UInt8]]) {
        self.components = components
    }

    /// Normalises a name from an archive.
    ///
    /// Absolute names are taken relative to the layer, as Docker does. `..` is refused rather than cleaned: no
    /// builder writes it, and two readers that clean it differently see two different layers.
    init(_ raw: UnsafeBufferPointer<UInt8>, subject: EntrySubject, limits: UnpackOptions) throws(BoxFailure) {
        guard !raw.isEmpty else { throw subject.failure(.corrupt, reason: "the name is empty") }
        guard raw.count <= limits.maximumPathLength else {
            throw subject.failure(.corrupt, reason: "the name has more than \(limits.maximumPathLength) bytes")
        }
        var components: [[UInt8]] = []
        var start = 0
        for index in 0...raw.count where index == raw.count || raw[index] == UInt8(ascii: "/") {
            defer { start = index + 1 }
            let length = index - start
            if length == 0 || (length == 1 && raw[start] == UInt8(ascii: ".")) { continue }
            if length == 2 && raw[start] == UInt8(ascii: ".") && raw[start + 1] == UInt8(ascii: ".") {
                throw subject.failure(.corrupt, reason: "the name has a \"..\" component")
            }
            guard length <= 255 else {
                throw subject.failure(.corrupt, reason: "a component of the name has more than 255 bytes")
            }
            components.append(Array(raw[start..<index]))
        }
        guard components.count <= limits.maximumDepth else {
            throw subject.failure(.corrupt, reason: "it is nested deeper than \(limits.maximumDepth) directories")
        }
        self.components = components
    }

    var isRoot: Bool { components.isEmpty }
    var parent: EntryPath { EntryPath(components.dropLast()) }
    var name: [UInt8] { components.last ?? [] }

    func appending(_ name: [UInt8]) -> EntryPath {
        EntryPath(components + [name])
    }

    func hasPrefix(_ other: EntryPath) -> Bool {
        components.starts(with: other.components)
    }

    /// With `/` between the components.
    var bytes: [UInt8] { Array(components.joined(separator: [UInt8(ascii: "/")])) }
}

extension [UInt8] {
    /// The bytes with the terminator that the kernel wants.
    var terminated: [CChar] {
        [CChar](unsafeUninitializedCapacity: count + 1) { buffer, initialized in
            for (index, byte) in self.enumerated() { buffer[index] = CChar(bitPattern: byte) }
            buffer[self.count] = 0
            initialized = self.count + 1
        }
    }
}
