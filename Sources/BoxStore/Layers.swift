package import BoxModel
package import BoxSystem
internal import Glibc

extension Store {
    /// The key under which a layer lies unpacked, whole and usable on these parents, or nil.
    package func layerKey(_ diffID: DiffID, parents: some Sequence<DiffID>) -> LayerKey? {
        guard let root else { return nil }
        let alone = LayerKey(diffID)
        if root.directory.exists("layers/\(alone)") { return alone }
        let dependent = LayerKey(diffID, parents: ChainID(parents) ?? .bottom)
        return root.directory.exists("layers/\(dependent)") ? dependent : nil
    }

    /// The unpacked layers of an image as they are to be stacked: without those that another hides entirely.
    ///
    /// - Parameter diffIDs: lowest first, as the result.
    /// - Returns: nil where any is missing, hidden or not.
    package func findLayers(_ diffIDs: [DiffID]) -> [LayerPath]? {
        var found: [LayerPath] = []
        found.reserveCapacity(diffIDs.count)
        for index in diffIDs.indices {
            guard let key = layerKey(diffIDs[index], parents: diffIDs[..<index]) else { return nil }
            if root?.directory.exists("layers/\(key)/opaque") == true { found.removeAll() }
            found.append(layerPath(key))
        }
        return found
    }

    package func layerPath(_ key: LayerKey) -> LayerPath {
        LayerPath(key: key, path: path("layers/\(key)/diff"))
    }

    /// Opens the content of an unpacked layer.
    package func openLayer(_ key: LayerKey) throws(BoxFailure) -> Directory {
        let root = try presentRoot("open the layer")
        return try storing("open the layer", "\(key.diffID)") { () throws(SystemFailure) in
            try root.directory.directory("layers/\(key)/diff")
        }
    }

    package func layerRecord(_ key: LayerKey) throws(BoxFailure) -> LayerRecord {
        let name = "layers/\(key)/record"
        let root = try presentRoot("read the layer's record")
        let bytes = try storing("read the layer's record", path(name)) { () throws(SystemFailure) in
            try root.directory.read(name, limit: 1 << 16)
        }
        return try LayerRecord(parsing: bytes, source: path(name))
    }

    /// The keys of all unpacked layers.
    package func layerKeys() throws(BoxFailure) -> [LayerKey] {
        guard let root else { return [] }
        return try storing("list the layers", location.root) { () throws(SystemFailure) in
            try root.directory.visibleNames(in: "layers").compactMap { LayerKey(folder: $0) }
        }
    }

    /// Bytes that a layer occupies on the disk; measured once, since layers do not change.
    package func layerDiskUse(_ key: LayerKey) -> Int64 {
        guard let root else { return 0 }
        let name = "layers/\(key)/use"
        if let bytes = try? root.directory.read(name, limit: 64),
            let use = Int64(String(decoding: bytes, as: UTF8.self))
        {
            return use
        }
        let use = diskUse("layers/\(key)")
        // Only a cache: a store that may not be written is measured each time.
        try? replaceFile(root.directory, name, Array("\(use)".utf8), mode: 0o644)
        return use
    }

    /// Bytes that a tree of the store occupies on the disk; hard links count once.
    ///
    /// - Parameter countsFolders: as du(1) does; Docker's sizes are those of files alone.
    package func diskUse(_ name: String, countsFolders: Bool = true) -> Int64 {
        guard let root, let status = try? root.directory.status(name) else { return 0 }
        guard status.kind == .directory, let folder = try? root.directory.directory(name) else {
            return status.allocated
        }
        var seen: Set<UInt64> = []
        return (countsFolders ? status.allocated : 0) + treeUse(folder, &seen, countsFolders)
    }
}

private func treeUse(_ folder: borrowing Directory, _ seen: inout Set<UInt64>, _ countsFolders: Bool) -> Int64 {
    var sum: Int64 = 0
    for name in (try? folder.names()) ?? [] {
        guard let status = try? folder.status(name) else { continue }
        if status.kind == .directory {
            if countsFolders { sum += status.allocated }
            if let child = try? folder.directory(name) { sum += treeUse(child, &seen, countsFolders) }
        } else if status.links == 1 || seen.insert(status.inode).inserted {
            sum += status.allocated
        }
    }
    return sum
}
