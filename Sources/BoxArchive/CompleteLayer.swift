package import BoxModel
package import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Gives an unpacked layer what only the layers below it know: the attributes of directories that it has no entry
/// for, and the content of hard links whose target it does not hold.
///
/// Docker does the same when it unpacks on top of the parents. The result depends on them, so a store must not
/// share it by DiffID alone.
///
/// - Parameter parents: the layers below, the topmost first; empty for the lowest layer.
package func completeLayer(
    _ directory: borrowing Directory, report: LayerReport, parents: [SharedFD],
    options: UnpackOptions = UnpackOptions()
) throws(BoxFailure) {
    guard !report.isSelfContained else { return }
    let root: SharedFD
    do {
        root = SharedFD(try directory.fd.duplicate())
    } catch {
        throw BoxFailure(error, "complete", options.name)
    }
    try LayerCompletion(root, parents: parents, options: options).run(report)
}

private struct LayerCompletion {
    private let subject: EntrySubject
    private let tree: LayerTree
    private let layers: ParentLayers
    private let attributes: AttributeWriter
    private let options: UnpackOptions
    /// SEEK_DATA and SEEK_HOLE, which glibc shows only under _GNU_SOURCE (lseek(2)).
    private static let seekData: CInt = 3
    private static let seekHole: CInt = 4

    init(_ root: SharedFD, parents: [SharedFD], options: UnpackOptions) {
        subject = EntrySubject(archive: options.name)
        tree = LayerTree(root, subject: subject)
        layers = ParentLayers(own: root, parents: parents, marks: options.marks, subject: subject)
        attributes = AttributeWriter(subject: subject, options: options)
        self.options = options
    }

    func run(_ report: LayerReport) throws(BoxFailure) {
        var copies: [[UInt8]: EntryPath] = [:]
        for link in report.foreignHardLinks {
            subject.entry = link.path
            let path = try parse(link.path)
            if let copy = copies[link.target] {
                try self.link(path, to: copy)
            } else {
                try copy(try parse(link.target), to: path)
                copies[link.target] = path
            }
        }
        // Children before parents, since a parent's permissions may lock the way.
        for bytes in report.implicitDirectories.reversed() {
            subject.entry = bytes
            try completeDirectory(try parse(bytes))
        }
    }

    private func parse(_ bytes: [UInt8]) throws(BoxFailure) -> EntryPath {
        try bytes.withUnsafeBufferPointer { raw throws(BoxFailure) in
            try EntryPath(raw, subject: subject, limits: options)
        }
    }

    private func place(_ path: EntryPath) throws(BoxFailure) -> LayerTree.Place {
        guard let place = try tree.directory(path, creating: false) else {
            throw subject.failure(.internal, reason: "its directory is not in the layer")
        }
        return place
    }

    // MARK: Directories

    private func completeDirectory(_ path: EntryPath) throws(BoxFailure) {
        guard case .found(let parent, let status) = try layers.find(path), status.st_mode & S_IFMT == S_IFDIR else {
            return
        }
        let own = try place(path)
        try attributes.apply(try read(parent, path.name, status), directory: own.fd)
    }

    private func read(_ parent: SharedFD, _ name: [UInt8], _ status: stat) throws(BoxFailure) -> FileAttributes {
        do {
            return try FileAttributes(status: FileStatus(raw: status), path: parent.path(to: name.terminated))
        } catch {
            throw subject.failure(error.errno.rawValue, error.call)
        }
    }

    // MARK: Hard links

    private func copy(_ target: EntryPath, to path: EntryPath) throws(BoxFailure) {
        guard case .found(let source, let status) = try layers.find(target) else {
            let text = String(decoding: target.bytes, as: UTF8.self)
            throw subject.failure(
                .corrupt, reason: "its link target \(text) is neither in this layer nor in one below")
        }
        let attributes = try read(source, target.name, status)
        let name = path.name.terminated
        let place = try place(path.parent)
        try keepingTime(of: place.fd) { () throws(BoxFailure) in
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                let from = OwnedFD(
                    adopting: try subject.check(
                        box_open(source.raw, target.name.terminated, O_RDONLY | O_NOFOLLOW, 0), "openat"))
                let to = OwnedFD(
                    adopting: try subject.check(
                        box_open(place.fd.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), "openat"))
                try copyContent(from.raw, to.raw, size: Int64(status.st_size))
                try self.attributes.apply(attributes, file: to, parent: place.fd, name: name)
            case S_IFLNK:
                var link = [CChar](repeating: 0, count: 4097)
                try subject.check(
                    box_readlinkat(source.raw, target.name.terminated, &link, 4096), "readlinkat")
                try subject.check(box_symlinkat(link, place.fd.raw, name), "symlinkat")
                try self.attributes.apply(attributes, parent: place.fd, name: name, isLink: true)
            default:
                throw subject.failure(.corrupt, reason: "its link target is neither a file nor a symbolic link")
            }
        }
    }

    private func link(_ path: EntryPath, to copy: EntryPath) throws(BoxFailure) {
        let from = try place(copy.parent)
        let to = try place(path.parent)
        try keepingTime(of: to.fd) { () throws(BoxFailure) in
            try subject.check(
                box_linkat(from.fd.raw, copy.name.terminated, to.fd.raw, path.name.terminated, 0), "linkat")
        }
    }

    /// Copies data and keeps holes (lseek(2), SEEK_DATA).
    private func copyContent(_ from: CInt, _ to: CInt, size: Int64) throws(BoxFailure) {
        try subject.check(box_ftruncate(to, size), "ftruncate")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while position < size {
            let data = box_lseek(from, position, Self.seekData)
            if data == -Int64(ENXIO) { return }
            if data > position { position = data }
            let hole = box_lseek(from, position, Self.seekHole)
            let end = hole > position ? min(hole, size) : size
            while position < end {
                let wanted = Int(min(Int64(buffer.count), end - position))
                let count = try subject.check(box_pread(from, buffer.baseAddress, wanted, position), "pread")
                if count == 0 { throw subject.failure(.corrupt, reason: "its link target changed while it was copied") }
                var done = 0
                while done < count {
                    done += try subject.check(
                        box_pwrite(to, buffer.baseAddress.map { $0 + done }, count - done, position + Int64(done)),
                        "pwrite")
                }
                position += Int64(count)
            }
        }
    }

    /// Puts the modification time of a directory back that a new name in it has changed.
    private func keepingTime(
        of directory: SharedFD, _ body: () throws(BoxFailure) -> Void
    ) throws(BoxFailure) {
        var before = stat()
        try subject.check(box_fstatat(directory.raw, "", &before, CInt(BOX_AT_EMPTY_PATH)), "fstat")
        try body()
        try subject.check(
            box_utimensat(
                directory.raw, ".", Int64(before.st_atim.tv_sec), before.st_atim.tv_nsec,
                Int64(before.st_mtim.tv_sec), before.st_mtim.tv_nsec, 0), "utimensat")
    }
}
