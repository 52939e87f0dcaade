internal import BoxModel
internal import BoxTemplate

/// Prints rows and documents in the form that `--format` asks for.
enum Rendering {
    /// Prints a listing.
    ///
    /// - Parameters:
    ///   - format: the value of `--format`, or nil for the table.
    ///   - table: the default table's template.
    ///   - headers: titles of columns whose names do not tell them.
    static func rows(
        _ format: String?, _ table: String, _ headers: [String: String], _ records: [TemplateRecord], _ context: Context
    ) throws(BoxFailure) {
        let text = try attempt(format) { try RowFormat(format, defaultTable: table, headers: headers).render(records) }
        context.printRaw(text)
    }

    /// Prints what `inspect` found: an array without a format, else one line each.
    static func documents(_ format: String?, _ documents: [JSON], _ context: Context) throws(BoxFailure) {
        guard let format, !format.isEmpty else {
            context.print(JSON.array(documents).text(.inspect))
            return
        }
        for document in documents { context.print(try self.text(format, document)) }
    }

    /// One document in a format.
    static func text(_ format: String, _ document: JSON) throws(BoxFailure) -> String {
        if format == "json" { return document.text() }
        return try attempt(format) { try Template(format).render(document, options: .inspect) }
    }

    private static func attempt(_ format: String?, _ body: () throws -> String) throws(BoxFailure) -> String {
        do { return try body() } catch let failure as BoxFailure {
            throw failure
        } catch {
            throw BoxFailure(.invalid, "use --format", "\"\(format ?? "")\"", reason: "\(error)")
        }
    }
}
