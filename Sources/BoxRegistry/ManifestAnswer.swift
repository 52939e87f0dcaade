package import BoxModel
internal import NIOHTTP1

/// A manifest or index as the registry sent it, checked against its digest.
package struct ResolvedManifest: Sendable {
    /// What the digest is of.
    package let bytes: [UInt8]
    package let descriptor: Descriptor
    package let json: JSON
}

/// Checks the answer to a request for a manifest.
struct ManifestAnswer {
    /// The limit of the distribution specification, and of Docker's registry.
    static let limit = 4 << 20

    static let accepted = [
        MediaType.ociIndex, .dockerList, .ociManifest, .dockerManifest,
    ].map(\.rawValue).joined(separator: ", ")

    let bytes: [UInt8]
    let headers: HTTPHeaders
    let host: String

    /// - Parameters:
    ///   - digest: what the reference asks for.
    ///   - expected: what an index says about it.
    func resolved(digest: Digest?, expected: Descriptor?) throws(ExchangeFailure) -> ResolvedManifest {
        let wanted = expected?.digest ?? digest
        let actual = Digest(of: bytes, wanted?.algorithm ?? .sha256)
        if let wanted, wanted != actual {
            throw .corrupt("\(host) sent a manifest with the digest \(actual) instead of \(wanted)")
        }
        if let text = headers.first(name: "Docker-Content-Digest"), let claimed = Digest(text),
            claimed != Digest(of: bytes, claimed.algorithm)
        {
            throw .corrupt("\(host) sent a manifest that does not have the digest it names, \(claimed)")
        }
        if let expected, expected.size != Int64(bytes.count) {
            throw .corrupt("\(host) sent a manifest of \(bytes.count) bytes where the index says \(expected.size)")
        }
        let type = headers.first(name: "Content-Type").map(Self.bare)
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: bytes)
        } catch {
            let what = type.map { CleanText.line($0.rawValue, limit: 80) } ?? "of an unknown type"
            throw .rule(
                .corrupt, reason: "the answer of \(host), \(what), is not a manifest (\(error))",
                hint: "check that \(host) is a registry")
        }
        let mediaType = try mediaType(json, header: type)
        if let expected, expected.mediaType != mediaType, !Self.agree(expected.mediaType, mediaType) {
            throw .corrupt("\(host) sent a \(mediaType.rawValue) where the index says \(expected.mediaType.rawValue)")
        }
        let descriptor = Descriptor(
            mediaType: mediaType, digest: actual, size: Int64(bytes.count), platform: expected?.platform,
            annotations: expected?.annotations)
        return ResolvedManifest(bytes: bytes, descriptor: descriptor, json: json)
    }

    static func bare(_ contentType: String) -> MediaType {
        MediaType(contentType.prefix { $0 != ";" }.split(separator: " ").joined().lowercased())
    }

    /// Two names for the same kind of document.
    private static func agree(_ left: MediaType, _ right: MediaType) -> Bool {
        left.isIndex && right.isIndex || left.isManifest && right.isManifest
    }

    private static func isKnown(_ type: MediaType) -> Bool { type.isIndex || type.isManifest || type.isSchema1 }

    private func mediaType(_ json: JSON, header: MediaType?) throws(ExchangeFailure) -> MediaType {
        guard json.objectValue != nil else { throw .corrupt("the manifest from \(host) is not a JSON object") }
        let version = json["schemaVersion"]?.intValue
        let inside = json["mediaType"]?.stringValue.map { MediaType($0) }
        if version == 1 || header?.isSchema1 == true || inside?.isSchema1 == true {
            throw .rule(
                .unsupported, reason: "the image is in schema 1, a format that was given up in 2019",
                hint: "push it again with a current tool")
        }
        // A document that can be read as both would be two images under one digest (CVE-2021-41190).
        let isIndex = json["manifests"] != nil
        let isManifest = json["layers"] != nil || json["config"] != nil
        if isIndex && isManifest { throw .corrupt("the manifest from \(host) is an index and an image at once") }
        let header = header.flatMap { Self.isKnown($0) ? $0 : nil }
        if let inside, let header, inside != header {
            throw .corrupt(
                "the manifest from \(host) calls itself \(CleanText.line(inside.rawValue, limit: 80)), "
                    + "but was sent as \(header.rawValue)")
        }
        guard isIndex || isManifest, version == 2, let type = inside ?? header ?? Self.sniffed(isIndex) else {
            throw .rule(
                .unsupported, reason: "the answer of \(host) is neither an image manifest nor an index", hint: nil)
        }
        guard Self.isKnown(type) else {
            throw .rule(
                .unsupported, reason: "its manifest is a \(CleanText.line(type.rawValue, limit: 80)), not an image",
                hint: nil)
        }
        guard type.isIndex == isIndex else {
            throw .corrupt("the manifest from \(host) is not the \(type.rawValue) that it calls itself")
        }
        return type
    }

    /// Only OCI documents may leave their type out (image-spec, manifest, "mediaType").
    private static func sniffed(_ isIndex: Bool) -> MediaType? { isIndex ? .ociIndex : .ociManifest }
}
