internal import BoxContainers
internal import BoxModel
internal import BoxNetwork
internal import BoxStore
internal import BoxTemplate
internal import _StringProcessing

/// `ps --filter`: values of one key are alternatives, different keys must all hold.
struct ContainerFilters {
    private var groups: [String: [String]] = [:]
    private var bounds: [(key: String, created: Timestamp)] = []
    private var patterns: [Regex<AnyRegexOutput>] = []
    /// The names of networks that were given by their ids.
    private var networkNames: [String: [String]] = [:]

    private static let known = [
        "id", "name", "label", "exited", "status", "ancestor", "before", "since", "volume", "network", "publish",
        "expose", "health", "isolation", "is-task",
    ]

    init(_ texts: [String], _ containers: Containers) throws(BoxFailure) {
        for (key, value) in try Filters.parse(texts, known: Self.known) {
            switch key {
            case "before", "since":
                let record = try containers.find(value)
                bounds.append((key, try containers.summary(record).created))
                continue
            case "name":
                do { patterns.append(try Regex(value)) } catch {
                    throw BoxFailure(.invalid, "use --filter", "name=\(value)", reason: "it is no regular expression")
                }
            case "status":
                guard ContainerState.Status(rawValue: value) != nil else {
                    throw BoxFailure(
                        .invalid, "use --filter", "status=\(value)", reason: "there is no such state",
                        hint: "choose \(ContainerState.Status.allCases.map(\.rawValue).joined(separator: ", "))")
                }
            case "exited":
                guard Int32(value) != nil else {
                    throw BoxFailure(.invalid, "use --filter", "exited=\(value)", reason: "it is no number")
                }
            case "network":
                // Given by id it stands for the name, which is what containers are listed with.
                let found = (try? Networks(store: containers.store).list().records) ?? []
                networkNames[value] = found.filter { $0.id.hasPrefix(value) }.map(\.name)
            case "publish", "expose": _ = try PortSyntax.exposed(value)
            default: break
            }
            groups[key, default: []].append(value)
        }
    }

    /// Whether states are asked for, so that those that do not run are looked at too.
    var namesState: Bool { groups["status"] != nil || groups["exited"] != nil }

    func match(_ row: ContainerSummary) -> Bool {
        for bound in bounds where bound.key == "before" ? row.created >= bound.created : row.created <= bound.created {
            return false
        }
        return groups.allSatisfy { key, values in
            if key == "name" {
                return patterns.contains {
                    row.name.text.firstMatch(of: $0) != nil || "/\(row.name)".firstMatch(of: $0) != nil
                }
            }
            return values.contains { match(row, key, $0) }
        }
    }

    private func match(_ row: ContainerSummary, _ key: String, _ value: String) -> Bool {
        switch key {
        case "id": return row.id.text.hasPrefix(value)
        case "label": return Filters.label(value, row.labels)
        case "exited": return row.state.status == .exited && row.state.exitCode == Int32(value)
        case "status": return row.state.status.rawValue == value
        case "ancestor": return isAncestor(value, row)
        case "volume": return row.mounts.contains { $0.source == value || $0.destination == value }
        case "network":
            return ContainerTable.networks(row).contains { $0 == value || networkNames[value]?.contains($0) == true }
        case "publish": return Self.ports(value).contains { wanted in row.state.ports.contains { $0.port == wanted } }
        case "expose":
            return Self.ports(value).contains { wanted in
                row.exposedPorts.contains(wanted) || row.state.ports.contains { $0.port == wanted }
            }
        case "health": return value == "none"
        case "isolation": return value == "default"
        case "is-task": return value == "false"
        default: return false
        }
    }

    private static func ports(_ text: String) -> [ContainerPort] { (try? PortSyntax.exposed(text)) ?? [] }

    private func isAncestor(_ value: String, _ row: ContainerSummary) -> Bool {
        if row.imageID.hex.hasPrefix(value) || "\(row.imageID)" == value { return true }
        guard let wanted = try? ImageReference(value), let own = try? ImageReference(row.imageName) else {
            return false
        }
        return wanted == own
    }
}

/// `--filter KEY=VALUE`.
enum Filters {
    static func parse(_ texts: [String], known: [String]) throws(BoxFailure) -> [(key: String, value: String)] {
        var pairs: [(String, String)] = []
        for text in texts {
            guard let equals = text.firstIndex(of: "=") else {
                throw BoxFailure(
                    .invalid, "use --filter", "\"\(text)\"", reason: "the value is missing", hint: "write KEY=VALUE")
            }
            var key = text[..<equals].lowercased()
            var value = String(text[text.index(after: equals)...])
            if key.hasSuffix("!") {
                key.removeLast()
                key += "!"
            }
            value = String(value.drop { $0 == " " })
            guard known.contains(key) else {
                throw BoxFailure(
                    .invalid, "use --filter", "\"\(text)\"", reason: "there is no filter \(key)",
                    hint: nearest(to: key, in: known).map { "did you mean \($0)?" }
                        ?? "known are \(known.joined(separator: ", "))")
            }
            pairs.append((key, value))
        }
        return pairs
    }

    /// `KEY` or `KEY=VALUE`.
    static func label(_ wanted: String, _ labels: [String: String]) -> Bool {
        guard let equals = wanted.firstIndex(of: "=") else { return labels[wanted] != nil }
        return labels[String(wanted[..<equals])] == String(wanted[wanted.index(after: equals)...])
    }
}
