import Foundation

/// A network namespace that stands for a machine: the one box runs on, or one outside of it.
final class NetworkSpace: Sendable {
    let name: String

    /// Makes a namespace with loopback, which goes with the scope.
    init(_ scope: Scope) throws {
        name = "box" + String(UInt32.random(in: 0..<UInt32.max), radix: 36)
        let made = name
        try Command.tool("ip", "netns", "add", made)
        scope.atEnd { try Command.tool("ip", "netns", "delete", made) }
        try Command.tool("ip", "-n", made, "link", "set", "lo", "up")
    }

    /// Two machines on one wire: the first is 192.0.2.1 and 2001:db8::1, the other .2 and ::2 (RFC 5737, RFC 3849).
    static func pair(_ scope: Scope) throws -> (machine: NetworkSpace, outside: NetworkSpace) {
        let machine = try NetworkSpace(scope)
        let outside = try NetworkSpace(scope)
        try Command.shell(
            """
            ip link add wire netns "$1" type veth peer name wire netns "$2"
            for n in 1 2; do
              space=${!n}
              ip -n "$space" addr add 192.0.2.$n/24 dev wire
              ip -n "$space" addr add 2001:db8::$n/64 dev wire nodad
              ip -n "$space" link set wire up
            done
            ip -n "$1" route add default via 192.0.2.2
            """, machine.name, outside.name)
        return (machine, outside)
    }

    private var path: String { "/run/netns/\(name)" }

    /// A command line that runs here.
    func command(
        _ program: String, _ arguments: [String], input: Command.Input = .nothing, timeout: Duration = .seconds(60)
    ) -> Command {
        Command("nsenter", ["--net=\(path)", program] + arguments, input: input, timeout: timeout)
    }

    /// Runs a shell script here, whatever its exit status.
    func run(_ script: String, timeout: Duration = .seconds(20)) throws -> Output {
        try command("/bin/sh", ["-c", script], timeout: timeout).run()
    }

    /// Runs a shell script here and throws unless it succeeds.
    @discardableResult
    func ok(_ script: String, timeout: Duration = .seconds(20)) throws -> Output {
        try run(script, timeout: timeout).succeeded()
    }

    /// The interfaces there are but loopback.
    func interfaces() throws -> [String] {
        try ok("ls /proc/self/net/dev && awk -F: 'NR>2 {gsub(/ /,\"\",$1); print $1}' /proc/self/net/dev").lines
            .filter { !$0.hasPrefix("/") && $0 != "lo" && $0 != "wire" }
    }
}
