internal import BoxModel

extension TemplateFunctions {
    /// `eq`, `ne`, `lt`, `le`, `gt`, `ge`; `eq` takes several right sides and is true if one matches.
    static func compare(_ name: String, _ arguments: [TemplateValue]) throws(FunctionFailure) -> Bool {
        guard arguments.count == 2 || name == "eq" && arguments.count > 2 else {
            throw FunctionFailure("wrong number of args: want 2 got \(arguments.count)")
        }
        let left = try json(arguments[0])
        switch name {
        case "eq":
            for argument in arguments.dropFirst() where try isEqual(left, try json(argument)) { return true }
            return false
        case "ne": return try !isEqual(left, try json(arguments[1]))
        case "lt": return try isLess(left, try json(arguments[1]))
        case "ge": return try !isLess(left, try json(arguments[1]))
        case "gt": return try isLess(try json(arguments[1]), left)
        default: return try !isLess(try json(arguments[1]), left)
        }
    }

    private static func isEqual(_ left: JSON, _ right: JSON) throws(FunctionFailure) -> Bool {
        switch (left, right) {
        case (.null, .null): return true
        case (.null, _), (_, .null): return false
        case (.bool(let left), .bool(let right)): return left == right
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.integer(let left), .integer(let right)): return left == right
        case (.array, _), (_, .array), (.object, _), (_, .object):
            throw FunctionFailure("non-comparable types \(goTypeName(left)) and \(goTypeName(right))")
        default:
            guard let left = left.doubleValue, let right = right.doubleValue else {
                throw FunctionFailure("incompatible types for comparison")
            }
            return left == right
        }
    }

    private static func isLess(_ left: JSON, _ right: JSON) throws(FunctionFailure) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.integer(let left), .integer(let right)): return left < right
        case (.bool, .bool), (.null, _), (_, .null), (.array, _), (.object, _):
            throw FunctionFailure("invalid type for comparison")
        default:
            guard let left = left.doubleValue, let right = right.doubleValue else {
                throw FunctionFailure("incompatible types for comparison")
            }
            return left < right
        }
    }
}
