import BoxModel
import Testing

@testable import BoxRuntime

/// Runs a device program as the kernel would, for the few instructions it is made of.
private func decide(_ program: DeviceProgram, type: UInt64, access: UInt64, major: UInt64, minor: UInt64) -> UInt64? {
    var registers = [UInt64](repeating: 0, count: 11)
    var counter = 0
    for _ in 0..<10_000 {
        guard program.instructions.indices.contains(counter) else { return nil }
        let instruction = program.instructions[counter]
        let destination = Int(instruction >> 8 & 0xf)
        let source = Int(instruction >> 12 & 0xf)
        let offset = Int(Int16(truncatingIfNeeded: instruction >> 16))
        let immediate = UInt64(instruction >> 32)
        counter += 1
        switch instruction & 0xff {
        case 0x61: registers[destination] = [0: access << 16 | type, 4: major, 8: minor][offset] ?? .max
        case 0xbf: registers[destination] = registers[source]
        case 0xb7: registers[destination] = immediate
        case 0x54: registers[destination] = registers[destination] & immediate & 0xffff_ffff
        case 0x74: registers[destination] = (registers[destination] & 0xffff_ffff) >> immediate
        case 0x15: if registers[destination] == immediate { counter += offset }
        case 0x55: if registers[destination] != immediate { counter += offset }
        case 0x95: return registers[0]
        default: return nil
        }
    }
    return nil
}

@Suite struct CgroupDeviceTests {
    static let block: UInt64 = 1
    static let character: UInt64 = 2

    struct Access: Sendable {
        let type: UInt64
        let access: UInt64
        let major: UInt64
        let minor: UInt64
        let allowed: UInt64
    }

    @Test(arguments: [
        Access(type: character, access: 2, major: 1, minor: 3, allowed: 1),
        Access(type: character, access: 6, major: 1, minor: 3, allowed: 1),
        Access(type: character, access: 2, major: 1, minor: 1, allowed: 0),  // /dev/mem
        Access(type: character, access: 1, major: 1, minor: 1, allowed: 1),  // mknod of it
        Access(type: character, access: 3, major: 1, minor: 1, allowed: 0),
        Access(type: block, access: 1, major: 8, minor: 0, allowed: 1),
        Access(type: block, access: 2, major: 8, minor: 0, allowed: 0),
        Access(type: block, access: 2, major: 1, minor: 3, allowed: 0),
        Access(type: character, access: 6, major: 136, minor: 77, allowed: 1),
        Access(type: character, access: 6, major: 10, minor: 229, allowed: 0),
    ])
    func standardRulesDecide(_ access: Access) throws {
        let program = try DeviceProgram(DeviceRules.standard)
        let decision = decide(
            program, type: access.type, access: access.access, major: access.major, minor: access.minor)
        #expect(decision == access.allowed)
    }

    @Test func laterRulesWin() throws {
        let rules: [RuntimeSpec.DeviceRule] = [
            .init(allow: true, access: "rwm"), .init(allow: false, type: "c", major: 1, minor: 3, access: "w"),
        ]
        let program = try DeviceProgram(rules)
        #expect(!program.allowsEverything)
        #expect(decide(program, type: 2, access: 2, major: 1, minor: 3) == 1)
        #expect(decide(program, type: 2, access: 6, major: 1, minor: 3) == 0)
        #expect(decide(program, type: 1, access: 7, major: 9, minor: 9) == 1)
    }

    @Test func rightsGrantedOneByOneAddUp() throws {
        let program = try DeviceProgram([
            .init(allow: false), .init(allow: true, type: "c", major: 10, minor: 200, access: "r"),
            .init(allow: true, type: "c", major: 10, minor: 200, access: "w"),
        ])
        #expect(decide(program, type: 2, access: 6, major: 10, minor: 200) == 1)
        #expect(decide(program, type: 2, access: 1, major: 10, minor: 200) == 0)
    }

    @Test func nothingMeansNothing() throws {
        #expect(decide(try DeviceProgram([]), type: 2, access: 2, major: 1, minor: 3) == 0)
        #expect(try DeviceProgram(DeviceRules.everything).allowsEverything)
    }

    @Test func malformedRulesAreRefused() {
        #expect(throws: BoxFailure.self) { try DeviceProgram([.init(allow: true, type: "x")]) }
        #expect(throws: BoxFailure.self) { try DeviceProgram([.init(allow: true, type: "c", access: "rx")]) }
    }

    @Test func legacyTextIsThatOfTheControlFile() throws {
        let texts = try DeviceRules.standard.prefix(4).map { try DeviceMatch($0).legacyText }
        #expect(texts == ["a *:* rwm", "c *:* m", "b *:* m", "c 1:3 rwm"])
    }
}
