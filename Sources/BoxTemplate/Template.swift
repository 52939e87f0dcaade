package import BoxModel

/// A template in the language of Go's text/template, with docker's functions.
package struct Template {
    /// What happens at the edges of the data.
    package struct Options: Sendable {
        /// Objects whose keys all begin with a capital letter are structures, not maps: an unknown field is an error
        /// that names the nearest one, and `.ID` finds `Id`.
        package var treatsCapitalizedObjectsAsStructures = false
        /// The functions of the header row, which hand through the column titles.
        var isHeader = false
        /// Control characters in the values of record fields are written as escapes.
        package var sanitizesRecordFields = false

        package init() {}

        /// Objects are maps: a missing key gives `<no value>`.
        package static let maps = Options()
        /// For the objects that `inspect` prints.
        package static var inspect: Options {
            var options = Options()
            options.treatsCapitalizedObjectsAsStructures = true
            return options
        }
    }

    let source: [UInt8]
    let nodes: [TemplateNode]
    let definitions: [String: [TemplateNode]]
    /// The names of the fields that the template takes from its data or from what it loops over.
    package let fieldNames: Set<String>

    /// Reads a template; `interpretingEscapes` makes `\t` and `\n` outside of actions control characters.
    package init(_ text: String, interpretingEscapes: Bool = false) throws(TemplateError) {
        source = Array(text.utf8)
        var parser = try TemplateParser(source, interpretsEscapes: interpretingEscapes)
        nodes = try parser.parseTemplate()
        definitions = parser.definitions
        fieldNames = parser.fieldNames
    }

    /// The template filled in; throws `TemplateError`, or what a computed field throws.
    package func render(_ value: TemplateValue, options: Options = .maps) throws -> String {
        var evaluator = TemplateEvaluator(template: self, data: value, options: options)
        return try evaluator.run()
    }

    /// The template filled in with JSON data.
    package func render(_ value: JSON, options: Options = .maps) throws -> String {
        try render(.json(value), options: options)
    }

    /// The template filled in with a row.
    package func render(_ record: TemplateRecord, options: Options = .maps) throws -> String {
        try render(.record(record), options: options)
    }
}
