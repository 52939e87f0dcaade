internal import BoxModel

/// What `--format` asks a listing for.
package struct RowFormat {
    private enum Shape {
        case table
        case lines
    }

    private let shape: Shape
    private let template: Template
    /// Titles of the columns by field name; others are derived from the name, `RunningFor` to `RUNNING FOR`.
    private let headers: [String: String]

    /// Reads the value of `--format`: nothing or `table`, `json`, `table TEMPLATE`, or a template for each row.
    package init(_ format: String?, defaultTable: String, headers: [String: String]) throws(TemplateError) {
        let format = (format ?? "").isEmpty ? "table" : format ?? "table"
        var text = format
        shape = format.hasPrefix("table") ? .table : .lines
        if format == "json" { text = "{{json .}}" }
        if shape == .table { text.removeFirst("table".count) }
        while text.hasPrefix(" ") { text.removeFirst() }
        while text.hasSuffix(" ") { text.removeLast() }
        if shape == .table, text.isEmpty { text = defaultTable }
        template = try Template(text, interpretingEscapes: true)
        self.headers = headers
    }

    /// Whether the output has a header row and columns.
    package var isTable: Bool { shape == .table }

    /// The fields that the format names; callers fetch expensive data only for these.
    package var fieldNames: Set<String> { template.fieldNames }

    /// The text for all rows, each ending in a newline, under a header row if it is a table.
    package func render(_ records: [TemplateRecord]) throws -> String {
        var text = ""
        for record in records { text += try line(record) }
        return isTable ? tableLayout(try headerLine() + text) : text
    }

    /// The line of one row, not aligned.
    package func line(_ record: TemplateRecord) throws -> String {
        var options = Template.Options.maps
        // A tab or newline in a value would break the columns.
        options.sanitizesRecordFields = isTable
        return try template.render(record, options: options) + "\n"
    }

    /// The titles of a table, not aligned.
    package func headerLine() throws -> String {
        var fields = template.fieldNames.sorted().map {
            TemplateRecord.Field($0, headers[$0] ?? Self.derivedHeader($0))
        }
        fields.removeAll { $0.name == "Label" }
        fields.append(TemplateRecord.Field("Label", .method { .string(Self.labelHeader($0)) }))
        var options = Template.Options.maps
        options.isHeader = true
        return try template.render(TemplateRecord(fields), options: options) + "\n"
    }

    private static func derivedHeader(_ name: String) -> String {
        var title = ""
        var wasLower = false
        for scalar in name.unicodeScalars {
            if scalar.properties.isUppercase, wasLower { title += " " }
            title += scalar.properties.uppercaseMapping
            wasLower = scalar.properties.isLowercase
        }
        return title
    }

    /// The last part of a label's name, as docker titles such a column.
    private static func labelHeader(_ name: String) -> String {
        let last = name.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
        return String(last.map { $0 == "-" || $0 == "_" ? " " : $0 })
    }
}
