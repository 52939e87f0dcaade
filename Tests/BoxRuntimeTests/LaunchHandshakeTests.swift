import BoxRuntime
import Testing

@Suite("The handshake of monitor and init")
struct LaunchHandshakeTests {
    private static let failure = LaunchFailure(.mount, "/data", "no such directory", errno: 2)

    @Test("A start is held, preparing, executing, started")
    func inOrder() {
        var handshake = Handshake(terminal: false)
        #expect(handshake.released() == .wait)
        #expect(handshake.received(.executing) == .wait)
        #expect(handshake.closed() == .started)
        #expect(handshake.state == .started)
    }

    @Test("The terminal comes exactly once, before exec")
    func terminal() {
        var handshake = Handshake(terminal: true)
        _ = handshake.released()
        #expect(handshake.received(.terminal) == .keepTerminal)
        #expect(isFailure(handshake.received(.terminal)))

        var early = Handshake(terminal: true)
        _ = early.released()
        #expect(isFailure(early.received(.executing)))

        var unasked = Handshake(terminal: false)
        _ = unasked.released()
        #expect(isFailure(unasked.received(.terminal)))
    }

    @Test("A failure is handed on at every step")
    func failures() {
        var held = Handshake(terminal: false)
        #expect(held.received(.failed(Self.failure)) == .fail(Self.failure))
        var executing = Handshake(terminal: false)
        _ = executing.released()
        _ = executing.received(.executing)
        #expect(executing.received(.failed(Self.failure)) == .fail(Self.failure))
        #expect(isFailure(executing.closed()))
    }

    @Test("What comes out of order is a failure", arguments: [HandshakeMessage.go, .mounts, .executing, .terminal])
    func disorder(message: HandshakeMessage) {
        var handshake = Handshake(terminal: false)
        #expect(isFailure(handshake.received(message)))
        #expect(handshake.state == .failed)
    }

    @Test("Death before exec is not a start")
    func death() {
        var handshake = Handshake(terminal: false)
        _ = handshake.released()
        #expect(isFailure(handshake.closed()))
    }

    @Test(
        "Messages survive the wire",
        arguments: [HandshakeMessage.go, .mounts, .terminal, .executing, .failed(failure)])
    func wire(message: HandshakeMessage) {
        #expect(HandshakeMessage(bytes: message.bytes) == message)
    }

    @Test(
        "Damaged messages are none",
        arguments: [[], [0], [9], [2, 2], [5], [5, 200, 0, 0, 0, 0, 0, 0], [5, 1, 0, 0, 0, 0, 9, 0]])
    func damaged(bytes: [UInt8]) {
        #expect(HandshakeMessage(bytes: bytes) == nil)
    }

    @Test("Exit statuses are those of shells and docker")
    func statuses() {
        for step in LaunchFailure.Step.allCases {
            let expected: Int32 = step == .commandMissing ? 127 : step == .commandInvalid ? 126 : 125
            #expect(LaunchFailure(step, "", "").exitStatus == expected)
        }
    }

    private func isFailure(_ action: Handshake.Action) -> Bool {
        if case .fail(let failure) = action { failure.step == .handshake } else { false }
    }
}
