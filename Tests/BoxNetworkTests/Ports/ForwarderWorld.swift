import BoxModel
import BoxNetwork
import BoxSystem
import CBoxSys
import Foundation
import Glibc
import Testing

/// Three network namespaces of one test: a client outside, a machine with the forwarder, a container.
final class ForwarderWorld {
    let name = "bxp\(UInt32.random(in: 0..<100_000_000))"
    let machine: NetworkNamespace
    let container: NetworkNamespace
    private var servers: [Program] = []

    static let clientV4 = "192.168.77.2"
    static let clientV6 = "fd78::2"
    static let machineV4 = "192.168.77.1"
    static let machineV6 = "fd78::1"

    /// For tests that need `ip netns`.
    static let isPossible = geteuid() == 0 && findProgram("ip") != nil && findProgram("python3") != nil

    init() throws {
        // Without it a client that goes away would end the test process (splice(2) sends SIGPIPE).
        _ = box_ignore_signal(SIGPIPE)
        func shell(_ script: String) throws {
            let run = try Spawn.capture("/bin/sh", ["-ec", script])
            guard run.status == 0 else {
                throw BoxFailure(.internal, "set up", script, reason: String(decoding: run.error, as: UTF8.self))
            }
        }
        try shell(
            """
            p=\(name)
            for n in h c k; do ip netns add $p$n; ip -n $p$n link set lo up; done
            ip link add v0 netns ${p}h type veth peer name eth0 netns ${p}k
            ip link add v1 netns ${p}h type veth peer name eth0 netns ${p}c
            ip -n ${p}h addr add 10.77.0.1/24 dev v0; ip -n ${p}k addr add 10.77.0.2/24 dev eth0
            ip -n ${p}h addr add fd77::1/64 dev v0 nodad; ip -n ${p}k addr add fd77::2/64 dev eth0 nodad
            ip -n ${p}h addr add 192.168.77.1/24 dev v1; ip -n ${p}c addr add 192.168.77.2/24 dev eth0
            ip -n ${p}h addr add fd78::1/64 dev v1 nodad; ip -n ${p}c addr add fd78::2/64 dev eth0 nodad
            ip -n ${p}h link set v0 up; ip -n ${p}h link set v1 up
            ip -n ${p}c link set eth0 up; ip -n ${p}k link set eth0 up
            ip -n ${p}k route add default via 10.77.0.1; ip -n ${p}k -6 route add default via fd77::1
            """)
        machine = try NetworkNamespace(path: "/run/netns/\(name)h")
        container = try NetworkNamespace(path: "/run/netns/\(name)k")
    }

    deinit {
        for server in servers { server.stop() }
        for suffix in ["h", "c", "k"] { _ = try? Spawn.capture("/bin/sh", ["-c", "ip netns del \(name)\(suffix)"]) }
    }

    enum Place: String { case machine = "h", client = "c", container = "k" }

    /// A forwarder whose listeners are in the machine's namespace.
    func forwarder(
        _ ports: [String], v4: Bool = true, v6: Bool = true, target: Bool = true
    ) throws -> (PortForwarder, [PublishedPort]) {
        let forwarder = try PortForwarder(namespace: container)
        let published = try publish(ports, with: forwarder)
        if target { aim(forwarder, v4: v4, v6: v6) }
        return (forwarder, published)
    }

    func publish(_ ports: [String], with forwarder: PortForwarder) throws -> [PublishedPort] {
        var mappings: [PortMapping] = []
        for port in ports { mappings += try PortSyntax.mappings(port) }
        let failed: (SystemFailure) -> BoxFailure = { BoxFailure($0, "enter") }
        return try machine.perform(
            { () throws(BoxFailure) in try forwarder.publish(mappings, defaultAddress: nil) }, orFail: failed)
    }

    func aim(_ forwarder: PortForwarder, v4: Bool = true, v6: Bool = true) {
        forwarder.setTarget(
            v4: v4 ? IPAddress("10.77.0.2") : nil, v6: v6 ? IPAddress("fd77::2") : nil,
            gatewayV4: IPAddress("10.77.0.1"), gatewayV6: IPAddress("fd77::1"))
    }

    /// A Python program that a test started.
    final class Program {
        let child: Child
        let output: OwnedFD
        var processIdentifier: Int32 { child.pid }
        var isRunning: Bool { box_poll(child.pidfd.raw, CInt(POLLIN), 0) == 0 }

        init(_ child: consuming Child, _ output: consuming OwnedFD) {
            self.child = child
            self.output = output
        }

        func stop() {
            child.signal(SIGKILL)
            _ = try? child.wait()
        }
    }

    /// Starts a Python program and waits until it says `ready`.
    @discardableResult
    func serve(_ script: String, in place: Place = .container) throws -> Program {
        let program = try start(script, in: place)
        servers.append(program)
        var bytes = [UInt8](repeating: 0, count: 1000)
        let got = bytes.withUnsafeMutableBytes { box_read(program.output.raw, $0.baseAddress, $0.count) }
        let first = String(decoding: bytes.prefix(max(0, got)), as: UTF8.self)
        try #require(first.hasPrefix("ready"), "the server says \(first)")
        return program
    }

    /// Runs a Python program while the forwarder serves; its output.
    func run(_ script: String, in place: Place = .client, serving forwarder: PortForwarder) throws -> String {
        let program = try start(script, in: place)
        let deadline = SystemClock.monotonic + 30_000_000_000
        while program.isRunning, SystemClock.monotonic < deadline {
            if box_poll(forwarder.descriptor, CInt(POLLIN), 5) > 0 { forwarder.work() }
        }
        if program.isRunning { Issue.record("the program does not end") }
        program.stop()
        return String(decoding: try program.output.readAll(), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func start(_ script: String, in place: Place) throws -> Program {
        let ends = try BoxSystem.Pipe().ends()
        let reader = OwnedFD(adopting: ends.reader)
        let writer = OwnedFD(adopting: ends.writer)
        let program = [
            try #require(findProgram("ip")), "netns", "exec", name + place.rawValue,
            try #require(findProgram("python3", path: "/usr/bin:/usr/local/bin")), "-u", "-c",
            "import socket,sys,time,hashlib,threading,struct\n" + script,
        ]
        let spawn = Spawn(.path(program[0]), program, descriptors: [-1, writer.raw, writer.raw])
        return Program(try spawn.start(), reader)
    }
}
