import Foundation
import Synchronization

/// A registry whose every answer the test decides, to see what `box` makes of servers that err, lie, hang or die.
final class HostileRegistry: Sendable {
    struct Request: Sendable, CustomStringConvertible {
        let method: String
        /// Path and query as they came.
        let target: String
        /// Names in lower case.
        let headers: [String: String]
        let body: [UInt8]

        var path: String { String(target.prefix { $0 != "?" }) }
        var query: String { String(target.dropFirst(path.count + 1)) }
        var isManifest: Bool { path.contains("/manifests/") }
        var isBlob: Bool { path.contains("/blobs/") }
        var description: String { "\(method) \(target) \(headers)" }
    }

    /// What to answer, and how to misbehave while doing so.
    struct Response: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        /// Breaks the connection off after so many bytes of the body.
        var cutAfter: Int?
        /// Waits so long before the first byte.
        var delay: Duration = .zero
        /// Sends so many bytes of the body and then nothing any more, with the connection open.
        var stallAfter: Int?
        /// Sends the body in pieces of 64 KiB with so long a pause between them.
        var pause: Duration = .zero
        /// Announces another length than that of the body.
        var announcedLength: Int?

        static func status(_ status: Int, _ code: String = "UNKNOWN", headers: [String: String] = [:]) -> Response {
            let body = #"{"errors":[{"code":"\#(code)","message":"said the registry"}]}"#
            return Response(
                status: status, headers: ["Content-Type": "application/json"].merging(headers) { $1 },
                body: Array(body.utf8))
        }

        static func redirect(_ location: String, status: Int = 307) -> Response {
            Response(status: status, headers: ["Location": location])
        }

        static func tooManyRequests(retryAfter seconds: Int) -> Response {
            status(429, "TOOMANYREQUESTS", headers: ["Retry-After": "\(seconds)"])
        }

        static func unauthorized(_ challenge: String) -> Response {
            status(401, "UNAUTHORIZED", headers: ["WWW-Authenticate": challenge])
        }

        static var hang: Response { Response(delay: .seconds(3600)) }
    }

    /// Decides an answer; nil gives the honest one. The number counts the earlier requests for the same target.
    typealias Script = @Sendable (_ request: Request, _ number: Int) -> Response?

    let port: UInt16
    private let listener: Socket
    private let script: Script
    private let state = Monitored(State())

    private struct State {
        var requests: [Request] = []
        var connections: [ObjectIdentifier: Socket] = [:]
        var images: [String: HandMadeImage] = [:]
        var isStopped = false
    }

    var host: String { "127.0.0.1:\(port)" }
    var requests: [Request] { state.read { $0.requests } }

    /// Starts one that ends with the scope.
    static func start(
        in scope: Scope, images: [String: HandMadeImage] = [:], _ script: @escaping Script = { _, _ in nil }
    ) throws
        -> HostileRegistry
    {
        let registry = try HostileRegistry(images, script)
        scope.atEnd { registry.stop() }
        return registry
    }

    private init(_ images: [String: HandMadeImage], _ script: @escaping Script) throws {
        self.script = script
        (listener, port) = try Socket.listening()
        state.change { $0.images = images }
        inThread { [self] in
            while let connection = listener.accepted() {
                connection.limit(.seconds(60))
                let isStopped = state.read { $0.isStopped }
                if isStopped { return }
                state.change { $0.connections[ObjectIdentifier(connection)] = connection }
                inThread { [self] in
                    serve(connection)
                    connection.shut()
                    state.change { $0.connections[ObjectIdentifier(connection)] = nil }
                }
            }
        }
    }

    /// Offers an image under a name with a tag, e.g. `app:latest`.
    func add(_ name: String, _ image: HandMadeImage) {
        state.change { $0.images[name] = image }
    }

    func stop() {
        state.change { $0.isStopped = true }
        listener.shut()
        state.read { $0.connections.values.forEach { $0.shut() } }
        _ = state.wait(.seconds(10)) { $0.connections.isEmpty }
    }

    private func serve(_ connection: Socket) {
        var received: [UInt8] = []
        while true {
            while HTTPHead(received) == nil {
                guard let bytes = connection.receive(), !bytes.isEmpty else { return }
                received += bytes
            }
            guard let head = HTTPHead(received) else { return }
            let length = head.headers["content-length"].flatMap(Int.init) ?? 0
            while received.count < head.length + length {
                guard let bytes = connection.receive(), !bytes.isEmpty else { return }
                received += bytes
            }
            let words = head.firstLine.split(separator: " ").map(String.init)
            guard words.count == 3 else { return }
            let body = Array(received[head.length..<head.length + length])
            received.removeFirst(head.length + length)
            let request = Request(method: words[0], target: words[1], headers: head.headers, body: body)
            guard answer(request, on: connection), head.headers["connection"]?.lowercased() != "close" else { return }
        }
    }

    /// Answers one request; false when the connection is over.
    private func answer(_ request: Request, on connection: Socket) -> Bool {
        var number = 0
        state.change {
            number = $0.requests.count { $0.target == request.target && $0.method == request.method }
            $0.requests.append(request)
        }
        let response = script(request, number) ?? honest(request)
        if response.delay > .zero, state.wait(response.delay, until: { $0.isStopped }) { return false }

        var head = "HTTP/1.1 \(response.status) Answer\r\n"
        var headers = response.headers
        headers["Content-Length"] = headers["Content-Length"] ?? "\(response.announcedLength ?? response.body.count)"
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
        guard connection.send((head + "\r\n").utf8) else { return false }
        if request.method == "HEAD" { return true }

        let end = min(response.cutAfter ?? .max, response.stallAfter ?? .max, response.body.count)
        var rest = response.body[..<end]
        while !rest.isEmpty {
            let piece = rest.prefix(response.pause > .zero ? 1 << 16 : rest.count)
            guard connection.send(piece) else { return false }
            rest = rest.dropFirst(piece.count)
            if response.pause > .zero, state.wait(response.pause, until: { $0.isStopped }) { return false }
        }
        if response.stallAfter != nil {
            _ = state.wait(.seconds(3600)) { $0.isStopped }
            return false
        }
        if response.cutAfter != nil || response.announcedLength.map({ $0 != response.body.count }) == true {
            // What was sent has to arrive before the connection dies: an orderly end in the middle of the body.
            connection.shut()
            return false
        }
        return true
    }

    /// What an honest registry would answer.
    func honest(_ request: Request) -> Response {
        if request.path == "/v2/" { return Response(headers: ["Docker-Distribution-Api-Version": "registry/2.0"]) }
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count >= 4, parts[0] == "v2" else { return .status(404, "NAME_UNKNOWN") }
        let name = parts[1..<parts.count - 2].joined(separator: "/")
        let reference = parts[parts.count - 1]
        let images = state.read { $0.images }
        let known = images.filter { $0.key.hasPrefix(name + ":") }.map(\.value)
        switch parts[parts.count - 2] {
        case "tags":
            let tags = images.keys.filter { $0.hasPrefix(name + ":") }.map { "\"\($0.dropFirst(name.count + 1))\"" }
            return Response(
                headers: ["Content-Type": "application/json"],
                body: Array("{\"name\":\"\(name)\",\"tags\":[\(tags.sorted().joined(separator: ","))]}".utf8))
        case "manifests":
            let found = images["\(name):\(reference)"]?.top ?? known.lazy.compactMap { $0.manifests[reference] }.first
            guard let found else { return .status(404, "MANIFEST_UNKNOWN") }
            return Response(
                headers: ["Content-Type": found.mediaType, "Docker-Content-Digest": digest(of: found.bytes)],
                body: found.bytes)
        case "blobs":
            guard let blob = known.lazy.compactMap({ $0.blobs[reference] }).first else {
                return .status(404, "BLOB_UNKNOWN")
            }
            return part(of: blob, request.headers["range"])
        default:
            return .status(404)
        }
    }

    /// A whole blob, or what a Range header asks for.
    private func part(of blob: [UInt8], _ range: String?) -> Response {
        let type = ["Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"]
        guard let range, range.hasPrefix("bytes=") else { return Response(headers: type, body: blob) }
        let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard let first = Int(ends[0]), first < blob.count else {
            return Response(status: 416, headers: ["Content-Range": "bytes */\(blob.count)"])
        }
        let last = min(ends.count > 1 ? Int(ends[1]) ?? blob.count - 1 : blob.count - 1, blob.count - 1)
        let bounds = ["Content-Range": "bytes \(first)-\(last)/\(blob.count)"]
        return Response(status: 206, headers: type.merging(bounds) { $1 }, body: Array(blob[first...last]))
    }
}
