import BoxModel
import Testing

@Suite struct NetworkAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("172.17.0.2", "172.17.0.2"), ("::", "::"),
        ("::1", "::1"), ("1::", "1::"), ("fe80:0:0:0:0:0:0:1", "fe80::1"), ("2001:DB8::a:0:0:1", "2001:db8::a:0:0:1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..2.3", ":", ":::", "1::2::3", "1:2:3",
        "12345::", "g::", "1:2:3:4:5:6:7:8:9", "::1.2.3", "1.2.3.4::", "::1%eth0", "[::1]", "1:2:3:4:5:6:7:8::",
        "-1.2.3.4",
        "1:2:3:4:5:6:7::1.2.3.4",
    ])
    func refusesWhatIsNoAddress(text: String) {
        #expect(IPAddress(text) == nil)
    }

    private func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func prefixesContainAndOverlap() throws {
        let net = try prefix("172.17.5.9/16")
        #expect(net.network.description == "172.17.0.0/16" && net.description == "172.17.5.9/16")
        #expect(net.first.description == "172.17.0.0" && net.last.description == "172.17.255.255")
        #expect(net.count == 65536)
        for (text, isInside) in [("172.17.255.1", true), ("172.18.0.0", false)] {
            let wanted = try address(text)
            #expect(net.contains(wanted) == isInside, "\(text)")
        }
        for (text, isInside, overlaps) in [
            ("172.17.128.0/17", true, true), ("172.16.0.0/12", false, true), ("172.18.0.0/16", false, false),
            ("::/0", false, false),
        ] {
            let other = try prefix(text)
            #expect(net.contains(other) == isInside && net.overlaps(other) == overlaps, "\(text)")
        }
        let all = try prefix("::/0")
        #expect(all.count == UInt128.max && all.contains(IPAddress.loopbackV6) && !all.contains(IPAddress.loopbackV4))
        let single = try prefix("10.0.0.1/32")
        #expect(single.count == 1)
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "x/8", "10.0.0.0/ 8"] {
            #expect(IPPrefix(text) == nil, "\(text)")
        }
    }

    @Test func knowsKindsOfAddresses() throws {
        for (text, kind) in [
            ("127.8.9.1", \IPAddress.isLoopback), ("169.254.1.1", \.isLinkLocal), ("fe80::1", \.isLinkLocal),
            ("224.0.0.1", \.isMulticast), ("ff02::1", \.isMulticast),
        ] {
            let known = try address(text)
            #expect(known[keyPath: kind], "\(text)")
        }
        let plain = try address("128.0.0.1")
        #expect(!plain.isLoopback && !plain.isLinkLocal && !plain.isMulticast)
        let mapped = try address("::ffff:10.0.0.1")
        let four = try address("10.0.0.1")
        #expect(mapped.unmapped == four)
        let sorted = try ["9.0.0.1", "10.0.0.1", "255.0.0.1", "::"].map(address)
        #expect(sorted.reversed().sorted() == sorted)
    }

    @Test func hardwareAddresses() throws {
        let mac = try #require(MACAddress("02:42:AC:11:00:02"))
        #expect(mac.description == "02:42:ac:11:00:02" && mac.bytes == [2, 0x42, 0xac, 0x11, 0, 2])
        #expect(MACAddress("02-42-ac-11-00-02") == mac)
        #expect(MACAddress("01:00:5e:00:00:01")?.isMulticast == true && !mac.isMulticast)
        for text in [
            "", "02:42:ac:11:00", "02:42:ac:11:00:0", "02:42:ac:11:00:0g", "0242ac110002", "+2:42:ac:11:00:02",
        ] {
            #expect(MACAddress(text) == nil, "\(text)")
        }
    }

    @Test func containerPorts() throws {
        #expect(ContainerPort("80")?.description == "80/tcp")
        #expect(ContainerPort("53/UDP") == ContainerPort(53, .udp))
        for text in ["", "0", "65536", "-1", "80/", "80/icmp", "a", "80/tcp/tcp"] {
            #expect(ContainerPort(text) == nil, "\(text)")
        }
    }

    @Test func publishingAllKeepsWhatWasNamed() {
        var networks = ContainerNetworks()
        let web = ContainerPort(80, .tcp)
        networks.ports = [PortMapping(web, hostPort: 8080)]
        let exposed = [web, ContainerPort(53, .udp)]
        #expect(networks.mappings(exposed: exposed) == networks.ports)
        networks.publishesAll = true
        #expect(networks.mappings(exposed: exposed) == networks.ports + [PortMapping(ContainerPort(53, .udp))])
    }
}
