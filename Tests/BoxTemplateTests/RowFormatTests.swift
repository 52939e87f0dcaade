import BoxModel
import Testing

@testable import BoxTemplate

@Suite struct RowFormatTests {
    static let headers = ["ID": "CONTAINER ID", "Names": "NAMES", "Status": "STATUS"]
    static let defaultTable = "{{.ID}}\\t{{.Names}}\\t{{.Status}}"

    private static func row(_ id: String, _ name: String, _ status: String) -> TemplateRecord {
        TemplateRecord([
            .init("ID", id), .init("Names", name), .init("Status", status), .init("Ports", "80->80/tcp"),
            .init(
                "Size",
                .expensive("0B") {
                    Issue.record("Size was computed")
                    return "1GB"
                }),
            .init("RunningFor", .computed { "2 hours ago" }),
            .init("Label", .method { $0 == "com.example.my-label" ? "v" : "" }),
        ])
    }

    static var rows: [TemplateRecord] {
        [row("0123456789ab", "web", "Up 3 minutes"), row("ba9876543210", "a-longer-name", "Created")]
    }

    private func render(_ format: String?, _ rows: [TemplateRecord] = Self.rows) throws -> String {
        try RowFormat(format, defaultTable: Self.defaultTable, headers: Self.headers).render(rows)
    }

    @Test(arguments: [nil, "", "table"] as [String?])
    func defaultTable(format: String?) throws {
        let expected = """
            CONTAINER ID   NAMES           STATUS
            0123456789ab   web             Up 3 minutes
            ba9876543210   a-longer-name   Created

            """
        #expect(try render(format) == expected)
        #expect(try render(format, []) == "CONTAINER ID   NAMES     STATUS\n")
    }

    @Test func customTable() throws {
        #expect(
            try render(#"table {{.Names}}\t{{upper .Status}}\t{{.RunningFor}}\t{{.Label "com.example.my-label"}}"#)
                == """
                NAMES           STATUS         RUNNING FOR   my label
                web             UP 3 MINUTES   2 hours ago   v
                a-longer-name   CREATED        2 hours ago   v

                """)
    }

    @Test func plainTemplate() throws {
        #expect(
            try render(#"{{.Names}}\t{{.Status}}"#) == "web\tUp 3 minutes\na-longer-name\tCreated\n")
        #expect(try render(#"{{.Label "x"}}{{"\n"}}-"#, [Self.rows[0]]) == "\n-\n")
    }

    @Test(arguments: ["json", "{{json .}}"])
    func jsonLines(format: String) throws {
        #expect(
            try render(format, [Self.rows[0]])
                == #"{"ID":"0123456789ab","Names":"web","Ports":"80-\u003e80/tcp","RunningFor":"2 hours ago","Size":"0B","Status":"Up 3 minutes"}"#
                + "\n")
    }

    @Test(arguments: [
        ("{{.Nmaes}}", "did you mean .Names?"), ("{{.Label}}", "want 1 got 0"), ("{{.Label 3}}", "expected string"),
        ("{{.ID \"x\"}}", "not a method"), ("table {{.Foo.Bar}}", "can't evaluate field Foo"),
    ])
    func refuses(format: String, reason: String) {
        let error = #expect(throws: TemplateError.self) { try render(format) }
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func passesErrorsOfFieldsThrough() throws {
        struct Broken: Error {}
        let record = TemplateRecord([.init("Size", .expensive("") { throw Broken() })])
        let format = try RowFormat("{{.Size}}", defaultTable: "", headers: [:])
        #expect(format.fieldNames == ["Size"])
        #expect(throws: Broken.self) { try format.render([record]) }
    }

    @Test func nestedRecordsCanBeLoopedOver() throws {
        let record = TemplateRecord([.init("Images", .nested { .list(Self.rows.map { .record($0) }) })])
        #expect(
            try Template("{{range .Images}}{{.Names}};{{end}}{{len .Images}}").render(record) == "web;a-longer-name;2")
    }

    @Test func valuesCannotBreakTheTable() throws {
        #expect(try render("table {{.Names}}", [Self.row("1", "a\tb\n\u{1b}[31m", "")]) == "NAMES\na\\tb\\n\\x1b[31m\n")
    }

    @Test func columnsReachOverNeighbouringLines() {
        #expect(tableLayout("a\tb\nlonger than ten\tc\n") == "a                 b\nlonger than ten   c\n")
        #expect(tableLayout("a\tb\tc\n\nx\ty") == "a         b         c\n\nx         y")
        #expect(tableLayout("") == "")
        #expect(tableLayout("日本語\tx\nabc\ty\ne\u{301}\tz\n") == "日本語    x\nabc       y\ne\u{301}         z\n")
    }

    @Test func sanitizes() {
        #expect(
            sanitizedForTerminal("a\u{1b}]0;x\u{7}\n\tb\u{9b}\u{202e}\u{7f}\r")
                == "a\\x1b]0;x\\x07\n\tb\\x9b\\u202e\\x7f\\r")
        #expect(sanitizedForTerminal("ok é 日本") == "ok é 日本")
    }

    @Test(arguments: [
        ("sleep 1000", "sleep 1000"), ("/docker-entrypoint.sh nginx", "/docker-entrypoint.…"),
        ("日本語日本語日本語日本語", "日本語日本語日本語…"),
    ])
    func ellipsizes(text: String, expected: String) {
        #expect(ellipsized(text, width: 20) == expected)
    }
}
