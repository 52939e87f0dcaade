/// A JSON value that keeps the order of object members and tells integers from other numbers.
package enum JSON: Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

/// Numbers are equal by value, however they were written; strings are compared byte by byte.
extension JSON: Equatable {
    package static func == (left: JSON, right: JSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.integer(let integer), .number(let number)), (.number(let number), .integer(let integer)):
            Int64(exactly: number) == integer
        case (.string(let left), .string(let right)): left.utf8.elementsEqual(right.utf8)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

// MARK: - Conversions

extension JSON {
    /// An array of strings.
    package init(_ strings: [String]) {
        self = .array(strings.map { .string($0) })
    }

    /// An object of strings, sorted by key as Go prints its maps.
    package init(_ strings: [String: String]) {
        self = .object(JSONObject(strings.map { ($0.key, .string($0.value)) }).sorted())
    }

    /// The text of a string value.
    package var stringValue: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    /// The value of an integer, or of another number that is integral and fits.
    package var intValue: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The value of any number.
    package var doubleValue: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The value of a boolean.
    package var boolValue: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The elements of an array.
    package var arrayValue: [JSON]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    /// The members of an object.
    package var objectValue: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// The strings of an array that has nothing but strings.
    package var stringArray: [String]? {
        guard case .array(let elements) = self else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(elements.count)
        for element in elements {
            guard case .string(let value) = element else { return nil }
            strings.append(value)
        }
        return strings
    }

    /// The members of an object whose values are all strings.
    package var stringMap: [String: String]? {
        guard case .object(let object) = self else { return nil }
        var map: [String: String] = [:]
        for (key, member) in object {
            guard case .string(let value) = member else { return nil }
            map[key] = value
        }
        return map
    }

    /// Whether the value is `null`.
    package var isNull: Bool { self == .null }

    /// The member of an object; writing to a value that is no object turns it into one.
    package subscript(key: String) -> JSON? {
        get {
            guard case .object(let object) = self else { return nil }
            return object[key]
        }
        set {
            var object: JSONObject
            if case .object(let present) = self { object = present } else { object = JSONObject() }
            // Lets the object's storage be changed in place.
            self = .null
            object[key] = newValue
            self = .object(object)
        }
    }

    /// The element of an array, or nothing when there is none at that place.
    package subscript(index: Int) -> JSON? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }
}

// MARK: - Literals

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(nilLiteral: ()) { self = .null }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }
}
