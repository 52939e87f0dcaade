internal import BoxModel
internal import BoxSystem

/// Everything that a reference or a container needs; the rest may go.
struct Marks {
    var blobs: Set<Digest> = []
    var layers: Set<LayerKey> = []
    /// Records that could not be read.
    ///
    /// While there are any, nothing unreferenced may be taken away.
    var obstacles: [BoxFailure] = []
    /// Blobs that are referred to but are not there, with who refers to them.
    var missingBlobs: [(digest: Digest, owner: String)] = []
    /// Layers that are referred to but are not unpacked.
    var missingLayers: [(diffID: DiffID, owner: String)] = []
}

extension Store {
    /// Follows all references.
    func marks() -> Marks {
        var marks = Marks()
        switch Result(catching: { () throws(BoxFailure) in try images() }) {
        case .success(let listing):
            marks.obstacles += listing.unreadable
            for record in listing.records { mark(record, &marks) }
        case .failure(let failure): marks.obstacles.append(failure)
        }
        switch Result(catching: { () throws(BoxFailure) in try containerIDs() }) {
        case .success(let ids):
            for id in ids { mark(container: id, &marks) }
        case .failure(let failure): marks.obstacles.append(failure)
        }
        return marks
    }

    private func mark(_ record: ImageRecord, _ marks: inout Marks) {
        let owner = "image \(record.reference.familiar)"
        mark(blob: record.target.digest, owner, &marks)
        for image in record.platforms {
            mark(blob: image.imageID, owner, &marks)
            mark(layers: image.diffIDs, owner, &marks)
            guard mark(blob: image.manifest.digest, owner, &marks) else { continue }
            do {
                for layer in try manifest(image.manifest.digest).layers { mark(blob: layer.digest, owner, &marks) }
            } catch {
                marks.obstacles.append(error)
            }
        }
    }

    private func mark(container id: ContainerID, _ marks: inout Marks) {
        do {
            guard let config = try container(id)?.config() else { return }
            let owner = "container \(config.name)"
            mark(layers: config.layers, owner, &marks)
            // Its image may be gone; what is still here stays for inspecting and committing.
            marks.blobs.insert(config.imageID)
            if let digest = config.manifestDigest { marks.blobs.insert(digest) }
        } catch {
            marks.obstacles.append(error)
        }
    }

    @discardableResult
    private func mark(blob digest: Digest, _ owner: String, _ marks: inout Marks) -> Bool {
        marks.blobs.insert(digest)
        if hasBlob(digest) { return true }
        marks.missingBlobs.append((digest, owner))
        return false
    }

    private func mark(layers diffIDs: [DiffID], _ owner: String, _ marks: inout Marks) {
        for index in diffIDs.indices {
            if let key = layerKey(diffIDs[index], parents: diffIDs[..<index]) {
                marks.layers.insert(key)
            } else {
                marks.missingLayers.append((diffIDs[index], owner))
            }
        }
    }
}
