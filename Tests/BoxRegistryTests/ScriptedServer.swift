import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A server on loopback that answers each request with raw bytes of the test's choice.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        let method: String
        let target: String
        /// Names in lower case.
        let headers: [String: String]
        let body: String

        var path: String { String(target.prefix { $0 != "?" }) }
    }

    enum Step: Sendable {
        case send([UInt8])
        case wait(milliseconds: Int64)
        case close
        /// No further byte, the connection stays open.
        case hang

        static func text(_ text: String) -> Step { .send(Array(text.utf8)) }
    }

    typealias Script = @Sendable (Request, _ number: Int) -> [Step]

    private let log = Mutex<[Request]>([])
    private let channel: any Channel
    let port: Int

    var requests: [Request] { log.withLock { $0 } }
    var host: String { "127.0.0.1:\(port)" }

    init(_ script: @escaping Script) async throws {
        let recorder = Recorder()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connection(script: script, recorder: recorder))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        recorder.server = { [weak self] in self?.append($0) ?? 0 }
    }

    private func append(_ request: Request) -> Int {
        log.withLock {
            $0.append(request)
            return $0.count
        }
    }

    func stop() async {
        try? await channel.close()
    }

    /// Runs a body with a server and stops it afterwards.
    static func with<Value: Sendable>(
        _ script: @escaping Script, _ body: (ScriptedServer) async throws -> Value
    ) async throws -> Value {
        let server = try await ScriptedServer(script)
        do {
            let value = try await body(server)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }

    private final class Recorder: Sendable {
        private let target = Mutex<(@Sendable (Request) -> Int)?>(nil)

        var server: (@Sendable (Request) -> Int)? {
            get { target.withLock { $0 } }
            set { target.withLock { $0 = newValue } }
        }
    }

    private final class Connection: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let script: Script
        private let recorder: Recorder
        private var received = ""

        init(script: @escaping Script, recorder: Recorder) {
            self.script = script
            self.recorder = recorder
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            guard let end = received.range(of: "\r\n\r\n") else { return }
            let lines = received[..<end.lowerBound].components(separatedBy: "\r\n")
            let first = lines[0].split(separator: " ").map(String.init)
            var headers: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
            }
            let length = headers["content-length"].flatMap { Int($0) } ?? 0
            let rest = received[end.upperBound...]
            guard rest.utf8.count >= length else { return }
            received = ""
            let request = Request(method: first[0], target: first[1], headers: headers, body: String(rest))
            let number = recorder.server?(request) ?? 0
            run(script(request, number)[...], context.channel)
        }

        private func run(_ steps: ArraySlice<Step>, _ channel: any Channel) {
            var steps = steps
            while let step = steps.popFirst() {
                switch step {
                case .send(let bytes): channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
                case .close:
                    channel.close(promise: nil)
                    return
                case .hang: return
                case .wait(let milliseconds):
                    Self.later(steps, channel, milliseconds)
                    return
                }
            }
        }

        private static func later(_ steps: ArraySlice<Step>, _ channel: any Channel, _ milliseconds: Int64) {
            channel.eventLoop.scheduleTask(in: .milliseconds(milliseconds)) {
                for step in steps {
                    switch step {
                    case .send(let bytes): channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
                    case .close: channel.close(promise: nil)
                    case .hang, .wait: return
                    }
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

/// A complete answer.
func answer(
    _ status: Int, _ headers: [String: String] = [:], _ body: [UInt8] = [], length: Int? = nil
) -> [ScriptedServer.Step] {
    var head = "HTTP/1.1 \(status) Status\r\nContent-Length: \(length ?? body.count)\r\n"
    for (name, value) in headers.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
    return [.send(Array((head + "\r\n").utf8) + body)]
}
