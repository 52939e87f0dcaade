internal import BoxModel

/// Walks a parsed template and writes its text.
struct TemplateEvaluator {
    /// `{{template}}` may not call itself deeper than this.
    private static let callDepthLimit = 100

    private enum Flow {
        case onward
        case `break`
        case `continue`
    }

    private let template: Template
    private let data: TemplateValue
    private let options: Template.Options
    private var variables: [(name: String, value: TemplateValue)]
    private var output = ""
    private var callDepth = 0

    init(template: Template, data: TemplateValue, options: Template.Options) {
        self.template = template
        self.data = data
        self.options = options
        variables = [("", data)]
    }

    mutating func run() throws -> String {
        _ = try walk(template.nodes, dot: data)
        return output
    }

    private func failure(_ reason: String, at offset: Int) -> TemplateError {
        TemplateError(reason, at: offset, in: template.source)
    }

    // MARK: Nodes

    private mutating func walk(_ nodes: [TemplateNode], dot: TemplateValue) throws -> Flow {
        let visible = variables.count
        defer { variables.removeLast(variables.count - visible) }
        for node in nodes {
            let flow = try walk(node, dot: dot)
            if flow != .onward { return flow }
        }
        return .onward
    }

    private mutating func walk(_ node: TemplateNode, dot: TemplateValue) throws -> Flow {
        switch node {
        case .text(let text):
            output += text
        case .action(let pipeline):
            let value = try evaluate(pipeline, dot: dot)
            if pipeline.variables.isEmpty { output += try goText(value) }
        case .conditional(let branch):
            return try scoped { evaluator in
                let isTrue = try evaluator.evaluate(branch.condition, dot: dot).isTrue
                return try evaluator.walk(isTrue ? branch.body : branch.alternative, dot: dot)
            }
        case .with(let branch):
            return try scoped { evaluator in
                let value = try evaluator.evaluate(branch.condition, dot: dot)
                return try value.isTrue
                    ? evaluator.walk(branch.body, dot: value) : evaluator.walk(branch.alternative, dot: dot)
            }
        case .range(let branch):
            return try scoped { evaluator in try evaluator.walkRange(branch, dot: dot) }
        case .call(let name, let argument, let offset):
            try call(name, argument, dot: dot, at: offset)
        case .break:
            return .break
        case .continue:
            return .continue
        }
        return .onward
    }

    private mutating func scoped(_ body: (inout TemplateEvaluator) throws -> Flow) throws -> Flow {
        let visible = variables.count
        let flow = try body(&self)
        variables.removeLast(variables.count - visible)
        return flow
    }

    private mutating func walkRange(_ branch: TemplateBranch, dot: TemplateValue) throws -> Flow {
        let condition = branch.condition
        let collection = try evaluate(condition, dot: dot, declares: false)
        let pairs = try elements(of: collection, at: condition.offset)
        guard !pairs.isEmpty else { return try walk(branch.alternative, dot: dot) }
        let base = variables.count
        for (key, element) in pairs {
            variables.removeLast(variables.count - base)
            let values = condition.variables.count == 2 ? [key, element] : [element]
            for (name, value) in zip(condition.variables, values) {
                set(name, value, assigns: condition.isAssignment)
            }
            if try walk(branch.body, dot: element) == .break { break }
        }
        return .onward
    }

    private func elements(
        of collection: TemplateValue, at offset: Int
    ) throws -> [(TemplateValue, TemplateValue)] {
        switch collection {
        case .missing, .json(.null):
            return []
        case .list(let values):
            return values.enumerated().map { (.json(.integer(Int64($0.offset))), $0.element) }
        case .json(.array(let values)):
            return values.enumerated().map { (.json(.integer(Int64($0.offset))), .json($0.element)) }
        case .json(.object(let object)):
            return object.sorted().map { (.json(.string($0.key)), .json($0.value)) }
        case .json(.integer(let count)):
            guard count <= 1_000_000 else { throw failure("range over \(count) is too long", at: offset) }
            return (0..<max(0, count)).map { (.json(.integer($0)), .json(.integer($0))) }
        case .json, .record:
            throw failure("range can't iterate over \(try goText(collection))", at: offset)
        }
    }

    private mutating func call(
        _ name: String, _ argument: TemplatePipeline?, dot: TemplateValue, at offset: Int
    ) throws {
        guard let nodes = template.definitions[name] else {
            throw failure("template \(goQuoted(name)) not defined", at: offset)
        }
        guard callDepth < Self.callDepthLimit else {
            throw failure("templates call each other deeper than \(Self.callDepthLimit) levels", at: offset)
        }
        let value = try argument.map { try evaluate($0, dot: dot) } ?? .missing
        let outer = variables
        variables = [("", value)]
        callDepth += 1
        _ = try walk(nodes, dot: value)
        callDepth -= 1
        variables = outer
    }

    // MARK: Pipelines

    private mutating func set(_ name: String, _ value: TemplateValue, assigns: Bool) {
        if assigns, let place = variables.lastIndex(where: { $0.name == name }) {
            variables[place].value = value
        } else {
            variables.append((name, value))
        }
    }

    private mutating func evaluate(
        _ pipeline: TemplatePipeline, dot: TemplateValue, declares: Bool = true
    ) throws -> TemplateValue {
        var value: TemplateValue?
        for command in pipeline.commands {
            value = try evaluate(command, dot: dot, piped: value)
        }
        let result = value ?? .missing
        if declares {
            for name in pipeline.variables { set(name, result, assigns: pipeline.isAssignment) }
        }
        return result
    }

    private mutating func evaluate(
        _ command: TemplateCommand, dot: TemplateValue, piped: TemplateValue?
    ) throws -> TemplateValue {
        guard let first = command.operands.first else { return .missing }
        let arguments = command.operands.dropFirst()
        switch first.kind {
        case .function(let name):
            return try callFunction(name, arguments, piped: piped, dot: dot, at: first.offset)
        case .fields(let names):
            return try resolve(names, in: dot, arguments, piped: piped, dot: dot, at: first.offset)
        case .variable(let name, let names):
            let value = variables.last { $0.name == name }?.value ?? .missing
            return try resolve(names, in: value, arguments, piped: piped, dot: dot, at: first.offset)
        case .parenthesis(let pipeline, let names):
            let value = try evaluate(pipeline, dot: dot)
            return try resolve(names, in: value, arguments, piped: piped, dot: dot, at: first.offset)
        case .dot, .constant:
            guard arguments.isEmpty, piped == nil else {
                throw failure("can't give argument to non-function", at: first.offset)
            }
            return try evaluate(first, dot: dot)
        case .null:
            throw failure("nil is not a command", at: first.offset)
        }
    }

    private mutating func evaluate(_ operand: TemplateOperand, dot: TemplateValue) throws -> TemplateValue {
        switch operand.kind {
        case .dot: return dot
        case .null: return .json(.null)
        case .constant(let value): return .json(value)
        default:
            return try evaluate(
                TemplateCommand(offset: operand.offset, operands: [operand]), dot: dot, piped: nil)
        }
    }

    private mutating func callFunction(
        _ name: String, _ operands: ArraySlice<TemplateOperand>, piped: TemplateValue?, dot: TemplateValue,
        at offset: Int
    ) throws -> TemplateValue {
        if name == "and" || name == "or" {
            return try shortCircuit(name, operands, piped: piped, dot: dot, at: offset)
        }
        var arguments: [TemplateValue] = []
        for operand in operands { arguments.append(try evaluate(operand, dot: dot)) }
        if let piped { arguments.append(piped) }
        do throws(FunctionFailure) {
            return try TemplateFunctions.call(name, arguments, isHeader: options.isHeader)
        } catch {
            throw failure("error calling \(name): \(error.reason)", at: offset)
        }
    }

    private mutating func shortCircuit(
        _ name: String, _ operands: ArraySlice<TemplateOperand>, piped: TemplateValue?, dot: TemplateValue,
        at offset: Int
    ) throws -> TemplateValue {
        guard !operands.isEmpty || piped != nil else {
            throw failure("wrong number of args for \(name): want at least 1 got 0", at: offset)
        }
        var value = TemplateValue.missing
        for operand in operands {
            value = try evaluate(operand, dot: dot)
            if value.isTrue == (name == "or") { return value }
        }
        return piped ?? value
    }

    // MARK: Fields

    private mutating func resolve(
        _ names: [String], in value: TemplateValue, _ operands: ArraySlice<TemplateOperand>, piped: TemplateValue?,
        dot: TemplateValue, at offset: Int
    ) throws -> TemplateValue {
        var value = value
        for name in names.dropLast() { value = try field(name, of: value, argument: nil, at: offset) }
        var arguments: [TemplateValue] = []
        for operand in operands { arguments.append(try evaluate(operand, dot: dot)) }
        if let piped { arguments.append(piped) }
        guard let last = names.last else {
            guard arguments.isEmpty else { throw failure("can't give argument to non-function", at: offset) }
            return value
        }
        guard arguments.count <= 1 else {
            throw failure("wrong number of args for .\(last): want at most 1 got \(arguments.count)", at: offset)
        }
        return try field(last, of: value, argument: arguments.first, at: offset)
    }

    private func field(
        _ name: String, of value: TemplateValue, argument: TemplateValue?, at offset: Int
    ) throws -> TemplateValue {
        if case .record(let record) = value {
            return sanitized(try field(name, of: record, argument: argument, at: offset))
        }
        guard argument == nil else {
            throw failure(".\(name) is not a method but has an argument", at: offset)
        }
        switch value {
        case .missing:
            return .missing
        case .json(.null):
            throw failure("can't evaluate field \(name) of an empty value", at: offset)
        case .json(.object(let object)):
            return try field(name, of: object, at: offset)
        case .json, .list, .record:
            throw failure("can't evaluate field \(name) in \(goTypeName(try value.json()))", at: offset)
        }
    }

    private func field(_ name: String, of object: JSONObject, at offset: Int) throws -> TemplateValue {
        if let value = object[name] { return .json(value) }
        guard options.treatsCapitalizedObjectsAsStructures, isStructure(object) else { return .missing }
        let folded = name.lowercased()
        if let member = object.first(where: { $0.key.lowercased() == folded }) { return .json(member.value) }
        throw unknownField(name, among: object.keys, at: offset)
    }

    private func isStructure(_ object: JSONObject) -> Bool {
        !object.isEmpty
            && object.allSatisfy { member in
                member.key.utf8.first.map { $0 &- UInt8(ascii: "A") < 26 } ?? false
            }
    }

    private func field(
        _ name: String, of record: TemplateRecord, argument: TemplateValue?, at offset: Int
    ) throws -> TemplateValue {
        guard let field = record.fields.first(where: { $0.name == name }) else {
            throw unknownField(name, among: record.fields.map(\.name), at: offset)
        }
        if case .method(let method) = field.body {
            guard let argument else {
                throw failure("wrong number of args for .\(name): want 1 got 0", at: offset)
            }
            guard case .json(.string(let text)) = argument else {
                throw failure("wrong type of argument for .\(name): expected string", at: offset)
            }
            return .json(try method(text))
        }
        guard argument == nil else { throw failure(".\(name) is not a method but has an argument", at: offset) }
        switch field.body {
        case .value(let value): return .json(value)
        case .computed(let compute), .expensive(_, let compute): return .json(try compute())
        case .nested(let compute): return try compute()
        case .method: return .missing
        }
    }

    private func unknownField(_ name: String, among names: [String], at offset: Int) -> TemplateError {
        let hint = nearest(to: name, in: names).map { ", did you mean .\($0)?" } ?? ""
        return failure("can't evaluate field \(name): there is no such field\(hint)", at: offset)
    }

    private func sanitized(_ value: TemplateValue) -> TemplateValue {
        guard options.sanitizesRecordFields, case .json(.string(let text)) = value else { return value }
        return .json(.string(sanitizedForTerminal(text, keepsLayout: false)))
    }
}

extension TemplateValue {
    /// Whether `if` takes the value for true: everything but nothing, zero, and what is empty.
    var isTrue: Bool {
        switch self {
        case .missing, .json(.null): false
        case .json(.bool(let value)): value
        case .json(.integer(let value)): value != 0
        case .json(.number(let value)): value != 0
        case .json(.string(let value)): !value.isEmpty
        case .json(.array(let value)): !value.isEmpty
        case .json(.object(let value)): !value.isEmpty
        case .list(let values): !values.isEmpty
        case .record: true
        }
    }
}
