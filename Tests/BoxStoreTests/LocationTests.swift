import BoxModel
import BoxStore
import Testing

@Suite struct LocationTests {
    struct Case: Sendable {
        var environment: [String: String] = [:]
        var euid: UInt32 = 1000
        var root: String?
        var state: String?
        var expected: [String]
    }

    @Test(arguments: [
        Case(euid: 0, expected: ["/var/lib/box", "/run/box"]),
        Case(environment: ["HOME": "/home/a"], expected: ["/home/a/.local/share/box", "/home/a/.local/share/box/run"]),
        Case(
            environment: ["HOME": "/home/a", "XDG_DATA_HOME": "/d/", "XDG_RUNTIME_DIR": "/run/user/1"],
            expected: ["/d/box", "/run/user/1/box"]),
        Case(
            environment: ["HOME": "/home/a", "XDG_DATA_HOME": "relative"],
            expected: ["/home/a/.local/share/box", "/home/a/.local/share/box/run"]),
        Case(environment: ["BOX_ROOT": "/a", "BOX_STATE": "/b"], euid: 0, expected: ["/a", "/b"]),
        Case(environment: ["BOX_ROOT": "", "BOX_STATE": ""], euid: 0, expected: ["/var/lib/box", "/run/box"]),
        Case(environment: ["BOX_ROOT": "/a"], euid: 0, root: "x/./y//", state: "s", expected: ["/w/x/y", "/w/s"]),
    ])
    func resolves(_ test: Case) throws {
        let location = try StoreLocation.resolve(
            environment: test.environment, euid: test.euid, workingDirectory: "/w", rootFlag: test.root,
            stateFlag: test.state)
        #expect([location.root, location.state] == test.expected)
    }

    @Test func needsSomePlace() {
        #expect(throws: BoxFailure.self) {
            try StoreLocation.resolve(environment: ["HOME": "x"], euid: 1, workingDirectory: "/")
        }
    }
}
