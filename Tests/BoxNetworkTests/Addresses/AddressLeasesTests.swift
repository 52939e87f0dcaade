import BoxModel
import Foundation
import Synchronization
import Testing

@testable import BoxNetwork

@Suite struct AddressLeasesTests {
    /// A folder of one test, in memory, removed with it.
    private final class Folder {
        let path = "/dev/shm/box-leases-\(UUID().uuidString)"
        func leases(isGone: @escaping (ContainerID) -> Bool = { _ in false }) -> AddressLeases {
            AddressLeases(folder: path, isGone: isGone)
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func owner(_ number: Int) -> ContainerID {
        ContainerID(random: (0..<32).map { UInt8(truncatingIfNeeded: number >> (($0 % 8) * 8)) })
    }

    private static func pools(
        _ subnets: String..., range: String? = nil, auxiliary: [String] = []
    ) throws -> [NetworkRecord.Pool] {
        try PoolRequest(subnets: subnets, ranges: range.map { [$0] } ?? [], auxiliary: auxiliary).pools()
    }

    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("addresses are given in turn and not again at once")
    func inTurn() throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools("10.1.0.0/29", auxiliary: ["x=10.1.0.3"])
        func next(_ owner: Int) throws -> String {
            try leases.take(from: pools, version: .v4, owner: Self.owner(owner)).description
        }
        #expect(try next(1) == "10.1.0.2/29")
        #expect(try next(2) == "10.1.0.4/29")
        leases.release(try Self.address("10.1.0.2"), owner: Self.owner(1))
        #expect(try next(3) == "10.1.0.5/29")
        #expect(try next(4) == "10.1.0.6/29")
        #expect(try next(5) == "10.1.0.2/29")
        let full = #expect(throws: BoxFailure.self) { try next(6) }
        #expect(full?.kind == .exhausted)
        #expect(full?.description.contains("all of 10.1.0.0/29 are in use") == true)
        #expect(
            try leases.all().map { "\($0.address) \($0.owner)" }.sorted() == [
                "10.1.0.2 \(Self.owner(5))", "10.1.0.4 \(Self.owner(2))", "10.1.0.5 \(Self.owner(3))",
                "10.1.0.6 \(Self.owner(4))",
            ])
    }

    @Test(
        "small sub-networks have what Docker gives",
        arguments: [
            ("10.1.0.0/30", nil, ["10.1.0.2/30"]), ("10.1.0.0/31", nil, ["10.1.0.1/31"]), ("10.1.0.0/32", nil, []),
            ("fd00::/126", nil, ["fd00::2/126", "fd00::3/126"]), ("fd00::/127", nil, ["fd00::1/127"]),
            ("10.1.0.0/16", "10.1.3.0/30", ["10.1.3.0/16", "10.1.3.1/16", "10.1.3.2/16", "10.1.3.3/16"]),
            ("10.1.0.0/16", "10.1.0.0/30", ["10.1.0.2/16", "10.1.0.3/16"]),
            ("10.1.0.0/24", "10.1.0.254/31", ["10.1.0.254/24"]),
        ] as [(String, String?, [String])])
    func small(subnet: String, range: String?, expected: [String]) throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools(subnet, range: range)
        let version = pools[0].subnet.version
        for (number, address) in expected.enumerated() {
            #expect(
                try leases.take(from: pools, version: version, owner: Self.owner(number)).description == address)
        }
        let failure = #expect(throws: BoxFailure.self) {
            try leases.take(from: pools, version: version, owner: Self.owner(99))
        }
        #expect(failure?.kind == .exhausted)
    }

    @Test("a version that the network does not have is said")
    func noSuchVersion() throws {
        let folder = Folder()
        let failure = try #require(throws: BoxFailure.self) {
            try folder.leases().take(from: Self.pools("10.1.0.0/24"), version: .v6, owner: Self.owner(1))
        }
        #expect(failure.description.contains("the network has no IPv6 addresses"))
    }

    @Test("the second sub-network is used when the first is full, and IPv6 stands beside IPv4")
    func several() throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools("10.1.0.0/30", "10.2.0.0/30", "fd00::/64")
        let taken = try (0..<2).map {
            try leases.take(from: pools, version: .v4, owner: Self.owner($0)).description
        }
        #expect(taken == ["10.1.0.2/30", "10.2.0.2/30"])
        #expect(try leases.take(from: pools, version: .v6, owner: Self.owner(0)).description == "fd00::2/64")
    }

    @Test(
        "a wanted address that cannot be had is refused with its reason",
        arguments: [
            ("10.9.0.5", BoxFailure.Kind.invalid, "it is outside of the network's 10.1.0.0/24, 10.2.0.0/24"),
            ("fd00::5", .invalid, "the network has no IPv6 sub-network"),
            ("10.1.0.1", .invalid, "it is the network's gateway"),
            ("10.1.0.0", .invalid, "it is the network address of 10.1.0.0/24"),
            ("10.2.0.255", .invalid, "it is the broadcast address of 10.2.0.0/24"),
            ("10.1.0.7", .invalid, "it is reserved for printer (--aux-address)"),
            ("10.1.0.50", .conflict, "container 010000000000 has it already"),
        ])
    func wanted(text: String, kind: BoxFailure.Kind, reason: String) throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools("10.1.0.0/24", "10.2.0.0/24", auxiliary: ["printer=10.1.0.7"])
        _ = try leases.take(
            from: pools, version: .v4, wanted: Self.address("10.1.0.50"), owner: Self.owner(1))
        let wanted = try Self.address(text)
        let failure = try #require(throws: BoxFailure.self) {
            try leases.take(from: pools, version: wanted.version, wanted: wanted, owner: Self.owner(2))
        }
        #expect(failure.kind == kind)
        #expect(failure.description.contains("cannot lease the address \(text): \(reason)"), "\(failure)")
    }

    @Test("a wanted address is skipped in turn, may be outside of the range, and is the same for the same holder")
    func wantedAndTurn() throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools("10.1.0.0/24", range: "10.1.0.128/25")
        let far = try Self.address("10.1.0.9")
        for _ in 0..<2 {
            let taken = try leases.take(from: pools, version: .v4, wanted: far, owner: Self.owner(1))
            #expect(taken.description == "10.1.0.9/24")
        }
        _ = try leases.take(from: pools, version: .v4, wanted: Self.address("10.1.0.128"), owner: Self.owner(2))
        #expect(try leases.take(from: pools, version: .v4, owner: Self.owner(3)).description == "10.1.0.129/24")
        // Nobody else gives it back.
        leases.release(far, owner: Self.owner(2))
        #expect(try leases.all().count == 3)
        leases.releaseAll(of: Self.owner(1))
        #expect(try leases.all().map(\.owner) == [Self.owner(2), Self.owner(3)])
    }

    @Test("leases of dead holders are collected when addresses run out or are wanted, and on request")
    func dead() throws {
        let folder = Folder()
        let gone = Set([Self.owner(1), Self.owner(4)])
        let pools = try Self.pools("10.1.0.0/29")
        let leases = folder.leases { gone.contains($0) }
        for number in 0..<5 { _ = try leases.take(from: pools, version: .v4, owner: Self.owner(number)) }
        let reused = (0..<2).compactMap { _ in
            try? leases.take(from: pools, version: .v4, owner: Self.owner(7)).address.description
        }
        #expect(reused.sorted() == ["10.1.0.3", "10.1.0.6"])
        #expect(throws: BoxFailure.self) { try leases.take(from: pools, version: .v4, owner: Self.owner(8)) }
        leases.release { $0 == Self.owner(7) }
        #expect(try leases.all().count == 3)

        let other = folder.leases { $0 == Self.owner(0) }
        let wanted = try Self.address("10.1.0.2")
        _ = try other.take(from: pools, version: .v4, wanted: wanted, owner: Self.owner(9))
        #expect(try leases.all().first { $0.address == wanted }?.owner == Self.owner(9))
    }

    @Test("what a killed process left is mended: a lease without its bit, a bit without its lease")
    func mended() throws {
        let folder = Folder()
        let pools = try Self.pools("10.1.0.0/29")
        _ = try folder.leases().take(from: pools, version: .v4, owner: Self.owner(1))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/10.1.0.3", withDestinationPath: Self.owner(2).text)
        #expect(
            try folder.leases().take(from: pools, version: .v4, owner: Self.owner(3)).description == "10.1.0.4/29")
        try FileManager.default.removeItem(atPath: folder.path + "/10.1.0.3")
        try FileManager.default.removeItem(atPath: folder.path + "/10.1.0.4")
        let rest = try (0..<4).map { try folder.leases().take(from: pools, version: .v4, owner: Self.owner($0)) }
        #expect(rest.map(\.address.description).sorted() == ["10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"])
    }

    @Test("eight at once get different addresses, and all of them")
    func concurrent() throws {
        let folder = Folder()
        let pools = try Self.pools("10.1.0.0/21")
        let found = Mutex<[IPAddress]>([])
        let path = folder.path
        // Objects of their own: flock(2) belongs to an open file, so threads meet as processes do.
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            let leases = AddressLeases(folder: path)
            for number in 0..<250 {
                let owner = Self.owner(thread * 1000 + number)
                guard let taken = try? leases.take(from: pools, version: .v4, owner: owner).address else { continue }
                // Some come and go, so that releases meet searches.
                if number % 5 == 0 {
                    leases.release(taken, owner: owner)
                } else {
                    found.withLock { $0.append(taken) }
                }
            }
        }
        let all = found.withLock { $0 }
        #expect(all.count == 1600)
        #expect(Set(all).count == 1600)
        #expect(Set(try folder.leases().all().map(\.address)) == Set(all))
    }

    @Test("a /16 is filled to its last address, then one that is given back is the one that is free")
    func full() throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools("10.1.0.0/16")
        let clock = ContinuousClock()
        var last = Duration.zero
        var seen = Set<IPAddress>()
        for number in 0..<65_533 {
            let start = clock.now
            seen.insert(try leases.take(from: pools, version: .v4, owner: Self.owner(number)).address)
            last = number == 0 ? .zero : (clock.now - start) + last
        }
        #expect(seen.count == 65_533)
        #expect(try seen.isDisjoint(with: [Self.address("10.1.0.0"), Self.address("10.1.255.255")]))
        // Unoptimised code on a shared machine; a search that slows with the leases would be a thousand times this.
        #expect(last / 65_533 < .milliseconds(1))
        let failure = #expect(throws: BoxFailure.self) {
            try leases.take(from: pools, version: .v4, owner: Self.owner(-1))
        }
        #expect(failure?.kind == .exhausted)
        let one = try Self.address("10.1.77.3")
        let holder = try #require(try leases.all().first { $0.address == one }).owner
        leases.release(one, owner: holder)
        #expect(try leases.take(from: pools, version: .v4, owner: Self.owner(-1)).address == one)
        #expect(throws: BoxFailure.self) { try leases.take(from: pools, version: .v4, owner: Self.owner(-2)) }
        #expect(try leases.all().count == 65_533)
    }

    @Test("a /64 is not enumerated")
    func large() throws {
        let folder = Folder()
        let leases = folder.leases()
        let pools = try Self.pools("fd00:9::/64", "10.0.0.0/8")
        for number in 2..<300 {
            let taken = try leases.take(from: pools, version: .v6, owner: Self.owner(number))
            #expect(taken.address.bits & 0xffff_ffff == UInt128(number))
            #expect(taken.length == 64)
        }
        let wanted = try Self.address("fd00:9::ffff:ffff:ffff:ffff")
        #expect(
            try leases.take(from: pools, version: .v6, wanted: wanted, owner: Self.owner(1)).address == wanted)
        #expect(try leases.take(from: pools, version: .v4, owner: Self.owner(1)).description == "10.0.0.2/8")
        leases.release(wanted, owner: Self.owner(1))
        #expect(try leases.all().count == 299)
    }

    @Test("a folder that is not there holds nothing, and one that cannot be made is said")
    func folders() throws {
        let leases = AddressLeases(folder: "/dev/shm/box-leases-none-\(UUID().uuidString)/x")
        #expect(try leases.all().isEmpty)
        leases.release(try Self.address("10.1.0.2"), owner: Self.owner(1))
        let failure = try #require(throws: BoxFailure.self) {
            try AddressLeases(folder: "/proc/version/x").take(
                from: Self.pools("10.1.0.0/24"), version: .v4, owner: Self.owner(1))
        }
        #expect(failure.description.contains("/proc/version"), "\(failure)")
    }
}
