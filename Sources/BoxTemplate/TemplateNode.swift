internal import BoxModel

/// A piece of a parsed template.
indirect enum TemplateNode {
    case text(String)
    /// `{{pipeline}}`
    case action(TemplatePipeline)
    case conditional(TemplateBranch)
    case with(TemplateBranch)
    case range(TemplateBranch)
    /// `{{template "name" pipeline}}`
    case call(name: String, argument: TemplatePipeline?, offset: Int)
    case `break`
    case `continue`
}

/// What `if`, `with` and `range` have in common.
struct TemplateBranch {
    let condition: TemplatePipeline
    let body: [TemplateNode]
    let alternative: [TemplateNode]
}

/// Commands joined by `|`, with the variables that take the result.
struct TemplatePipeline {
    let offset: Int
    let variables: [String]
    /// `=` instead of `:=`.
    let isAssignment: Bool
    let commands: [TemplateCommand]
}

/// An operand, or a function or method with its arguments.
struct TemplateCommand {
    let offset: Int
    let operands: [TemplateOperand]
}

/// A value or what leads to one.
struct TemplateOperand {
    indirect enum Kind {
        case dot
        case null
        case constant(JSON)
        /// `.A.B`
        case fields([String])
        /// `$x.A.B`
        case variable(String, [String])
        case function(String)
        /// `(pipeline).A.B`
        case parenthesis(TemplatePipeline, [String])
    }

    let kind: Kind
    let offset: Int
}
