internal import ArgumentParser
internal import BoxModel
internal import BoxRegistry
internal import BoxSystem

struct PullVerb: Verb {
    static let configuration = CommandConfiguration(commandName: "pull", abstract: "Fetch an image from a registry")

    @Flag(name: .shortAndLong, help: "Every tag of the repository") var allTags = false
    @Flag(name: .shortAndLong, help: "Print the name only") var quiet = false
    @Flag(help: "Accepted for Docker's sake; there is no content trust to skip") var disableContentTrust = false
    @Option(parsing: .unconditional, help: "Platform of the image, os/arch[/variant]") var platform: String?
    @Argument(help: "Image") var name: String

    func perform(_ context: Context) throws(BoxFailure) -> Int32 {
        let configuration = try RegistryConfiguration.load()
        let reference = try ImageReference(name, defaultRegistry: configuration.defaultRegistry)
        if allTags && (reference.digest != nil || name.hasSuffix(":\(reference.tag ?? "")")) {
            throw BoxFailure(
                .invalid, "use --all-tags", name, reason: "the name has a tag or digest already", hint: "leave it out")
        }
        var wanted: Platform?
        if let text = platform ?? environmentVariable("DOCKER_DEFAULT_PLATFORM") {
            wanted = try PlatformFlag.platform(text)
        }
        let store = try context.openStore()
        _ = try PullRun(context: context, store: store, configuration: configuration, quiet: quiet, output: .output)
            .pull(
                reference, platform: wanted, allTags: allTags)
        return ExitStatus.success
    }
}
