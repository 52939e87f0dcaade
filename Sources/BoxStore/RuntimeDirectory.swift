package import BoxModel
package import BoxSystem
internal import Glibc

/// A container's folder for what a reboot ends: `monitor.lock`, `ctl.sock` and the like.
package final class RuntimeDirectory: Sendable {
    package let directory: Directory

    init(_ directory: consuming Directory) {
        self.directory = directory
    }

    /// A path for a socket in the folder that fits into an address, whose room is 108 bytes (unix(7)).
    ///
    /// Where the real path is longer it leads through this object's descriptor, so that it is good in this process
    /// and while the object lives.
    package func socketPath(_ name: String) -> String {
        let path = directory.describe(name)
        return path.utf8.count < 108 ? path : "\(directory.fd.procPath)/\(name)"
    }
}

extension Store {
    private func runtimePath(_ id: ContainerID) -> String { "\(location.state)/containers/\(id)" }

    /// Opens a container's run-time folder, made where it is missing.
    package func makeRuntimeDirectory(_ id: ContainerID) throws(BoxFailure) -> RuntimeDirectory {
        try storing("make the run-time folder", runtimePath(id)) { () throws(SystemFailure) in
            RuntimeDirectory(try makeDirectories(runtimePath(id), mode: 0o700))
        }
    }

    /// Opens a container's run-time folder, or nil where there is none: it has not run since the machine started.
    package func runtimeDirectory(_ id: ContainerID) throws(BoxFailure) -> RuntimeDirectory? {
        do {
            return RuntimeDirectory(try Directory(opening: runtimePath(id)))
        } catch  where error.isMissing {
            return nil
        } catch {
            throw BoxFailure(error, "open the run-time folder", runtimePath(id))
        }
    }

    /// Takes a container's run-time folder away.
    package func removeRuntimeDirectory(_ id: ContainerID) {
        guard let parent = try? Directory(opening: location.state + "/containers") else { return }
        try? parent.removeTree(id.text)
    }

    /// Whether a monitor lives that holds the container's `monitor.lock`.
    ///
    /// Asks by trying a shared lock for an instant, so that a monitor taking its own must wait for it, not try once.
    package func isMonitored(_ id: ContainerID) -> Bool {
        guard let folder = try? Directory(opening: runtimePath(id)), let file = try? folder.open("monitor.lock") else {
            return false
        }
        let free = try? file.lock(exclusive: false, wait: false, "monitor.lock")
        return free == false
    }
}
