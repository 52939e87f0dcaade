import BoxModel
import BoxSystem
import Foundation
import Testing

@testable import BoxNetwork

/// A folder that goes with the object.
final class NameFolder: Sendable {
    let path: String

    init() throws {
        path = "/dev/shm/box-names-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

func nameOwner(_ number: Int) -> ContainerID {
    ContainerID(random: (0..<32).map { $0 < 28 ? UInt8(0xa0) : UInt8(truncatingIfNeeded: number >> ((31 - $0) * 8)) })
}

func namedEndpoint(_ names: [String], _ v4: String?, _ v6: String? = nil) -> Endpoint {
    var endpoint = Endpoint(
        id: String(repeating: "e", count: 64), networkID: "n", networkName: "net",
        request: EndpointRequest(network: "net"),
        interface: "eth0", mac: MACAddress(bits: 2))
    endpoint.names = names
    endpoint.v4 = v4.flatMap { IPPrefix("\($0)/16") }
    endpoint.v6 = v6.flatMap { IPPrefix("\($0)/64") }
    return endpoint
}

@Suite struct NameTableTests {
    private let folder: NameFolder
    private let table: NameTable

    init() throws {
        folder = try NameFolder()
        table = NameTable(folder: folder.path)
    }

    private func v4(_ name: String) -> [String] { table.addresses(of: name).compactMap { $0.v4?.description } }

    private var files: [String] {
        (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []).filter {
            !["names", "addresses", "owners"].contains($0)
        }
    }

    @Test func whatIsPublishedIsFoundAndGoesAgain() throws {
        try table.publish(namedEndpoint(["web", "WWW"], "172.18.0.2", "fd00::2"), owner: nameOwner(1), name: "web")
        try table.publish(namedEndpoint(["db", "www"], "172.18.0.3"), owner: nameOwner(2), name: "db")
        #expect(v4("web") == ["172.18.0.2"])
        #expect(v4("WEB") == ["172.18.0.2"])
        #expect(v4("www") == ["172.18.0.2", "172.18.0.3"])
        #expect(table.addresses(of: "www").map(\.v6) == [IPAddress("fd00::2"), nil])
        #expect(table.name(of: try #require(IPAddress("fd00::2"))) == "web")
        #expect(table.name(of: try #require(IPAddress("172.18.0.3"))) == "db")
        #expect(table.name(of: try #require(IPAddress("172.18.0.9"))) == nil)
        #expect(table.entries().map(\.name) == ["web", "www", "db", "www"])
        table.withdraw(owner: nameOwner(1))
        #expect(v4("web").isEmpty)
        #expect(v4("www") == ["172.18.0.3"])
        table.withdraw { $0 == nameOwner(2) }
        #expect(table.entries().isEmpty)
        #expect(files.isEmpty)
    }

    @Test func publishingAgainReplaces() throws {
        try table.publish(namedEndpoint(["web", "old"], "172.18.0.2"), owner: nameOwner(1), name: "web")
        try table.publish(namedEndpoint(["web", "new"], "172.18.0.7"), owner: nameOwner(1), name: "web2")
        #expect(v4("web") == ["172.18.0.7"])
        #expect(v4("old").isEmpty)
        #expect(v4("new") == ["172.18.0.7"])
        #expect(table.name(of: try #require(IPAddress("172.18.0.2"))) == nil)
        #expect(table.name(of: try #require(IPAddress("172.18.0.7"))) == "web2")
        table.withdraw(owner: nameOwner(1))
        #expect(files.isEmpty)
    }

    @Test func anAddressThatSomebodyElseHasNowStaysHis() throws {
        try table.publish(namedEndpoint(["a"], "172.18.0.2"), owner: nameOwner(1), name: "a")
        try table.publish(namedEndpoint(["b"], "172.18.0.2"), owner: nameOwner(2), name: "b")
        table.withdraw(owner: nameOwner(1))
        #expect(table.name(of: try #require(IPAddress("172.18.0.2"))) == "b")
    }

    /// Names as users and attackers choose them; whether they can be asked for.
    @Test(arguments: [
        ("..", false), (".", false), ("", false), ("a..b", false), (".hidden", false), ("a/b", true),
        ("../../etc", false),
        ("a\0b", true), ("%2e", true), ("%", true), ("müller", true), ("_sip._tcp", true), ("-", true),
        (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
        (String(repeating: "abcdefg.", count: 31) + "abcde", true), (String(repeating: "abcdefg.", count: 32), false),
        (String(repeating: "/", count: 60), true), (".tmp-1-1-1-", false), ("new\nline", true), ("a b", true),
    ])
    func hostileNamesStayInTheFolder(_ name: String, _ isKnown: Bool) throws {
        try table.publish(namedEndpoint(["plain", name], "172.18.0.2"), owner: nameOwner(1), name: name)
        #expect(v4("plain") == ["172.18.0.2"])
        #expect(v4(name) == (isKnown ? ["172.18.0.2"] : []))
        #expect(table.entries().map(\.name).contains(name) == isKnown)
        #expect(
            table.name(of: try #require(IPAddress("172.18.0.2"))) == (isKnown ? name : nil))
        table.withdraw(owner: nameOwner(1))
        #expect(files.isEmpty)
    }

    @Test func differentNamesAreDifferentFiles() {
        let names = ["a/b", "a%2fb", "a%b", "a%25b", "ab", "a.b", "a\u{e9}"]
        #expect(Set(names.compactMap { NameEntry.encode($0) }).count == names.count)
        for name in names { #expect(NameEntry.encode(name).flatMap { NameEntry.decode($0) } == name) }
    }

    /// Many containers come and go at once under one alias; readers see whole entries only, and nothing is left.
    @Test func publishersDoNotDisturbEachOther() throws {
        let folder = self.folder.path
        DispatchQueue.concurrentPerform(iterations: 16) { number in
            let table = NameTable(folder: folder)
            let owner = nameOwner(number)
            let addresses = ["10.0.\(number).1", "10.0.\(number).2"]
            for round in 0..<40 {
                let address = addresses[round % 2]
                do {
                    try table.publish(
                        namedEndpoint(["own\(number)", "all"], address), owner: owner, name: "own\(number)")
                } catch { Issue.record("\(error)") }
                #expect(table.addresses(of: "own\(number)").map { $0.v4?.description } == [address])
                #expect(table.addresses(of: "all").contains { $0.owner == owner })
                #expect(table.addresses(of: "all").allSatisfy { $0.v4 != nil && $0.v6 == nil })
                if round % 3 == 2 || round == 39 { table.withdraw(owner: owner) }
            }
        }
        #expect(files.isEmpty)
    }

    /// A publisher that dies between two steps leaves whole entries, which go with its owner.
    @Test func whatAKilledPublisherLeavesGoesWithIt() throws {
        let owner = nameOwner(5)
        let own = try makeDirectories("\(folder.path)/owners/\(owner)")
        try own.symlink("nhalf", to: "172.18.0.2 -")
        try own.symlink(".tmp-1-1-1-", to: "172.18.0.2 -")
        #expect(v4("half").isEmpty)
        try makeDirectories("\(folder.path)/names/half").symlink(owner.text, to: "172.18.0.2 -")
        _ = try makeDirectories("\(folder.path)/names/empty")
        #expect(v4("half") == ["172.18.0.2"])
        #expect(v4("empty").isEmpty)
        table.withdraw { $0 == owner }
        #expect(v4("half").isEmpty)
        #expect(files == ["names/empty"])
    }

    /// What a container's start and a question cost, among two hundred others.
    @Test func lookingUpIsCheap() throws {
        var publishing: [Int64] = []
        for number in 0..<200 {
            let endpoint = namedEndpoint(
                ["c\(number)", nameOwner(number).short, "all"], "10.0.0.\(number)", "fd00::\(number)")
            let start = SystemClock.monotonic
            try table.publish(endpoint, owner: nameOwner(number), name: "c\(number)")
            publishing.append(SystemClock.monotonic - start)
        }
        func median(_ body: () -> Bool) -> Int64 {
            (0..<500).map { _ in
                let start = SystemClock.monotonic
                #expect(body())
                return SystemClock.monotonic - start
            }.sorted()[250]
        }
        let address = try #require(IPAddress("10.0.0.77"))
        let one = median { table.addresses(of: "c77").count == 1 }
        let none = median { table.addresses(of: "nobody").isEmpty }
        let reverse = median { table.name(of: address) == "c77" }
        print(
            "names: publish \(publishing.sorted()[100] / 1000) us, one \(one / 1000) us, none \(none / 1000) us,",
            "reverse \(reverse / 1000) us")
        #expect(one < 200_000 && reverse < 200_000 && none < 100_000)
    }

    @Test func foreignFilesAreNoNames() throws {
        try makeDirectories("\(folder.path)/names/web").symlink("not-an-owner", to: "172.18.0.2 -")
        try makeDirectories("\(folder.path)/names/web").symlink(nameOwner(1).text, to: "rubbish")
        #expect(v4("web").isEmpty)
        #expect(NameTable(folder: "/nowhere/at/all").addresses(of: "web").isEmpty)
    }
}
