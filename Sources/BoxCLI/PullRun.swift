internal import BoxImages
internal import BoxModel
internal import BoxRegistry
internal import BoxStore
internal import BoxSystem

/// A pull with its progress shown.
struct PullRun {
    let context: Context
    let store: Store
    let configuration: RegistryConfiguration
    let quiet: Bool
    /// Where progress goes: `run` keeps standard output for the container.
    let output: Output.Stream

    /// Pulls one image, and prints what Docker prints about it.
    func pull(_ reference: ImageReference, platform: Platform?, allTags: Bool = false) throws(BoxFailure) -> PullResult?
    {
        let display = PullDisplay(output, quiet: quiet)
        Interrupt.beginCounting()
        var configuration = configuration
        configuration.version = Program.version
        let settings = configuration
        let store = store
        let logger = context.logger
        let result = try interruptible(reference) { () throws(BoxFailure) in
            try AsyncBridge.run { () async throws(BoxFailure) -> PullResult? in
                let client = RegistryClient(settings)
                let pull = Pull(
                    store: store, client: client, configuration: settings, platform: platform ?? .current,
                    insists: platform != nil,
                    logger: logger,
                    progress: { display.show($0) })
                let outcome: Result<PullResult?, BoxFailure>
                do throws(BoxFailure) {
                    if allTags {
                        try await pull.runAllTags(reference) { display.finish($0) }
                        outcome = .success(nil)
                    } else {
                        display.announce(reference)
                        outcome = .success(try await pull.run(reference))
                    }
                } catch {
                    outcome = .failure(error)
                }
                await client.shutdown()
                return try outcome.get()
            }
        }
        if let result { display.finish(result) }
        return result
    }

    /// What breaks when a pull is interrupted is not what went wrong.
    private func interruptible<Value>(
        _ reference: ImageReference, _ body: () throws(BoxFailure) -> Value
    ) throws(BoxFailure) -> Value {
        do throws(BoxFailure) { return try body() } catch  where Interrupt.count > 0 {
            throw BoxFailure(
                .cancelled, "pull", reference.familiar, reason: "it was interrupted",
                hint: "pull again; it goes on where it was")
        }
    }
}
