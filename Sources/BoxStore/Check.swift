package import BoxModel
internal import BoxSystem
internal import Glibc

/// Everything that a check looks at, one question after the other.
private struct Inspection {
    let store: Store
    let root: SharedDirectory
    let repair: Bool
    let marks: Marks
    let images: ImageListing
    var findings: [Finding] = []

    mutating func found(_ severity: Finding.Severity, _ subject: String, _ text: String, _ remedy: Finding.Remedy) {
        findings.append(Finding(severity, subject, text, remedy))
    }

    /// Notes something, and mends it where that was asked for.
    mutating func found(
        _ severity: Finding.Severity, _ subject: String, _ text: String, mend: String, advice: String,
        _ body: () throws -> Void
    ) {
        guard repair else { return found(severity, subject, text, .advice(advice)) }
        do {
            try body()
            found(severity, subject, text, .repaired(mend))
        } catch {
            found(severity, subject, text, .advice("repairing it failed: \(error)"))
        }
    }
}

extension Store {
    /// Looks at everything: re-hashes the blobs, follows all references, finds what nothing refers to.
    ///
    /// What killed commands left is collected first, as by any command that writes.
    ///
    /// - Parameter repair: whether what can be mended is mended; the finding says so.
    /// - Returns: nothing where all is well.
    package func check(repair: Bool) throws(BoxFailure) -> [Finding] {
        guard root != nil else { return [] }
        // A store that may only be read is checked all the same.
        let lease: StoreLease?
        do {
            lease = try self.lease()
        } catch  where error.kind == .denied && !repair {
            lease = nil
        }
        guard let root else { return [] }
        var inspection = Inspection(
            store: self, root: root, repair: repair, marks: marks(), images: try images())
        inspection.checkFolders()
        inspection.checkRecords()
        try inspection.checkBlobs()
        inspection.checkImages()
        try inspection.checkLayers()
        try inspection.checkContainers()
        try inspection.checkNames()
        try inspection.checkVolumes()
        inspection.checkIndex()
        _ = consume lease
        return inspection.findings.sorted { $0.severity > $1.severity }
    }
}

extension Inspection {
    mutating func checkFolders() {
        for name in Store.folders where !root.directory.exists(name) {
            found(
                .damage, store.path(name), "the folder is missing", mend: "made it",
                advice: "`box system check --repair` makes it"
            ) { [root] in try root.directory.makeIfMissing(name, mode: 0o755) }
        }
        let marker = try? root.directory.read("oci/oci-layout", limit: 4096)
        if marker != Array(Store.layoutMarker.utf8) {
            found(
                .damage, store.path("oci/oci-layout"), "it does not mark an OCI layout", mend: "wrote it again",
                advice: "`box system check --repair` writes it again"
            ) { [root] in
                try replaceFile(root.directory, "oci/oci-layout", Array(Store.layoutMarker.utf8), mode: 0o644)
            }
        }
        for name in store.leftovers(root) {
            found(
                .leftover, store.path("tmp/" + name), "a killed command left it",
                .advice("any command that writes removes it"))
        }
    }

    /// Records that nobody can read are named and left: what they say may be wanted.
    mutating func checkRecords() {
        for failure in marks.obstacles {
            found(
                .damage, failure.subject, failure.reason,
                .advice(failure.hint ?? "restore it from a backup, or remove it by hand"))
        }
    }

    mutating func checkBlobs() throws(BoxFailure) {
        let digests = try store.blobDigests()
        let changed = concurrently(digests, width: min(4, ProcessorCount.available)) { [store] digest -> Finding? in
            do {
                let file = try store.openBlob(digest)
                let actual = try ContentHasher.digest(of: file, digest.algorithm, "")
                return actual == digest
                    ? nil : Finding(.damage, "blob \(digest)", "its content has the digest \(actual)")
            } catch let failure as BoxFailure where failure.kind == .notFound {
                return nil
            } catch {
                return Finding(.damage, "blob \(digest)", "it cannot be read: \(error)")
            }
        }
        for (digest, finding) in zip(digests, changed) {
            guard let finding else { continue }
            let owners = owners(of: digest)
            let again = owners.isEmpty ? "" : "; pull again: \(owners.joined(separator: ", "))"
            found(
                .damage, finding.subject, finding.text, mend: "moved it to quarantine/\(again)",
                advice: "`box system check --repair` takes it out of use\(again)"
            ) { [root] in
                try root.directory.makeIfMissing("quarantine", mode: 0o700)
                try root.directory.rename(Store.blobPath(digest), to: "quarantine/\(digest.hex)")
            }
        }
        guard marks.obstacles.isEmpty else { return }
        for digest in digests where !marks.blobs.contains(digest) {
            let kept = (try? root.directory.status(Store.blobPath(digest)).modified).map(isKeptForResuming) ?? false
            found(
                kept ? .note : .leftover, "blob \(digest)", "nothing refers to it",
                kept ? .none : .advice("`box system prune` removes it"))
        }
    }

    private func isKeptForResuming(_ modified: Int64) -> Bool {
        modified > 0 && SystemClock.now - modified < Store.resumeWindow
    }

    /// The images that a blob belongs to.
    private func owners(of digest: Digest) -> [String] {
        images.records.filter { record in
            record.target.digest == digest
                || record.platforms.contains { image in
                    image.imageID == digest || image.manifest.digest == digest
                        || (try? store.manifest(image.manifest.digest))?.layers.contains { $0.digest == digest }
                            ?? false
                }
        }.map(\.reference.familiar)
    }

    mutating func checkImages() {
        for (digest, owner) in marks.missingBlobs {
            found(.damage, owner, "its blob \(digest) is missing", .advice("pull it again"))
        }
        for (diffID, owner) in marks.missingLayers {
            found(
                .damage, owner, "its layer \(diffID) is not unpacked",
                .advice(owner.hasPrefix("image") ? "pull it again" : "pull its image again"))
        }
        for record in images.records {
            for image in record.platforms {
                guard let manifest = try? store.manifest(image.manifest.digest) else { continue }
                for layer in manifest.layers {
                    guard let size = store.blobSize(layer.digest), size != layer.size else { continue }
                    found(
                        .damage, "image \(record.reference.familiar)",
                        "its blob \(layer.digest) has \(size) bytes instead of \(layer.size)", .advice("pull it again"))
                }
            }
        }
    }

    mutating func checkLayers() throws(BoxFailure) {
        let names = (try? root.directory.visibleNames(in: "layers")) ?? []
        for name in names {
            let path = "layers/" + name
            guard let key = LayerKey(folder: name) else {
                found(.leftover, store.path(path), "it is not a layer's folder", .advice("remove it by hand"))
                continue
            }
            let isWhole = root.directory.exists(path + "/diff") && (try? store.layerRecord(key))?.diffID == key.diffID
            if !isWhole {
                let owners = images.records.filter { record in
                    record.platforms.contains { $0.diffIDs.contains(key.diffID) }
                }.map(\.reference.familiar)
                let again = owners.isEmpty ? "" : "; pull again: \(owners.joined(separator: ", "))"
                found(
                    .damage, "layer \(key.diffID)", "its folder or record is damaged", mend: "took it away\(again)",
                    advice: "`box system check --repair` takes it away\(again)"
                ) { [root] in
                    let doomed = "tmp/" + TemporaryName.make(for: "trash")
                    try root.directory.rename(path, to: doomed)
                    try root.directory.removeTree(doomed)
                }
            } else if marks.obstacles.isEmpty && !marks.layers.contains(key) {
                let kept = (try? root.directory.status(path + "/record").modified).map(isKeptForResuming) ?? false
                found(
                    kept ? .note : .leftover, "layer \(key.diffID)", "nothing refers to it",
                    kept ? .none : .advice("`box system prune` removes it"))
            }
        }
    }

    mutating func checkContainers() throws(BoxFailure) {
        for name in (try? root.directory.visibleNames(in: "containers")) ?? [] {
            let path = store.path("containers/" + name)
            guard let id = ContainerID(name) else {
                found(.leftover, path, "it is not a container's folder", .advice("remove it by hand"))
                continue
            }
            guard let record = try? store.container(id), let config = try? record.config() else { continue }
            if (try? record.summary()) == nil {
                found(
                    .damage, "container \(config.name)", "its state is damaged",
                    mend: "recorded it as exited with an unknown status",
                    advice: "`box system check --repair` records it as exited"
                ) {
                    var state = ContainerState(.exited)
                    state.exitCode = 255
                    state.error = "the state was damaged and has been reset"
                    try record.write(state)
                }
            }
            for part in ["upper", "work", "log"] where !record.directory.exists(part) {
                found(
                    .damage, "container \(config.name)", "its folder \(part) is missing", mend: "made an empty one",
                    advice: "`box system check --repair` makes an empty one"
                ) { try record.directory.make(part) }
            }
            if store.containerID(named: config.name.text) != id {
                found(
                    .damage, "container \(config.name)", "its name does not lead to it", mend: "linked it",
                    advice: "`box system check --repair` links it where it is free, else use the id \(id.short)"
                ) { [root] in
                    try root.directory.symlink("names/\(config.name)", to: "../containers/\(id)")
                }
            }
        }
    }

    mutating func checkNames() throws(BoxFailure) {
        for name in (try? root.directory.visibleNames(in: "names")) ?? [] where store.containerID(named: name) == nil {
            found(
                .leftover, "name \(name)", "it leads to no container", mend: "freed it",
                advice: "it is free to be used again"
            ) { [root] in try root.directory.removeTree("names/" + name) }
        }
    }

    mutating func checkVolumes() throws(BoxFailure) {
        for failure in try store.volumes().unreadable {
            found(.damage, failure.subject, failure.reason, .advice("restore the record from a backup"))
        }
        for name in (try? root.directory.visibleNames(in: "volumes")) ?? []
        where !root.directory.exists("volumes/\(name)/record") {
            found(
                .damage, "volume \(name)", "its record is missing", mend: "wrote one without labels",
                advice: "`box system check --repair` writes one without labels"
            ) { [root] in
                let record = VolumeRecord(
                    name: name, created: Timestamp(nanoseconds: SystemClock.now), labels: [:], options: [:],
                    anonymous: false)
                try replaceFile(root.directory, "volumes/\(name)/record", record.bytes, mode: 0o600)
            }
        }
    }

    mutating func checkIndex() {
        guard images.unreadable.isEmpty else { return }
        let present = try? root.directory.read("oci/index.json")
        if present != LayoutIndex.bytes(of: images.records) {
            found(
                .damage, store.path("oci/index.json"), "it is not what the image records say", mend: "derived it again",
                advice: "`box system check --repair` derives it again"
            ) { [root, store] in try store.writeLayoutIndex(root) }
        }
    }
}

/// How many processors this process may use.
enum ProcessorCount {
    static var available: Int { max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }
}
