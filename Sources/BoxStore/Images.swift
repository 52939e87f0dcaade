package import BoxModel
internal import BoxSystem

/// All image records that could be read, and why others could not.
package struct ImageListing: Sendable {
    package var records: [ImageRecord] = []
    package var unreadable: [BoxFailure] = []
}

/// What a person's word for an image stands for.
package struct ImageMatch: Sendable {
    /// The reference that was named, or one of those with the image of that id.
    package var record: ImageRecord
    /// The image that was named by id; nil where a reference was named, which may have several platforms.
    package var image: ImagePlatform?
    /// All references that have the image; just the record where it was named by reference.
    package var references: [ImageRecord]
}

extension Store {
    // MARK: Reading

    /// The record of a reference, or nil.
    ///
    /// With a tag and a digest the digest decides.
    package func image(_ reference: ImageReference) throws(BoxFailure) -> ImageRecord? {
        guard let root else { return nil }
        guard let digest = reference.digest else { return try imageFile(root, reference) }
        let bare = reference.with(tag: nil, digest: digest)
        if let record = try imageFile(root, bare) { return record }
        return try images().records.first { record in
            record.reference.name == reference.name
                && (record.target.digest == digest || record.platforms.contains { $0.manifest.digest == digest }
                    || record.repositoryDigests.contains("\(bare.name)@\(digest)"))
        }
    }

    private func imageFile(_ root: SharedDirectory, _ reference: ImageReference) throws(BoxFailure) -> ImageRecord? {
        let name = "images/" + ImageRecord.fileName(reference)
        let bytes = try storing("read the image's record", path(name)) { () throws(SystemFailure) in
            try root.directory.readIfPresent(name)
        }
        guard let bytes else { return nil }
        return try ImageRecord(parsing: bytes, source: path(name))
    }

    /// All references, sorted by name.
    package func images() throws(BoxFailure) -> ImageListing {
        var listing = ImageListing()
        guard let root else { return listing }
        let names = try storing("list the images", location.root) { () throws(SystemFailure) in
            try root.directory.visibleNames(in: "images")
        }
        for name in names.sorted() {
            do {
                let bytes = try storing("read the image's record", path("images/" + name)) {
                    () throws(SystemFailure) in
                    try root.directory.readIfPresent("images/" + name)
                }
                // Removed since the folder was read.
                guard let bytes else { continue }
                listing.records.append(try ImageRecord(parsing: bytes, source: path("images/" + name)))
            } catch {
                listing.unreadable.append(error)
            }
        }
        return listing
    }

    /// Finds an image by a person's word for it: a reference, a digest, or the beginning of an id.
    ///
    /// - Returns: nil where nothing fits.
    /// - Throws: `conflict` with the candidates where the beginning of an id fits several images; `invalid` where it
    ///   is neither a name nor an id.
    package func findImage(
        _ text: String, defaultRegistry: String = ImageReference.defaultRegistry
    ) throws(BoxFailure) -> ImageMatch? {
        let reference: ImageReference?
        var failure: BoxFailure?
        do {
            reference = try ImageReference(text, defaultRegistry: defaultRegistry)
        } catch {
            reference = nil
            failure = error
        }
        let isWholeID = text.utf8.count == 64 && Hex.decode(text) != nil
        if !isWholeID, let reference, let record = try image(reference) {
            return ImageMatch(record: record, image: nil, references: [record])
        }
        if let prefix = Self.idPrefix(text) { return try findImage(idPrefix: prefix, text) }
        if reference == nil, let failure { throw failure }
        return nil
    }

    /// The hexadecimal digits of an id or its beginning, with or without `sha256:`.
    private static func idPrefix(_ text: String) -> String? {
        let digits = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
        let isHex = digits.utf8.allSatisfy { ($0 >= 48 && $0 < 58) || ($0 >= 97 && $0 < 103) }
        return !digits.isEmpty && digits.utf8.count <= 64 && isHex ? digits : nil
    }

    private func findImage(idPrefix prefix: String, _ text: String) throws(BoxFailure) -> ImageMatch? {
        var found: [Digest: (image: ImagePlatform, records: [ImageRecord])] = [:]
        for record in try images().records {
            for image in record.platforms
            where image.imageID.hex.hasPrefix(prefix) || image.manifest.digest.hex == prefix
                || record.target.digest.hex == prefix
            {
                var entry = found[image.imageID] ?? (image, [])
                if entry.records.last?.reference != record.reference { entry.records.append(record) }
                found[image.imageID] = entry
            }
        }
        guard found.count < 2 else {
            let candidates = found.values
                .map { "\($0.image.imageID.short) (\($0.records.map(\.reference.familiar).joined(separator: ", ")))" }
                .sorted().prefix(10).joined(separator: ", ")
            throw BoxFailure(
                .conflict, "find the image", text, reason: "several images begin so: \(candidates)",
                hint: "give more digits")
        }
        guard let only = found.values.first, let record = only.records.first else { return nil }
        return ImageMatch(record: record, image: only.image, references: only.records)
    }

    /// When a reference was last used for a container, or made.
    package func lastUsed(_ reference: ImageReference) -> Timestamp {
        let modified = try? root?.directory.status("images/" + ImageRecord.fileName(reference)).modified
        return Timestamp(nanoseconds: modified ?? 0)
    }

    /// Notes that a reference was used now.
    ///
    /// Costs no write of a file; a store that may not be written is left alone.
    package func noteUse(_ reference: ImageReference) {
        try? root?.directory.setModified(
            "images/" + ImageRecord.fileName(reference), nanoseconds: SystemClock.now)
    }

    // MARK: Changing

    /// Makes a name stand for an image.
    ///
    /// Platforms that the name has of the same target are kept beside the new ones. An image that loses its last name
    /// this way stays, untagged.
    ///
    /// - Returns: the record as it stands now.
    @discardableResult
    package func setImage(_ record: ImageRecord) throws(BoxFailure) -> ImageRecord {
        let root = try writableRoot("name the image")
        let lock = try imagesLock(root)
        var record = record
        // An unreadable record under the name is replaced: that is what the person asks for.
        if let old = try? imageFile(root, record.reference) {
            if old.target.digest == record.target.digest {
                let new = Set(record.platforms.map(\.platform))
                record.platforms += old.platforms.filter { !new.contains($0.platform) }
                for digest in old.repositoryDigests where !record.repositoryDigests.contains(digest) {
                    record.repositoryDigests.append(digest)
                }
            } else {
                try keepUntagged(root, old)
            }
        }
        try write(root, record)
        // With a name it needs no stand-in any more.
        if !record.isUntagged { try removeUntagged(root, record) }
        try writeLayoutIndex(root)
        _ = consume lock
        return record
    }

    /// Takes a name away.
    ///
    /// What it stood for is collected when nothing else refers to it.
    ///
    /// - Parameter keepingUntagged: whether the image stays without a name where this was its last.
    /// - Returns: the record, or nil where there was none.
    @discardableResult
    package func removeImage(
        _ reference: ImageReference, keepingUntagged: Bool = false
    ) throws(BoxFailure) -> ImageRecord? {
        let root = try writableRoot("remove the image's name")
        let lock = try imagesLock(root)
        guard let old = try imageFile(root, reference) else { return nil }
        if keepingUntagged { try keepUntagged(root, old) }
        try storing("remove the image's name", reference.familiar) { () throws(SystemFailure) in
            try root.directory.unlink("images/" + ImageRecord.fileName(reference))
            try root.directory.directory("images").sync()
        }
        try writeLayoutIndex(root)
        _ = consume lock
        return old
    }

    private func imagesLock(_ root: SharedDirectory) throws(BoxFailure) -> FileLock {
        try storing("lock the images", location.root) { () throws(SystemFailure) in
            try FileLock(root.directory, "images/.lock", .exclusive)
        }
    }

    private func write(_ root: SharedDirectory, _ record: ImageRecord) throws(BoxFailure) {
        try storing("name the image", record.reference.familiar) { () throws(SystemFailure) in
            try replaceFile(
                root.directory, "images/" + ImageRecord.fileName(record.reference), record.bytes, mode: 0o644,
                durable: true)
        }
    }

    /// Keeps an image that is about to lose a name, unless another name has it.
    private func keepUntagged(_ root: SharedDirectory, _ old: ImageRecord) throws(BoxFailure) {
        let others = try images().records.filter {
            $0.reference != old.reference && $0.target.digest == old.target.digest
        }
        guard others.isEmpty else { return }
        var untagged = old
        untagged.reference = old.reference.with(tag: nil, digest: old.target.digest)
        try write(root, untagged)
    }

    private func removeUntagged(_ root: SharedDirectory, _ record: ImageRecord) throws(BoxFailure) {
        let stand = record.reference.with(tag: nil, digest: record.target.digest)
        guard root.directory.exists("images/" + ImageRecord.fileName(stand)) else { return }
        try storing("name the image", record.reference.familiar) { () throws(SystemFailure) in
            try root.directory.unlink("images/" + ImageRecord.fileName(stand))
        }
    }

    // MARK: The layout's index

    /// Derives `oci/index.json` from the records again.
    func writeLayoutIndex(_ root: SharedDirectory) throws(BoxFailure) {
        let records = try images().records
        try storing("write the layout's index", path("oci/index.json")) { () throws(SystemFailure) in
            try replaceFile(root.directory, "oci/index.json", LayoutIndex.bytes(of: records), mode: 0o644)
        }
    }

    /// Derives the index again where a kill came between a record and it: then the folder of the records is newer.
    func refreshLayoutIndexIfStale(_ root: SharedDirectory) throws(BoxFailure) {
        let isFresh = { () -> Bool in
            guard let records = try? root.directory.status("images"),
                let index = try? root.directory.status("oci/index.json")
            else { return false }
            return records.modified <= index.modified
        }
        if isFresh() { return }
        let lock = try imagesLock(root)
        if !isFresh() { try writeLayoutIndex(root) }
        _ = consume lock
    }
}
