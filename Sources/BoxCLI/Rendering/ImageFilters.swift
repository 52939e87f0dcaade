internal import BoxImages
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

/// `images --filter`.
struct ImageFilters {
    private var groups: [(key: String, values: [String])] = []
    private var bounds: [(key: String, created: Timestamp)] = []
    private let images: Images

    private static let known = ["dangling", "label", "label!", "before", "since", "until", "reference"]

    init(_ texts: [String], _ images: Images) throws(BoxFailure) {
        self.images = images
        var collected: [String: [String]] = [:]
        for (key, value) in try Filters.parse(texts, known: Self.known) {
            switch key {
            case "before", "since":
                let local = try images.requireLocal(value, operation: "compare with the image")
                bounds.append((key, local.image.created))
            case "until":
                do {
                    let time = try TimeText.parse(value, now: SystemClock.now, zone: SystemClock.localZone)
                    bounds.append(("before", Timestamp(nanoseconds: time)))
                } catch {
                    throw BoxFailure(
                        .invalid, "use --filter", "until=\(value)", reason: "it is neither a time nor a duration")
                }
            case "dangling":
                guard ["true", "false", "1", "0"].contains(value) else {
                    throw BoxFailure(
                        .invalid, "use --filter", "dangling=\(value)", reason: "it is neither true nor false")
                }
                collected[key, default: []].append(value)
            default: collected[key, default: []].append(value)
            }
        }
        groups = collected.map { ($0.key, $0.value) }
    }

    func match(_ record: ImageRecord, _ image: ImagePlatform) throws(BoxFailure) -> Bool {
        for bound in bounds
        where bound.key == "before" ? image.created >= bound.created : image.created <= bound.created {
            return false
        }
        for group in groups {
            switch group.key {
            case "dangling":
                let isDangling = record.reference.tag == nil
                guard group.values.contains(where: { ($0 == "true" || $0 == "1") == isDangling }) else { return false }
            case "reference":
                guard group.values.contains(where: { Self.glob($0, record.reference) }) else { return false }
            default:
                let labels = try images.config(image.imageID).config?.labels ?? [:]
                // Docker lets all labels of the key hold.
                let holds = group.values.allSatisfy { Filters.label($0, labels) == (group.key == "label") }
                guard holds else { return false }
            }
        }
        return true
    }

    /// Whether a pattern such as `busy*:uclibc` fits a name, with or without its tag.
    static func glob(_ pattern: String, _ reference: ImageReference) -> Bool {
        let names = [reference.familiar, reference.familiarName, "\(reference)", reference.name]
        return names.contains { Glob.matches(pattern, $0) }
    }
}

/// Shell patterns over one name: `*` and `?` stop at slashes, `[…]` is a set (Go's path.Match).
enum Glob {
    static func matches(_ pattern: String, _ name: String) -> Bool {
        match(Array(pattern.unicodeScalars)[...], Array(name.unicodeScalars)[...])
    }

    private static func match(_ pattern: ArraySlice<Unicode.Scalar>, _ name: ArraySlice<Unicode.Scalar>) -> Bool {
        var pattern = pattern
        var name = name
        while let token = pattern.popFirst() {
            switch token {
            case "*":
                while pattern.first == "*" { pattern.removeFirst() }
                var rest = name
                while true {
                    if match(pattern, rest) { return true }
                    guard let next = rest.popFirst(), next != "/" else { return false }
                }
            case "?":
                guard let next = name.popFirst(), next != "/" else { return false }
            case "[":
                guard let close = pattern.firstIndex(of: "]"), let next = name.popFirst() else { return false }
                guard set(pattern[..<close], contains: next) else { return false }
                pattern = pattern[pattern.index(after: close)...]
            default:
                var wanted = token
                if token == "\\", let escaped = pattern.popFirst() { wanted = escaped }
                guard name.popFirst() == wanted else { return false }
            }
        }
        return name.isEmpty
    }

    private static func set(_ set: ArraySlice<Unicode.Scalar>, contains scalar: Unicode.Scalar) -> Bool {
        var set = set
        let negated = set.first == "^"
        if negated { set.removeFirst() }
        var found = false
        while let low = set.popFirst() {
            var high = low
            if set.first == "-", set.count > 1 {
                set.removeFirst()
                high = set.removeFirst()
            }
            if low <= scalar && scalar <= high { found = true }
        }
        return found != negated
    }
}
