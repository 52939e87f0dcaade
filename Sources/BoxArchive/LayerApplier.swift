internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Carries the entries of one layer into its directory, in the form that overlayfs stacks.
///
/// A later entry of the same name wins, as in Docker: it replaces what is there, except that a directory over a
/// directory merges. Attributes of directories are set at the end, when nothing below them changes any more.
final class LayerApplier {
    let subject: EntrySubject
    let options: UnpackOptions
    let tree: LayerTree
    let attributes: AttributeWriter
    var foreign: [EntryPath: EntryPath] = [:]
    private var foreignOrder: [EntryPath] = []
    private var directories: [EntryPath: FileAttributes] = [:]
    private var implicit: Set<EntryPath> = []
    private var whiteouts: Set<EntryPath> = []
    private(set) var entryCount = 0
    private(set) var unpackedSize: Int64 = 0
    private(set) var hidesEverythingBelow = false
    private(set) var hasRootEntry = false

    init(_ root: SharedFD, subject: EntrySubject, options: UnpackOptions) throws(BoxFailure) {
        self.subject = subject
        self.options = options
        tree = LayerTree(root, subject: subject)
        attributes = AttributeWriter(subject: subject, options: options)
        directories[EntryPath([])] = .implicitDirectory
        tree.didMakeParent = { [unowned self] (place, hiding) throws(BoxFailure) in
            self.directories[place.path] = .implicitDirectory
            if hiding {
                // The whiteout hid the directory below, so nothing of it must show through the new one.
                try self.attributes.markOpaque(place.fd)
            } else {
                self.implicit.insert(place.path)
            }
        }
        tree.removeWhiteout = { [unowned self] (parent, path) throws(BoxFailure) in
            guard self.whiteouts.remove(path) != nil else { return false }
            try self.subject.check(box_unlinkat(parent.raw, path.name.terminated, 0), "unlinkat")
            return true
        }
    }

    var implicitDirectories: [[UInt8]] {
        // A path sorts after every prefix of it, so parents come first.
        implicit.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) }
    }

    var foreignHardLinks: [ForeignHardLink] {
        foreignOrder.compactMap { path in
            foreign[path].map { ForeignHardLink(path: path.bytes, target: $0.bytes) }
        }
    }

    // MARK: Entries

    func apply(_ entry: TarEntry) throws(BoxFailure) {
        entryCount += 1
        guard entryCount <= options.maximumEntries else {
            throw options.tooLarge(reason: "it has more than \(options.maximumEntries) entries")
        }
        let path = try entry.withName { raw throws(BoxFailure) in
            subject.entry = Array(raw)
            return try EntryPath(raw, subject: subject, limits: options)
        }
        if path.isRoot { return try applyRoot(entry) }
        if let whiteout = Whiteout(path) { return try apply(whiteout, path) }
        if entry.kind == .socket { return }

        let attributes = try FileAttributes(entry, subject: subject)
        guard let place = try tree.directory(path.parent, creating: true) else {
            throw subject.failure(.internal, reason: "its parent was not made")
        }
        let target = place.path.appending(path.name)
        switch entry.kind {
        case .directory: try applyDirectory(attributes, place, target)
        case .regular: try applyFile(entry, attributes, place, target)
        case .symbolicLink: try applySymbolicLink(entry, attributes, place, target)
        case .hardLink: try applyHardLink(entry, place, target)
        case .fifo: try applyNode(S_IFIFO, 0, attributes, place, target)
        case .characterDevice where entry.deviceMajor == 0 && entry.deviceMinor == 0:
            // This device is overlayfs's whiteout, and archives made from an upper directory have it in that sense.
            try apply(.name(path.name), path)
        case .characterDevice, .blockDevice:
            let device = box_makedev(entry.deviceMajor, entry.deviceMinor)
            try applyNode(entry.kind == .blockDevice ? S_IFBLK : S_IFCHR, device, attributes, place, target)
        case .socket, .unknown:
            throw subject.failure(.corrupt, reason: "its type is unknown")
        }
    }

    private func applyRoot(_ entry: TarEntry) throws(BoxFailure) {
        guard entry.kind == .directory else {
            throw subject.failure(.corrupt, reason: "it would replace the root directory")
        }
        directories[EntryPath([])] = try FileAttributes(entry, subject: subject)
        hasRootEntry = true
    }

    private func applyDirectory(
        _ attributes: FileAttributes, _ place: LayerTree.Place, _ path: EntryPath
    ) throws(BoxFailure) {
        let name = path.name.terminated
        var made = box_mkdirat(place.fd.raw, name, 0o755)
        if made == -EEXIST, try !isDirectory(place.fd, name) {
            let wasWhiteout = whiteouts.contains(path)
            try remove(place.fd, path)
            made = box_mkdirat(place.fd.raw, name, 0o755)
            if wasWhiteout, made == 0, let own = try tree.directory(path, creating: false) {
                try self.attributes.markOpaque(own.fd)
            }
        }
        if made != -EEXIST { try subject.check(made, "mkdirat") }
        forgetForeign(path)
        implicit.remove(path)
        directories[path] = attributes
    }

    private func applyFile(
        _ entry: TarEntry, _ attributes: FileAttributes, _ place: LayerTree.Place, _ path: EntryPath
    ) throws(BoxFailure) {
        let size = entry.size
        guard size >= 0, size <= options.maximumSize - unpackedSize else {
            throw options.tooLarge(reason: "its files have more than \(options.maximumSize) bytes")
        }
        let name = path.name.terminated
        let raw = try make(place.fd, path, "openat") {
            box_open(place.fd.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
        }
        let file = OwnedFD(adopting: raw)
        if size > 0 { try copyData(entry, size, to: raw) }
        unpackedSize += size
        try self.attributes.apply(attributes, file: file, parent: place.fd, name: name)
    }

    private func copyData(_ entry: TarEntry, _ size: Int64, to file: CInt) throws(BoxFailure) {
        var end: Int64 = 0
        while let block = try entry.reader.nextBlock() {
            guard block.offset >= 0, Int64(block.bytes.count) <= size - min(size, block.offset) else {
                throw subject.failure(.corrupt, reason: "its data is longer than its size")
            }
            var done = 0
            while done < block.bytes.count {
                let count = box_pwrite(
                    file, block.bytes.baseAddress.map { $0 + done }, block.bytes.count - done,
                    block.offset + Int64(done))
                done += try subject.check(count, "pwrite")
            }
            end = max(end, block.offset + Int64(block.bytes.count))
        }
        // What is left is the hole at the end of a sparse file.
        if end < size { try subject.check(box_ftruncate(file, size), "ftruncate") }
    }

    private func applySymbolicLink(
        _ entry: TarEntry, _ attributes: FileAttributes, _ place: LayerTree.Place, _ path: EntryPath
    ) throws(BoxFailure) {
        guard let target = entry.symbolicLinkTarget, target[0] != 0 else {
            throw subject.failure(.corrupt, reason: "it is a symbolic link to nothing")
        }
        let name = path.name.terminated
        try make(place.fd, path, "symlinkat") { box_symlinkat(target, place.fd.raw, name) }
        try self.attributes.apply(attributes, parent: place.fd, name: name, isLink: true)
    }

    private func applyNode(
        _ type: UInt32, _ device: UInt64, _ attributes: FileAttributes, _ place: LayerTree.Place, _ path: EntryPath
    ) throws(BoxFailure) {
        let name = path.name.terminated
        let result = try attempt(place.fd, path) { box_mknodat(place.fd.raw, name, type | 0o600, device) }
        if result == -EPERM && type != S_IFIFO {
            if options.skipsDevices { return }
            throw subject.failure(
                .denied, reason: "this process may not make device nodes",
                hint: "run as root, or use an image without device nodes")
        }
        try subject.check(result, "mknodat")
        try self.attributes.apply(attributes, parent: place.fd, name: name, isLink: false)
    }

    private func applyHardLink(
        _ entry: TarEntry, _ place: LayerTree.Place, _ path: EntryPath
    ) throws(BoxFailure) {
        let target = try entry.withHardLinkTarget { raw throws(BoxFailure) in
            let written = String(decoding: raw.prefix(300), as: UTF8.self)
            guard !raw.split(separator: UInt8(ascii: "/")).contains([46, 46]) else {
                throw subject.failure(.corrupt, reason: "its link target \(written) has a \"..\" component")
            }
            let target = try EntryPath(raw, subject: subject, limits: options)
            guard !target.isRoot else {
                throw subject.failure(.corrupt, reason: "its link target is the root directory")
            }
            return target
        }
        // The look-up may move the open directories on; the descriptor in `place` stays valid.
        let from = try tree.directory(target.parent, creating: false)
        let name = path.name.terminated
        let targetName = target.name.terminated
        let realTarget = (from?.path ?? target.parent).appending(target.name)
        var status = stat()
        guard let from, box_fstatat(from.fd.raw, targetName, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            return try rememberForeign(foreign[realTarget] ?? realTarget, place, path)
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw subject.failure(.corrupt, reason: "its link target is a directory")
        }
        guard !whiteouts.contains(realTarget) else {
            throw subject.failure(.corrupt, reason: "its link target is removed by the same layer")
        }
        var existing = stat()
        if box_fstatat(place.fd.raw, name, &existing, AT_SYMLINK_NOFOLLOW) == 0, existing.st_ino == status.st_ino {
            return
        }
        // Flag 0: a symbolic link gets a second name itself instead of being followed (linkat(2)).
        try make(place.fd, path, "linkat") { box_linkat(from.fd.raw, targetName, place.fd.raw, name, 0) }
    }

    private func rememberForeign(
        _ target: EntryPath, _ place: LayerTree.Place, _ path: EntryPath
    ) throws(BoxFailure) {
        guard target != path else {
            throw subject.failure(.corrupt, reason: "it is a hard link to itself")
        }
        var existing = stat()
        if box_fstatat(place.fd.raw, path.name.terminated, &existing, AT_SYMLINK_NOFOLLOW) == 0 {
            try remove(place.fd, path)
        }
        if foreign.updateValue(target, forKey: path) == nil { foreignOrder.append(path) }
    }

    // MARK: Whiteouts

    private func apply(_ whiteout: Whiteout, _ path: EntryPath) throws(BoxFailure) {
        switch whiteout {
        case .ignored:
            return
        case .invalid:
            throw subject.failure(.corrupt, reason: "the whiteout names no file of its directory")
        case .opaque:
            guard let place = try tree.directory(path.parent, creating: true) else { return }
            if place.path.isRoot { hidesEverythingBelow = true }
            try attributes.markOpaque(place.fd)
        case .name(let hidden):
            guard let place = try tree.directory(path.parent, creating: true) else { return }
            let target = place.path.appending(hidden)
            let name = hidden.terminated
            // A whiteout speaks of the layers below. What this layer itself puts there stays, whichever came first;
            // only a directory must be kept from merging with the one below.
            guard foreign[target] == nil, !whiteouts.contains(target) else { return }
            var existing = stat()
            if box_fstatat(place.fd.raw, name, &existing, AT_SYMLINK_NOFOLLOW) == 0 {
                if existing.st_mode & S_IFMT == S_IFDIR, let own = try tree.directory(target, creating: false) {
                    implicit.remove(target)
                    try attributes.markOpaque(own.fd)
                }
                return
            }
            try attributes.makeWhiteout(place.fd, name)
            whiteouts.insert(target)
        }
    }

    // MARK: Replacing

    private func isDirectory(_ parent: SharedFD, _ name: [CChar]) throws(BoxFailure) -> Bool {
        var status = stat()
        try subject.check(box_fstatat(parent.raw, name, &status, AT_SYMLINK_NOFOLLOW), "fstatat")
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes something; where the name is taken, removes what is there and tries again.
    private func attempt(
        _ parent: SharedFD, _ path: EntryPath, _ make: () -> CInt
    ) throws(BoxFailure) -> CInt {
        if !foreign.isEmpty { forgetForeign(path) }
        let result = make()
        guard result == -EEXIST else { return result }
        try remove(parent, path)
        return make()
    }

    @discardableResult
    private func make(
        _ parent: SharedFD, _ path: EntryPath, _ call: String, _ make: () -> CInt
    ) throws(BoxFailure) -> CInt {
        try subject.check(try attempt(parent, path, make), call)
    }

    private func remove(_ parent: SharedFD, _ path: EntryPath) throws(BoxFailure) {
        let name = path.name.terminated
        let result = box_unlinkat(parent.raw, name, 0)
        if result == -EISDIR || result == -EPERM {
            do {
                try name.withUnsafeBufferPointer { bytes throws(SystemFailure) in
                    guard let base = bytes.baseAddress else { return }
                    try Directory(try parent.duplicate(), path: options.name).removeTree(raw: base)
                }
            } catch {
                throw subject.failure(error.errno.rawValue, error.call)
            }
            directories = directories.filter { !$0.key.hasPrefix(path) }
            implicit = implicit.filter { !$0.hasPrefix(path) }
            whiteouts = whiteouts.filter { !$0.hasPrefix(path) }
            foreign = foreign.filter { !$0.key.hasPrefix(path) }
            foreignOrder.removeAll { $0.hasPrefix(path) }
        } else {
            try subject.check(result, "unlinkat")
            whiteouts.remove(path)
        }
        // It may have been a directory or a link on the way to one that is held open.
        tree.forget()
    }

    private func forgetForeign(_ path: EntryPath) {
        if foreign.removeValue(forKey: path) != nil { foreignOrder.removeAll { $0 == path } }
    }

    // MARK: The end

    /// Sets the attributes of all directories, the deepest first, since the last permissions may lock the way.
    func finishDirectories() throws(BoxFailure) {
        let ordered = directories.sorted { $0.key.components.count > $1.key.components.count }
        for (path, attributes) in ordered {
            subject.entry = path.isRoot ? [46] : path.bytes
            guard let place = try tree.directory(path, creating: false) else {
                throw subject.failure(.internal, reason: "the directory has vanished while unpacking")
            }
            try self.attributes.apply(attributes, directory: place.fd)
        }
        subject.entry = []
    }
}
