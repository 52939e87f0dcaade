import BoxModel
import BoxNetwork
import BoxSystem
import Foundation
import Testing

@Suite(.enabled(if: ForwarderWorld.isPossible, "needs root, iproute2 and python3"), .serialized)
struct PortForwarderTests {
    /// Answers each connection with the address that it sees, once the client has said something.
    private static func nameServer(_ family: String = "AF_INET6", port: Int = 80) -> String {
        """
        s=socket.socket(socket.\(family)); s.setsockopt(1,2,1)
        s.bind(('',\(port))); s.listen(200); print('ready')
        while True:
            c,a=s.accept(); c.recv(10); c.sendall(a[0].replace('::ffff:','').encode()); c.close()
        """
    }

    private static func ask(_ host: String, port: UInt16 = 8080) -> String {
        """
        s=socket.create_connection(('\(host)',\(port)),5); s.sendall(b'x'); print(s.recv(100).decode())
        """
    }

    @Test(
        "the server sees the client, and the gateway for the machine's own loopback",
        arguments: [
            (ForwarderWorld.Place.client, ForwarderWorld.machineV4, ForwarderWorld.clientV4),
            (.client, ForwarderWorld.machineV6, ForwarderWorld.clientV6),
            (.machine, "127.0.0.1", "10.77.0.1"), (.machine, "::1", "fd77::1"),
            (.machine, ForwarderWorld.machineV4, ForwarderWorld.machineV4),
            (.container, "10.77.0.1", "10.77.0.2"), (.container, "fd77::1", "fd77::2"),
        ])
    func clientAddress(place: ForwarderWorld.Place, host: String, seen: String) throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve(Self.nameServer())
        for _ in 0..<2 {
            #expect(try world.run(Self.ask(host), in: place, serving: forwarder) == seen)
        }
    }

    @Test("a client of the other version comes from the gateway")
    func otherVersion() throws {
        let world = try ForwarderWorld()
        try world.serve(Self.nameServer())
        let (four, _) = try world.forwarder(["8080:80"], v6: false)
        #expect(try world.run(Self.ask(ForwarderWorld.machineV6), serving: four) == "10.77.0.1")
        let (six, _) = try world.forwarder(["8081:80"], v4: false)
        #expect(try world.run(Self.ask(ForwarderWorld.machineV4, port: 8081), serving: six) == "fd77::1")
    }

    @Test(
        "datagrams: the server sees the client and the answer comes from the address that was asked",
        .enabled(if: findProgram("nft") != nil, "needs nftables"),
        arguments: [
            (ForwarderWorld.Place.client, ForwarderWorld.machineV4, ForwarderWorld.clientV4),
            (.client, ForwarderWorld.machineV6, ForwarderWorld.clientV6),
            (.client, "10.77.0.1", ForwarderWorld.clientV4),
            (.machine, "127.0.0.1", "10.77.0.1"), (.machine, "::1", "fd77::1"),
        ])
    func datagrams(place: ForwarderWorld.Place, host: String, seen: String) throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["5300:53/udp"])
        try world.serve(
            """
            s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM); s.bind(('',53)); print('ready')
            while True:
                d,a=s.recvfrom(65535); s.sendto(a[0].replace('::ffff:','').encode()+b' '+str(len(d)).encode(),a)
            """)
        let family = host.contains(":") ? "AF_INET6" : "AF_INET"
        if place == .client {
            _ = try Spawn.capture("/bin/sh", ["-c", "ip -n \(world.name)c route add default via 192.168.77.1"])
        }
        let client = """
            s=socket.socket(socket.\(family),socket.SOCK_DGRAM); s.settimeout(5); s.connect(('\(host)',5300))
            for n in (1,0,30000):
                s.send(b'x'*n); print(s.recv(100).decode())
            """
        #expect(try world.run(client, in: place, serving: forwarder) == "\(seen) 1\n\(seen) 0\n\(seen) 30000")
        // Who asks the container itself, from the same port, is answered directly.
        let direct = """
            s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(5)
            s.sendto(b'x',('10.77.0.2',53)); print(s.recv(100).decode())
            """
        #expect(try world.run(direct, in: .machine, serving: forwarder) == "10.77.0.1 1")
    }

    @Test("a half-closed connection still brings the answer")
    func halfClose() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve(
            """
            s=socket.create_server(('',80)); print('ready')
            c,a=s.accept(); n=0
            while True:
                d=c.recv(65536)
                if not d: break
                n+=len(d)
            time.sleep(0.2); c.sendall(str(n).encode()); c.close()
            """)
        let client = """
            s=socket.create_connection(('\(ForwarderWorld.machineV4)',8080),5); s.sendall(b'x'*300000)
            s.shutdown(socket.SHUT_WR); print(s.recv(100).decode(), s.recv(1)==b'')
            """
        #expect(try world.run(client, serving: forwarder) == "300000 True")
    }

    @Test("a reset is passed on, both ways")
    func reset() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve(
            """
            s=socket.create_server(('',80)); print('ready')
            c,a=s.accept(); c.recv(1); c.setsockopt(1,13,struct.pack('ii',1,0)); c.close()
            c,a=s.accept(); c.sendall(b'y')
            try: c.recv(1); r='end'
            except ConnectionResetError: r='reset'
            c,a=s.accept(); c.recv(1); c.sendall(r.encode()); c.close(); time.sleep(9)
            """)
        let client = """
            import os
            def f(): return socket.create_connection(('\(ForwarderWorld.machineV4)',8080),5)
            s=f(); s.sendall(b'x')
            try: s.recv(1); print('end')
            except ConnectionResetError: print('reset')
            s=f(); s.recv(1); s.setsockopt(1,13,struct.pack('ii',1,0)); s.close()
            s=f(); s.sendall(b'x'); print(s.recv(100).decode())
            """
        #expect(try world.run(client, serving: forwarder) == "reset\nreset")
    }

    @Test("what a client said before it ended and went is delivered whole")
    func lastWords() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve(
            """
            s=socket.socket(); s.setsockopt(1,8,4096); s.bind(('',80)); s.listen(); print('ready')
            c,a=s.accept(); time.sleep(0.6); c.sendall(b'z'*10); time.sleep(0.3); n=0
            try:
                while True:
                    d=c.recv(65536)
                    if not d: break
                    n+=len(d)
            except ConnectionResetError: n=-n
            c,a=s.accept(); c.sendall(str(n).encode()); c.close(); time.sleep(9)
            """)
        let client = """
            def f(): return socket.create_connection(('\(ForwarderWorld.machineV4)',8080),5)
            s=f(); s.sendall(b'x'*500000); s.shutdown(socket.SHUT_WR); time.sleep(0.2)
            s.setsockopt(1,13,struct.pack('ii',1,0)); s.close()
            print(f().recv(100).decode())
            """
        #expect(try world.run(client, serving: forwarder) == "500000")
    }

    @Test("nobody listens: the client is reset at once")
    func noServer() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        for host in [ForwarderWorld.machineV4, ForwarderWorld.machineV6] {
            let client = """
                t=time.time()
                try: s=socket.create_connection(('\(host)',8080),5); r=s.recv(1); r='end'
                except ConnectionResetError: r='reset'
                print(r, time.time()-t<0.5)
                """
            #expect(try world.run(client, serving: forwarder) == "reset True")
        }
    }

    @Test("a hundred connections at once, each with its own answer")
    func parallel() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve(
            """
            s=socket.create_server(('',80),backlog=200); print('ready')
            def f(c):
                while True:
                    d=c.recv(65536)
                    if not d: break
                    c.sendall(d)
                c.close()
            while True: threading.Thread(target=f,args=(s.accept()[0],),daemon=True).start()
            """)
        let client = """
            l=[socket.create_connection(('\(ForwarderWorld.machineV4)',8080),5) for i in range(100)]
            n=0
            for r in range(3):
                for i,s in enumerate(l): s.sendall(b'%03d' % i)
                for i,s in enumerate(l): n += s.recv(3)==b'%03d' % i
            print(n)
            """
        #expect(try world.run(client, serving: forwarder) == "300")
    }

    @Test("100 MB both ways at once arrive whole, also when the reader is slow")
    func volume() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        let both = """
            def send(c):
                h=hashlib.sha256(); b=bytes(range(256))*4096
                for i in range(100):
                    p=struct.pack('i',i)+b; h.update(p); c.sendall(p)
                c.shutdown(socket.SHUT_WR); global sent; sent=h.hexdigest()
            def both(c,pause):
                t=threading.Thread(target=send,args=(c,)); t.start(); h=hashlib.sha256(); n=0
                time.sleep(pause)
                while True:
                    d=c.recv(1<<20)
                    if not d: break
                    h.update(d); n+=len(d)
                t.join(); return sent,h.hexdigest(),n

            """
        try world.serve(both + "s=socket.create_server(('',80)); print('ready'); c,a=s.accept(); both(c,0); c.close()")
        let client =
            both + "a,b,n=both(socket.create_connection(('\(ForwarderWorld.machineV4)',8080),5),1); print(a==b,n)"
        #expect(try world.run(client, serving: forwarder) == "True \(100 * (1_048_576 + 4))")
    }

    @Test("a slow reader holds the sender back")
    func backPressure() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve("s=socket.create_server(('',80)); print('ready'); c,a=s.accept(); time.sleep(20)")
        let client = """
            s=socket.create_connection(('\(ForwarderWorld.machineV4)',8080),5); s.settimeout(0.5); n=0
            try:
                while n < 200<<20: n+=s.send(b'x'*65536)
                print('never')
            except TimeoutError: print('held')
            """
        #expect(try world.run(client, serving: forwarder) == "held")
    }

    @Test("clients that come before the target is known are served then")
    func lateTarget() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"], target: false)
        let early = """
            s=socket.create_connection(('127.0.0.1',8080),5); s.settimeout(0.3)
            try: s.recv(1); print('answered')
            except TimeoutError: print('waits')
            """
        #expect(try world.run(early, in: .machine, serving: forwarder) == "waits")
        try world.serve(Self.nameServer())
        world.aim(forwarder)
        #expect(try world.run(Self.ask("127.0.0.1"), in: .machine, serving: forwarder) == "10.77.0.1")
    }

    @Test("a port that is taken away refuses; others stay")
    func unpublish() throws {
        let world = try ForwarderWorld()
        let (forwarder, ports) = try world.forwarder(["8080:80", "8081:80"])
        #expect(ports.count == 4)
        try world.serve(Self.nameServer())
        forwarder.unpublish(ports.filter { $0.hostPort == 8080 })
        #expect(forwarder.published == ports.filter { $0.hostPort == 8081 })
        #expect(try world.run(Self.ask("127.0.0.1"), in: .machine, serving: forwarder).contains("ConnectionRefused"))
        #expect(try world.run(Self.ask("127.0.0.1", port: 8081), in: .machine, serving: forwarder) == "10.77.0.1")
        #expect(try world.publish(["8080:80"], with: forwarder).count == 2)
    }

    @Test("a rule of the machine's firewall is obeyed", .enabled(if: findProgram("nft") != nil, "needs nftables"))
    func firewall() throws {
        let world = try ForwarderWorld()
        let (forwarder, _) = try world.forwarder(["8080:80"])
        try world.serve(Self.nameServer())
        let rules = """
            ip netns exec \(world.name)h nft 'table inet f { chain i { type filter hook input priority 0
            iifname "v1" tcp dport 8080 reject with tcp reset
            }; }'
            """
        #expect(try Spawn.capture("/bin/sh", ["-c", rules]).status == 0)
        #expect(
            try world.run(Self.ask(ForwarderWorld.machineV4), serving: forwarder).contains("ConnectionRefused"))
        #expect(try world.run(Self.ask("127.0.0.1"), in: .machine, serving: forwarder) == "10.77.0.1")
    }

    @Test("a random port is the same for both versions, a range takes the next free one")
    func choice() throws {
        let world = try ForwarderWorld()
        let (forwarder, ports) = try world.forwarder(["80", "81/udp", "7000-7002:82", "7000-7002:83"])
        #expect(ports.map(\.port.number) == [80, 80, 81, 81, 82, 82, 83, 83])
        for index in [0, 2, 4, 6] {
            #expect(ports[index].hostPort == ports[index + 1].hostPort)
            #expect(ports[index].hostPort > 0)
            #expect(ports[index].hostAddress == .anyV4)
            #expect(ports[index + 1].hostAddress == .anyV6)
        }
        #expect(ports[4...].map(\.hostPort) == [7000, 7000, 7001, 7001])
        #expect(forwarder.published == ports)
    }

    @Test("a port in use is named with who holds it, and nothing else is taken")
    func inUse() throws {
        let world = try ForwarderWorld()
        let holder = try world.serve(
            "s=socket.create_server(('127.0.0.1',8081)); print('ready'); time.sleep(30)", in: .machine)
        let forwarder = try PortForwarder(namespace: world.container)
        func refusal(_ ports: [String]) throws -> BoxFailure {
            try #require(throws: BoxFailure.self) { try world.publish(ports, with: forwarder) }
        }
        let failure = try refusal(["8080:80", "8081:81"])
        #expect(failure.kind == .conflict)
        #expect(failure.subject == "port 8081/tcp")
        #expect(failure.description.contains("in use by python3"), "\(failure)")
        #expect(failure.description.contains("process \(holder.processIdentifier)"), "\(failure)")
        #expect(forwarder.published.isEmpty)
        forwarder.nameOfHolder = { $0 == holder.processIdentifier ? "web" : nil }
        #expect(try refusal(["8081:81"]).description.contains("in use by the container web"))
        #expect(try refusal(["8081-8081:81"]).kind == .conflict)
        #expect(try world.publish(["8080:80", "10.77.0.1:8081:81"], with: forwarder).count == 3)
        #expect(try refusal(["1.2.3.4:8082:80"]).description.contains("no interface of this machine"))
    }
}
