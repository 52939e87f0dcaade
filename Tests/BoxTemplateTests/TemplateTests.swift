import BoxModel
import Testing

@testable import BoxTemplate

/// Expected texts are what Go's text/template and docker print.
@Suite struct TemplateTests {
    static let container: JSON = .object([
        "Id": "0123456789abcdef",
        "Name": "/web",
        "State": .object([
            "Status": "running", "Running": true, "ExitCode": 0, "Health": .object(["Status": "healthy"]),
        ]),
        "Args": ["-g", "daemon off;"],
        "RepoDigests": ["nginx@sha256:00"],
        "Config": .object([
            "Image": "nginx", "Labels": .object(["a.b": "yes", "x": "1"]), "Env": ["A=1", "B=2"], "Cmd": nil,
        ]),
        "HostConfig": .object(["LogConfig": .object(["Type": "json-file"]), "Memory": 536_870_912]),
        "Mounts": [.object(["Type": "bind", "Source": "/a<b>"])],
        "NetworkSettings": .object([
            "IPAddress": "10.1.0.2",
            "Networks": .object([
                "bridge": .object(["IPAddress": "10.1.0.2"]), "app": .object(["IPAddress": "10.2.0.2"]),
            ]),
            "Ports": .object(["80/tcp": [.object(["HostIp": "0.0.0.0", "HostPort": "8080"])], "443/tcp": nil]),
        ]),
        "Server": .object(["Version": "1.2"]),
    ])

    @Test(arguments: [
        ("{{.State.Status}}", "running"), ("{{.State.Health.Status}}", "healthy"),
        ("{{.NetworkSettings.IPAddress}}", "10.1.0.2"),
        ("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", "10.2.0.2 10.1.0.2 "),
        (#"{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}"#, "8080"),
        (#"{{with index .NetworkSettings.Ports "443/tcp"}}{{.}}{{else}}closed{{end}}"#, "closed"),
        (
            "{{range $k,$v := .NetworkSettings.Ports}}{{$k}}->{{range $v}}{{.HostPort}}{{end}};{{end}}",
            "443/tcp->;80/tcp->8080;"
        ),
        ("{{index .RepoDigests 0}}", "nginx@sha256:00"),
        ("{{json .Mounts}}", #"[{"Type":"bind","Source":"/a<b>"}]"#),
        (#"{{index .Config.Labels "a.b"}}"#, "yes"), (#"{{index .Config.Labels "none"}}"#, ""),
        ("{{.Config.Image}}", "nginx"), ("{{.HostConfig.LogConfig.Type}}", "json-file"),
        ("{{.Server.Version}}", "1.2"), ("{{.ID}} {{.Id}}", "0123456789abcdef 0123456789abcdef"),
        ("{{.Config.Labels.x}} {{.Config.Labels.none}}", "1 <no value>"),
        ("{{.Config.Labels}}", "map[a.b:yes x:1]"), ("{{.Args}}", "[-g daemon off;]"),
        ("{{.HostConfig.Memory}}", "536870912"), ("{{.State.Running}}", "true"),
        ("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n"),
        (#"{{join .Config.Env "\n"}}"#, "A=1\nB=2"),
        (#"{{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{$e}}{{end}}"#, "A=1, B=2"),
        (#"{{if eq .State.Status "running"}}up{{else}}down{{end}}"#, "up"),
        ("{{if and .State.Running (eq .State.ExitCode 0)}}ok{{end}}", "ok"),
        (#"{{slice .Id 0 12}} {{truncate .Id 4}} {{upper .Config.Image}}"#, "0123456789ab 0123 NGINX"),
        (#"{{.Name | printf "%-6s|"}}"#, "/web  |"), ("{{len .Args}}", "2"),
        (#"{{$n := .Name}}{{range .Args}}{{$n}}:{{$.Name}}:{{.}} {{end}}"#, "/web:/web:-g /web:/web:daemon off; "),
    ])
    func inspectIdioms(template: String, expected: String) throws {
        #expect(try Template(template).render(Self.container, options: .inspect) == expected)
    }

    static let data: JSON = .object([
        "n": 3, "f": 2.5, "s": "abc", "list": ["a", "b", "c"], "m": .object(["b": 2, "a": 1]), "null": nil,
        "empty": [], "zero": 0, "big": 1_000_000.0,
    ])

    @Test(arguments: [
        ("x {{- /* c */ -}} y", "xy"), ("a {{- 1 -}} b", "a1b"), ("{{/* c */}}", ""), ("{{- .s}}", "abc"),
        ("{{ -3 }}{{-3}}", "-3-3"), ("{{.none}} {{.none.deeper}} {{.null}}", "<no value> <no value> <no value>"),
        ("{{.}}", "map[big:1e+06 empty:[] f:2.5 list:[a b c] m:map[a:1 b:2] n:3 null:<nil> s:abc zero:0]"),
        ("{{if .empty}}a{{else if .zero}}b{{else if .n}}c{{else}}d{{end}}", "c"),
        ("{{with .none}}x{{else with .s}}{{.}}{{end}}", "abc"), ("{{with $x := .n}}{{$x}}{{.}}{{end}}", "33"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"), ("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1"),
        ("{{range .empty}}x{{else}}none{{end}}", "none"), ("{{range .none}}x{{else}}none{{end}}", "none"),
        ("{{range $k, $v := .m}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "), ("{{range $e := .list}}{{$e}}{{end}}", "abc"),
        ("{{range .list}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"),
        ("{{range .list}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"), ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range $i, $_ := .list}}{{$i}}{{end}}", "012"),
        ("{{define \"t\"}}<{{.}}>{{end}}{{template \"t\" .s}}{{template \"t\"}}", "<abc><<no value>>"),
        ("{{block \"t\" .n}}[{{.}}]{{end}}", "[3]"), ("{{(index .list 1)}}", "b"), ("{{(.m).a}}", "1"),
        ("{{index .m \"a\"}}{{index .list 2}}{{index .s 0}}", "1c97"),
        ("{{index .}}", "map[big:1e+06 empty:[] f:2.5 list:[a b c] m:map[a:1 b:2] n:3 null:<nil> s:abc zero:0]"),
        ("{{slice .list 1}} {{slice .list 0 2}} {{slice .s 1 2}}", "[b c] [a b] b"),
        (
            "{{eq .n 3}} {{eq .n 1 2 3}} {{ne .s \"x\"}} {{eq .none \"x\"}} {{eq .none nil}}",
            "true true true false true"
        ),
        ("{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge \"b\" \"a\"}}{{lt 1.5 2}}", "truetruefalsetruetrue"),
        ("{{and 1 0 .missing.x}} {{or 0 \"\" \"z\"}} {{not .zero}} {{.n | and true}}", "0 z true 3"),
        ("{{print 1 2 \"a\" \"b\" 3 4}}|{{print nil}}|{{println \"a\" 1}}", "1 2ab3 4|<nil>|a 1\n"),
        ("{{html \"<a href='x'>&\"}}", "&lt;a href=&#39;x&#39;&gt;&amp;"),
        ("{{js \"it's <b>\"}}", #"it\'s \u003Cb\u003E"#), ("{{urlquery \"a b&ü\"}}", "a+b%26%C3%BC"),
        ("{{len .s}}{{len .m}}{{len .empty}}{{len .null}}", "3200"),
        (
            "{{split \"a,b\" \",\"}} {{title \"hello big-world\"}} {{lower \"ÄB\"}} {{pad \"x\" 1 2}}|{{pad \"\" 1 2}}|",
            "[a b] Hello Big-World äb  x  ||"
        ),
        ("{{json .m}} {{json .s}} {{json .none}} {{json .f}}", #"{"b":2,"a":1} "abc" null 2.5"#),
        ("{{`raw\\n`}}{{'a'}}{{\"\\u00e9\\x41\\101\"}}", "raw\\n97éAA"),
        ("{{0x10}} {{1e3}} {{1_000}} {{0b11}} {{.5}}", "16 1000 1000 3 0.5"),
        ("{{true}} {{.n | printf \"%d-%s\" 7}}", "true 7-%!s(int=3)"), ("{{printf \"%v\" .list | len}}", "7"),
        ("}} and {{\"{{\"}}", "}} and {{"), ("{{.list | json | len}}", "13"),
        ("\\t{{.n}}\\n", "\\t3\\n"),
    ])
    func language(template: String, expected: String) throws {
        #expect(try Template(template).render(Self.data) == expected)
    }

    @Test(arguments: [
        ("{{.Foo", 1, 1, "unclosed action"), ("{{if .n}}", 1, 10, "{{end}} is missing"),
        ("a\n{{end}}", 2, 6, "unexpected {{end}}"),
        ("{{else}}", 1, 7, "unexpected {{else}}"), ("{{nosuch 1}}", 1, 3, "function \"nosuch\" not defined"),
        ("{{jsn .}}", 1, 3, "did you mean json?"), ("{{$x}}", 1, 3, "undefined variable $x"),
        ("{{\"a}}", 1, 3, "unterminated"),
        ("{{}}", 1, 3, "missing value for command"), ("{{(1}}", 1, 5, "unclosed left parenthesis"),
        ("{{1)}}", 1, 4, "unexpected right"),
        ("{{1 | 2}}", 1, 7, "non executable command"), ("{{break}}", 1, 3, "outside {{range}}"),
        ("{{/* a", 1, 3, "unclosed comment"),
        ("{{@}}", 1, 3, "unexpected"), ("{{3x}}", 1, 3, "bad number"),
        ("{{if 1}}{{else}}{{else}}{{end}}", 1, 23, "expected {{end}}"),
        ("{{. | }}", 1, 7, "missing value"), ("{{1.2.3}}", 1, 3, "bad number"),
    ])
    func refusesToParse(template: String, line: Int, column: Int, reason: String) {
        let error = #expect(throws: TemplateError.self) { try Template(template) }
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
        #expect(error?.line == line)
        #expect(error?.column == column, "\(error?.description ?? "")")
        #expect(error?.description.contains("\n") == false)
    }

    @Test(arguments: [
        ("{{.s.x}}", "can't evaluate field x in string"), ("{{.null.x}}", "empty value"),
        ("{{index .list 3}}", "error calling index: index out of range: 3"), ("{{index .none 0}}", "untyped nil"),
        ("{{eq 1 \"a\"}}", "incompatible types"), ("{{eq .m .m}}", "non-comparable"),
        ("{{lt true false}}", "invalid type"),
        ("{{len 3}}", "len of type int"), ("{{range .s}}{{end}}", "range can't iterate over abc"),
        ("{{template \"no\"}}", "template \"no\" not defined"), ("{{slice .s 4}}", "out of range"),
        ("{{.n 1}}", "not a method"),
        ("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}", "deeper than"),
        ("{{call .s}}", "not a function"),
        ("{{join .s \",\"}}", "expected []string"), ("{{upper .n}}", "expected string; got int"),
        ("{{split \"a\"}}", "want 2 got 1"),
        ("{{nil}}", "nil is not a command"), ("{{range 99999999999}}{{end}}", "too long"),
    ])
    func refusesToRender(template: String, reason: String) throws {
        let parsed = try Template(template)
        let error = #expect(throws: TemplateError.self) { try parsed.render(Self.data) }
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func namesTheNearestField() throws {
        let template = try Template("{{.State.Statsu}}")
        let error = #expect(throws: TemplateError.self) { try template.render(Self.container, options: .inspect) }
        #expect(
            error?.description
                == "template:1:3: can't evaluate field Statsu: there is no such field, did you mean .Status?")
    }

    @Test func nestingIsBounded() {
        #expect(throws: TemplateError.self) { try Template("{{" + String(repeating: "(", count: 100_000)) }
        #expect(throws: TemplateError.self) {
            try Template("{{" + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000) + "}}")
        }
        #expect(throws: TemplateError.self) { try Template(String(repeating: "{{if 1}}", count: 5000)) }
    }

    /// Cutting a template anywhere gives a template or an error, never a crash.
    @Test func survivesTruncation() {
        let text =
            "{{range $k,$v := .m}}{{- if eq $k \"a\" | not -}}{{(index .list 0).x | printf `%d`}}{{else}}'x'{{end}}{{end}}"
        let bytes = Array(text.utf8)
        var parsed = 0
        for length in 0...bytes.count where (try? Template(String(decoding: bytes[..<length], as: UTF8.self))) != nil {
            parsed += 1
        }
        #expect(parsed == 3, "the empty text, a single brace, and the whole")
    }

    /// Any text gives a template and a rendering, or an error, never a crash.
    @Test func survivesMutation() {
        let words = [
            "{{", "}}", "{{-", "-}}", " ", "(", ")", "|", ".", ".m", ".list", "$", "$x", ":=", "=", ",", "if", "else",
            "end", "range", "with", "1", "-7", "\"a\"", "index", "printf", "\"%*d\"", "slice", "len", "and", "pad",
            "truncate", "join", "block", "define", "\"t\"", "template", "break", "continue", "/*", "*/", "nil", "json",
        ]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...12, using: &generator)
            let inner = (0..<count).map { _ in words.randomElement(using: &generator) ?? "" }.joined(separator: " ")
            let text = "{{ \(inner) }}"
            do {
                _ = try Template(text).render(Self.data)
            } catch {
                #expect(error is TemplateError, "\(text)")
                #expect(!"\(error)".contains("\n"), "\(text)")
            }
        }
    }
}
