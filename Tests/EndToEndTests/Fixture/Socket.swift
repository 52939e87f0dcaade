import CBoxSys
import Foundation

/// A TCP socket on the loopback address, with time limits.
final class Socket: Sendable {
    let descriptor: CInt

    init(adopting descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Listens on a free port.
    static func listening() throws -> (Socket, UInt16) {
        let socket = try make()
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(socket.descriptor, pointer, length) == 0 && listen(socket.descriptor, 128) == 0
                    && getsockname(socket.descriptor, pointer, &length) == 0
            }
        }
        guard bound else { throw FixtureError("listen: \(String(cString: strerror(errno)))") }
        return (socket, UInt16(bigEndian: address.sin_port))
    }

    /// A port that was free just now.
    static func freePort() throws -> UInt16 {
        try listening().1
    }

    static func connected(to port: UInt16) throws -> Socket {
        let socket = try make()
        var address = loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw FixtureError("connect to port \(port): \(String(cString: strerror(errno)))") }
        return socket
    }

    private static func make() throws -> Socket {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw FixtureError("socket: \(String(cString: strerror(errno)))") }
        return Socket(adopting: descriptor)
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    /// The next connection, or nil when the socket was shut down.
    func accepted() -> Socket? {
        while true {
            let connection = box_accept(descriptor)
            if connection >= 0 { return Socket(adopting: connection) }
            if connection != -EINTR && connection != -ECONNABORTED { return nil }
        }
    }

    /// Lets no call on it wait for longer than this.
    func limit(_ duration: Duration) {
        var time = timeval(tv_sec: Int(duration / .seconds(1)), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Some bytes; none at the end, nil when the other side broke off or took too long.
    func receive(_ count: Int = 1 << 16) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &buffer, count, 0)
        return received >= 0 ? Array(buffer[..<received]) : nil
    }

    /// Whether everything was taken.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if sent < 0 && errno == EINTR { continue }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    /// Ends both directions, also for another thread that waits on it.
    func shut() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// Breaks off with a reset instead of an orderly end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}

/// What an HTTP server answered.
struct HTTPAnswer: Sendable {
    let status: Int
    let headers: [String: String]
    let body: [UInt8]
    /// Whether as many bytes came as were announced.
    let isComplete: Bool

    /// Asks a server on the loopback address, without any cleverness.
    static func get(
        port: UInt16, _ path: String, method: String = "GET", headers: [String: String] = [:],
        timeout: Duration = .seconds(10)
    ) throws -> HTTPAnswer {
        let socket = try Socket.connected(to: port)
        socket.limit(timeout)
        var request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        for (name, value) in headers { request += "\(name): \(value)\r\n" }
        socket.send((request + "\r\n").utf8)
        var received: [UInt8] = []
        while let bytes = socket.receive(), !bytes.isEmpty { received += bytes }
        guard let head = HTTPHead(received) else { throw FixtureError("\(method) \(path): no HTTP answer") }
        let words = head.firstLine.split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { throw FixtureError("not HTTP: \(head.firstLine)") }
        let body = Array(received[head.length...])
        let announced = head.headers["content-length"].flatMap(Int.init) ?? body.count
        return HTTPAnswer(status: status, headers: head.headers, body: body, isComplete: body.count == announced)
    }
}

/// The first line and the headers of a message, names in lower case.
struct HTTPHead {
    let firstLine: String
    let headers: [String: String]
    /// Where the body begins.
    let length: Int

    /// Nil while the end of the headers has not come yet.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        length = end.upperBound
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        firstLine = lines[0]
        headers = lines.dropFirst().reduce(into: [:]) { headers, line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
    }
}
