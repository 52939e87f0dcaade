internal import BoxContainers
internal import BoxImages
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

/// The prune commands: asks first, removes kind by kind, and adds up what came free.
final class Pruning {
    private let context: Context
    private let store: Store
    private let filter: PruneFilter
    private let force: Bool
    private var reclaimed: Int64 = 0

    init(context: Context, filters: [String], force: Bool) throws(BoxFailure) {
        self.context = context
        self.force = force
        store = try context.openStore()
        var filter = PruneFilter()
        for (key, value) in try Filters.parse(filters, known: ["until", "label", "label!"]) {
            switch key {
            case "until":
                do {
                    filter.until = Timestamp(
                        nanoseconds: try TimeText.parse(value, now: SystemClock.now, zone: SystemClock.localZone))
                } catch {
                    throw BoxFailure(
                        .invalid, "use --filter", "until=\(value)", reason: "it is neither a time nor a duration")
                }
            default:
                let name = String(value.prefix { $0 != "=" })
                let wanted = value.contains("=") ? String(value.dropFirst(name.count + 1)) : nil
                if key == "label" {
                    filter.labels.append((name, wanted))
                } else {
                    filter.withoutLabels.append((name, wanted))
                }
            }
        }
        self.filter = filter
    }

    /// Asks unless `--force` was given; anything but yes is no.
    func confirm(_ what: String) -> Bool {
        if force { return true }
        context.printRaw("WARNING! This will remove \(what).\nAre you sure you want to continue? [y/N] ")
        let answer = (readLine() ?? "").lowercased()
        return answer == "y" || answer == "yes"
    }

    func containers() throws(BoxFailure) {
        Containers(store: store, facts: context.facts).recoverLost()
        let report = try store.pruneContainers(filter)
        show("Deleted Containers:", report.containers.map(\.text), report)
    }

    func volumes() throws(BoxFailure) {
        let report = try store.pruneVolumes(all: false, filter)
        show("Deleted Volumes:", report.volumes, report)
    }

    func networks() throws(BoxFailure) {
        let networks = Networks(store: store)
        let summaries = try Containers(store: store, facts: context.facts).list().summaries
        var names: [String] = []
        for network in try store.networks().records where !network.isDefault {
            guard filter.matches(created: network.created, labels: network.labels),
                !networks.isUsed(network, by: summaries)
            else { continue }
            do throws(BoxFailure) {
                try networks.remove(network)
                names.append(network.name)
            } catch  where error.kind == .conflict {
                // A container has joined it meanwhile.
            }
        }
        show("Deleted Networks:", names, PruneReport())
    }

    func images(all: Bool) throws(BoxFailure) {
        let images = Images(store: store)
        let report = try store.pruneImages(all: all, filter) { image in
            (try? images.config(image.imageID).config?.labels) ?? [:]
        }
        show(
            "Deleted Images:",
            report.untagged.map { "untagged: \($0.familiar)" } + report.deleted.map { "deleted: \($0)" }, report)
        if report.deferred {
            context.note("box: another box is writing; the space comes free when it has ended")
        }
    }

    func printTotal() {
        context.print("Total reclaimed space: \(HumanText.size(reclaimed, digits: 4))")
    }

    private func show(_ title: String, _ lines: [String], _ report: PruneReport) {
        reclaimed += report.reclaimed
        guard !lines.isEmpty else { return }
        context.print(([title] + lines).joined(separator: "\n") + "\n")
    }
}
