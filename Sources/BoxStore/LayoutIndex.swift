internal import BoxModel

/// `oci/index.json`: what other tools see of the store (image-spec, image-layout.md).
///
/// Derived from the records.
enum LayoutIndex {
    private static let annotation = "org.opencontainers.image.ref.name"

    static func bytes(of records: [ImageRecord]) -> [UInt8] {
        var manifests: [JSON] = []
        for record in records.sorted(by: { "\($0.reference)" < "\($1.reference)" }) {
            // Under the full name and under the short one that tables show, since a tool compares the text only.
            var names = ["\(record.reference)"]
            if record.reference.familiar != names[0] { names.append(record.reference.familiar) }
            for name in names {
                var entry = record.target.recordJSON
                entry["annotations"] = .object([annotation: .string(name)])
                manifests.append(entry)
            }
        }
        let json: JSON = [
            "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex.rawValue), "manifests": .array(manifests),
        ]
        return json.bytes()
    }
}
