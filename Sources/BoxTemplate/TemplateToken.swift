/// A word of the template language.
struct TemplateToken: Equatable {
    enum Kind: Equatable {
        case text(String)
        case open
        case close
        case identifier(String)
        case keyword(Keyword)
        /// `.name`, without the dot.
        case field(String)
        /// `$name`, without the dollar sign.
        case variable(String)
        case dot
        case string(String)
        case integer(Int64)
        case float(Double)
        case bool(Bool)
        case null
        case pipe
        case leftParenthesis
        case rightParenthesis
        case declare
        case assign
        case comma
        case end
    }

    enum Keyword: String, CaseIterable {
        case block, `break`, `continue`, define, `else`, end, `if`, range, template, with
    }

    let kind: Kind
    let offset: Int
    /// Whether white space stands before it; `.A .B` are two operands, `.A.B` is one.
    let followsSpace: Bool

    /// The token as it may stand in an error.
    var text: String {
        switch kind {
        case .text: "text"
        case .open: "{{"
        case .close: "}}"
        case .identifier(let name): name
        case .keyword(let word): word.rawValue
        case .field(let name): "." + name
        case .variable(let name): "$" + name
        case .dot: "."
        case .string(let value): goQuoted(value)
        case .integer(let value): String(value)
        case .float(let value): String(value)
        case .bool(let value): String(value)
        case .null: "nil"
        case .pipe: "|"
        case .leftParenthesis: "("
        case .rightParenthesis: ")"
        case .declare: ":="
        case .assign: "="
        case .comma: ","
        case .end: "end of the template"
        }
    }
}
