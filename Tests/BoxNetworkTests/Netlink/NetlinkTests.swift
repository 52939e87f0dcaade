import Testing

@testable import BoxNetwork

@Suite struct NetlinkTests {
    @Test func attributesLieOnMultiplesOfFour() {
        var bytes = NetlinkBytes()
        bytes.attribute(3, text: "lo")
        #expect(bytes.bytes == [7, 0, 3, 0, 0x6c, 0x6f, 0, 0])
        bytes = NetlinkBytes()
        bytes.nested(18) { $0.attribute(1, number: UInt16(0x0102)) }
        #expect(bytes.bytes == [12, 0, 18, 0, 6, 0, 1, 0, 2, 1, 0, 0])
    }

    @Test func requestsHaveTheirHeaders() {
        let request = RouteRequest(.getLink, .dump, about: "all") { $0.append(UInt32(5)) }
        #expect(request.bytes(sequence: 9) == [20, 0, 0, 0, 18, 0, 1, 3, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0])
    }

    @Test func readsWhatItWrites() {
        var bytes = NetlinkBytes()
        bytes.attribute(3, text: "eth0")
        bytes.attribute(4, number: UInt32(1500))
        bytes.nested(18 | 0x8000) { $0.attribute(1, text: "veth") }
        let read = NetlinkAttributes(bytes.bytes[...])
        #expect(read.text(3) == "eth0" && read.number(4) == UInt32(1500) && read.nested(18)?.text(1) == "veth")
        #expect(read.number(4) as UInt64? == nil && read[99] == nil)
    }

    @Test(arguments: [[], [1], [3, 0, 1, 0], [255, 255, 1, 0, 1], [0, 0, 0, 0], [4, 0]] as [[UInt8]])
    func cutAttributesEndTheList(bytes: [UInt8]) {
        let read = NetlinkAttributes(bytes[...])
        #expect(read[1] == nil && read[0] == nil)
    }

    @Test func cutMessagesAreLeftOut() {
        let whole = RouteRequest(.newLink, [], about: "x") { $0.append(UInt32(7)) }.bytes(sequence: 1)
        for count in 0..<whole.count { #expect(RouteSocket.messages(whole[..<count]).isEmpty) }
        let twice = RouteSocket.messages((whole + whole + [9, 9])[...])
        #expect(twice.count == 2 && twice.allSatisfy { $0.sequence == 1 && $0.payload.count == 4 })
        #expect(InterfaceInfo(twice[0]) == nil)
        #expect(Interfaces.destination(twice[0]) == nil && Interfaces.address(twice[0]) == nil)
    }

    @Test func randomBytesAreSurvived() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<96)).map { _ in UInt8.random(in: 0...40, using: &generator) }
            for message in RouteSocket.messages(bytes[...]) {
                _ = InterfaceInfo(message)
                _ = Interfaces.destination(message)
                _ = Interfaces.address(message)
            }
        }
    }
}
