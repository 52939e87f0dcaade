internal import BoxModel
internal import BoxRuntime
internal import BoxStore
internal import BoxSystem

extension Containers {
    /// The system call filter that `--privileged` and `--security-opt seccomp=` ask for; nil is none.
    func seccomp(_ config: ContainerConfig, _ capabilities: CapabilitySet) throws(BoxFailure) -> RuntimeSpec.Seccomp? {
        switch SecurityOptions(config.securityOptions).seccomp {
        case .unconfined: return nil
        case .builtIn: return config.privileged ? nil : SeccompProfile.default(capabilities: capabilities)
        case .file(let path):
            let bytes: [UInt8]
            do { bytes = try readFile(path, limit: 4 << 20) } catch {
                throw BoxFailure(error, "read the seccomp profile", path)
            }
            return try SeccompProfile.parse(bytes, source: path, capabilities: capabilities)
        }
    }

    /// The filter as the kernel takes it; empty is none.
    ///
    /// Compiling costs milliseconds, so what was compiled once is kept in the store.
    func seccompProgram(_ profile: RuntimeSpec.Seccomp?) throws(BoxFailure) -> [UInt8] {
        guard let profile else { return [] }
        return try SeccompCache(directory: store.path("cache/seccomp")).program(for: profile)
    }
}
