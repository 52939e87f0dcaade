internal import BoxContainers
internal import BoxImages
internal import BoxModel
internal import BoxRegistry
internal import BoxStore
internal import BoxSystem

/// Finds the image that `run` and `create` need, and fetches it where the policy asks for that.
struct ImageProvision {
    let context: Context
    let store: Store

    /// - Parameter policy: `missing`, `always` or `never`; `missing` never touches the network for what is here.
    func image(
        named name: String, platform: Platform?, policy: String, quiet: Bool
    ) throws(BoxFailure) -> Containers.Image {
        let registry = environmentVariable("BOX_DEFAULT_REGISTRY") ?? ImageReference.defaultRegistry
        let images = Images(store: store, defaultRegistry: registry)
        guard ["missing", "always", "never"].contains(policy) else {
            throw BoxFailure(
                .invalid, "use --pull", "\"\(policy)\"", reason: "there is no such policy",
                hint: "choose always, missing or never")
        }
        if policy != "always", let local = try images.findLocal(name, platform: platform) { return Self.image(local) }
        if policy == "never" {
            throw Images.missing(name, operation: "use the image")
        }
        // An id can only be of an image that is here.
        if policy == "always", let local = try images.findLocal(name, platform: platform), local.match.image != nil {
            return Self.image(local)
        }
        let configured = try RegistryConfiguration.load()
        let reference = try ImageReference(name, defaultRegistry: configured.defaultRegistry)
        if policy == "missing" && !quiet { context.note("Unable to find image '\(reference.familiar)' locally") }
        _ = try PullRun(context: context, store: store, configuration: configured, quiet: quiet, output: .error).pull(
            reference, platform: platform)
        let fetched = Images(store: store, defaultRegistry: configured.defaultRegistry)
        guard let local = try fetched.findLocal(name, platform: platform) else {
            throw Images.missing(name, operation: "use the image")
        }
        return Self.image(local)
    }

    private static func image(_ local: Images.Local) -> Containers.Image {
        Containers.Image(
            config: local.config, imageID: local.image.imageID, manifestDigest: local.image.manifest.digest)
    }
}
