import BoxModel
import BoxSystem
import Foundation
import Glibc
import Synchronization
import Testing

@testable import BoxNetwork

@Suite(.enabled(if: geteuid() == 0, "needs root for network namespaces")) struct InterfacesTests {
    private func network(
        _ name: String, _ subnets: String..., driver: NetworkRecord.Driver = .bridge, options: [String: String] = [:]
    ) throws -> NetworkRecord {
        var record = NetworkRecord(
            id: String(repeating: "ab", count: 32), name: name, driver: driver, created: Timestamp(nanoseconds: 1))
        for text in subnets {
            var pool = NetworkRecord.Pool(subnet: try #require(IPPrefix(text)))
            pool.gateway = IPAddress(pool.subnet.version, bits: pool.subnet.first.bits + 1)
            record.pools.append(pool)
        }
        record.interface = "br-" + name
        record.options = options
        return record
    }

    private func endpoint(_ network: NetworkRecord, _ number: Int, _ interface: String = "eth0") throws -> Endpoint {
        var endpoint = Endpoint(
            id: String(repeating: "\(number)", count: 64), networkID: network.id, networkName: network.name,
            request: EndpointRequest(network: network.name), interface: interface,
            mac: MACAddress(bits: 0x0242_0000_0000 + UInt64(number)))
        endpoint.hostInterface = "veth\(number)"
        for pool in network.pools {
            let address = IPAddress(pool.subnet.version, bits: pool.subnet.first.bits + UInt128(number))
            let prefix = try #require(IPPrefix(address, length: pool.subnet.length))
            if address.isV4 { endpoint.v4 = prefix } else { endpoint.v6 = prefix }
        }
        return endpoint
    }

    private let owner = ContainerID(random: [UInt8](repeating: 7, count: 32))

    @Test func aBridgeIsMadeOnceAndMended() throws {
        let host = try TestNamespace()
        let network = try network("one", "10.1.0.0/24", "fd00:1::/64")
        try host.inside {
            let interfaces = Interfaces()
            try interfaces.prepare(network)
            let made = try #require(try interfaces.interfaces().first { $0.name == "br-one" })
            #expect(made.isUp && made.kind == "bridge" && made.alias == "box network \(network.id)")
            try interfaces.prepare(network)
            #expect(try interfaces.interfaces().first { $0.name == "br-one" }?.index == made.index)
            let taken = try interfaces.occupiedRanges().map(\.description)
            #expect(taken.contains("10.1.0.0/24") && taken.contains("fd00:1::/64"), "\(taken)")
        }
        try host.command("ip", "addr", "flush", "dev", "br-one")
        try host.command("ip", "link", "set", "br-one", "down")
        try host.inside { try Interfaces().prepare(network) }
        #expect(try host.command("ip", "-o", "addr", "show", "br-one").contains("10.1.0.1/24"))
        try host.inside {
            try Interfaces().remove(network)
            try Interfaces().remove(network)
            #expect(try !Interfaces().interfaces().contains { $0.name == "br-one" })
        }
    }

    @Test func manyMakeTheSameBridge() throws {
        let host = try TestNamespace()
        let network = try network("many", "10.2.0.0/24")
        let namespace = host.namespace
        let failures = Mutex<[String]>([])
        // Each iteration moves its own thread into the namespace and back.
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do throws(BoxFailure) {
                try namespace.perform(
                    { () throws(BoxFailure) in try Interfaces().prepare(network) },
                    orFail: { BoxFailure($0, "enter", "the namespace") })
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        let found = failures.withLock { $0 }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func othersInterfacesAreLeftAlone() throws {
        let host = try TestNamespace()
        let network = try network("theirs", "10.3.0.0/24")
        try host.command("ip", "link", "add", "br-theirs", "type", "bridge")
        try host.inside {
            #expect { try Interfaces().prepare(network) } throws: {
                ($0 as? BoxFailure)?.kind == .conflict && "\($0)".contains("br-theirs")
            }
            try Interfaces().remove(network)
            #expect(try Interfaces().interfaces().contains { $0.name == "br-theirs" })
        }
    }

    @Test func containersReachEachOtherUnlessTheyMayNot() throws {
        for isOpen in [true, false] {
            let (host, first, second) = (try TestNamespace(), try TestNamespace(), try TestNamespace())
            let network = try network(
                "net", "10.4.0.0/24", "fd00:4::/64",
                options: ["com.docker.network.bridge.enable_icc": "\(isOpen)"])
            try host.inside {
                try Interfaces().prepare(network)
                for (number, space) in [(2, first), (3, second)] {
                    let endpoint = try endpoint(network, number)
                    try Interfaces().connect(endpoint, of: network, owner: owner, to: space.namespace)
                    try Interfaces().setDefaultRoutes(
                        v4: IPAddress("10.4.0.1"), v6: IPAddress("fd00:4::1"), interfaceV4: "eth0", interfaceV6: "eth0",
                        in: space.namespace)
                }
                let ours = try Interfaces().interfaces().filter { $0.alias == "box \(owner)" }.map(\.name)
                #expect(ours.sorted() == ["veth2", "veth3"])
            }
            #expect(try first.command("ip", "route").contains("default via 10.4.0.1 dev eth0"))
            for target in ["10.4.0.1", "fd00:4::1"] { try first.command("busybox", "ping", "-c1", "-W2", target) }
            for target in ["10.4.0.3", "fd00:4::3"] {
                let ping = try #require(findProgram("busybox"))
                let reached = try first.inside { try Spawn.capture(ping, ["ping", "-c1", "-W1", target]).status == 0 }
                #expect(reached == isOpen, "\(target)")
            }
            try host.inside {
                let endpoint = try endpoint(network, 2)
                try Interfaces().disconnect(endpoint, from: first.namespace)
                try Interfaces().disconnect(endpoint, from: first.namespace)
                #expect(try !Interfaces().interfaces().contains { $0.name == "veth2" })
            }
        }
    }

    @Test func anInterfaceThatIsThereIsNotReplaced() throws {
        let (host, inside) = (try TestNamespace(), try TestNamespace())
        let network = try network("net", "10.5.0.0/24")
        try inside.command("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other0")
        try host.inside {
            try Interfaces().prepare(network)
            let endpoint = try endpoint(network, 2)
            #expect { try Interfaces().connect(endpoint, of: network, owner: owner, to: inside.namespace) } throws: {
                ($0 as? BoxFailure)?.kind == .conflict
            }
            #expect(try !Interfaces().interfaces().contains { $0.name == "veth2" })
        }
    }

    /// Where this kernel lacks a kind of interface the failure must name the module; the rest is real traffic.
    @Test(arguments: [
        (NetworkRecord.Driver.macvlan, ["parent": "up0"]), (.macvlan, [:]), (.macvlan, ["parent": "up0.50"]),
        (.ipvlan, ["parent": "up0"]), (.ipvlan, ["parent": "up0", "ipvlan_mode": "l3"]), (.ipvlan, [:]),
    ])
    func containersGoThroughAParent(driver: NetworkRecord.Driver, options: [String: String]) throws {
        let (host, first, second) = (try TestNamespace(), try TestNamespace(), try TestNamespace())
        try host.command("ip", "link", "add", "up0", "type", "veth", "peer", "name", "wire0")
        try host.command("ip", "link", "set", "up0", "up")
        try host.command("ip", "link", "set", "wire0", "up")
        var network = try network("net", "10.6.0.0/24", driver: driver, options: options)
        network.interface = options["parent"] ?? "dm-net"
        do {
            try host.inside {
                try Interfaces().prepare(network)
                for (number, space) in [(2, first), (3, second)] {
                    let endpoint = try endpoint(network, number)
                    try Interfaces().connect(endpoint, of: network, owner: owner, to: space.namespace)
                }
            }
            try first.command("busybox", "ping", "-c1", "-W2", "10.6.0.3")
        } catch let failure as BoxFailure {
            let modules = ["ipvlan", "dummy", "8021q"].filter { failure.hint == "load it with `modprobe \($0)`" }
            #expect(failure.kind == .unsupported && modules.count == 1, "\(failure)")
        }
        try host.inside {
            try Interfaces().remove(network)
            #expect(try Interfaces().interfaces().contains { $0.name == "up0" })
        }
    }

    @Test func aMissingParentIsNamed() throws {
        let host = try TestNamespace()
        var network = try network("net", driver: .macvlan, options: ["parent": "nothere0"])
        network.interface = "nothere0"
        try host.inside {
            _ = #expect { try Interfaces().prepare(network) } throws: { "\($0)".contains("nothere0") }
        }
    }

    @Test func aMissingModuleIsNamed() throws {
        var request = LinkRequest.dummy("x0")
        request.module = "dummy"
        let failure = RouteFailure(request, errno: EOPNOTSUPP, reason: "Unknown device type").failure("set up", "x0")
        #expect(
            failure.kind == .unsupported && failure.reason.contains("dummy")
                && failure.hint == "load it with `modprobe dummy`")
    }
}
