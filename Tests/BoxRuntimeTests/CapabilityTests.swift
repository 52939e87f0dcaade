import BoxModel
import BoxRuntime
import BoxSystem
import Testing

@Suite struct CapabilityTests {
    @Test func numbersAreThoseOfTheKernel() throws {
        #expect(Capability.allCases.count == 41)
        // Fixed points of linux/capability.h along the list.
        let known: [(String, UInt64)] = [
            ("CAP_CHOWN", 0), ("CAP_KILL", 5), ("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21), ("CAP_SYS_RESOURCE", 24),
            ("CAP_MKNOD", 27), ("CAP_SETFCAP", 31), ("CAP_SYSLOG", 34), ("CAP_PERFMON", 38), ("CAP_BPF", 39),
            ("CAP_CHECKPOINT_RESTORE", 40),
        ]
        for (name, number) in known { #expect(try Capability.mask(names: [name]) == 1 << number, "\(name)") }
        for capability in Capability.allCases { #expect(Capability(name: capability.name) == capability) }
    }

    @Test(arguments: ["net_admin", "CAP_NET_ADMIN", "cap_net_admin", "Net_Admin"])
    func anySpellingIsRead(_ text: String) throws {
        #expect(try Capability(parsing: text) == .netAdmin)
    }

    @Test(arguments: [("NET_ADMN", "CAP_NET_ADMIN"), ("SYS_PTRCE", "CAP_SYS_PTRACE"), ("chwon", "CAP_CHOWN")])
    func unknownNamesTheNearest(_ text: String, _ nearest: String) {
        let failure = #expect(throws: BoxFailure.self) { try Capability(parsing: text) }
        #expect(failure?.kind == .invalid)
        #expect(failure?.hint?.contains(nearest) == true)
    }

    @Test func nonsenseNamesNothing() {
        let failure = #expect(throws: BoxFailure.self) { try Capability(parsing: "supercalifragilistic") }
        #expect(failure?.hint?.contains("did you mean") == false)
    }

    @Test func standardIsDockers() {
        #expect(CapabilitySet.standard.rawValue == 0xa80425fb)
    }

    struct Merge: Sendable {
        let add: [String]
        let drop: [String]
        var privileged = false
        let expected: CapabilitySet
    }

    @Test(arguments: [
        Merge(add: [], drop: [], expected: .standard),
        Merge(add: ["net_admin"], drop: [], expected: CapabilitySet.standard.union(.init([.netAdmin]))),
        Merge(add: [], drop: ["MKNOD"], expected: CapabilitySet.standard.subtracting(.init([.mknod]))),
        Merge(add: ["ALL"], drop: [], expected: .all),
        Merge(add: ["all"], drop: ["SYS_ADMIN"], expected: CapabilitySet.all.subtracting(.init([.sysAdmin]))),
        Merge(add: [], drop: ["ALL"], expected: []),
        Merge(add: ["CHOWN"], drop: ["ALL"], expected: .init([.chown])),
        Merge(add: ["ALL"], drop: ["ALL"], expected: .all),
        Merge(add: ["CHOWN"], drop: ["CHOWN"], expected: .standard),
        Merge(add: [], drop: ["ALL"], privileged: true, expected: .all),
    ])
    func requestsMergeAsInDocker(_ merge: Merge) throws {
        let request = CapabilityRequest(add: merge.add, drop: merge.drop, privileged: merge.privileged)
        #expect(try request.resolve(available: .all) == merge.expected)
    }

    @Test func whatIsNotThereShrinksSilentlyUnlessNamed() throws {
        let available = CapabilitySet.all.subtracting(.init([.sysResource, .mknod]))
        #expect(try CapabilityRequest(privileged: true).resolve(available: available) == available)
        #expect(try CapabilityRequest(add: ["ALL"]).resolve(available: available) == available)
        #expect(try !CapabilityRequest().resolve(available: available).contains(.mknod))
        let failure = #expect(throws: BoxFailure.self) {
            try CapabilityRequest(add: ["SYS_RESOURCE"]).resolve(available: available)
        }
        #expect(failure?.kind == .unsupported)
    }

    @Test func availableIsTheBoundingSet() throws {
        let status = try readText("/proc/self/status")
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapBnd:") })
        let mask = try #require(UInt64(line.dropFirst("CapBnd:\t".count), radix: 16))
        #expect(CapabilitySet.available().rawValue == mask & CapabilitySet.all.rawValue)
    }

    @Test func specificationHasNoInheritedSets() {
        let sets = CapabilitySet([.chown, .bpf]).specification
        #expect(sets.bounding == ["CAP_CHOWN", "CAP_BPF"])
        #expect(sets.effective == sets.bounding && sets.permitted == sets.bounding)
        #expect(sets.inheritable.isEmpty && sets.ambient.isEmpty)
    }
}
