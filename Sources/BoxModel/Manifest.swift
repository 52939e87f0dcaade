/// A pointer to a blob: what it is, its digest and its size.
package struct Descriptor: Hashable, Sendable, Codable {
    package var mediaType: MediaType
    package var digest: Digest
    /// Bytes.
    package var size: Int64
    package var platform: Platform?
    package var annotations: [String: String]?
    package var urls: [String]?
    package var artifactType: String?

    package init(
        mediaType: MediaType, digest: Digest, size: Int64, platform: Platform? = nil,
        annotations: [String: String]? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = size
        self.platform = platform
        self.annotations = annotations
    }
}

/// An image manifest, OCI or Docker schema 2: one configuration and the layers, lowest first.
package struct Manifest: Hashable, Sendable, Codable {
    package var schemaVersion: Int
    package var mediaType: MediaType?
    package var config: Descriptor
    package var layers: [Descriptor]
    package var annotations: [String: String]?
    package var artifactType: String?

    package init(config: Descriptor, layers: [Descriptor], mediaType: MediaType = .ociManifest) {
        schemaVersion = 2
        self.mediaType = mediaType
        self.config = config
        self.layers = layers
    }
}

/// An image index (OCI) or manifest list (Docker): one manifest per platform.
package struct ImageIndex: Hashable, Sendable, Codable {
    package var schemaVersion: Int
    package var mediaType: MediaType?
    package var manifests: [Descriptor]
    package var annotations: [String: String]?

    package init(manifests: [Descriptor], mediaType: MediaType = .ociIndex) {
        schemaVersion = 2
        self.mediaType = mediaType
        self.manifests = manifests
    }
}

/// A document as it was received: the bytes that the digest is of, never a re-encoding, beside the parsed view.
package struct RawDocument<Content: Sendable>: Sendable {
    package let bytes: [UInt8]
    package let descriptor: Descriptor
    package let content: Content

    package init(bytes: [UInt8], descriptor: Descriptor, content: Content) {
        self.bytes = bytes
        self.descriptor = descriptor
        self.content = content
    }
}
