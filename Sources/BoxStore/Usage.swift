package import BoxModel

/// What `box system df` shows.
package struct StorageUsage: Sendable {
    /// One image, whatever number of names it has.
    package struct Image: Sendable {
        package var imageID: Digest
        package var references: [ImageReference]
        package var created: Timestamp
        /// Bytes on the disk of its unpacked layers and blobs.
        package var size: Int64
        /// The part of it that other images have too.
        package var sharedSize: Int64
        package var uniqueSize: Int64 { size - sharedSize }
        /// Containers made from it.
        package var containers: Int
    }

    package struct Container: Sendable {
        package var summary: ContainerSummary
        /// Bytes on the disk of its writable layer and logs.
        package var size: Int64
        package var running: Bool
    }

    package struct Volume: Sendable {
        package var record: VolumeRecord
        package var size: Int64
        /// Containers that mount it.
        package var links: Int
    }

    package var images: [Image] = []
    package var containers: [Container] = []
    package var volumes: [Volume] = []
    /// Bytes on the disk of all layers and blobs, each counted once.
    package var imagesSize: Int64 = 0
    /// The part of it that no container needs.
    package var imagesReclaimable: Int64 = 0
}

extension Store {
    /// Measures what is on the disk.
    package func usage() throws(BoxFailure) -> StorageUsage {
        var usage = StorageUsage()
        let containers = try self.containers().summaries
        let content = try imageContent()
        var owners: [Piece: Int] = [:]
        for image in content { for piece in image.pieces { owners[piece, default: 0] += 1 } }
        var sizes: [Piece: Int64] = [:]
        for key in try layerKeys() { sizes[.layer(key)] = layerDiskUse(key) }
        for digest in try blobDigests() { sizes[.blob(digest)] = diskUse(Self.blobPath(digest)) }
        var needed: Set<Piece> = []
        for image in content {
            let count = containers.count { $0.imageID == image.entry.imageID }
            if count > 0 { needed.formUnion(image.pieces) }
            usage.images.append(
                StorageUsage.Image(
                    imageID: image.entry.imageID, references: image.references, created: image.entry.created,
                    size: image.pieces.reduce(0) { $0 + (sizes[$1] ?? 0) },
                    sharedSize: image.pieces.reduce(0) { $0 + (owners[$1] ?? 0 > 1 ? sizes[$1] ?? 0 : 0) },
                    containers: count))
        }
        usage.imagesSize = sizes.values.reduce(0, +)
        usage.imagesReclaimable = usage.imagesSize - needed.reduce(0) { $0 + (sizes[$1] ?? 0) }
        for summary in containers {
            usage.containers.append(
                StorageUsage.Container(
                    summary: summary, size: diskUse("containers/\(summary.id)"), running: isMonitored(summary.id)))
        }
        for record in try volumes().records {
            let links = containers.count { $0.mounts.contains { $0.kind == .volume && $0.source == record.name } }
            usage.volumes.append(
                StorageUsage.Volume(record: record, size: diskUse("volumes/\(record.name)/data"), links: links))
        }
        return usage
    }

    /// Something on the disk that images may share.
    private enum Piece: Hashable {
        case blob(Digest)
        case layer(LayerKey)
    }

    private struct ImageContent {
        var entry: ImagePlatform
        var references: [ImageReference]
        var pieces: Set<Piece>
    }

    private func imageContent() throws(BoxFailure) -> [ImageContent] {
        var found: [Digest: ImageContent] = [:]
        var order: [Digest] = []
        for record in try images().records {
            for image in record.platforms {
                if found[image.imageID] == nil {
                    order.append(image.imageID)
                    found[image.imageID] = ImageContent(entry: image, references: [], pieces: [])
                }
                found[image.imageID]?.references.append(record.reference)
                var pieces: Set<Piece> = [
                    .blob(record.target.digest), .blob(image.manifest.digest), .blob(image.imageID),
                ]
                for layer in (try? manifest(image.manifest.digest))?.layers ?? [] { pieces.insert(.blob(layer.digest)) }
                for index in image.diffIDs.indices {
                    if let key = layerKey(image.diffIDs[index], parents: image.diffIDs[..<index]) {
                        pieces.insert(.layer(key))
                    }
                }
                found[image.imageID]?.pieces.formUnion(pieces)
            }
        }
        return order.compactMap { found[$0] }
    }
}
