internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The layers below one layer, looked at as overlayfs would merge them, links never followed.
struct ParentLayers {
    enum Sight {
        /// The directory that holds the name, and the name's status there.
        case found(parent: SharedFD, status: stat)
        case absent
    }

    private enum Look {
        case found(parent: SharedFD, status: stat)
        /// This layer says nothing; the next one below decides.
        case silent
        /// This layer hides the name from everything below.
        case hidden
    }

    let own: SharedFD
    /// The topmost first.
    let parents: [SharedFD]
    let marks: UnpackOptions.OverlayMarks
    let subject: EntrySubject

    func find(_ path: EntryPath) throws(BoxFailure) -> Sight {
        if try hidesBelow(own, path) { return .absent }
        for layer in parents {
            switch try look(layer, path) {
            case .found(let parent, let status): return .found(parent: parent, status: status)
            case .silent: continue
            case .hidden: return .absent
            }
        }
        return .absent
    }

    /// Whether an opaque directory or a file on the way in the new layer itself cuts the parents off.
    private func hidesBelow(_ layer: SharedFD, _ path: EntryPath) throws(BoxFailure) -> Bool {
        var directory = layer
        for component in path.components.dropLast() {
            let opened = box_open(
                directory.raw, component.terminated, CInt(BOX_O_PATH) | O_DIRECTORY | O_NOFOLLOW, 0)
            if opened == -ENOENT { return false }
            if opened == -ENOTDIR { return true }
            directory = SharedFD(OwnedFD(adopting: try subject.check(opened, "openat")))
            if isOpaque(directory) { return true }
        }
        return false
    }

    private func look(_ layer: SharedFD, _ path: EntryPath) throws(BoxFailure) -> Look {
        var directory = layer
        var isCutOff = false
        for component in path.components.dropLast() {
            let opened = box_open(
                directory.raw, component.terminated, CInt(BOX_O_PATH) | O_DIRECTORY | O_NOFOLLOW, 0)
            if opened == -ENOENT { return isCutOff ? .hidden : .silent }
            // A whiteout, a file or a link: below it nothing of this name shows.
            if opened == -ENOTDIR { return .hidden }
            directory = SharedFD(OwnedFD(adopting: try subject.check(opened, "openat")))
            if isOpaque(directory) { isCutOff = true }
        }
        var status = stat()
        let name = path.name.terminated
        let result = box_fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW)
        if result == -ENOENT { return isCutOff ? .hidden : .silent }
        try subject.check(result, "fstatat")
        if isWhiteout(directory, name, status) { return .hidden }
        return .found(parent: directory, status: status)
    }

    private func isOpaque(_ directory: SharedFD) -> Bool {
        var value: UInt8 = 0
        return box_getxattr(directory.procPath, marks.opaque, &value, 1) == 1 && value == UInt8(ascii: "y")
    }

    private func isWhiteout(_ parent: SharedFD, _ name: [CChar], _ status: stat) -> Bool {
        if status.st_mode & S_IFMT == S_IFCHR { return status.st_rdev == 0 }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 else { return false }
        return box_lgetxattr(parent.path(to: name), marks.whiteout, nil, 0) >= 0
    }
}

extension SharedFD {
    /// A path to a name in this directory for the calls that take nothing else (proc(5)).
    func path(to name: [CChar]) -> [CChar] {
        Array((procPath + "/").utf8CString.dropLast()) + name
    }
}
