extension JSON {
    /// Reads a document of the model; what is wrong with it is said without the names of Swift's types.
    package static func decode<Value: Decodable>(
        _ type: Value.Type = Value.self, from bytes: [UInt8], _ operation: String, _ subject: String,
        hint: String? = nil
    ) throws(BoxFailure) -> Value {
        do { return try JSON(parsing: bytes).decoded(as: type) } catch {
            throw BoxFailure(.corrupt, operation, subject, reason: reason(error), hint: hint)
        }
    }

    /// Writes a document of the model, the same bytes for the same value.
    package static func encode(_ value: some Encodable, _ operation: String) throws(BoxFailure) -> [UInt8] {
        do { return try JSON(encoding: value).bytes() } catch {
            throw BoxFailure(.internal, operation, reason: reason(error))
        }
    }

    private static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey], _ last: String? = nil) -> String {
            let names = path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue } + (last.map { [$0] } ?? [])
            return names.isEmpty ? "the document" : names.joined(separator: ".")
        }
        switch error {
        case let error as JSONError: return "it is not JSON: \(error.reason) at line \(error.line)"
        case DecodingError.keyNotFound(let key, let context):
            return "\(place(context.codingPath, key.stringValue)) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            return "\(place(context.codingPath)) is of another kind (\(context.debugDescription))"
        case DecodingError.dataCorrupted(let context):
            return "\(place(context.codingPath)) has a value that is not allowed (\(context.debugDescription))"
        default: return "it is not what it should be"
        }
    }
}
