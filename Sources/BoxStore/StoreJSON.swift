internal import BoxModel

extension JSON {
    /// Reads a record of this room; those are small and flat, and parsing them by hand costs a fraction of a
    /// `JSONDecoder`, whose first use alone takes longer than listing two hundred containers.
    init(record bytes: [UInt8], source: String) throws(BoxFailure) {
        do {
            self = try JSON(parsing: bytes)
        } catch {
            throw BoxFailure(.corrupt, "read the record", source, reason: "\(error)")
        }
    }

    func required<Value>(
        _ key: String, _ source: String, _ convert: (JSON) -> Value?
    ) throws(BoxFailure) -> Value {
        guard let member = self[key], let value = convert(member) else {
            throw BoxFailure(
                .corrupt, "read the record", source,
                reason: self[key] == nil ? "\(key) is missing" : "\(key) is not valid")
        }
        return value
    }

    func string(_ key: String, _ source: String) throws(BoxFailure) -> String {
        try required(key, source, \.stringValue)
    }

    func integer(_ key: String, _ source: String) throws(BoxFailure) -> Int64 {
        try required(key, source, \.intValue)
    }

    func digest(_ key: String, _ source: String) throws(BoxFailure) -> Digest {
        try required(key, source) { $0.stringValue.flatMap { Digest($0) } }
    }

    func timestamp(_ key: String) -> Timestamp {
        Timestamp(nanoseconds: self[key]?.intValue ?? 0)
    }
}
