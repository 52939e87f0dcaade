internal import BoxModel
internal import BoxSystem

extension RuntimeSpec.Linux {
    /// Writes the identity maps of a new user namespace (user_namespaces(7)); in the monitor, before init goes on.
    func writeIDMaps(of pid: Int32) throws(LaunchFailure) {
        let maps = [("uid_map", uidMappings ?? []), ("gid_map", gidMappings ?? [])]
        for (name, mappings) in maps {
            guard !mappings.isEmpty else {
                throw LaunchFailure(.idMapping, name, "a user namespace needs at least one mapping")
            }
            // The kernel takes a map in one write only.
            let text = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
            do {
                try writeControl("/proc/\(pid)/\(name)", text)
            } catch {
                throw LaunchFailure(
                    error, .idMapping, text.split(separator: "\n").joined(separator: ", "),
                    hint: "the host ids must be allowed by /etc/subuid and /etc/subgid unless root maps them")
            }
        }
    }
}
