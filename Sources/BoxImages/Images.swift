package import BoxModel
package import BoxStore
internal import BoxSystem

/// What can be done with images that are here.
///
/// Everything in this file is synchronous and starts no thread, since it stands on the way of every `run`.
package struct Images: Sendable {
    package let store: Store
    /// What names without a registry mean.
    package let defaultRegistry: String

    package init(store: Store, defaultRegistry: String = ImageReference.defaultRegistry) {
        self.store = store
        self.defaultRegistry = defaultRegistry
    }

    /// An image that is here whole: its record and the configuration.
    package struct Local: Sendable {
        package let match: ImageMatch
        package let image: ImagePlatform
        package let config: ImageConfig
    }

    /// The image that a person's word stands for, or nil where it is not here whole for the platform.
    ///
    /// - Parameter platform: nil takes this machine's, else whichever is here.
    package func findLocal(_ name: String, platform: Platform?) throws(BoxFailure) -> Local? {
        guard let match = try store.findImage(name, defaultRegistry: defaultRegistry) else { return nil }
        let image: ImagePlatform?
        if let named = match.image {
            image = named
        } else if let platform {
            image = match.record.image(for: platform)
        } else {
            image = match.record.shown
        }
        guard let image, store.findLayers(image.diffIDs) != nil, store.hasBlob(image.imageID) else { return nil }
        return Local(match: match, image: image, config: try config(image.imageID))
    }

    /// The same, where its absence is an error.
    package func requireLocal(_ name: String, operation: String) throws(BoxFailure) -> Local {
        if let local = try findLocal(name, platform: nil) { return local }
        throw Self.missing(name, operation: operation)
    }

    package static func missing(_ name: String, operation: String) -> BoxFailure {
        BoxFailure(
            .notFound, operation, name, reason: "there is no such image here",
            hint: "`box images` lists them, `box pull` fetches one")
    }

    /// An image's configuration, by its digest.
    package func config(_ imageID: Digest) throws(BoxFailure) -> ImageConfig {
        try JSON.decode(
            from: try store.blob(imageID), "read the image's configuration", "\(imageID)",
            hint: "run `box system check`")
    }

    // MARK: Names

    /// Gives an image another name.
    package func tag(_ source: String, _ target: String) throws(BoxFailure) {
        let reference = try ImageReference(target, defaultRegistry: defaultRegistry)
        guard reference.digest == nil else {
            throw BoxFailure(
                .invalid, "tag", target, reason: "a tag cannot have a digest", hint: "leave the part after @ out")
        }
        guard let match = try store.findImage(source, defaultRegistry: defaultRegistry) else {
            throw Self.missing(source, operation: "tag")
        }
        let lease = try store.lease()
        var record = match.record
        record.reference = reference
        record.tagged = Timestamp(nanoseconds: SystemClock.now)
        // Named by id, only that platform's image gets the name.
        if let image = match.image, record.platforms.count > 1 {
            record.platforms = [image]
            record.target = image.manifest
        }
        try store.setImage(record)
        lease.end()
    }

    /// What a removal did.
    package struct Removal: Sendable {
        package var untagged: [String] = []
        package var deleted: [Digest] = []
    }

    /// Takes a name away, and with the last name the image.
    ///
    /// - Parameter force: also where stopped containers were made from the image, or several names have its id.
    /// - Throws: `conflict` naming the container that needs it.
    package func remove(_ name: String, force: Bool) throws(BoxFailure) -> Removal {
        guard let match = try store.findImage(name, defaultRegistry: defaultRegistry) else {
            throw Self.missing(name, operation: "remove the image")
        }
        let lease = try store.lease()
        let byID = match.image != nil
        let records = byID ? match.references : [match.record]
        if byID && records.count > 1 && !force {
            let names = records.map(\.reference.familiar).joined(separator: ", ")
            throw BoxFailure(
                .conflict, "remove the image", name, reason: "it has several names: \(names)",
                hint: "remove it by name, or use -f")
        }
        let leaving = Set(records.map(\.reference))
        let ids = Set(records.flatMap(\.platforms).map(\.imageID))
        let kept = try store.images().records.filter { !leaving.contains($0.reference) }
        let losing = ids.subtracting(kept.flatMap(\.platforms).map(\.imageID))
        try refuseUsed(losing, name: name, force: force)
        var removal = Removal()
        for record in records {
            try store.removeImage(record.reference)
            if record.reference.tag != nil { removal.untagged.append("\(record.reference.familiar)") }
            for digest in record.repositoryDigests where losing.isSuperset(of: record.platforms.map(\.imageID)) {
                removal.untagged.append(digest)
            }
        }
        removal.deleted = losing.sorted { $0.hex < $1.hex }
        lease.end()
        _ = try store.collect(unreferencedNow: true)
        return removal
    }

    private func refuseUsed(_ ids: Set<Digest>, name: String, force: Bool) throws(BoxFailure) {
        for container in try store.containers().summaries where ids.contains(container.imageID) {
            let runs = store.isMonitored(container.id)
            if force && !runs { continue }
            throw BoxFailure(
                .conflict, "remove the image", name,
                reason: "container \(container.name) (\(container.id.short)) \(runs ? "runs" : "was made") from it",
                hint: runs ? "stop and remove the container first" : "remove the container first, or use -f")
        }
    }
}
