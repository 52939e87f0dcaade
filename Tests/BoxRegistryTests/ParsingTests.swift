import BoxModel
import Testing

@testable import BoxRegistry

@Suite struct ParsingTests {
    @Test(arguments: [
        ("http://h", "http://h/"), ("https://H.Example:443/v2/", "https://h.example/v2/"),
        ("http://[::1]:5000/a?b#c", "http://[::1]:5000/a?b"), ("https://u:p%40@h:1/x", "https://h:1/x"),
        ("https://h/a b|c", "https://h/a%20b%7Cc"), ("https://h?x=1", "https://h/?x=1"),
    ])
    func urls(text: String, expected: String) {
        #expect(RegistryURL(text)?.text == expected)
    }

    @Test(arguments: [
        "", "h", "ftp://h/", "http://", "http://h:0/", "http://h:70000/", "http://a b/", "http://h/\r\nX: y",
        "http://::1/",
        "http://[zz]/", "https:///path",
    ])
    func notURLs(text: String) {
        #expect(RegistryURL(text) == nil)
    }

    @Test(arguments: [
        ("/x?y", "https://h:5/x?y"), ("x", "https://h:5/v2/a/x"), ("?n=2", "https://h:5/v2/a/b?n=2"),
        ("//o/p", "https://o/p"), ("http://o:81/p", "http://o:81/p"), ("https://u:s@o/", "https://o/"),
        ("/cb?next=http://evil", "https://h:5/cb?next=http://evil"),
    ])
    func relativeURLs(location: String, expected: String) throws {
        let base = try #require(RegistryURL("https://h:5/v2/a/b?n=1"))
        #expect(base.resolving(location)?.text == expected)
        #expect(base.resolving(location)?.password == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.200.3.4", true), ("10.0.0.0/8", "11.0.0.1", false),
        ("192.168.128.0/17", "192.168.127.255", false),
        ("192.168.128.0/17", "192.168.200.1", true), ("fe80::/10", "febf::1", true), ("fe80::/10", "fec0::1", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("1.2.3.4/32", "1.2.3.5", false),
    ])
    func ranges(range: String, address: String, expected: Bool) throws {
        let settings = ProxySettings.exceptions(range)
        #expect(settings.count == 1 && settings[0].matches(host: address, port: 80) == expected)
    }

    @Test(arguments: [
        ("localhost", true), ("127.9.9.9", true), ("::1", true), ("a.localhost", true), ("localhost.example", false),
        ("128.0.0.1", false), ("::2", false),
    ])
    func loopback(host: String, expected: Bool) {
        #expect(isLoopback(host: host) == expected)
    }

    @Test func challenges() {
        let parsed = Challenge.parse([
            #"Bearer realm="https://a/t",service="r, \"x\"" , scope="repository:a:pull,push", Basic realm=plain"#,
            "Negotiate", "", "=,=", #"Digest realm="unfinished"#,
        ])
        #expect(
            parsed == [
                Challenge(
                    scheme: "bearer",
                    parameters: ["realm": "https://a/t", "service": "r, \"x\"", "scope": "repository:a:pull,push"]),
                Challenge(scheme: "basic", parameters: ["realm": "plain"]),
                Challenge(scheme: "negotiate", parameters: [:]),
                Challenge(scheme: "digest", parameters: [:]),
            ])
    }

    @Test(arguments: [
        ("bytes 5-9/10", true), ("bytes 0-0/*", true), ("Bytes 5-9/10", true), ("bytes 9-5/10", false),
        ("bytes 5-10/10", false), ("bytes */10", false), ("items 5-9/10", false), ("bytes 5-9", false),
        ("bytes -5-9/10", false),
    ])
    func contentRanges(text: String, isValid: Bool) {
        #expect((ContentRange(text) != nil) == isValid)
    }

    @Test(arguments: [
        (["</v2/a/tags/list?last=b&n=2>; rel=\"next\""], "/v2/a/tags/list?last=b&n=2"),
        (["<x>; rel=prev, <y>; rel=next"], "y"),
        (["<x>; title=\"a\""], nil), (["garbage"], nil), (["<x"], nil), (["<a>; rel=first", "<b>;rel=next"], "b"),
    ])
    func links(lines: [String], expected: String?) {
        #expect(LinkHeader.next(lines) == expected)
    }

    @Test(
        arguments: [
            ("0", 0), ("120", 120), ("-1", nil), ("soon", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777 - 784_111_700),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 77), ("Sun, 06 Nov 1994 08:40:00 GMT", 0),
            ("Sun, 99 Nov 1994 08:40:00 GMT", nil),
            ("99999999999999", 86_400 * 365),
        ] as [(String, Int64?)])
    func retryAfter(text: String, seconds: Int64?) {
        #expect(RetryAfter.delay(text, now: 784_111_700) == seconds.map { .seconds($0) })
    }

    @Test func dates() {
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.seconds("Thu, 29 Feb 2024 12:00:00 GMT") == 1_709_208_000)
    }

    @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar", "user:pa\u{fc}ss:word"])
    func base64(text: String) {
        let encoded = Base64.encode(text.utf8)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        #expect(Base64.decode(encoded.filter { $0 != "=" }) == Array(text.utf8))
    }

    @Test(arguments: ["Zg===", "Z", "Zm9v!", "Z=g="])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func base64Vectors() {
        #expect(Base64.encode("fooba".utf8) == "Zm9vYmE=")
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
        #expect(Base64.decode("-_8") == [0xFB, 0xFF])
    }

    @Test(arguments: [
        ("http://registry.example/", nil), ("http://a.corp/", nil), ("http://corp/", nil), ("http://notcorp/", "p1"),
        ("http://10.1.2.3/", nil), ("http://x.only/", nil), ("http://only/", "p1"), ("http://ports:8080/", nil),
        ("http://ports/", "p1"), ("https://ports/", "p2"), ("http://127.0.0.1:5000/", nil), ("http://localhost/", nil),
        ("http://[fd00::5]/", nil), ("https://else/", "p2"),
    ])
    func proxies(url: String, expected: String?) throws {
        let settings = try ProxySettings(
            environment: environment([
                "http_proxy": "http://p1:1", "HTTP_PROXY": "http://loser:1", "HTTPS_PROXY": "user:pa%40ss@p2:2",
                "NO_PROXY": "registry.example, .corp,10.0.0.0/8,corp,*.only,ports:8080,fd00::5",
            ]))
        #expect(settings.proxy(for: try #require(RegistryURL(url)))?.host == expected)
        #expect(settings.https?.password == "pa@ss")
    }

    @Test func proxiesForAll() throws {
        let all = try ProxySettings(environment: environment(["ALL_PROXY": "http://p:1"]))
        #expect(all.http?.host == "p" && all.https?.host == "p")
        let none = try ProxySettings(environment: environment(["ALL_PROXY": "http://p:1", "no_proxy": "*"]))
        #expect(none.proxy(for: try #require(RegistryURL("https://x/"))) == nil)
        #expect(throws: BoxFailure.self) {
            try ProxySettings(environment: environment(["HTTPS_PROXY": "socks5://secret:word@p"]))
        }
        do throws(BoxFailure) {
            _ = try ProxySettings(environment: environment(["HTTPS_PROXY": "http://user:secret@p:x"]))
        } catch {
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test(arguments: [
        ("https://index.docker.io/v1/", "docker.io"), ("docker.io", "docker.io"), ("registry-1.docker.io", "docker.io"),
        ("https://Host:5000", "host:5000"), ("http://host/v2/", "host"), ("host/v1/", "host"),
        ("host/ns/repo", "host/ns/repo"),
        ("https://host/path/more", "host"), ("", ""),
    ])
    func credentialKeys(key: String, expected: String) {
        #expect(CredentialFiles.normalised(key) == expected)
    }

    @Test func cleanText() {
        #expect(CleanText.line("a\r\n\tb\u{1b}[31m \u{202e}c  ", limit: 50) == "a b [31m c")
        #expect(CleanText.line(String(repeating: "x", count: 30), limit: 10) == "xxxxxxxxx…")
    }

    @Test func pauses() throws {
        let pause = RetryPause(first: .milliseconds(100), longest: .seconds(2))
        for (failures, longest) in [(1, 100), (2, 200), (3, 400), (40, 2000)] {
            let delay = try #require(pause.delay(failures: failures, asked: nil))
            #expect(delay >= .milliseconds(longest / 2) && delay <= .milliseconds(longest))
        }
        #expect(pause.delay(failures: 1, asked: .seconds(1)) == .seconds(1))
        #expect(pause.delay(failures: 1, asked: .seconds(3)) == nil)
    }
}
