import BoxModel
import Testing

@testable import BoxTemplate

@Suite struct GoFormatterTests {
    @Test(
        arguments: [
            ("%s", ["hi"], "hi"), ("%q", ["a\"b\n"], #""a\"b\n""#), ("%d", [5], "5"),
            ("%5d|%-5d|%05d", [42, 42, -42], "   42|42   |-0042"),
            ("%x %X %#x", [255, 255, 255], "ff FF 0xff"), ("%x", ["hi"], "6869"), ("%t", [true], "true"),
            ("%f", [1.5], "1.500000"),
            ("%.2f|%8.3f|%-8.1f|", [3.14159, 3.14159, 3.14159], "3.14|   3.142|3.1     |"),
            ("%e", [123456.0], "1.234560e+05"),
            ("%g %g", [100000.0, 1e6], "100000 1e+06"), ("%-10s|%10s|", ["ab", "cd"], "ab        |        cd|"),
            ("%%", [], "%"), ("%.2s", ["héllo"], "hé"),
            ("%v %v %v", [["a", 1], .object(["k": "v"]), nil], "[a 1] map[k:v] <nil>"), ("%+d % d", [3, 3], "+3  3"),
            ("%o %b %c %U", [8, 5, 65, 0x1F600], "10 101 A U+1F600"),
            ("%T %T %T", ["", 1, 1.5], "string int float64"), ("%*d|%-*d|", [5, 1, 5, 1], "    1|1    |"),
            ("%[2]s %[1]s", ["a", "b"], "b a"), ("%d", ["x"], "%!d(string=x)"),
            ("%s", [3], "%!s(int=3)"), ("%s %s", ["a"], "a %!s(MISSING)"), ("%s", ["a", "b"], "a%!(EXTRA string=b)"),
            ("%", [], "%!(NOVERB)"),
            ("%q", [["a", "b"]], #"["a" "b"]"#), ("%d", [1.5], "%!d(float64=1.5)"), ("%z", [1], "%!z(int=1)"),
            ("%08.3f", [-3.14159], "-003.142"), ("%s", [nil], "%!s(<nil>)"),
            ("%6.2f%%", [12.345], " 12.35%"), ("%999999999d", [1], String(repeating: " ", count: 9999) + "1"),
            ("é%sü", ["-"], "é-ü"), ("%.3x", ["abcd"], "616263"),
        ] as [(String, [JSON], String)])
    func formats(format: String, arguments: [JSON], expected: String) {
        #expect(GoFormatter.format(format, arguments) == expected)
    }

    @Test(
        arguments: [
            (0.5, 0, "0"), (1.5, 0, "2"), (2.5, 0, "2"), (0.125, 2, "0.12"), (0.1, 20, "0.10000000000000000555"),
            (1e22, 0, "10000000000000000000000"),
            (9.999, 2, "10.00"), (0.001, 2, "0.00"), (0.0, 1, "0.0"), (-0.75, 1, "-0.8"), (0.06, 1, "0.1"),
            (0.04, 1, "0.0"), (.leastNonzeroMagnitude, 3, "0.000"),
        ] as [(Double, Int, String)])
    func roundsFixedPointCorrectly(value: Double, precision: Int, expected: String) {
        #expect(DecimalText.fixed(value, precision: precision) == expected)
    }

    @Test(
        arguments: [
            (84.7, 4, "84.7"), (1234.5, 3, "1.23e+03"), (0.00001234, 2, "1.2e-05"), (999.9, 3, "1e+03"),
            (100, 3, "100"), (0, 3, "0"), (0.0001, 3, "0.0001"),
        ] as [(Double, Int, String)])
    func significantDigits(value: Double, precision: Int, expected: String) {
        #expect(DecimalText.general(value, precision: precision) == expected)
    }

    @Test func quotesAsGoDoes() {
        #expect(goQuoted("a\u{1b}[0m\t\\\"é…\u{200b}\u{1f600}") == #""a\x1b[0m\t\\\"é…\u200b😀""#)
    }
}
