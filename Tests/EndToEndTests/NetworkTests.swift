import Foundation
import Testing

/// A body with a box on a machine of its own, and the machine.
private func withMachine<Result>(_ body: (Box, NetworkSpace) throws -> Result) throws -> Result {
    var machine: NetworkSpace?
    return try withImage { scope in
        let made = try NetworkSpace(scope)
        machine = made
        return made
    } _: { box in
        guard let machine else { throw FixtureError("no machine") }
        return try body(box, machine)
    }
}

/// The same with a second machine beside it.
private func withNeighbour<Result>(
    _ body: (Box, NetworkSpace, NetworkSpace) throws -> Result
) throws -> Result {
    var spaces: (machine: NetworkSpace, outside: NetworkSpace)?
    return try withImage { scope in
        let made = try NetworkSpace.pair(scope)
        spaces = made
        return made.machine
    } _: { box in
        guard let spaces else { throw FixtureError("no machines") }
        return try body(box, spaces.machine, spaces.outside)
    }
}

private let ping = "ping -c1 -W2"

@Suite(.enabled(if: Privileges.hasNetworks, Privileges.networksReason)) struct NetworkTests {
    @Test func aContainerHasAnInterfaceAnAddressAndAWayOut() throws {
        try withNeighbour { box, machine, _ in
            let output = try box.ok(
                "run", "--rm", "busybox", "sh", "-c",
                "ip -o -4 addr show eth0 | awk '{print $4}'; ip route | head -1; grep $(hostname) /etc/hosts; "
                    + "\(ping) 192.0.2.2 >/dev/null && echo out")
            #expect(output.lines.first == "172.17.0.2/16", "\(output)")
            #expect(output.lines.dropFirst().first?.hasPrefix("default via 172.17.0.1 dev eth0") == true, "\(output)")
            #expect(output.lines.contains { $0.hasPrefix("172.17.0.2\t") }, "\(output)")
            #expect(output.lines.last == "out", "\(output)")
            #expect(eventually { (try? machine.interfaces()) == ["box0"] })
            #expect(
                try box.ok("network", "inspect", "-f", "{{len .Containers}} {{len .Leases}}", "bridge").trimmed == "0 0"
            )
        }
    }

    @Test func inspectAndPsTellWhereAContainerIs() throws {
        try withMachine { box, _ in
            let id = try box.ok("run", "-d", "--name", "web", "busybox", "sleep", "60").trimmed
            #expect(try box.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web").trimmed == "172.17.0.2")
            #expect(
                try box.ok(
                    "inspect", "-f",
                    "{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}}{{end}}", "web"
                ).trimmed == "172.17.0.2/16 172.17.0.1")
            #expect(try box.ok("ps", "--format", "{{.Names}} {{.Networks}}").trimmed == "web bridge")
            #expect(
                try box.ok(
                    "network", "inspect", "-f", "{{range $id, $c := .Containers}}{{$id}} {{$c.Name}}{{end}}", "bridge"
                )
                .trimmed == "\(id) web")
            #expect(
                try box.ok("network", "ls", "--format", "{{.Name}} {{.Driver}}").lines == [
                    "bridge bridge", "host host", "none null",
                ])
            try box.ok("rm", "-f", "web")
            #expect(try box.ok("run", "--rm", "busybox", "hostname", "-i").trimmed == "172.17.0.3")
        }
    }

    @Test func containersFindEachOtherByName() throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "--subnet", "10.9.0.0/24", "app")
            try box.ok(
                "run", "-d", "--name", "db", "--network", "app", "--network-alias", "store", "busybox", "sleep", "60")
            let id = try box.ok("ps", "-q").trimmed
            for name in ["db", "store", id, "DB"] {
                let output = try box.run("run", "--rm", "--network", "app", "busybox", "sh", "-c", "\(ping) \(name)")
                #expect(output.status == 0 && output.text.contains("(10.9.0.2)"), "\(output)")
            }
            let reverse = try box.run("run", "--rm", "--network", "app", "busybox", "nslookup", "10.9.0.2")
            #expect(reverse.text.contains("name = db.app"), "\(reverse)")
            let unknown = try box.run("run", "--rm", "--network", "app", "busybox", "nslookup", "nobody")
            #expect(unknown.status != 0, "\(unknown)")
            let other = try box.run("run", "--rm", "busybox", "sh", "-c", "\(ping) 10.9.0.2")
            #expect(other.status != 0, "networks must not reach each other: \(other)")
        }
    }

    @Test func aNameServerOfTheContainersOwnHasItsPort() throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "app")
            try box.ok(
                "run", "-d", "--name", "dns", "--network", "app", "busybox", "sh", "-c", "nc -l -p 53 -e echo own")
            let output = try box.ok(
                "run", "--rm", "--network", "app", "busybox", "sh", "-c",
                "sleep 0.3; nc dns 53; nslookup dns | grep -c Name:")
            #expect(output.text.hasPrefix("own\n") && output.lines.last != "0", "\(output)")
        }
    }

    @Test func networksAreJoinedAndLeftWhileRunning() throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "one")
            try box.ok("network", "create", "--subnet", "10.77.0.0/16", "two")
            try box.ok("run", "-d", "--name", "cc", "--network", "one", "busybox", "sleep", "60")
            try box.ok("run", "-d", "--name", "peer", "--network", "two", "busybox", "sleep", "60")
            try box.ok("network", "connect", "--alias", "seesaw", "--ip", "10.77.0.9", "two", "cc")
            expectOneLine(try box.run("network", "connect", "two", "cc"), status: 1, "connected already")
            #expect(try box.ok("ps", "--filter", "name=^cc$", "--format", "{{.Networks}}").trimmed == "one,two")
            #expect(
                try box.ok("inspect", "-f", "{{(index .NetworkSettings.Networks \"two\").IPAddress}}", "cc").trimmed
                    == "10.77.0.9")
            let asked = try box.ok("run", "--rm", "--network", "two", "busybox", "sh", "-c", "\(ping) seesaw")
            #expect(asked.text.contains("(10.77.0.9)"))
            expectOneLine(try box.run("network", "rm", "two"), status: 1, "active endpoints")
            try box.ok("network", "disconnect", "two", "cc")
            #expect(try box.run("run", "--rm", "--network", "two", "busybox", "sh", "-c", "\(ping) seesaw").status != 0)
            #expect(try box.ok("ps", "--filter", "name=^cc$", "--format", "{{.Networks}}").trimmed == "one")
            try box.ok("network", "connect", "two", "cc")
            try box.ok("stop", "-t", "0", "cc")
            try box.ok("start", "cc")
            #expect(
                try box.ok("ps", "--filter", "network=two", "--format", "{{.Names}}").lines.sorted() == ["cc", "peer"])
        }
    }

    @Test func internalNetworksHaveNoWayOut() throws {
        try withNeighbour { box, _, _ in
            try box.ok("network", "create", "--internal", "inside")
            try box.ok("run", "-d", "--name", "peer", "--network", "inside", "busybox", "sleep", "60")
            let output = try box.run(
                "run", "--rm", "--network", "inside", "busybox", "sh", "-c",
                "\(ping) peer >/dev/null && echo peer; \(ping) 192.0.2.2 >/dev/null || echo closed")
            #expect(output.lines == ["peer", "closed"], "\(output)")
        }
    }

    @Test func sixWorksLikeFour() throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "--ipv6", "--subnet", "fd00:7::/64", "dual")
            try box.ok("run", "-d", "--name", "db", "--network", "dual", "busybox", "sleep", "60")
            #expect(
                try box.ok("inspect", "-f", "{{(index .NetworkSettings.Networks \"dual\").GlobalIPv6Address}}", "db")
                    .trimmed
                    == "fd00:7::2")
            let output = try box.run("run", "--rm", "--network", "dual", "busybox", "sh", "-c", "\(ping) -6 db")
            #expect(output.status == 0 && output.text.contains("fd00:7::2"), "\(output)")
        }
    }

    @Test func portsReachTheServerFromEverywhere() throws {
        try withNeighbour { box, machine, outside in
            let serve = "while :; do { printf 'HTTP/1.0 200 OK\\r\\n\\r\\nhello\\n'; } | nc -l -p 80 >/dev/null; done"
            try box.ok("run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", serve)
            #expect(try box.ok("port", "web").lines == ["80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080"])
            #expect(try box.ok("ps", "--format", "{{.Ports}}").trimmed == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
            let get = "curl -s --max-time 5"
            for address in ["127.0.0.1", "192.0.2.1", "[::1]", "172.17.0.1"] {
                #expect(
                    eventually { (try? machine.run("\(get) http://\(address):8080/"))?.text == "hello\n" }, "\(address)"
                )
            }
            for address in ["192.0.2.1", "[2001:db8::1]"] {
                #expect(
                    eventually { (try? outside.run("\(get) http://\(address):8080/"))?.text == "hello\n" }, "\(address)"
                )
            }
            let inside = try box.run("run", "--rm", "busybox", "sh", "-c", "echo GET / | nc -w 5 172.17.0.1 8080")
            #expect(inside.text.hasSuffix("hello\n"), "\(inside)")
            expectOneLine(
                try box.run("run", "--rm", "-p", "8080:80", "busybox", "true"), status: 125, "8080", "web")
            try box.ok("container", "update", "--publish-rm", "80", "--publish-add", "8081:80", "web")
            #expect(try machine.run("\(get) http://127.0.0.1:8080/").status != 0)
            #expect(eventually { (try? machine.run("\(get) http://127.0.0.1:8081/"))?.text == "hello\n" })
            #expect(try box.ok("port", "web", "80").lines == ["0.0.0.0:8081", "[::]:8081"])
        }
    }

    @Test func theServerSeesTheClientAndTheHostsRulesHold() throws {
        try withNeighbour { box, machine, outside in
            try box.ok(
                "run", "-d", "--name", "web", "-p", "7:7", "busybox", "sh", "-c",
                "while :; do nc -l -p 7 -e sh -c 'netstat -tn 2>/dev/null | grep ESTABLISHED | head -1'; done")
            #expect(
                eventually {
                    (try? outside.run("busybox nc -w2 192.0.2.1 7 </dev/null"))?.text.contains("192.0.2.2:") == true
                })
            try machine.ok("nft 'add table inet fw; add chain inet fw in { type filter hook input priority 0; }'")
            try machine.ok("nft 'add rule inet fw in tcp dport 7 drop'")
            #expect(try outside.run("busybox nc -w2 192.0.2.1 7 </dev/null").text.isEmpty)
        }
    }

    @Test func rangesChooseWhatIsFree() throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "--subnet", "10.8.0.0/29", "tiny")
            for number in 2...6 {
                let id = try box.ok("run", "-d", "--network", "tiny", "busybox", "sleep", "60").trimmed
                #expect(
                    try box.ok("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", id).trimmed
                        == "10.8.0.\(number)")
            }
            expectOneLine(
                try box.run("run", "--network", "tiny", "--name", "late", "busybox", "true"), status: 125, "10.8.0.0/29"
            )
            expectOneLine(
                try box.run("run", "--rm", "--network", "tiny", "--ip", "10.8.0.3", "busybox", "true"), status: 125,
                "10.8.0.3")
            expectOneLine(
                try box.run("run", "--rm", "--network", "tiny", "--ip", "10.9.0.3", "busybox", "true"), status: 125,
                "outside")
            let first = try box.ok("ps", "-q", "-n", "5").lines.last ?? ""
            try box.ok("rm", "-f", first)
            #expect(try box.ok("start", "-a", "late").status == 0)
        }
    }

    @Test(arguments: [
        (["--subnet", "10.0.0.0/33"], "10.0.0.0/33"), (["--subnet", "nonsense"], "nonsense"),
        (["--subnet", "10.1.0.0/24", "--gateway", "10.2.0.1"], "10.2.0.1"),
        (["--subnet", "10.1.0.0/24", "--ip-range", "10.2.0.0/25"], "10.2.0.0/25"),
        (["--subnet", "10.5.0.0/16"], "taken"), (["-d", "overlay"], "overlay"),
        (["-o", "com.docker.network.bridge.enable_icc=perhaps"], "perhaps"), (["-o", "nothing=1"], "nothing"),
    ])
    func wrongNetworksAreRefused(flags: [String], word: String) throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "--subnet", "10.5.1.0/24", "taken")
            expectOneLine(try box.command(["network", "create"] + flags + ["new"]).run(), status: 1, word)
            #expect(try box.ok("network", "ls", "-q", "--filter", "name=new").lines.isEmpty)
            expectOneLine(try box.run("network", "create", "taken"), status: 1, "exists already")
            expectOneLine(try box.run("network", "rm", "bridge"), status: 1, "always")
            expectOneLine(try box.run("network", "rm", "nobody"), status: 1, "no such network")
            expectOneLine(try box.run("run", "--network", "nobody", "busybox", "true"), status: 125, "nobody")
        }
    }

    @Test func anInterfaceOfTheHostsIsLeftAlone() throws {
        try withMachine { box, machine in
            try machine.ok("ip link add br-taken type bridge")
            try box.ok("network", "create", "-o", "com.docker.network.bridge.name=br-taken", "net")
            expectOneLine(try box.run("run", "--rm", "--network", "net", "busybox", "true"), status: 125, "br-taken")
            try box.ok("network", "rm", "net")
            #expect(try machine.interfaces() == ["br-taken"])
        }
    }

    @Test func aFlushedFirewallIsMended() throws {
        try withNeighbour { box, machine, _ in
            try box.ok("run", "-d", "--name", "aa", "busybox", "sleep", "60")
            try machine.ok("nft flush ruleset")
            try box.ok("network", "reload")
            #expect(try machine.ok("nft list table inet box").text.contains("box0"))
            try machine.ok("nft flush ruleset")
            let output = try box.run("run", "--rm", "busybox", "sh", "-c", "\(ping) 192.0.2.2 >/dev/null && echo out")
            #expect(output.trimmed == "out", "\(output)")
        }
    }

    @Test func aForwardPolicyOfDropDoesNotCutContainersOff() throws {
        try withNeighbour { box, machine, _ in
            try machine.ok(
                "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'"
            )
            let output = try box.run("run", "--rm", "busybox", "sh", "-c", "\(ping) 192.0.2.2 >/dev/null && echo out")
            #expect(output.trimmed == "out", "\(output)")
        }
    }

    @Test func killsLeaveNothing() throws {
        try withMachine { box, machine in
            try box.ok("network", "create", "app")
            for round in 0..<Soak.rounds(20) {
                let client = try box.start(
                    "run", "--rm", "--network", "app", "-p", "9000:80", "busybox", "sleep", "0.05")
                usleep(UInt32(round % 20) * 2500)
                for process in Traces.processes(of: box.scope.directory) { kill(process.pid, SIGKILL) }
                client.terminate()
            }
            // The next command that writes collects.
            try box.ok("create", "--name", "next", "busybox", "true")
            #expect(eventually { (try? machine.interfaces().filter { $0.hasPrefix("veth") }) == [] })
            #expect(try box.ok("network", "inspect", "-f", "{{len .Leases}}", "app").trimmed == "0")
            #expect(
                try box.ok("run", "--rm", "--network", "app", "-p", "9000:80", "busybox", "echo", "fine").trimmed
                    == "fine")
            #expect(try box.ok("system", "check").text.contains("clean"))
        }
    }

    @Test func manyStartAtOnce() throws {
        try withMachine { box, _ in
            let programs = try (0..<12).map { _ in
                try box.start("run", "--rm", "busybox", "sh", "-c", "sleep 0.3; hostname -i")
            }
            let addresses = try programs.map { try $0.wait() }
            #expect(addresses.allSatisfy { $0.status == 0 }, "\(addresses)")
            #expect(Set(addresses.map(\.trimmed)).count == 12, "\(addresses.map(\.trimmed))")
        }
    }

    @Test func networksArePrunedAndFiltered() throws {
        try withMachine { box, _ in
            try box.ok("network", "create", "--label", "k=v", "used")
            try box.ok("network", "create", "unused")
            try box.ok("create", "--network", "used", "busybox", "true")
            #expect(try box.ok("network", "ls", "-f", "dangling=true", "--format", "{{.Name}}").lines == ["unused"])
            #expect(try box.ok("network", "ls", "-f", "label=k=v", "--format", "{{.Name}}").lines == ["used"])
            #expect(try box.ok("network", "prune", "-f").text.contains("unused"))
            #expect(try box.ok("network", "ls", "-f", "type=custom", "--format", "{{.Name}}").lines == ["used"])
        }
    }
}
