package import BoxModel
internal import FoundationEssentials

/// Reads a document of the model; what is wrong with it is said without the names of types.
package func decodeJSON<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], _ operation: String, _ subject: String
) throws(BoxFailure) -> Value {
    do {
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
        throw BoxFailure(.corrupt, operation, subject, reason: plainReason(error))
    }
}

/// Writes a document of the model, the same bytes for the same value.
package func encodeJSON(_ value: some Encodable, _ operation: String) throws(BoxFailure) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        return Array(try encoder.encode(value))
    } catch {
        throw BoxFailure(.internal, operation, reason: plainReason(error))
    }
}

/// What is wrong with a document, without the names of Swift types.
private func plainReason(_ error: any Error) -> String {
    func place(_ path: [any CodingKey], _ last: String? = nil) -> String {
        let names = path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue } + (last.map { [$0] } ?? [])
        return names.isEmpty ? "the document" : names.joined(separator: ".")
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
        return "\(place(context.codingPath, key.stringValue)) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
        return "\(place(context.codingPath)) has the wrong type"
    case DecodingError.dataCorrupted(let context):
        return context.codingPath.isEmpty ? "it is not valid JSON" : "\(place(context.codingPath)) is not valid"
    default:
        return "it cannot be read"
    }
}

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
