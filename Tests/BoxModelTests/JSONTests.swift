import Foundation
import Testing

@testable import BoxModel

@Suite struct JSONTests {
    static let sample = #"""
        {"schemaVersion": 2, "a": [1, -2.5e3, true, false, null, "x\n\u00e9\ud83d\ude00\/"], "o": {"": {}, "e": []},
         "päth": "/usr/bin"}
        """#

    @Test func parsesASample() throws {
        let value = try JSON(parsing: Self.sample)
        #expect(value.objectValue?.keys == ["schemaVersion", "a", "o", "päth"])
        #expect(value["schemaVersion"]?.intValue == 2)
        #expect(value["a"] == [1, -2500.0, true, false, nil, "x\né😀/"])
        #expect(value["o"]?[""] == .object([:]))
        #expect(value["päth"]?.stringValue == "/usr/bin")
        #expect(value["a"]?[9] == nil)
    }

    @Test func refusesEveryTruncation() throws {
        let bytes = Array(Self.sample.utf8)
        for length in 0..<bytes.count {
            #expect(throws: JSONError.self, "\(length) bytes") { try JSON(parsing: bytes[..<length]) }
        }
    }

    @Test(arguments: [
        ("", 1, 1), ("[1,]", 1, 4), ("[1 2]", 1, 4), ("{\"a\" 1}", 1, 6), ("{a:1}", 1, 2), ("{\"a\":1,}", 1, 8),
        ("\n\n  nul", 3, 6), ("01", 1, 1), ("-", 1, 2), ("1.", 1, 3), (".5", 1, 1), ("+1", 1, 1), ("1e", 1, 3),
        ("1e999", 1, 1), ("\"\u{1}\"", 1, 2), ("\"\\x\"", 1, 3), ("\"\\u12g4\"", 1, 6), ("\"\\ud800\"", 1, 4),
        ("\"\\ud800\\u0041\"", 1, 4), ("\"\\udc00\"", 1, 4), ("true false", 1, 6), ("NaN", 1, 1), ("'a'", 1, 1),
        ("\u{FEFF}1", 1, 1), ("[1]]", 1, 4), ("// c\n1", 1, 1),
    ])
    func refuses(text: String, line: Int, column: Int) {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
        #expect(error?.line == line)
        #expect(error?.column == column, "\(error?.description ?? "")")
    }

    @Test(
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func refusesInvalidUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22] + bytes + [0x22]) }
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0x5C, 0x6E] + bytes + [0x22]) }
    }

    @Test func boundsTheDepth() throws {
        let fits = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
        #expect(try JSON(parsing: fits).text() == fits)
        #expect(throws: JSONError.self) { try JSON(parsing: "[" + fits + "]") }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .number(-0.0)), ("9223372036854775807", .integer(.max)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("1.0", .number(1)), ("1E+2", .number(100)), ("5e-324", .number(.leastNonzeroMagnitude)),
            ("123456789012345678901234567890", .number(1.2345678901234567e29)),
        ] as [(String, JSON)])
    func numbers(text: String, value: JSON) throws {
        let parsed = try JSON(parsing: text)
        #expect(parsed == value)
        // Equality of values does not tell the two kinds of numbers apart.
        if case .integer = value, case .integer = parsed { return }
        guard case .number = value, case .number = parsed else {
            Issue.record("\(text) became another kind of number")
            return
        }
    }

    @Test(
        arguments: [
            (1, "1"), (100, "100"), (0.1, "0.1"), (-2.5, "-2.5"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
            (1e-6, "0.000001"), (1e-7, "1e-7"), (123456.789, "123456.789"), (1.5e300, "1.5e+300"), (0, "0"),
            (.nan, "0"),
        ] as [(Double, String)])
    func printsNumbersAsGoDoes(value: Double, text: String) {
        #expect(JSON.number(value).text() == text)
    }

    @Test func lastDuplicateWins() throws {
        #expect(try JSON(parsing: #"{"a":1,"b":2,"a":3}"#).text() == #"{"a":3,"b":2}"#)
    }

    @Test func keysAreComparedByBytes() throws {
        #expect(try JSON(parsing: #"{"\u00e9":1,"e\u0301":2}"#).objectValue?.count == 2)
    }

    @Test func manyKeysStayOrderedAndFindable() throws {
        var object = JSONObject()
        for number in 0..<1000 { object["k\(number)"] = .integer(Int64(number)) }
        object["k3"] = nil
        object["k500"] = "changed"
        #expect(object.count == 999)
        #expect(object.keys[3] == "k4")
        #expect(object["k3"] == nil)
        #expect(object["k500"] == "changed")
        #expect(object["k999"] == 999)
        #expect(try JSON(parsing: JSON.object(object).bytes()) == .object(object))
    }

    @Test func printsPretty() throws {
        let value: JSON = .array([.object(["Id": "a/b", "Empty": .object([:]), "None": [], "Env": ["X=1"]])])
        #expect(
            value.text(.inspect) == """
                [
                    {
                        "Id": "a/b",
                        "Empty": {},
                        "None": [],
                        "Env": [
                            "X=1"
                        ]
                    }
                ]
                """)
        #expect(value.text() == #"[{"Id":"a/b","Empty":{},"None":[],"Env":["X=1"]}]"#)
    }

    @Test func escapesAsGoDoes() {
        let text: JSON = "<a href=\"/\">&\\\u{8}\u{c}\n\r\t\u{1}\u{7f}\u{2028}é\u{e8}"
        #expect(text.text() == #""<a href=\"/\">&\\\b\f\n\r\t\u0001\#u{7f}\u2028éè""#)
        #expect(JSON("->&").text(JSONStyle(escapesHTML: true)) == #""-\u003e\u0026""#)
        #expect(JSON.object(["b": 1, "a": 2]).text(JSONStyle(sortsKeys: true)) == #"{"a":2,"b":1}"#)
    }

    @Test func equalityIgnoresTheOrder() {
        #expect(JSON.object(["a": 1, "b": 2]) == .object(["b": 2, "a": 1]))
        #expect(JSON.object(["a": 1]) != .object(["a": 2]))
        #expect(JSON.integer(1) == .number(1))
        #expect(JSON.integer(1) != .number(1.5))
        #expect(JSON("\u{e9}") != JSON("e\u{301}"))
    }

    @Test func writesThroughSubscripts() {
        var value = JSON.null
        value["a"] = 1
        value["b"] = ["x"]
        #expect(value.text() == #"{"a":1,"b":["x"]}"#)
        value["a"] = nil
        #expect(value.text() == #"{"b":["x"]}"#)
        #expect(value["b"]?.stringArray == ["x"])
        #expect(JSON(["b": "2", "a": "1"]).text() == #"{"a":"1","b":"2"}"#)
        #expect(JSON.object(["a": "1"]).stringMap == ["a": "1"])
    }

    @Test func survivesCodable() throws {
        let value = try JSON(parsing: Self.sample)
        let data = try JSONEncoder().encode(value)
        #expect(try JSONDecoder().decode(JSON.self, from: data) == value)
    }

    /// Any bytes give a value or an error, and what was read is written and read again unchanged.
    @Test func survivesMutation() {
        var generator = SystemRandomNumberGenerator()
        let bytes = Array(Self.sample.utf8)
        for _ in 0..<5000 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place = Int.random(in: 0..<mutated.count, using: &generator)
                mutated[place] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let value = try? JSON(parsing: mutated) else { continue }
            #expect((try? JSON(parsing: value.bytes())) == value)
        }
    }
}
