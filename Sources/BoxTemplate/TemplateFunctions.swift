internal import BoxModel

/// The functions of Go's text/template and docker's additions.
enum TemplateFunctions {
    static let names: [String] = [
        "and", "call", "eq", "ge", "gt", "html", "index", "join", "js", "json", "le", "len", "lower", "lt", "ne",
        "not", "or", "pad", "print", "printf", "println", "slice", "split", "title", "truncate", "upper", "urlquery",
    ]

    static func call(
        _ name: String, _ arguments: [TemplateValue], isHeader: Bool
    ) throws(FunctionFailure) -> TemplateValue {
        if isHeader, ["join", "json", "lower", "pad", "split", "title", "truncate", "upper"].contains(name) {
            return arguments.first { $0.text != nil } ?? .missing
        }
        switch name {
        case "json", "split", "join", "title", "lower", "upper", "pad", "truncate":
            return try callDocker(name, arguments)
        case "eq", "ne", "lt", "le", "gt", "ge":
            return .json(.bool(try compare(name, arguments)))
        case "print", "println", "printf", "html", "js", "urlquery":
            return .json(.string(try callText(name, arguments)))
        case "not":
            try require(1, arguments)
            return .json(.bool(!arguments[0].isTrue))
        case "len":
            try require(1, arguments)
            return .json(.integer(Int64(try length(arguments[0]))))
        case "index":
            return try index(arguments)
        case "slice":
            return try slice(arguments)
        default:
            throw FunctionFailure("the value is not a function")
        }
    }

    private static func require(_ count: Int, _ arguments: [TemplateValue]) throws(FunctionFailure) {
        guard arguments.count == count else {
            throw FunctionFailure("wrong number of args: want \(count) got \(arguments.count)")
        }
    }

    static func json(_ value: TemplateValue) throws(FunctionFailure) -> JSON {
        do { return try value.json() } catch { throw FunctionFailure("\(error)") }
    }

    private static func text(_ value: TemplateValue) throws(FunctionFailure) -> String {
        guard let text = value.text else {
            throw FunctionFailure("wrong type for value; expected string; got \(goTypeName(try json(value)))")
        }
        return text
    }

    private static func integer(_ value: TemplateValue) throws(FunctionFailure) -> Int {
        guard case .json(.integer(let number)) = value, let integer = Int(exactly: number) else {
            throw FunctionFailure("wrong type for value; expected int; got \(goTypeName(try json(value)))")
        }
        return integer
    }

    // MARK: docker

    private static func callDocker(
        _ name: String, _ arguments: [TemplateValue]
    ) throws(FunctionFailure) -> TemplateValue {
        let counts = ["split": 2, "join": 2, "truncate": 2, "pad": 3]
        try require(counts[name] ?? 1, arguments)
        let first = arguments[0]
        switch name {
        case "json":
            // A row is escaped for HTML and other data is not: docker's rows marshal themselves.
            if case .record = first {
                return .json(.string(try json(first).text(JSONStyle(escapesHTML: true))))
            }
            return .json(.string(try json(first).text()))
        case "split":
            return .json(JSON(split(try text(first), try text(arguments[1]))))
        case "join":
            return .json(.string(try join(first, separator: try text(arguments[1]))))
        case "title": return .json(.string(titled(try text(first))))
        case "lower": return .json(.string(try text(first).lowercased()))
        case "upper": return .json(.string(try text(first).uppercased()))
        case "pad":
            let text = try text(first)
            let spaces = (max(0, try integer(arguments[1])), max(0, try integer(arguments[2])))
            guard !text.isEmpty else { return .json(.string("")) }
            guard spaces.0 <= 10_000, spaces.1 <= 10_000 else { throw FunctionFailure("padding is too long") }
            let padded = String(repeating: " ", count: spaces.0) + text + String(repeating: " ", count: spaces.1)
            return .json(.string(padded))
        default:
            return .json(.string(truncated(try text(first), max(0, try integer(arguments[1])))))
        }
    }

    private static func split(_ text: String, _ separator: String) -> [String] {
        if separator.isEmpty { return text.unicodeScalars.map { String($0) } }
        let bytes = Array(text.utf8)
        let mark = Array(separator.utf8)
        var parts: [String] = []
        var start = 0
        var place = 0
        while place + mark.count <= bytes.count {
            if bytes[place..<(place + mark.count)].elementsEqual(mark) {
                parts.append(String(decoding: bytes[start..<place], as: UTF8.self))
                place += mark.count
                start = place
            } else {
                place += 1
            }
        }
        return parts + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    private static func join(_ value: TemplateValue, separator: String) throws(FunctionFailure) -> String {
        let list = try json(value)
        if list == .null { return "" }
        guard let strings = list.stringArray else {
            throw FunctionFailure("wrong type for value; expected []string; got \(goTypeName(list))")
        }
        return strings.joined(separator: separator)
    }

    private static func titled(_ text: String) -> String {
        var result = ""
        var startsWord = true
        for character in text {
            result += startsWord ? character.uppercased() : String(character)
            startsWord = !(character.isLetter || character.isNumber || character == "_" || character == "'")
        }
        return result
    }

    /// At most `length` bytes, but no cut through a character.
    private static func truncated(_ text: String, _ length: Int) -> String {
        guard text.utf8.count > length else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            guard result.utf8.count + UTF8.width(scalar) <= length else { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    // MARK: Text

    private static func callText(_ name: String, _ arguments: [TemplateValue]) throws(FunctionFailure) -> String {
        var values: [JSON] = []
        for argument in arguments { values.append(try json(argument)) }
        switch name {
        case "println": return values.map { goText($0) }.joined(separator: " ") + "\n"
        case "printf":
            guard let format = arguments.first else { throw FunctionFailure("wrong number of args: want at least 1") }
            return GoFormatter.format(try text(format), Array(values.dropFirst()))
        case "html": return htmlEscaped(joined(values))
        case "js": return scriptEscaped(joined(values))
        case "urlquery": return queryEscaped(joined(values))
        default: return joined(values)
        }
    }

    /// Go's Sprint: a space between two operands of which neither is a string.
    private static func joined(_ values: [JSON]) -> String {
        var result = ""
        for (place, value) in values.enumerated() {
            if place > 0, value.stringValue == nil, values[place - 1].stringValue == nil { result += " " }
            result += goText(value)
        }
        return result
    }

    // MARK: Collections

    private static func length(_ value: TemplateValue) throws(FunctionFailure) -> Int {
        switch value {
        case .json(.null): return 0
        case .json(.string(let text)): return text.utf8.count
        case .json(.array(let elements)): return elements.count
        case .json(.object(let object)): return object.count
        case .list(let values): return values.count
        case .missing: throw FunctionFailure("len of untyped nil")
        default: throw FunctionFailure("len of type \(goTypeName(try json(value)))")
        }
    }

    private static func index(_ arguments: [TemplateValue]) throws(FunctionFailure) -> TemplateValue {
        guard var value = arguments.first else { throw FunctionFailure("wrong number of args: want at least 1 got 0") }
        for key in arguments.dropFirst() {
            switch (value, key) {
            case (.json(.object(let object)), .json(.string(let name))):
                if let member = object[name] {
                    value = .json(member)
                } else {
                    // Go gives the zero value of the map's type: an empty string where all values are strings.
                    value = object.allSatisfy { $0.value.stringValue != nil } ? .json(.string("")) : .json(.null)
                }
            case (.json(.null), .json(.string)):
                value = .json(.string(""))
            case (.json(.array(let elements)), _):
                value = .json(elements[try position(key, in: elements.count)])
            case (.list(let values), _):
                value = values[try position(key, in: values.count)]
            case (.json(.string(let text)), .json(.integer)):
                value = .json(.integer(Int64(Array(text.utf8)[try position(key, in: text.utf8.count)])))
            case (.missing, _), (.json(.null), _):
                throw FunctionFailure("index of untyped nil")
            case (.json(.object), _):
                throw FunctionFailure("value has type \(goTypeName(try json(key))); should be string")
            default:
                throw FunctionFailure("can't index item of type \(goTypeName(try json(value)))")
            }
        }
        return value
    }

    private static func position(_ key: TemplateValue, in count: Int) throws(FunctionFailure) -> Int {
        guard case .json(.integer(let place)) = key else {
            throw FunctionFailure("cannot index slice/array with type \(goTypeName(try json(key)))")
        }
        guard place >= 0, place < count else { throw FunctionFailure("index out of range: \(place)") }
        return Int(place)
    }

    private static func slice(_ arguments: [TemplateValue]) throws(FunctionFailure) -> TemplateValue {
        guard let value = arguments.first, arguments.count <= 4 else {
            throw FunctionFailure("wrong number of args: want 1 to 4 got \(arguments.count)")
        }
        let length: Int
        switch value {
        case .json(.string), .json(.array), .list: length = try self.length(value)
        default: throw FunctionFailure("can't slice item of type \(goTypeName(try json(value)))")
        }
        var bounds: [Int] = []
        for argument in arguments.dropFirst() {
            let bound = try integer(argument)
            guard bound >= 0, bound <= length else { throw FunctionFailure("index out of range: \(bound)") }
            bounds.append(bound)
        }
        let lower = bounds.first ?? 0
        let upper = bounds.count > 1 ? bounds[1] : length
        guard lower <= upper else { throw FunctionFailure("invalid slice index: \(lower) > \(upper)") }
        switch value {
        case .json(.string(let text)):
            guard bounds.count < 3 else { throw FunctionFailure("cannot 3-index slice a string") }
            return .json(.string(String(decoding: Array(text.utf8)[lower..<upper], as: UTF8.self)))
        case .json(.array(let elements)): return .json(.array(Array(elements[lower..<upper])))
        case .list(let values): return .list(Array(values[lower..<upper]))
        default: return .missing
        }
    }
}

extension TemplateValue {
    /// The text of a string.
    var text: String? {
        guard case .json(.string(let text)) = self else { return nil }
        return text
    }
}
