internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

extension UserRequest {
    /// Looks the request up in `/etc/passwd` and `/etc/group` of a container's root.
    ///
    /// - Parameter descriptors: the calling process's `/proc/self/fd`, opened before the container's view came.
    func resolve(in tree: borrowing RootTree, descriptors: borrowing OwnedFD) throws(LaunchFailure) -> ContainerUser {
        try resolve(
            passwd: AccountFile(try Self.content("/etc/passwd", in: tree, descriptors: descriptors)),
            group: AccountFile(try Self.content("/etc/group", in: tree, descriptors: descriptors)))
    }

    /// The content of a file that an image made; a missing one is empty.
    ///
    /// It may be a pipe that never answers or a device that acts when it is opened, so it is looked at before it is
    /// opened (O_PATH, open(2)).
    private static func content(
        _ path: String, in tree: borrowing RootTree, descriptors: borrowing OwnedFD
    ) throws(LaunchFailure) -> [UInt8] {
        do {
            let place: OwnedFD
            do {
                place = try tree.open(path, flags: CInt(BOX_O_PATH))
            } catch {
                if error.errno == .noSuchFileOrDirectory || error.errno == .notDirectory { return [] }
                throw error
            }
            guard try place.status(subject: path).kind == .regular else {
                throw LaunchFailure(.user, path, "it is not a regular file in this image")
            }
            let file = OwnedFD(
                adopting: try check(
                    box_open(descriptors.raw, "\(place.raw)", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0), "open", path))
            return try file.readAll(limit: 16 << 20, subject: path)
        } catch {
            throw LaunchFailure(error, .user, path)
        }
    }
}
