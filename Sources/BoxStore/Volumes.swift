package import BoxModel
internal import BoxSystem
internal import SystemPackage

/// A volume: a named folder that outlives containers.
package struct VolumeRecord: Hashable, Sendable {
    package var name: String
    package var created: Timestamp
    package var labels: [String: String]
    package var options: [String: String]
    /// Nobody named it: it goes with its container under `--rm`.
    package var anonymous: Bool

    init(parsing bytes: [UInt8], source: String) throws(BoxFailure) {
        let json = try JSON(record: bytes, source: source)
        name = try json.string("name", source)
        created = json.timestamp("created")
        labels = try json.required("labels", source, \.stringMap)
        options = try json.required("options", source, \.stringMap)
        anonymous = try json.required("anonymous", source, \.boolValue)
    }

    init(name: String, created: Timestamp, labels: [String: String], options: [String: String], anonymous: Bool) {
        self.name = name
        self.created = created
        self.labels = labels
        self.options = options
        self.anonymous = anonymous
    }

    var bytes: [UInt8] {
        let json: JSON = [
            "format": 1, "name": .string(name), "created": .integer(created.nanoseconds), "labels": JSON(labels),
            "options": JSON(options), "anonymous": .bool(anonymous),
        ]
        return json.bytes()
    }
}

/// All volumes whose record could be read, and why others could not.
package struct VolumeListing: Sendable {
    package var records: [VolumeRecord] = []
    package var unreadable: [BoxFailure] = []
}

extension Store {
    /// The absolute path of a volume's content.
    package func volumePath(_ name: String) -> String { path("volumes/\(name)/data") }

    /// The volume of a name, or nil.
    package func volume(_ name: String) throws(BoxFailure) -> VolumeRecord? {
        guard Self.isVolumeName(name), let root else { return nil }
        let file = "volumes/\(name)/record"
        let bytes = try storing("read the volume's record", path(file)) { () throws(SystemFailure) in
            try root.directory.readIfPresent(file)
        }
        guard let bytes else { return nil }
        return try VolumeRecord(parsing: bytes, source: path(file))
    }

    /// All volumes, sorted by name.
    package func volumes() throws(BoxFailure) -> VolumeListing {
        var listing = VolumeListing()
        guard let root else { return listing }
        let names = try storing("list the volumes", location.root) { () throws(SystemFailure) in
            try root.directory.visibleNames(in: "volumes")
        }
        for name in names.sorted() {
            do {
                if let record = try volume(name) { listing.records.append(record) }
            } catch {
                listing.unreadable.append(error)
            }
        }
        return listing
    }

    /// The volume of a name, made where there is none.
    ///
    /// - Parameter name: nil makes one that nobody named.
    /// - Returns: the record, and whether this call made it.
    package func createVolume(
        _ name: String?, labels: [String: String] = [:], options: [String: String] = [:]
    ) throws(BoxFailure) -> (record: VolumeRecord, made: Bool) {
        let root = try writableRoot("create the volume")
        if let name {
            try Self.checkVolumeName(name)
            if let present = try volume(name) { return (present, false) }
        }
        let record = VolumeRecord(
            name: name ?? Hex.encode(randomBytes(32)), created: Timestamp(nanoseconds: SystemClock.now),
            labels: labels, options: options, anonymous: name == nil)
        let staging = "tmp/" + TemporaryName.make(for: "volume")
        let made = try storing("create the volume", record.name) { () throws(SystemFailure) -> Bool in
            do throws(SystemFailure) {
                try root.directory.make(staging, mode: 0o711)
                let folder = try root.directory.directory(staging)
                try folder.writeNew("record", record.bytes)
                try folder.make("data")
                try folder.changeMode("data", 0o755)
                try root.directory.rename(staging, to: "volumes/\(record.name)", replacing: false)
                try root.directory.directory("volumes").sync()
                return true
            } catch {
                try? root.directory.removeTree(staging)
                // Another process was faster; theirs is the volume.
                if error.errno == .fileExists || error.errno == .directoryNotEmpty { return false }
                throw error
            }
        }
        if made { return (record, true) }
        guard let present = try volume(record.name) else {
            throw BoxFailure(
                .corrupt, "create the volume", record.name, reason: "its folder is there without a record",
                hint: "run `box system check --repair`")
        }
        return (present, false)
    }

    /// Takes a volume and its content away.
    ///
    /// Whether it is in use is for the caller to know.
    package func removeVolume(_ name: String) throws(BoxFailure) {
        let root = try writableRoot("remove the volume")
        try Self.checkVolumeName(name)
        let doomed = "tmp/" + TemporaryName.make(for: "trash")
        do {
            try root.directory.rename("volumes/\(name)", to: doomed)
        } catch  where error.isMissing {
            throw BoxFailure(
                .notFound, "remove the volume", name, reason: "no such volume", hint: "`box volume ls` lists all")
        } catch {
            throw BoxFailure(error, "remove the volume", name)
        }
        try storing("remove the volume", name) { () throws(SystemFailure) in try root.directory.removeTree(doomed) }
    }

    private static func isVolumeName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first.isAlphanumericByte, name.utf8.count <= 255 else { return false }
        return name.utf8.allSatisfy { $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func checkVolumeName(_ name: String) throws(BoxFailure) {
        guard isVolumeName(name) else {
            throw BoxFailure(
                .invalid, "use the volume name", "\"\(name.prefix(300))\"",
                reason: "only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed")
        }
    }
}
