package import BoxModel

/// Which of the unused things a prune takes.
package struct PruneFilter: Sendable {
    /// Only what is older.
    package var until: Timestamp?
    /// Only what has these labels, with the value where one is given.
    package var labels: [(key: String, value: String?)] = []
    /// Only what has none of these.
    package var withoutLabels: [(key: String, value: String?)] = []

    package init(
        until: Timestamp? = nil, labels: [(key: String, value: String?)] = [],
        withoutLabels: [(key: String, value: String?)] = []
    ) {
        self.until = until
        self.labels = labels
        self.withoutLabels = withoutLabels
    }

    package func matches(created: Timestamp, labels present: [String: String]) -> Bool {
        if let until, created >= until { return false }
        func has(_ label: (key: String, value: String?)) -> Bool {
            guard let value = present[label.key] else { return false }
            return label.value == nil || label.value == value
        }
        return labels.allSatisfy(has) && !withoutLabels.contains(where: has)
    }
}

/// What a prune took away.
package struct PruneReport: Sendable {
    package var containers: [ContainerID] = []
    package var volumes: [String] = []
    package var untagged: [ImageReference] = []
    /// Configurations of the images that went with their last name.
    package var deleted: [Digest] = []
    package var collection: CollectionReport?
    package var reclaimed: Int64 = 0
    /// Whether other commands were writing, so that the next one frees the rest.
    package var deferred = false

    package init() {}
}

extension Store {
    /// Takes containers away that do not run.
    package func pruneContainers(_ filter: PruneFilter = PruneFilter()) throws(BoxFailure) -> PruneReport {
        var report = PruneReport()
        let lease = try self.lease()
        for summary in try containers().summaries {
            guard filter.matches(created: summary.created, labels: summary.labels), !isMonitored(summary.id),
                let record = try container(summary.id),
                // Whoever is about to start it holds its lock.
                let lock = try record.attemptLock()
            else { continue }
            let isStopped = (try? record.state().status).map { $0 != .removing } ?? false
            if isStopped && !isMonitored(summary.id) {
                report.reclaimed += diskUse("containers/\(summary.id)")
                try removeContainer(record)
                report.containers.append(summary.id)
            }
            _ = consume lock
        }
        lease.end()
        return report
    }

    /// Takes volumes away that no container mounts.
    ///
    /// - Parameter all: also those that somebody named.
    package func pruneVolumes(all: Bool = false, _ filter: PruneFilter = PruneFilter()) throws(BoxFailure)
        -> PruneReport
    {
        var report = PruneReport()
        let lease = try self.lease()
        let listing = try containers()
        // A container that cannot be read may mount anything.
        if let obstacle = listing.unreadable.first { throw obstacle }
        var used: Set<String> = []
        for summary in listing.summaries {
            for mount in summary.mounts where mount.kind == .volume { used.insert(mount.source) }
        }
        for record in try volumes().records where (all || record.anonymous) && !used.contains(record.name) {
            guard filter.matches(created: record.created, labels: record.labels) else { continue }
            report.reclaimed += diskUse("volumes/\(record.name)")
            try removeVolume(record.name)
            report.volumes.append(record.name)
        }
        lease.end()
        return report
    }

    /// Takes images away that no container was made from, with everything only they need.
    ///
    /// - Parameters:
    ///   - all: also those that have a name.
    ///   - labels: the labels of an image, which stand in its configuration.
    package func pruneImages(
        all: Bool = false, _ filter: PruneFilter = PruneFilter(),
        labels: (ImagePlatform) -> [String: String] = { _ in [:] }
    ) throws(BoxFailure) -> PruneReport {
        var report = PruneReport()
        let lease = try self.lease()
        let listing = try containers()
        if let obstacle = listing.unreadable.first { throw obstacle }
        let used = Set(listing.summaries.map(\.imageID))
        for record in try images().records where all || record.isUntagged {
            if record.platforms.contains(where: { used.contains($0.imageID) }) { continue }
            guard let shown = record.shown, filter.matches(created: shown.created, labels: labels(shown)) else {
                continue
            }
            guard try removeImage(record.reference) != nil else { continue }
            report.untagged.append(record.reference)
            report.deleted += record.platforms.map(\.imageID)
        }
        let left = Set(try images().records.flatMap(\.platforms).map(\.imageID))
        var seen: Set<Digest> = []
        report.deleted = report.deleted.filter { !left.contains($0) && seen.insert($0).inserted }
        lease.end()
        report.collection = try collect(unreferencedNow: true)
        report.reclaimed += report.collection?.reclaimed ?? 0
        report.deferred = report.collection == nil
        return report
    }
}
