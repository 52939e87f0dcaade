package import BoxModel
package import BoxSystem
internal import Glibc

/// All containers whose record could be read, and why others could not.
package struct ContainerListing: Sendable {
    package var summaries: [ContainerSummary] = []
    package var unreadable: [BoxFailure] = []
}

extension Store {
    // MARK: Reading

    /// The ids of all containers.
    package func containerIDs() throws(BoxFailure) -> [ContainerID] {
        guard let root else { return [] }
        return try storing("list the containers", location.root) { () throws(SystemFailure) in
            try root.directory.visibleNames(in: "containers").compactMap { ContainerID($0) }
        }
    }

    /// What `ps` shows of all containers, the youngest first.
    package func containers() throws(BoxFailure) -> ContainerListing {
        var listing = ContainerListing()
        guard let root else { return listing }
        for id in try containerIDs() {
            let name = "containers/\(id)/state"
            do {
                let bytes = try storing("read the container's state", path(name)) { () throws(SystemFailure) in
                    try root.directory.readIfPresent(name)
                }
                // Being removed just now, unless its folder is still there.
                guard let bytes else {
                    if root.directory.exists("containers/\(id)/config") {
                        listing.unreadable.append(
                            BoxFailure(
                                .corrupt, "read the container's state", path(name), reason: "the file is missing",
                                hint: "run `box system check --repair`"))
                    }
                    continue
                }
                listing.summaries.append(try ContainerSummary(parsing: bytes, source: path(name)))
            } catch {
                listing.unreadable.append(error)
            }
        }
        listing.summaries.sort { ($0.created, $0.id.text) > ($1.created, $1.id.text) }
        return listing
    }

    /// The container of an id, or nil.
    package func container(_ id: ContainerID) throws(BoxFailure) -> ContainerRecord? {
        guard let root else { return nil }
        do {
            return ContainerRecord(id, try root.directory.directory("containers/\(id)"))
        } catch  where error.isMissing {
            return nil
        } catch {
            throw BoxFailure(error, "open the container", id.short)
        }
    }

    /// The id that a name is reserved for, or nil.
    package func containerID(named name: String) -> ContainerID? {
        guard let root, let name = try? ContainerName(name),
            let target = try? root.directory.readLink("names/\(name)"),
            let id = target.split(separator: "/").last.flatMap({ ContainerID(String($0)) }),
            root.directory.exists("containers/\(id)")
        else { return nil }
        return id
    }

    /// Finds a container by a person's word for it: its id, its name, or the beginning of its id, in this order.
    ///
    /// - Throws: `notFound`, or `conflict` with the candidates where the beginning fits several.
    package func findContainer(_ text: String) throws(BoxFailure) -> ContainerRecord {
        if let id = ContainerID(text), let record = try container(id) { return record }
        // As Docker prints names in its answers.
        let name = text.hasPrefix("/") ? String(text.dropFirst()) : text
        if let id = containerID(named: name), let record = try container(id) { return record }
        let candidates = text.isEmpty ? [] : try containerIDs().filter { $0.text.hasPrefix(text) }
        guard candidates.count < 2 else {
            let shown = candidates.map(\.short).sorted().prefix(10).joined(separator: ", ")
            throw BoxFailure(
                .conflict, "find the container", text, reason: "several containers begin so: \(shown)",
                hint: "give more digits or a name")
        }
        guard let only = candidates.first, let record = try container(only) else {
            throw BoxFailure(
                .notFound, "find the container", text, reason: "no such container", hint: "`box ps -a` lists all")
        }
        return record
    }

    // MARK: Making

    /// Makes a container: all or nothing.
    ///
    /// - Parameter prepare: fills the folder further while nobody sees it.
    /// - Throws: `conflict` where the name is in use, naming the container that has it.
    package func createContainer(
        _ config: ContainerConfig, prepare: (borrowing Directory) throws(BoxFailure) -> Void = { _ in }
    ) throws(BoxFailure) -> ContainerRecord {
        let root = try writableRoot("create the container")
        let encoded = try JSON.encode(config, "create the container")
        let summary = ContainerSummary(config, ContainerState(.created))
        let staging = "tmp/" + TemporaryName.make(for: "container")
        do {
            let folder = try storing("create the container", path(staging)) { () throws(SystemFailure) in
                try root.directory.make(staging, mode: 0o710)
                let folder = try root.directory.directory(staging)
                try folder.writeNew("config", encoded)
                try folder.writeNew("state", summary.bytes)
                for name in ["upper", "work", "log"] { try folder.make(name, mode: name == "log" ? 0o700 : 0o755) }
                // The container sees this as its `/`, whatever the umask.
                try folder.changeMode("upper", 0o755)
                return folder
            }
            try prepare(folder)
            try publish(root, staging, summary)
            let published = try storing("create the container", "\(config.name)") { () throws(SystemFailure) in
                try root.directory.directory("containers/\(config.id)")
            }
            return ContainerRecord(config.id, published, summary: summary)
        } catch {
            try? root.directory.removeTree(staging)
            throw error
        }
    }

    /// Reserves the name and makes the container visible.
    ///
    /// Between the two calls the name leads nowhere, which the lock keeps others from mistaking for the leftover of a
    /// kill.
    private func publish(_ root: SharedDirectory, _ staging: String, _ summary: ContainerSummary) throws(BoxFailure) {
        let lock = try namesLock(root)
        let link = "names/\(summary.name)"
        if let holder = containerID(named: summary.name.text) {
            throw BoxFailure(
                .conflict, "use the name", "\"\(summary.name)\"",
                reason: "the name is already in use by container \(holder.short)",
                hint: "remove it with `box rm` or choose another")
        }
        try storing("create the container", "\(summary.name)") { () throws(SystemFailure) in
            // What is there leads nowhere.
            if root.directory.exists(link) { try root.directory.unlink(link) }
            try root.directory.symlink(link, to: "../containers/\(summary.id)")
            do throws(SystemFailure) {
                try root.directory.rename(staging, to: "containers/\(summary.id)", replacing: false)
            } catch {
                try? root.directory.unlink(link)
                throw error
            }
        }
        _ = consume lock
    }

    func namesLock(_ root: SharedDirectory) throws(BoxFailure) -> FileLock {
        try storing("lock the names", location.root) { () throws(SystemFailure) in
            try FileLock(root.directory, "names/.lock", .exclusive)
        }
    }

    // MARK: Removing

    /// Takes a container away with its writable layer and logs.
    ///
    /// Whether it may be is for the caller to know.
    package func removeContainer(_ record: ContainerRecord) throws(BoxFailure) {
        let root = try writableRoot("remove the container")
        let doomed = "tmp/" + TemporaryName.make(for: "trash")
        let name = try? record.summary()
        do {
            // Invisible first, then deleted; a kill in between leaves only what the next writer collects.
            try root.directory.rename("containers/\(record.id)", to: doomed)
        } catch  where error.isMissing {
            throw BoxFailure(.notFound, "remove the container", record.id.short, reason: "no such container")
        } catch {
            throw BoxFailure(error, "remove the container", record.id.short)
        }
        if let name { try freeName(root, name) } else { try freeNames(root, of: record.id) }
        removeRuntimeDirectory(record.id)
        try storing("remove the container", record.id.short) { () throws(SystemFailure) in
            try root.directory.removeTree(doomed)
        }
    }

    /// Frees a container's name where it still leads to that container, which must be gone from its place.
    func freeName(_ root: SharedDirectory, _ summary: ContainerSummary) throws(BoxFailure) {
        let lock = try namesLock(root)
        let link = "names/\(summary.name)"
        guard let target = try? root.directory.readLink(link), target == "../containers/\(summary.id)",
            !root.directory.exists("containers/\(summary.id)")
        else { return }
        try storing("free the name", "\(summary.name)") { () throws(SystemFailure) in
            try root.directory.unlink(link)
        }
        _ = consume lock
    }

    /// Frees the names of a container whose record could not be read.
    private func freeNames(_ root: SharedDirectory, of id: ContainerID) throws(BoxFailure) {
        let lock = try namesLock(root)
        try storing("free the name", id.short) { () throws(SystemFailure) in
            for name in try root.directory.visibleNames(in: "names")
            where (try? root.directory.readLink("names/" + name)) == "../containers/\(id)" {
                try root.directory.unlink("names/" + name)
            }
        }
        _ = consume lock
    }
}
