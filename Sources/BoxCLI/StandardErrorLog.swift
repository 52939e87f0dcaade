internal import Logging

/// Log events as single lines on standard error: one a decision, only with `--debug` or `BOX_LOG`.
struct StandardErrorLog: LogHandler {
    let label: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(label: String) {
        self.label = label
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        let details = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        Output.write("\(label): \(event.level): \(event.message)\(details)\n", to: .error)
    }
}
