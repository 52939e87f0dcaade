import BoxModel
import Testing

@testable import BoxContainers

/// A configuration merged from an image and a request that a test changes.
func merged(
    _ image: (inout ImageConfig.Execution) -> Void = { _ in }, _ request: (inout CreateRequest) -> Void = { _ in }
) throws -> ContainerConfig {
    var execution = ImageConfig.Execution()
    execution.command = ["sh"]
    image(&execution)
    var config = ImageConfig(platform: .current, rootfs: ImageConfig.RootFS(diffIDs: []))
    config.config = execution
    var wanted = CreateRequest(imageName: "image")
    request(&wanted)
    let digest = try #require(Digest(.sha256, bytes: [UInt8](repeating: 7, count: 32)))
    return try ContainerConfig(
        merging: wanted, image: config, imageID: digest, manifestDigest: nil,
        id: ContainerID(random: [UInt8](repeating: 0xab, count: 32)), name: try ContainerName("test"),
        hostHostname: "machine", now: Timestamp(nanoseconds: 1))
}

@Suite struct ConfigMergeTests {
    @Test func theCommandLineReplacesTheCommandOnly() throws {
        let config = try merged({ $0.entrypoint = ["/entry"] }, { $0.command = ["a", "b"] })
        #expect(config.arguments == ["/entry", "a", "b"])
    }

    @Test func anEntryPointOfTheUsersDropsTheImagesCommand() throws {
        let config = try merged({ $0.entrypoint = ["/entry"] }, { $0.entrypoint = ["/own"] })
        #expect(config.arguments == ["/own"])
        #expect(
            try merged({ $0.entrypoint = ["/entry"] }, { ($0.entrypoint, $0.command) = ([], ["x"]) }).arguments == ["x"]
        )
    }

    @Test func nothingToRunIsAnError() {
        #expect { try merged({ $0.command = nil }) } throws: { ($0 as? BoxFailure)?.kind == .invalid }
        #expect(throws: BoxFailure.self) { try merged({ $0.command = [""] }) }
    }

    @Test func variablesAreMergedInOrder() throws {
        let config = try merged(
            { $0.environment = ["PATH=/image", "A=1", "B=2"] }, { $0.environment = ["B=3", "C=4", "A"] })
        #expect(config.environment == ["PATH=/image", "HOSTNAME=abababababab", "B=3", "C=4"])
        #expect(try merged({ _ in }, { $0.tty = true }).environment.contains("TERM=xterm"))
    }

    @Test func volumesOfTheImageGiveWayToMounts() throws {
        let config = try merged(
            { $0.volumes = ["/data": .init(), "/other/": .init()] },
            { $0.mounts = [Mount(.bind, source: "/src", destination: "/data/")] })
        #expect(config.mounts.map(\.destination) == ["/data/", "/other/"])
        #expect(config.mounts.map(\.anonymous) == [false, true])
    }

    @Test func theHostsNamesComeWithItsNetwork() throws {
        #expect(try merged({ _ in }, { $0.network = .host }).hostname == "machine")
        #expect(try merged().hostname == "abababababab")
        #expect(try merged({ _ in }, { $0.hostname = "own" }).hostname == "own")
    }

    @Test func aRelativeWorkingDirectoryIsRefused() {
        #expect(throws: BoxFailure.self) { try merged({ _ in }, { $0.workingDirectory = "here" }) }
    }
}

@Suite struct SpecBuilderTests {
    private func spec(_ request: (inout CreateRequest) -> Void = { _ in }) throws -> RuntimeSpec {
        let config = try merged({ _ in }, request)
        var facts = SpecFacts(capabilities: ["CAP_CHOWN"], processors: 2)
        facts.mountSources = config.mounts.map { "/host\($0.source)" }
        return RuntimeSpec(config, facts)
    }

    @Test func eachKindOfNamespaceIsNewByDefault() throws {
        let kinds = Set(try spec().linux.namespaces.map(\.type))
        #expect(kinds == [.mount, .pid, .ipc, .uts, .cgroup, .network])
    }

    @Test func hostModesLeaveNamespacesOut() throws {
        let kinds = Set(
            try spec {
                ($0.network, $0.pidMode, $0.ipcMode, $0.utsMode, $0.cgroupMode) = (.host, .host, .host, .host, .host)
            }.linux.namespaces.map(\.type))
        #expect(kinds == [.mount])
    }

    @Test func privilegedMasksNothing() throws {
        #expect(try spec().linux.maskedPaths?.contains("/proc/kcore") == true)
        let privileged = try spec { $0.privileged = true }
        #expect(privileged.linux.maskedPaths == nil)
        #expect(privileged.linux.readonlyPaths == nil)
        #expect(privileged.linux.resources?.devices == nil)
        #expect(privileged.mounts.first { $0.destination == "/sys" }?.options?.contains("rw") == true)
    }

    @Test func swapIsAsMuchAgainAsMemory() throws {
        let memory = try spec { $0.resources.memory = 1 << 30 }.linux.resources?.memory
        #expect(memory?.limit == 1 << 30)
        #expect(memory?.swap == 2 << 30)
    }

    @Test func processorsBecomeAQuota() throws {
        let cpu = try spec { $0.resources.nanoCPUs = 1_500_000_000 }.linux.resources?.cpu
        #expect(cpu?.quota == 150_000)
        #expect(cpu?.period == 100_000)
    }

    @Test func mountsInsideOthersComeAfterThem() throws {
        let mounts = try spec {
            $0.mounts = [
                Mount(.bind, source: "/b", destination: "/a/b"), Mount(.bind, source: "/a", destination: "/a"),
            ]
        }.mounts
        let places = mounts.map(\.destination)
        #expect(try #require(places.firstIndex(of: "/a")) < #require(places.firstIndex(of: "/a/b")))
        #expect(mounts.last?.source == "/host/b")
    }
}

@Suite struct DetachKeysTests {
    @Test func passesOnWhatIsNoSequence() throws {
        var keys = try DetachKeys("ctrl-p,ctrl-q")
        #expect(keys.filter([1, 16]).output == [1])
        let second = keys.filter([2])
        #expect(second.output == [16, 2])
        #expect(!second.detached)
    }

    @Test func findsTheSequenceAcrossReads() throws {
        var keys = try DetachKeys("ctrl-p,ctrl-q")
        #expect(!keys.filter([16]).detached)
        #expect(!keys.filter([16]).detached)
        let end = keys.filter([17, 3])
        #expect(end.detached)
    }

    @Test(arguments: ["ctrl-1", "ctrl-", "abc", "ctrl-pp"])
    func refuses(text: String) {
        #expect(throws: BoxFailure.self) { try DetachKeys(text) }
    }
}

@Suite struct SignalTests {
    @Test(arguments: [("TERM", 15), ("sigkill", 9), ("1", 1), ("RTMIN+3", 37), ("SIGRTMAX-1", 63)])
    func numbers(text: String, number: Int32) throws {
        #expect(try Signal.number(text) == number)
    }

    @Test(arguments: ["", "0", "65", "NOPE", "-9", "RTMIN+99"])
    func refuses(text: String) {
        #expect(throws: BoxFailure.self) { try Signal.number(text) }
    }
}

@Suite struct SecurityOptionsTests {
    @Test func takesThemApart() throws {
        let options = SecurityOptions(["no-new-privileges", "seccomp=unconfined", "systempaths=unconfined"])
        #expect(options.noNewPrivileges)
        #expect(options.seccomp == .unconfined)
        #expect(options.unmasksSystemPaths)
        #expect(SecurityOptions(["no-new-privileges:false"]).noNewPrivileges == false)
    }

    @Test(arguments: ["apparmor=mine", "label=user:x", "nonsense", "seccomp=", "no-new-privileges=maybe"])
    func refusesWhatWouldDoNothing(text: String) {
        #expect(throws: BoxFailure.self) { try SecurityOptions.check([text]) }
    }
}
