package import BoxModel
internal import BoxSystem
internal import Glibc
internal import SystemPackage
internal import Synchronization

/// Everything that box keeps on the disk.
///
/// Opening reads one small file and writes nothing, so that listing works on a machine that has no store yet and on
/// one that may only be read. Whatever writes holds a ``StoreLease``; the first makes the folders.
package final class Store: Sendable {
    /// The layout that this program writes.
    package static let format = 1

    package let location: StoreLocation
    private let opened: Mutex<SharedDirectory?>
    /// A newer program's store that we may still read.
    private let foreignFormat: Int?
    private let leases = Atomic<Int>(0)

    /// Opens a store that may not exist yet.
    ///
    /// - Throws: `unsupported` where a newer program wrote it, `denied` where it may not be read.
    package static func open(_ location: StoreLocation) throws(BoxFailure) -> Store {
        let folder: SharedDirectory
        do {
            folder = SharedDirectory(try Directory(opening: location.root))
        } catch  where error.errno == .noSuchFileOrDirectory {
            return Store(location, nil, foreignFormat: nil)
        } catch {
            throw BoxFailure(error, "open the store", location.root)
        }
        let format = try StoreFormat.read(folder.directory)
        if let format, format.number > Self.format {
            guard format.readableBy <= Self.format else { throw Self.tooNew(location, format.number) }
            return Store(location, folder, foreignFormat: format.number)
        }
        // A folder without a version is not ours yet; the first lease makes it so.
        return Store(location, format == nil ? nil : folder, foreignFormat: nil)
    }

    private init(_ location: StoreLocation, _ folder: SharedDirectory?, foreignFormat: Int?) {
        self.location = location
        opened = Mutex(folder)
        self.foreignFormat = foreignFormat
    }

    /// The root folder, or nil while there is no store.
    package var root: SharedDirectory? { opened.withLock { $0 } }

    /// The root folder for something that is known to lie in it.
    func presentRoot(_ operation: String) throws(BoxFailure) -> SharedDirectory {
        guard let root else {
            throw BoxFailure(.notFound, operation, location.root, reason: "there is no store yet")
        }
        return root
    }

    /// The root folder for a writer, which must hold a lease.
    func writableRoot(_ operation: String) throws(BoxFailure) -> SharedDirectory {
        guard leases.load(ordering: .acquiring) > 0 else {
            throw BoxFailure(.internal, operation, location.root, reason: "the store is not leased")
        }
        return try presentRoot(operation)
    }

    /// The absolute path of something in the store, for those who can only take paths.
    package func path(_ relative: String) -> String { location.root + "/" + relative }

    // MARK: Leases

    /// Makes the store usable for writing and keeps the collector away until the lease ends.
    ///
    /// Collects first what killed writers left behind.
    ///
    /// - Throws: `denied` where the store may not be written.
    package func lease() throws(BoxFailure) -> StoreLease {
        if let foreignFormat { throw Self.tooNew(location, foreignFormat) }
        let root = try preparedRoot()
        if isCollectionDue(root) { _ = try collect() }
        let lock = try storing("lock the store", location.root) { () throws(SystemFailure) in
            try FileLock(root.directory, "lock", .shared)
        }
        leases.add(1, ordering: .releasing)
        let lease = StoreLease(lock, self)
        try collectLeftovers(root)
        return lease
    }

    func leaseEnded() {
        leases.subtract(1, ordering: .releasing)
    }

    var isLeased: Bool { leases.load(ordering: .acquiring) > 0 }

    /// The root folder, made where it is missing, and known to be writable.
    func preparedRoot() throws(BoxFailure) -> SharedDirectory {
        if let present = root {
            try storing("write to the store", location.root) { () throws(SystemFailure) in
                try present.directory.checkWritable()
            }
            return present
        }
        let made = try storing("make the store", location.root) { () throws(SystemFailure) in
            let folder = try makeDirectories(location.root, mode: 0o700)
            try folder.checkWritable()
            try Self.makeSkeleton(folder)
            return SharedDirectory(folder)
        }
        opened.withLock { $0 = made }
        return made
    }

    static let folders = [
        "tmp", "ingest", "oci", "oci/blobs", "oci/blobs/sha256", "images", "layers", "containers", "names", "volumes",
    ]
    static let layoutMarker = #"{"imageLayoutVersion":"1.0.0"}"#

    static func makeSkeleton(_ folder: borrowing Directory) throws(SystemFailure) {
        for name in folders { try folder.makeIfMissing(name, mode: 0o755) }
        if !folder.exists("oci/oci-layout") {
            try replaceFile(folder, "oci/oci-layout", Array(layoutMarker.utf8), mode: 0o644)
        }
        if !folder.exists("oci/index.json") {
            try replaceFile(folder, "oci/index.json", LayoutIndex.bytes(of: []), mode: 0o644)
        }
        if !folder.exists("collected") { try replaceFile(folder, "collected", [], mode: 0o644) }
        // Last: a store without it is not one yet, and making the folders again does no harm.
        if !folder.exists("version") { try folder.write("version", Array("\(format)\n".utf8), durable: true) }
    }

    private static func tooNew(_ location: StoreLocation, _ number: Int) -> BoxFailure {
        BoxFailure(
            .unsupported, "use the store", location.root,
            reason: "a newer version of box wrote it (format \(number), this one writes \(format))",
            hint: "use that version of box, or another store with --root")
    }
}

/// The `version` file: the format, and the oldest format whose programs may still read it.
struct StoreFormat: Equatable {
    let number: Int
    let readableBy: Int

    static func read(_ folder: borrowing Directory) throws(BoxFailure) -> StoreFormat? {
        let bytes = try storing("open the store", folder.describe("version")) { () throws(SystemFailure) in
            try folder.readIfPresent("version", limit: 4096)
        }
        guard let bytes else { return nil }
        guard let format = StoreFormat(String(decoding: bytes, as: UTF8.self)) else {
            throw BoxFailure(
                .corrupt, "open the store", folder.describe("version"), reason: "it does not hold a format number",
                hint: "write \"\(Store.format)\" into it if box made this folder, else choose another with --root")
        }
        return format
    }

    init?(_ text: String) {
        let numbers = text.split { $0 == " " || $0 == "\n" }
        guard let first = numbers.first, let number = Int(first), number > 0 else { return nil }
        self.number = number
        readableBy = numbers.count > 1 ? Int(numbers[1]) ?? number : number
    }
}

/// Writes a file of the store in one step, with the half-made one in `tmp/` where the collector looks.
///
/// - Parameter durable: whether content and name are on the disk when this returns.
func replaceFile(
    _ root: borrowing Directory, _ path: String, _ bytes: [UInt8], mode: UInt32, durable: Bool = false
) throws(SystemFailure) {
    let temporary = "tmp/" + TemporaryName.make(for: "file")
    do {
        let file = try root.open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        try file.writeAll(bytes, subject: root.describe(path))
        if durable { try file.syncData(root.describe(path)) }
        try root.rename(temporary, to: path)
    } catch {
        try? root.unlink(temporary)
        throw error
    }
    if durable { try syncParent(root, path) }
}

/// Makes the name of a file durable: fsync(2) of its folder.
func syncParent(_ root: borrowing Directory, _ path: String) throws(SystemFailure) {
    guard let slash = path.lastIndex(of: "/") else { return try root.sync() }
    try root.directory(String(path[..<slash])).sync()
}
