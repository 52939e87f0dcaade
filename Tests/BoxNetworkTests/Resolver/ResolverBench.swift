import BoxModel
import BoxSystem
import CBoxSys
import Foundation
import Synchronization

@testable import BoxNetwork

/// A network namespace that stands for a container, a resolver for it on a thread, and tools run inside.
final class ResolverBench: Sendable {
    private enum Start: Sendable {
        case running(obstacle: SystemFailure?, nanoseconds: Int64)
        case failed(BoxFailure)
    }

    let namespace: ResolverNamespace
    /// Why port 53 is not led elsewhere.
    let obstacle: SystemFailure?
    /// What making the resolver took.
    let startNanoseconds: Int64
    private let thread: ResolverThread

    init(
        _ configuration: Resolver.Configuration = Resolver.Configuration(), _ tables: [NameTable] = [],
        isAlive: @escaping @Sendable (ContainerID) -> Bool = { _ in true }, isLoopbackUp: Bool = true,
        in given: ResolverNamespace? = nil, path: String? = nil, host: String = "/proc/self/ns/net"
    ) throws {
        namespace = try given ?? ResolverNamespace(isLoopbackUp: isLoopbackUp)
        thread = ResolverThread()
        (obstacle, startNanoseconds) = try thread.start(path ?? namespace.path, host, configuration, tables, isAlive)
    }

    deinit { thread.stop() }

    /// Runs a closure on the resolver's own thread and waits for it.
    func change(_ body: @escaping @Sendable (Resolver) -> Void) { thread.change(body) }

    /// Standard output of a program inside.
    @discardableResult
    func run(_ arguments: String...) throws -> String { try namespace.run(arguments) }

    /// The lines of `dig +short`, sorted.
    func dig(_ arguments: String...) throws -> [String] {
        try namespace.run(["dig", "@127.0.0.11", "+short", "+timeout=10", "+tries=1"] + arguments)
            .split(separator: "\n").map(String.init).sorted()
    }

    /// The whole of what `dig` tells.
    func digAll(_ arguments: String...) throws -> String {
        try namespace.run(["dig", "@127.0.0.11", "+timeout=10", "+tries=1"] + arguments)
    }
}

/// A namespace of its own with the loopback interface up.
final class ResolverNamespace: Sendable {
    let name: String
    var path: String { "/run/netns/" + name }

    init(isLoopbackUp: Bool = true) throws {
        name = "bxr" + UUID().uuidString.prefix(8).lowercased()
        try Self.ip(["netns", "add", name])
        if isLoopbackUp { try Self.ip(["-n", name, "link", "set", "lo", "up"]) }
    }

    deinit { _ = try? Self.ip(["netns", "del", name]) }

    func run(_ arguments: [String]) throws -> String { try Self.ip(["netns", "exec", name] + arguments) }

    @discardableResult
    static func ip(_ arguments: [String]) throws -> String {
        let result = try Spawn.capture(findProgram("ip") ?? "/sbin/ip", arguments)
        // 9 is dig's for no answer, 2 getent's for no such name; the output tells more than the number.
        guard [0, 2, 9].contains(result.status) else {
            throw BoxFailure(
                .internal, "run ip", arguments.joined(separator: " "),
                reason: "\(result.status): " + String(decoding: result.error + result.output, as: UTF8.self))
        }
        return String(decoding: result.output, as: UTF8.self)
    }
}

/// Plays the monitor: a loop that watches the resolver's one descriptor.
private final class ResolverThread: Sendable {
    private let state = Mutex<(commands: [@Sendable (Resolver) -> Void], isStopped: Bool)>(([], false))
    private let ended = DispatchSemaphore(value: 0)

    func start(
        _ path: String, _ host: String, _ configuration: Resolver.Configuration, _ tables: [NameTable],
        _ isAlive: @escaping @Sendable (ContainerID) -> Bool
    ) throws -> (SystemFailure?, Int64) {
        let made = Mutex<Result<(SystemFailure?, Int64), BoxFailure>?>(nil)
        let started = DispatchSemaphore(value: 0)
        let box = Box(made)
        Thread.detachNewThread { [self] in
            defer { ended.signal() }
            do {
                let body: () throws -> Void = { [self] in
                    let before = SystemClock.monotonic
                    let resolver = try Resolver(
                        namespace: NetworkNamespace(path: path), configuration: configuration, tables: tables,
                        isAlive: isAlive)
                    let cost = SystemClock.monotonic - before
                    box.value.withLock { $0 = .success((resolver.obstacle, cost)) }
                    started.signal()
                    loop(resolver)
                }
                try NetworkNamespace(path: host).perform(body, orFail: { $0 as any Error })
            } catch {
                let failure = error as? BoxFailure ?? BoxFailure(.internal, "start", reason: "\(error)")
                box.value.withLock { $0 = .failure(failure) }
                started.signal()
            }
        }
        started.wait()
        guard let result = box.value.withLock({ $0 }) else {
            throw BoxFailure(.internal, "start", reason: "the thread said nothing")
        }
        if case .failure = result { ended.signal() }
        return try result.get()
    }

    private final class Box: Sendable {
        let value: Mutex<Result<(SystemFailure?, Int64), BoxFailure>?>
        init(_ value: consuming Mutex<Result<(SystemFailure?, Int64), BoxFailure>?>) { self.value = value }
    }

    private func loop(_ resolver: Resolver) {
        while true {
            let (commands, isStopped) = state.withLock { state in
                defer { state.commands = [] }
                return state
            }
            for command in commands { command(resolver) }
            if isStopped { return }
            if box_poll(resolver.descriptor, 1, 10) > 0 { resolver.work() }
        }
    }

    func change(_ body: @escaping @Sendable (Resolver) -> Void) {
        let done = DispatchSemaphore(value: 0)
        state.withLock {
            $0.commands.append { resolver in
                body(resolver)
                done.signal()
            }
        }
        done.wait()
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        ended.wait()
    }
}
