internal import BoxImages
internal import BoxModel
internal import BoxSystem
internal import BoxTemplate
internal import Synchronization

/// Draws a pull: one bar per layer on a terminal, one line per step elsewhere, nothing with `--quiet`.
final class PullDisplay: Sendable {
    private struct State {
        var layers: [Digest] = []
        var phases: [Digest: PullEvent.LayerPhase] = [:]
        var drawn = 0
        var lastDrawing: Int64 = 0
    }

    private let stream: Output.Stream
    private let quiet: Bool
    private let draws: Bool
    private let state = Mutex(State())

    init(_ stream: Output.Stream, quiet: Bool) {
        self.stream = stream
        self.quiet = quiet
        draws = Terminal.isTerminal(stream.rawValue) && environmentVariable("TERM") != "dumb"
    }

    func announce(_ reference: ImageReference) {
        guard !quiet else { return }
        let what = reference.tag ?? reference.digest?.description ?? ""
        Output.write("\(what): Pulling from \(shownRepository(reference))\n", to: stream)
    }

    /// As Docker: Hub's repositories in full, others with their registry.
    private func shownRepository(_ reference: ImageReference) -> String {
        reference.registry == ImageReference.defaultRegistry ? reference.repository : reference.name
    }

    func show(_ event: PullEvent) {
        guard !quiet else { return }
        state.withLock { state in
            switch event {
            case .began(_, let layers):
                state = State()
                for layer in layers where !state.layers.contains(layer.digest) { state.layers.append(layer.digest) }
                draw(&state, force: true)
            case .layer(let digest, let phase):
                let old = state.phases[digest]
                if old == .complete || old == .alreadyExists { return }
                state.phases[digest] = phase
                if draws {
                    draw(&state, force: phase == .complete || phase == .alreadyExists)
                } else if let line = Self.plainLine(digest, phase, before: old) {
                    Output.write(line, to: stream)
                }
            case .waiting: break
            }
        }
    }

    func finish(_ result: PullResult) {
        if quiet {
            Output.write("\(result.reference)\n", to: stream == .output ? .output : .error)
            return
        }
        let status = result.isNew ? "Downloaded newer image for" : "Image is up to date for"
        Output.write("Digest: \(result.digest)\nStatus: \(status) \(result.reference.familiar)\n", to: stream)
        if stream == .output { Output.write("\(result.reference)\n", to: stream) }
    }

    private static func plainLine(
        _ digest: Digest, _ phase: PullEvent.LayerPhase, before: PullEvent.LayerPhase?
    ) -> String? {
        switch phase {
        case .alreadyExists: "\(digest.short): Already exists\n"
        case .downloading: before == nil ? "\(digest.short): Pulling fs layer\n" : nil
        case .downloaded: "\(digest.short): Download complete\n"
        case .extracting: nil
        case .complete: "\(digest.short): Pull complete\n"
        }
    }

    // MARK: Bars

    private func draw(_ state: inout State, force: Bool) {
        guard draws else { return }
        let now = SystemClock.monotonic
        // Ten pictures a second are enough for any eye.
        guard force || now - state.lastDrawing > 100_000_000 else { return }
        state.lastDrawing = now
        let width = Int(Terminal.size(of: stream.rawValue)?.columns ?? 80)
        var text = state.drawn > 0 ? "\u{1B}[\(state.drawn)A" : ""
        for digest in state.layers {
            text +=
                "\r\u{1B}[2K" + ellipsized(Self.line(digest, state.phases[digest]), width: max(20, width - 1)) + "\n"
        }
        state.drawn = state.layers.count
        Output.write(text, to: stream)
    }

    private static func line(_ digest: Digest, _ phase: PullEvent.LayerPhase?) -> String {
        switch phase {
        case nil: return "\(digest.short): Waiting"
        case .alreadyExists: return "\(digest.short): Already exists"
        case .downloading(let done, let total):
            let cells = 30
            let filled = total > 0 ? Int(Int64(cells) * min(done, total) / total) : 0
            let bar = String(repeating: "=", count: filled) + ">" + String(repeating: " ", count: cells - filled)
            return "\(digest.short): Downloading [\(bar)] \(HumanText.size(done))/\(HumanText.size(total))"
        case .downloaded: return "\(digest.short): Download complete"
        case .extracting: return "\(digest.short): Extracting"
        case .complete: return "\(digest.short): Pull complete"
        }
    }
}
