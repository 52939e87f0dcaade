import BoxModel
import BoxNetwork
import Foundation
import Testing

@Suite struct PortSyntaxTests {
    private static func shown(_ mapping: PortMapping) -> String {
        let last = mapping.hostPortLast == mapping.hostPort ? "" : "-\(mapping.hostPortLast)"
        return "\(mapping.hostAddress?.description ?? "*") \(mapping.hostPort)\(last) \(mapping.port)"
    }

    @Test(
        "Docker's forms are read",
        arguments: [
            ("80", ["* 0 80/tcp"]), ("80/udp", ["* 0 80/udp"]), ("80/SCTP", ["* 0 80/sctp"]),
            ("8080:80", ["* 8080 80/tcp"]), ("0:80", ["* 0 80/tcp"]), (":80", ["* 0 80/tcp"]),
            ("127.0.0.1:8080:80/udp", ["127.0.0.1 8080 80/udp"]), ("127.0.0.1::80", ["127.0.0.1 0 80/tcp"]),
            ("[::1]:8080:80", ["::1 8080 80/tcp"]), ("::1:8080:80", ["::1 8080 80/tcp"]),
            ("[::]::53/udp", [":: 0 53/udp"]),
            ("80-82", ["* 0 80/tcp", "* 0 81/tcp", "* 0 82/tcp"]),
            ("8000-8001:80-81", ["* 8000 80/tcp", "* 8001 81/tcp"]), ("8000-8010:80", ["* 8000-8010 80/tcp"]),
            ("10.0.0.1:8000-8001:80-81/sctp", ["10.0.0.1 8000 80/sctp", "10.0.0.1 8001 81/sctp"]),
            ("65535:65535", ["* 65535 65535/tcp"]), ("8080-8080:80", ["* 8080 80/tcp"]),
            ("published=8080,target=80", ["* 8080 80/tcp"]),
            ("target=53,published=5300,protocol=udp,mode=host", ["* 5300 53/udp"]), ("target=80", ["* 0 80/tcp"]),
        ])
    func reads(text: String, expected: [String]) throws {
        #expect(try PortSyntax.mappings(text).map(Self.shown) == expected)
    }

    @Test(
        "what is no port is refused in one line that holds the text",
        arguments: [
            ("", "no port of the container"), ("8080:", "no port of the container"), ("a", "\"a\" is no port"),
            ("0", "no port 0"), ("8080:0", "no port 0"), ("65536", "no port"), ("-1", "no port"), ("+1:80", "no port"),
            ("80/icmp", "no protocol"), ("80/", "no protocol"), ("82-80", "no port or range"),
            ("80-", "no port or range"),
            ("1.2.3:80:80", "no IP address"), ("host:80:80", "no IP address"), ("[::g]:80:80", "no IP address"),
            ("8000-8001:80-82", "ranges differ"), ("8000:80-82", "ranges differ"), ("0-5:80", "begin with 0"),
            ("published=80", "no target"), ("target=80,x=1", "no field \"x\""), ("target=80,target=81", "twice"),
            ("target=80,published", "not name=value"), ("8\n0", "no port"),
        ])
    func refuses(text: String, reason: String) throws {
        let failure = try #require(throws: BoxFailure.self) { try PortSyntax.mappings(text) }
        #expect(failure.kind == .invalid)
        #expect(failure.description.contains(reason))
        #expect(!failure.description.contains("\n"))
        #expect(failure.subject == "\"\(text)\"")
    }

    @Test(
        "exposed ports",
        arguments: [
            ("80", ["80/tcp"]), ("80-82/udp", ["80/udp", "81/udp", "82/udp"]), ("53/UDP", ["53/udp"]),
        ])
    func exposed(text: String, expected: [String]) throws {
        #expect(try PortSyntax.exposed(text).map(\.description) == expected)
    }

    @Test("exposed ports that are none", arguments: ["", "0", "8080:80", "80/x", "9-8", "99999"])
    func refusesExposed(text: String) {
        #expect(throws: BoxFailure.self) { try PortSyntax.exposed(text) }
    }

    private static func published(_ texts: [String]) throws -> [PublishedPort] {
        try texts.flatMap { try PortSyntax.mappings($0) }.map {
            PublishedPort($0.port, hostAddress: try #require($0.hostAddress), hostPort: $0.hostPort)
        }
    }

    @Test(
        "the column of ps is Docker's",
        arguments: [
            ([], ["80"], "80/tcp"), ([], ["80-82", "84", "53/udp"], "80-82/tcp, 84/tcp, 53/udp"),
            (["0.0.0.0:8080:80", "[::]:8080:80"], ["80"], "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"),
            (["0.0.0.0:8000-8001:80-81"], [], "0.0.0.0:8000->80/tcp, 0.0.0.0:8001->81/tcp"),
            (
                ["0.0.0.0:80-82:80-82", "[::]:80-82:80-82"], ["90"],
                "90/tcp, 0.0.0.0:80-82->80-82/tcp, [::]:80-82->80-82/tcp"
            ),
            (["127.0.0.1:53:53/udp", "127.0.0.1:53:53"], [], "127.0.0.1:53->53/tcp, 127.0.0.1:53->53/udp"),
        ] as [([String], [String], String)])
    func summary(ports: [String], exposed: [String], expected: String) throws {
        let others = try exposed.flatMap { try PortSyntax.exposed($0) }
        let all = Set(try PortSyntax.summary(Self.published(ports), exposed: others).components(separatedBy: ", "))
        #expect(all == Set(expected.components(separatedBy: ", ")))
    }

    @Test("the lines of port come in order")
    func lines() throws {
        let ports = try Self.published(["[::]:8080:80", "0.0.0.0:8080:80", "0.0.0.0:53:53/udp", "0.0.0.0:5300:53"])
        #expect(
            PortSyntax.lines(ports) == [
                "53/udp -> 0.0.0.0:53", "53/tcp -> 0.0.0.0:5300", "80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080",
            ])
        #expect(PortSyntax.hostText(ports[0]) == "[::]:8080")
    }
}
