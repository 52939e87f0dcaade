package import BoxModel

/// One platform's image under a reference.
package struct ImagePlatform: Hashable, Sendable {
    package var platform: Platform
    package var manifest: Descriptor
    /// The digest of the configuration.
    package var imageID: Digest
    /// Lowest first.
    package var diffIDs: [DiffID]
    /// Bytes of the unpacked layers.
    package var size: Int64
    /// As the configuration says; never where it does not.
    package var created: Timestamp

    package init(
        platform: Platform, manifest: Descriptor, imageID: Digest, diffIDs: [DiffID], size: Int64, created: Timestamp
    ) {
        self.platform = platform
        self.manifest = manifest
        self.imageID = imageID
        self.diffIDs = diffIDs
        self.size = size
        self.created = created
    }
}

/// A reference: what a name stands for.
///
/// One file each, and the only truth about names; all else is derived.
package struct ImageRecord: Hashable, Sendable {
    /// With a tag, or with a digest only for an image without one.
    package var reference: ImageReference
    /// What the registry gave for the name: an index or a manifest.
    package var target: Descriptor
    /// Those that were pulled; another platform is added, not put in their place.
    package var platforms: [ImagePlatform]
    /// When the name was last made to stand for this.
    package var tagged: Timestamp
    /// `name@digest` under which registries know it.
    package var repositoryDigests: [String]

    package init(
        reference: ImageReference, target: Descriptor, platforms: [ImagePlatform], tagged: Timestamp,
        repositoryDigests: [String] = []
    ) {
        self.reference = reference
        self.target = target
        self.platforms = platforms
        self.tagged = tagged
        self.repositoryDigests = repositoryDigests
    }

    /// Whether it has no name that a person gave.
    package var isUntagged: Bool { reference.tag == nil }

    /// The image that serves a wish for a platform best.
    package func image(for platform: Platform) -> ImagePlatform? {
        platforms
            .compactMap { image in platform.distance(to: image.platform).map { (distance: $0, image: image) } }
            .min { $0.distance < $1.distance }?.image
    }

    /// The image that stands in tables: this machine's, else the first.
    package var shown: ImagePlatform? { image(for: .current) ?? platforms.first }
}

extension ImageRecord {
    init(parsing bytes: [UInt8], source: String) throws(BoxFailure) {
        let json = try JSON(record: bytes, source: source)
        guard try json.integer("format", source) <= Self.format else {
            throw BoxFailure(
                .unsupported, "read the record", source, reason: "a newer version of box wrote it",
                hint: "use that version of box")
        }
        let written = try json.string("reference", source)
        reference = try ImageReference(written)
        target = try Descriptor(record: json.required("target", source) { $0 }, source)
        var platforms: [ImagePlatform] = []
        for element in try json.required("platforms", source, \.arrayValue) {
            platforms.append(try ImagePlatform(record: element, source))
        }
        self.platforms = platforms
        tagged = json.timestamp("tagged")
        repositoryDigests = json["repositoryDigests"]?.stringArray ?? []
    }

    private static let format = 1

    var bytes: [UInt8] {
        let json: JSON = [
            "format": .integer(Int64(Self.format)), "reference": .string("\(reference)"), "target": target.recordJSON,
            "platforms": .array(platforms.map(\.recordJSON)), "tagged": .integer(tagged.nanoseconds),
            "repositoryDigests": JSON(repositoryDigests),
        ]
        return json.bytes()
    }

    /// The name of a reference's file: its text with what a file name cannot hold escaped, shortened to a digest
    /// where it would be too long.
    static func fileName(_ reference: ImageReference) -> String {
        var name = ""
        for scalar in "\(reference)".unicodeScalars {
            switch scalar {
            case "/": name += "%2F"
            case ":": name += "%3A"
            case "%": name += "%25"
            default: name.unicodeScalars.append(scalar)
            }
        }
        guard name.utf8.count > 200 else { return name }
        return "\(name.prefix(100))%\(Digest.sha256(of: Array("\(reference)".utf8)).hex)"
    }
}

extension ImagePlatform {
    init(record json: JSON, _ source: String) throws(BoxFailure) {
        let name = try json.string("platform", source)
        guard let platform = Platform(name) else {
            throw BoxFailure(.corrupt, "read the record", source, reason: "platform is not valid")
        }
        self.platform = platform
        manifest = try Descriptor(record: json.required("manifest", source) { $0 }, source)
        imageID = try json.digest("imageID", source)
        diffIDs = try json.required("diffIDs", source) { list in
            guard let texts = list.stringArray else { return nil }
            let digests = texts.compactMap { Digest($0) }
            return digests.count == texts.count ? digests.map { DiffID($0) } : nil
        }
        size = try json.integer("size", source)
        created = json.timestamp("created")
    }

    var recordJSON: JSON {
        [
            "platform": .string("\(platform)"), "manifest": manifest.recordJSON, "imageID": .string("\(imageID)"),
            "diffIDs": JSON(diffIDs.map { "\($0)" }), "size": .integer(size), "created": .integer(created.nanoseconds),
        ]
    }
}

extension Descriptor {
    init(record json: JSON, _ source: String) throws(BoxFailure) {
        self.init(
            mediaType: MediaType(try json.string("mediaType", source)), digest: try json.digest("digest", source),
            size: try json.integer("size", source))
    }

    var recordJSON: JSON {
        ["mediaType": .string(mediaType.rawValue), "digest": .string("\(digest)"), "size": .integer(size)]
    }
}
