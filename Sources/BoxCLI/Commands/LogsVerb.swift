internal import ArgumentParser
internal import BoxContainers
internal import BoxModel
internal import BoxRuntime
internal import BoxStore
internal import BoxSystem
internal import BoxTemplate

struct LogsVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "logs", abstract: "Print what a container has written")

    @Flag(name: .shortAndLong, help: "Go on as more is written, until the container ends") var follow = false
    @Flag(name: .shortAndLong, help: "Begin each line with its time") var timestamps = false
    @Flag(help: "Accepted for Docker's sake; there are no further attributes") var details = false
    @Option(name: [.customShort("n"), .long], parsing: .unconditional, help: "Lines from the end, or all") var tail =
        "all"
    @Option(parsing: .unconditional, help: "Only what is younger than this time or duration") var since: String?
    @Option(parsing: .unconditional, help: "Only what is older than this time or duration") var until: String?
    @Argument(help: "Container") var name: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let containers = Containers(store: try context.openStore(), facts: context.facts)
        let record = try containers.find(name)
        var request = LogRequest()
        request.follow = follow
        // As Docker: whatever is no number means all.
        request.tail = Int(tail).flatMap { $0 < 0 ? nil : $0 }
        request.since = try Self.time(since, flag: "since")
        request.until = try Self.time(until, flag: "until")
        let separateError = try !record.config().tty
        try containers.logs(record, request, name: name) { stream, time, line in
            let target: Output.Stream = stream == .error && separateError ? .error : .output
            guard timestamps else {
                Output.write(line, to: target)
                return
            }
            Output.write(Array(TimeText.rfc3339(time).utf8) + [UInt8(ascii: " ")] + line, to: target)
        }
        return ExitStatus.success
    }

    private static func time(_ text: String?, flag: String) throws(BoxFailure) -> Timestamp? {
        guard let text, !text.isEmpty else { return nil }
        do {
            return Timestamp(
                nanoseconds: try TimeText.parse(text, now: SystemClock.now, zone: SystemClock.localZone))
        } catch {
            throw BoxFailure(
                .invalid, "use --\(flag)", "\"\(text)\"", reason: "it is neither a time nor a duration",
                hint: "write for example 2026-01-02T15:04:05 or 10m")
        }
    }
}
