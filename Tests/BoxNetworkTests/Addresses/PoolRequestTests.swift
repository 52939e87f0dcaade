import BoxModel
import BoxNetwork
import Testing

@Suite struct PoolRequestTests {
    struct Good: CustomTestStringConvertible, Sendable {
        var subnets: [String]
        var ranges: [String] = []
        var gateways: [String] = []
        var auxiliary: [String] = []
        /// Per pool: sub-network, range, gateway, auxiliary.
        var expected: [String]
        var testDescription: String { subnets.joined(separator: " ") }
    }

    private static func shown(_ pool: NetworkRecord.Pool) -> String {
        let others = pool.auxiliary.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        return [
            pool.subnet.description, pool.range?.description ?? "-", pool.gateway?.description ?? "-", others,
        ].joined(separator: " ")
    }

    @Test(
        "each flag belongs to the sub-network it lies in",
        arguments: [
            Good(subnets: [], expected: []),
            Good(subnets: ["10.1.0.0/16"], expected: ["10.1.0.0/16 - 10.1.0.1 "]),
            Good(subnets: ["fd00:1::/64"], expected: ["fd00:1::/64 - fd00:1::1 "]),
            Good(
                subnets: ["10.1.0.0/16", "10.2.0.0/24", "fd00:1::/64"], ranges: ["10.2.0.128/25", "10.1.7.0/24"],
                gateways: ["fd00:1::fe", "10.2.0.254"], auxiliary: ["a=10.1.0.5", "b=10.1.0.6", "a=fd00:1::5"],
                expected: [
                    "10.1.0.0/16 10.1.7.0/24 10.1.0.1 a=10.1.0.5,b=10.1.0.6", "10.2.0.0/24 10.2.0.128/25 10.2.0.254 ",
                    "fd00:1::/64 - fd00:1::fe a=fd00:1::5",
                ]),
            // The first address is somebody's, so the gateway is the next.
            Good(
                subnets: ["10.1.0.0/29"], auxiliary: ["x=10.1.0.1", "y=10.1.0.2"],
                expected: ["10.1.0.0/29 - 10.1.0.3 x=10.1.0.1,y=10.1.0.2"]),
            // RFC 3021: two addresses, both usable; one address is the gateway's.
            Good(subnets: ["10.1.0.0/31"], expected: ["10.1.0.0/31 - 10.1.0.0 "]),
            Good(subnets: ["10.1.0.0/31"], gateways: ["10.1.0.1"], expected: ["10.1.0.0/31 - 10.1.0.1 "]),
            Good(subnets: ["10.1.0.4/32"], expected: ["10.1.0.4/32 - 10.1.0.4 "]),
            Good(subnets: ["fd00::2/127"], expected: ["fd00::2/127 - fd00::2 "]),
            Good(subnets: ["10.1.0.0/24"], ranges: ["10.1.0.0/24"], expected: ["10.1.0.0/24 10.1.0.0/24 10.1.0.1 "]),
        ])
    func accepts(good: Good) throws {
        let request = PoolRequest(
            subnets: good.subnets, ranges: good.ranges, gateways: good.gateways, auxiliary: good.auxiliary)
        #expect(try request.pools().map(Self.shown) == good.expected)
    }

    @Test("without gateways there are only those that were asked for")
    func withoutGateways() throws {
        let request = PoolRequest(subnets: ["10.1.0.0/24", "10.2.0.0/24"], gateways: ["10.2.0.9"])
        #expect(try request.pools(withGateways: false).map(\.gateway) == [nil, IPAddress("10.2.0.9")])
    }

    struct Bad: CustomTestStringConvertible, Sendable {
        var subnets: [String] = ["10.1.0.0/24"]
        var ranges: [String] = []
        var gateways: [String] = []
        var auxiliary: [String] = []
        var others: [(String, String)] = []
        var line: String
        var testDescription: String { line }
    }

    @Test(
        "what Docker refuses is refused in one line that names flag and value",
        arguments: [
            Bad(subnets: ["10.1.0.0"], line: "use --subnet 10.1.0.0: it is not ADDRESS/LENGTH"),
            Bad(subnets: [""], line: "use --subnet \"\": it is not ADDRESS/LENGTH"),
            Bad(subnets: ["10.1.0.0/33"], line: "use --subnet 10.1.0.0/33: it is not ADDRESS/LENGTH"),
            Bad(subnets: ["fd00::/129"], line: "use --subnet fd00::/129: it is not ADDRESS/LENGTH"),
            Bad(subnets: ["10.10.10.0/8"], line: "use --subnet 10.10.10.0/8: it should be 10.0.0.0/8"),
            Bad(subnets: ["fd00::1/64"], line: "use --subnet fd00::1/64: it should be fd00::/64"),
            Bad(subnets: ["0.0.0.0/0"], line: "use --subnet 0.0.0.0/0: these addresses have a meaning of their own"),
            Bad(subnets: ["127.5.0.0/16"], line: "--subnet 127.5.0.0/16: these addresses"),
            Bad(subnets: ["224.1.0.0/16"], line: "--subnet 224.1.0.0/16: these addresses"),
            Bad(subnets: ["169.254.7.0/24"], line: "--subnet 169.254.7.0/24: these addresses"),
            Bad(subnets: ["fe80::/64"], line: "--subnet fe80::/64: these addresses"),
            Bad(subnets: ["::1/128"], line: "--subnet ::1/128: these addresses"),
            Bad(
                subnets: ["10.1.0.0/16", "10.1.4.0/24"],
                line: "use --subnet 10.1.4.0/24: it overlaps with --subnet 10.1.0.0/16"),
            Bad(
                subnets: ["10.1.0.0/16", "10.1.0.0/16"],
                line: "use --subnet 10.1.0.0/16: it overlaps with --subnet 10.1.0.0/16"),
            Bad(
                others: [("other", "10.0.0.0/8")],
                line: "use --subnet 10.1.0.0/24: Pool overlaps with other one on this address space: 10.0.0.0/8 of "
                    + "network other"),
            Bad(ranges: ["10.1.0.5"], line: "use --ip-range 10.1.0.5: it is not ADDRESS/LENGTH"),
            Bad(ranges: ["10.1.0.5/25"], line: "use --ip-range 10.1.0.5/25: it should be 10.1.0.0/25"),
            Bad(ranges: ["10.2.0.0/25"], line: "use --ip-range 10.2.0.0/25: it is outside of --subnet 10.1.0.0/24"),
            Bad(
                ranges: ["10.0.0.0/8"],
                line: "use --ip-range 10.0.0.0/8: it is bigger than its sub-network 10.1.0.0/24"),
            Bad(
                ranges: ["10.1.0.0/25", "10.1.0.128/25"],
                line: "use --ip-range 10.1.0.128/25: sub-network 10.1.0.0/24 has --ip-range 10.1.0.0/25 already"),
            Bad(
                subnets: [], ranges: ["10.1.0.0/25"],
                line: "use --ip-range 10.1.0.0/25: every --ip-range needs the --subnet that it lies in"),
            Bad(gateways: ["10.1.0"], line: "use --gateway 10.1.0: it is not an address"),
            Bad(gateways: ["10.2.0.1"], line: "use --gateway 10.2.0.1: it is outside of --subnet 10.1.0.0/24"),
            Bad(gateways: ["fd00::1"], line: "use --gateway fd00::1: it is outside of --subnet 10.1.0.0/24"),
            Bad(gateways: ["10.1.0.0"], line: "use --gateway 10.1.0.0: it is the network address of 10.1.0.0/24"),
            Bad(gateways: ["10.1.0.255"], line: "--gateway 10.1.0.255: it is the broadcast address of 10.1.0.0/24"),
            Bad(
                gateways: ["10.1.0.1", "10.1.0.2"],
                line: "use --gateway 10.1.0.2: sub-network 10.1.0.0/24 has --gateway 10.1.0.1 already"),
            Bad(
                subnets: [], gateways: ["10.1.0.1"],
                line: "use --gateway 10.1.0.1: every --gateway needs the --subnet that it lies in"),
            Bad(auxiliary: ["10.1.0.5"], line: "use --aux-address 10.1.0.5: it is not NAME=ADDRESS"),
            Bad(auxiliary: ["=10.1.0.5"], line: "use --aux-address =10.1.0.5: it is not NAME=ADDRESS"),
            Bad(auxiliary: ["a=b"], line: "use --aux-address a=b: it is not NAME=ADDRESS"),
            Bad(auxiliary: ["a=10.2.0.5"], line: "--aux-address a=10.2.0.5: it is outside of --subnet 10.1.0.0/24"),
            Bad(
                auxiliary: ["a=10.1.0.5", "b=10.1.0.5"],
                line: "use --aux-address b=10.1.0.5: the address is that of a already"),
            Bad(auxiliary: ["a=10.1.0.5", "a=10.1.0.6"], line: "--aux-address a=10.1.0.6: a is 10.1.0.5 already"),
            Bad(
                gateways: ["10.1.0.9"], auxiliary: ["a=10.1.0.9"],
                line: "use --aux-address a=10.1.0.9: it is the gateway of 10.1.0.0/24"),
            Bad(
                subnets: [], auxiliary: ["a=10.1.0.5"],
                line: "use --aux-address a=10.1.0.5: every --aux-address needs the --subnet that it lies in"),
        ])
    func refuses(bad: Bad) throws {
        let request = PoolRequest(
            subnets: bad.subnets, ranges: bad.ranges, gateways: bad.gateways, auxiliary: bad.auxiliary)
        let others = try bad.others.map { (name: $0.0, subnet: try #require(IPPrefix($0.1))) }
        let failure = try #require(throws: BoxFailure.self) { try request.pools(others: others) }
        #expect(failure.description.contains(bad.line), "\(failure)")
        #expect(!failure.description.contains("\n"))
        #expect(failure.kind == (bad.others.isEmpty ? .invalid : .conflict))
    }
}
