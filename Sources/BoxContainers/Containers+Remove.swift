package import BoxModel
internal import BoxRuntime
package import BoxStore
internal import BoxSystem
internal import Glibc

extension Containers {
    /// Takes a container away with its writable layer and log.
    ///
    /// - Parameters:
    ///   - force: whether a running one is killed first.
    ///   - volumes: whether its anonymous volumes go too.
    package func remove(
        _ record: ContainerRecord, force: Bool, volumes: Bool, name: String
    ) throws(BoxFailure) {
        let lock = try record.lock()
        let status = try summaryOrLost(record)
        if status.isActive {
            guard force else {
                throw BoxFailure(
                    .conflict, "remove", name, reason: "the container is \(status.rawValue)",
                    hint: "stop it first, or use `box rm -f \(name)`")
            }
            try stop(record, signal: SIGKILL, grace: 0, name: name)
        }
        guard try store.container(record.id) != nil else { return }
        let lease = try store.lease()
        recover(record.id)
        let config = try? record.config()
        try store.removeContainer(record)
        if volumes {
            for mount in config?.mounts ?? [] where mount.kind == .volume && mount.anonymous {
                try store.removeVolume(mount.source)
            }
        }
        lease.end()
        _ = consume lock
    }

    /// A container whose record cannot be read can still be removed.
    private func summaryOrLost(_ record: ContainerRecord) throws(BoxFailure) -> ContainerState.Status {
        do {
            return try summary(record).state.status
        } catch  where error.kind == .corrupt || error.kind == .notFound {
            return store.isMonitored(record.id) ? .running : .dead
        }
    }

    // MARK: After a kill

    /// Cleans up after monitors that were killed: cgroup, run-time folder, record.
    ///
    /// A monitor makes its run-time folder before anything else, so every trace of one that was killed has a folder
    /// there that nobody holds the lock of.
    package func recoverLost() {
        guard let folder = try? Directory(opening: store.location.state + "/containers"),
            let names = try? folder.names()
        else { return }
        for name in names {
            guard let id = ContainerID(name), !store.isMonitored(id) else { continue }
            // A monitor that is just starting has been given the container's lock by its starter.
            guard let record = try? store.container(id) else {
                recover(id)
                continue
            }
            guard let lock = try? record.attemptLock(), !store.isMonitored(id) else { continue }
            recover(id)
            _ = consume lock
        }
    }

    /// The caller holds the container's lock, and no monitor lives.
    func recover(_ id: ContainerID) {
        guard !store.isMonitored(id) else { return }
        let cgroup = CgroupHierarchies.detect().open(location: "/box/\(id)")
        try? cgroup.kill()
        try? cgroup.remove()
        NetworkFolders(store: store).release(id)
        store.removeRuntimeDirectory(id)
        guard let record = try? store.container(id), let summary = try? record.summary() else { return }
        guard summary.state.status.isActive else { return }
        try? record.write(corrected(summary).state)
        guard summary.autoRemove else { return }
        let config = try? record.config()
        try? store.removeContainer(record)
        for mount in config?.mounts ?? [] where mount.kind == .volume && mount.anonymous {
            try? store.removeVolume(mount.source)
        }
    }
}
