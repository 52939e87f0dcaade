internal import BoxModel

/// Builds the tree of a template from its tokens.
struct TemplateParser {
    /// Blocks and parentheses may not be nested deeper than this.
    private static let depthLimit = 100

    private let source: [UInt8]
    private let tokens: [TemplateToken]
    private var position = 0
    private var depth = 0
    private var rangeDepth = 0
    /// The names of the variables that are visible here.
    private var variables = [""]
    private(set) var definitions: [String: [TemplateNode]] = [:]
    private(set) var fieldNames: Set<String> = []

    init(_ source: [UInt8], interpretsEscapes: Bool) throws(TemplateError) {
        self.source = source
        tokens = try TemplateLexer.tokens(of: source, interpretsEscapes: interpretsEscapes)
    }

    private enum ListEnd {
        case end
        case alternative
        case template
    }

    mutating func parseTemplate() throws(TemplateError) -> [TemplateNode] {
        let (nodes, end) = try parseList(isTop: true)
        guard end == .template else { throw failure("unexpected {{\(tokens[position - 1].text)}}") }
        return nodes
    }

    // MARK: Tokens

    private var token: TemplateToken { tokens[position] }

    private func failure(_ reason: String, at offset: Int? = nil) -> TemplateError {
        TemplateError(reason, at: offset ?? token.offset, in: source)
    }

    private func unexpected(in context: String) -> TemplateError {
        if case .close = token.kind { return failure("missing value for \(context)") }
        return failure("unexpected \(token.text) in \(context)")
    }

    private mutating func accept(_ kind: TemplateToken.Kind) -> Bool {
        guard token.kind == kind else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ kind: TemplateToken.Kind, in context: String) throws(TemplateError) {
        guard accept(kind) else { throw unexpected(in: context) }
    }

    private mutating func descend<Value>(
        _ body: (inout TemplateParser) throws(TemplateError) -> Value
    ) throws(TemplateError) -> Value {
        depth += 1
        guard depth <= Self.depthLimit else { throw failure("nested deeper than \(Self.depthLimit) levels") }
        let value = try body(&self)
        depth -= 1
        return value
    }

    // MARK: Lists and actions

    private mutating func parseList(isTop: Bool = false) throws(TemplateError) -> ([TemplateNode], ListEnd) {
        var nodes: [TemplateNode] = []
        while true {
            let start = token
            switch start.kind {
            case .end:
                guard isTop else { throw failure("unexpected end of the template, {{end}} is missing") }
                return (nodes, .template)
            case .text(let text):
                position += 1
                nodes.append(.text(text))
                continue
            default:
                position += 1
            }
            if case .keyword(let word) = token.kind {
                switch word {
                case .end:
                    position += 1
                    if isTop { return (nodes, .end) }
                    try expect(.close, in: "end")
                    return (nodes, .end)
                case .else:
                    position += 1
                    return (nodes, .alternative)
                default:
                    if let node = try parseControl(word, isTop: isTop) { nodes.append(node) }
                }
            } else {
                let pipeline = try parsePipeline(in: "command")
                try expect(.close, in: "command")
                nodes.append(.action(pipeline))
            }
        }
    }

    private mutating func parseControl(
        _ word: TemplateToken.Keyword, isTop: Bool
    ) throws(TemplateError) -> TemplateNode? {
        let offset = token.offset
        position += 1
        switch word {
        case .if: return .conditional(try parseBranch(.if))
        case .with: return .with(try parseBranch(.with))
        case .range: return .range(try parseBranch(.range))
        case .break, .continue:
            guard rangeDepth > 0 else { throw failure("{{\(word.rawValue)}} outside {{range}}", at: offset) }
            try expect(.close, in: word.rawValue)
            return word == .break ? .break : .continue
        case .template:
            let name = try parseName(in: "template clause")
            var argument: TemplatePipeline?
            if token.kind != .close { argument = try parsePipeline(in: "template clause") }
            try expect(.close, in: "template clause")
            return .call(name: name, argument: argument, offset: offset)
        case .define:
            guard isTop else { throw failure("unexpected {{define}}", at: offset) }
            let name = try parseName(in: "define clause")
            try expect(.close, in: "define clause")
            definitions[name] = try parseDefinition()
            return nil
        case .block:
            let name = try parseName(in: "block clause")
            let argument = try parsePipeline(in: "block clause")
            try expect(.close, in: "block clause")
            definitions[name] = try parseDefinition()
            return .call(name: name, argument: argument, offset: offset)
        case .end, .else:
            throw failure("unexpected {{\(word.rawValue)}}", at: offset)
        }
    }

    private mutating func parseName(in context: String) throws(TemplateError) -> String {
        guard case .string(let name) = token.kind else { throw unexpected(in: context) }
        position += 1
        return name
    }

    /// The body of `define` and `block`, which does not see the variables and loops around it.
    private mutating func parseDefinition() throws(TemplateError) -> [TemplateNode] {
        let outer = (variables, rangeDepth)
        variables = [""]
        rangeDepth = 0
        let (nodes, end) = try descend { parser throws(TemplateError) in try parser.parseList() }
        guard end == .end else { throw failure("unexpected {{else}} in a definition") }
        (variables, rangeDepth) = outer
        return nodes
    }

    private mutating func parseBranch(_ word: TemplateToken.Keyword) throws(TemplateError) -> TemplateBranch {
        try descend { parser throws(TemplateError) in try parser.parseBranchBody(word) }
    }

    private mutating func parseBranchBody(_ word: TemplateToken.Keyword) throws(TemplateError) -> TemplateBranch {
        let visible = variables.count
        let condition = try parsePipeline(in: word.rawValue, isRange: word == .range)
        try expect(.close, in: word.rawValue)
        if word == .range { rangeDepth += 1 }
        let (body, end) = try parseList()
        if word == .range { rangeDepth -= 1 }
        var alternative: [TemplateNode] = []
        if end == .alternative {
            // `{{else if}}` and `{{else with}}` share the {{end}} of the outer clause.
            if word != .range, case .keyword(let next) = token.kind, next == word {
                position += 1
                let branch = try parseBranch(word)
                alternative = [word == .if ? .conditional(branch) : .with(branch)]
            } else {
                try expect(.close, in: "else")
                let (nodes, secondEnd) = try parseList()
                guard secondEnd == .end else { throw failure("expected {{end}}, found {{else}}") }
                alternative = nodes
            }
        }
        variables.removeLast(variables.count - visible)
        return TemplateBranch(condition: condition, body: body, alternative: alternative)
    }

    // MARK: Pipelines

    private mutating func parsePipeline(
        in context: String, isRange: Bool = false
    ) throws(TemplateError) -> TemplatePipeline {
        let offset = token.offset
        let (names, isAssignment) = try parseVariables(isRange: isRange)
        var commands: [TemplateCommand] = []
        repeat {
            let command = try parseCommand(in: context)
            if let first = command.operands.first, !commands.isEmpty {
                switch first.kind {
                case .dot, .null, .constant:
                    throw failure("non executable command in pipeline stage \(commands.count + 1)", at: first.offset)
                default: break
                }
            }
            commands.append(command)
        } while accept(.pipe)
        if !isAssignment { variables.append(contentsOf: names) }
        return TemplatePipeline(offset: offset, variables: names, isAssignment: isAssignment, commands: commands)
    }

    private mutating func parseVariables(isRange: Bool) throws(TemplateError) -> ([String], Bool) {
        guard case .variable(let first) = token.kind else { return ([], false) }
        let start = position
        var names = [first]
        position += 1
        if isRange, accept(.comma) {
            guard case .variable(let second) = token.kind else { throw unexpected(in: "range") }
            names.append(second)
            position += 1
        }
        if accept(.declare) { return (names, false) }
        if accept(.assign) {
            for name in names where !variables.contains(name) {
                throw failure("undefined variable $\(name)", at: tokens[start].offset)
            }
            return (names, true)
        }
        guard names.count == 1 else { throw unexpected(in: "range") }
        position = start
        return ([], false)
    }

    private mutating func parseCommand(in context: String) throws(TemplateError) -> TemplateCommand {
        let offset = token.offset
        var operands: [TemplateOperand] = []
        while let operand = try parseOperand() {
            operands.append(operand)
            if token.kind == .close || token.kind == .pipe || token.kind == .rightParenthesis { break }
            guard token.followsSpace else { throw unexpected(in: "operand") }
        }
        guard !operands.isEmpty else { throw unexpected(in: context) }
        return TemplateCommand(offset: offset, operands: operands)
    }

    private mutating func parseOperand() throws(TemplateError) -> TemplateOperand? {
        let start = token
        let kind: TemplateOperand.Kind
        position += 1
        switch start.kind {
        case .dot: kind = .dot
        case .null: kind = .null
        case .bool(let value): kind = .constant(.bool(value))
        case .integer(let value): kind = .constant(.integer(value))
        case .float(let value): kind = .constant(.number(value))
        case .string(let value): kind = .constant(.string(value))
        case .identifier(let name):
            guard TemplateFunctions.names.contains(name) else {
                let hint = nearest(to: name, in: TemplateFunctions.names).map { ", did you mean \($0)?" } ?? ""
                throw failure("function \(goQuoted(name)) not defined\(hint)", at: start.offset)
            }
            kind = .function(name)
        case .field(let name):
            fieldNames.insert(name)
            kind = .fields([name] + parseChain())
        case .variable(let name):
            guard variables.contains(name) else { throw failure("undefined variable $\(name)", at: start.offset) }
            let chain = parseChain()
            if name.isEmpty, let first = chain.first { fieldNames.insert(first) }
            kind = .variable(name, chain)
        case .leftParenthesis:
            let pipeline = try descend { parser throws(TemplateError) in
                try parser.parsePipeline(in: "parenthesized pipeline")
            }
            try expect(.rightParenthesis, in: "parenthesized pipeline")
            kind = .parenthesis(pipeline, parseChain())
        default:
            position -= 1
            return nil
        }
        if case .field = token.kind, !token.followsSpace {
            throw failure("unexpected \(token.text) after \(start.text)")
        }
        return TemplateOperand(kind: kind, offset: start.offset)
    }

    private mutating func parseChain() -> [String] {
        var names: [String] = []
        while case .field(let name) = token.kind, !token.followsSpace {
            names.append(name)
            position += 1
        }
        return names
    }
}
