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
    func pull(_ reference: ImageReference, platform: Platform, allTags: Bool = false) throws(BoxFailure) -> PullResult?
    {
        let display = PullDisplay(output, quiet: quiet)
        Interrupt.beginCounting()
        var configuration = configuration
        configuration.version = Program.version
        let settings = configuration
        let store = store
        let logger = context.logger
        let result = try AsyncBridge.run { () async throws(BoxFailure) -> PullResult? in
            let client = RegistryClient(settings)
            let pull = Pull(
                store: store, client: client, configuration: settings, platform: platform, logger: logger,
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
        if let result { display.finish(result) }
        return result
    }
}
