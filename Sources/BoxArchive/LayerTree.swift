internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The directory that a layer is unpacked into, and the way to any parent in it.
///
/// Paths are walked one component at a time, each opened relative to the one before without following links. A
/// symbolic link of the archive is read and taken relative to the layer's root, so that it can never lead out of
/// it, whatever it says. The directories of the last path stay open, since the next entry mostly lies beside it.
final class LayerTree {
    private struct Level {
        let name: [UInt8]
        /// nil where too many are open.
        let fd: SharedFD?
    }

    /// A directory inside the layer by its real path: no component of it is a link.
    struct Place {
        let fd: SharedFD
        let path: EntryPath
    }

    private static let mostOpen = 64
    private static let mostLinks = 40

    let root: SharedFD
    private let subject: EntrySubject
    private var levels: [Level] = []
    /// Called for every directory that had to be made; tells whether it replaced a whiteout.
    var didMakeParent: (Place, Bool) throws(BoxFailure) -> Void = { (_, _) in }
    /// Called with the path of a whiteout that stands where a parent is needed; must remove it.
    var removeWhiteout: (SharedFD, EntryPath) throws(BoxFailure) -> Bool = { (_, _) in false }

    init(_ root: SharedFD, subject: EntrySubject) {
        self.root = root
        self.subject = subject
    }

    /// Forgets the open directories; needed whenever a directory or link has been removed.
    func forget() {
        levels.removeAll()
    }

    /// Finds a directory.
    ///
    /// - Parameter creating: whether missing components are made; otherwise the result is nil where one is missing.
    func directory(_ path: EntryPath, creating: Bool) throws(BoxFailure) -> Place? {
        let known = commonDepth(path.components)
        levels.removeLast(levels.count - known)
        var rest = Array(path.components[known...].reversed())
        var links = 0
        while let component = rest.popLast() {
            if component == [46, 46] {
                // Only from a link: its target may climb, but not above the root.
                if !levels.isEmpty { levels.removeLast() }
                try reopenLast()
                continue
            }
            let parent = levels.last?.fd ?? root
            let name = component.terminated
            let flags = CInt(BOX_O_PATH) | O_DIRECTORY | O_NOFOLLOW
            var opened = box_open(parent.raw, name, flags, 0)
            if opened == -ENOTDIR {
                if let target = try linkTarget(parent, name) {
                    links += 1
                    guard links <= Self.mostLinks else { throw subject.failure(ELOOP, "openat") }
                    if target.first == UInt8(ascii: "/") { levels.removeAll() }
                    rest += target.split(separator: UInt8(ascii: "/")).filter { $0 != [46] }.map(Array.init).reversed()
                    continue
                }
                if !creating { return nil }
                let path = EntryPath(levels.map(\.name) + [component])
                if try removeWhiteout(parent, path) {
                    opened = try make(parent, component, hiding: true)
                }
            } else if opened == -ENOENT {
                if !creating { return nil }
                opened = try make(parent, component, hiding: false)
            }
            if opened == -ENOTDIR {
                let parent = String(decoding: EntryPath(levels.map(\.name) + [component]).bytes, as: UTF8.self)
                throw subject.failure(.corrupt, reason: "its parent \(parent) is not a directory")
            }
            try subject.check(opened, "openat")
            push(component, SharedFD(OwnedFD(adopting: opened)))
        }
        guard let last = levels.last else { return Place(fd: root, path: EntryPath([])) }
        guard let fd = last.fd else { throw subject.failure(.internal, reason: "its parent was closed too early") }
        return Place(fd: fd, path: EntryPath(levels.map(\.name)))
    }

    private func commonDepth(_ components: [[UInt8]]) -> Int {
        var depth = 0
        while depth < levels.count && depth < components.count && levels[depth].name == components[depth] {
            depth += 1
        }
        while depth > 0 && levels[depth - 1].fd == nil { depth -= 1 }
        return depth
    }

    private func push(_ name: [UInt8], _ fd: SharedFD) {
        if levels.count >= Self.mostOpen, let last = levels.last {
            levels[levels.count - 1] = Level(name: last.name, fd: nil)
        }
        levels.append(Level(name: name, fd: fd))
    }

    /// After a climb the last level may be one that was closed to save descriptors.
    private func reopenLast() throws(BoxFailure) {
        guard let last = levels.last, last.fd == nil else { return }
        let path = EntryPath(levels.map(\.name))
        levels.removeAll()
        _ = try directory(path, creating: false)
    }

    private func make(_ parent: SharedFD, _ component: [UInt8], hiding: Bool) throws(BoxFailure) -> CInt {
        let name = component.terminated
        // Writable for the time of unpacking; the final permissions come at the end.
        try subject.check(box_mkdirat(parent.raw, name, 0o755), "mkdirat")
        let opened = box_open(parent.raw, name, CInt(BOX_O_PATH) | O_DIRECTORY | O_NOFOLLOW, 0)
        try subject.check(opened, "openat")
        // The level keeps a descriptor of its own, so that the callback can outlive a failure.
        let duplicate = try subject.check(box_dup(opened), "dup")
        let place = Place(
            fd: SharedFD(OwnedFD(adopting: duplicate)), path: EntryPath(levels.map(\.name) + [component]))
        do {
            try didMakeParent(place, hiding)
        } catch {
            _ = box_close(opened)
            throw error
        }
        return opened
    }

    private func linkTarget(_ parent: SharedFD, _ name: [CChar]) throws(BoxFailure) -> [UInt8]? {
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = box_readlinkat(parent.raw, name, &buffer, 4096)
        if count == -CLong(EINVAL) { return nil }
        return buffer[..<(try subject.check(count, "readlinkat"))].map { UInt8(bitPattern: $0) }
    }
}
