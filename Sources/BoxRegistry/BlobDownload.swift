internal import BoxModel
internal import NIOCore
internal import NIOHTTP1

/// One blob on its way: where it stands, and what has failed.
struct BlobDownload {
    typealias Deliver = @Sendable (UnsafeRawBufferPointer) throws(BoxFailure) -> Void

    /// Fewer new bytes than this between two failures do not count as progress, so that no server can keep a
    /// download alive for ever with a byte at a time.
    private static let progress: Int64 = 256 << 10

    let session: RegistrySession
    let descriptor: Descriptor
    let repository: String
    let pause: RetryPause
    let maxAttempts: Int
    let deliver: Deliver
    /// How much the receiver has.
    var position: Int64
    /// Endpoints that may still be asked, the next one first.
    var endpoints: [Endpoint]
    /// Endpoints that do not understand ranges.
    private var rangeless: Set<Endpoint> = []

    init(
        session: RegistrySession, configuration: RegistryConfiguration, descriptor: Descriptor, repository: String,
        offset: Int64, endpoints: [Endpoint], deliver: @escaping Deliver
    ) {
        self.session = session
        self.descriptor = descriptor
        self.repository = repository
        self.deliver = deliver
        self.endpoints = endpoints
        position = offset
        pause = RetryPause(first: configuration.retryDelay, longest: configuration.maxRetryDelay)
        maxAttempts = configuration.maxAttempts
    }

    /// Downloads until the end or until nothing is left to try.
    mutating func run() async throws(ExchangeFailure) {
        var failures = 0
        var mark = position
        while position < descriptor.size {
            guard let endpoint = endpoints.first else { throw .corrupt("no endpoint is left to try") }
            do throws(ExchangeFailure) {
                try await transfer(from: endpoint)
            } catch {
                if error.isFinal { throw error }
                if position - mark >= Self.progress {
                    mark = position
                    failures = 0
                }
                guard error.isTransient(contacted: session.isContacted(error)) else {
                    endpoints.removeFirst()
                    if endpoints.isEmpty { throw error }
                    continue
                }
                failures += 1
                guard failures < maxAttempts, let delay = pause.delay(failures: failures, asked: error.retryAfter)
                else {
                    // A mirror that is worn out does not take the registry's chance.
                    endpoints.removeFirst()
                    if endpoints.isEmpty { throw error }
                    failures = 0
                    continue
                }
                endpoints.append(endpoints.removeFirst())
                do { try await Task.sleep(for: delay) } catch {
                    throw .transport(.cancelled, at: endpoint.base(.https))
                }
            }
        }
    }

    private mutating func transfer(from endpoint: Endpoint) async throws(ExchangeFailure) {
        let start = position
        var ask = Ask(path: "/v2/\(repository)/blobs/\(descriptor.digest)", repository: repository, accepted: [416])
        if position > 0 && !rangeless.contains(endpoint) {
            ask.headers.append(("Range", "bytes=\(position)-"))
        }
        let (response, base) = try await session.exchangeAt(ask, at: endpoint)
        guard var skip = try skipped(response, asksRange: !ask.headers.isEmpty) else {
            // The answer is for another range than the one asked for: ask for everything instead.
            guard rangeless.insert(endpoint).inserted else {
                throw .corrupt("\(base.authority) sends other parts of it than asked for")
            }
            return
        }
        while true {
            let part: ByteBuffer?
            do throws(TransportFailure) {
                part = try await response.body.next()
            } catch {
                throw .transport(error, at: base)
            }
            guard let part else { break }
            try take(part, &skip)
        }
        if position == descriptor.size { return }
        // An end without length, or a server that sends less than was asked for: to be gone on with.
        guard position == start else { throw .transport(.closed, at: base) }
        throw .corrupt("it ended after \(position) of \(descriptor.size) bytes at \(base.authority)")
    }

    /// How many bytes of an answer the receiver has already; nil where the answer is of no use.
    private func skipped(_ response: TransportResponse, asksRange: Bool) throws(ExchangeFailure) -> Int64? {
        switch response.status {
        case 206:
            guard let text = response.headers.first(name: "Content-Range"), let range = ContentRange(text),
                range.first <= position, range.last >= position
            else { return nil }
            if let total = range.total { try checkSize(total) }
            return position - range.first
        case 416:
            if asksRange { return nil }
            throw .corrupt("the registry refuses to send it from its start")
        default:
            if let text = response.headers.first(name: "Content-Length"), let length = Int64(text) {
                try checkSize(length)
            }
            return position
        }
    }

    private func checkSize(_ size: Int64) throws(ExchangeFailure) {
        guard size == descriptor.size else {
            throw .corrupt("the registry has \(size) bytes where the manifest says \(descriptor.size)")
        }
    }

    private mutating func take(_ part: ByteBuffer, _ skip: inout Int64) throws(ExchangeFailure) {
        let count = Int64(part.readableBytes)
        let dropped = min(skip, count)
        skip -= dropped
        let fresh = count - dropped
        if fresh == 0 { return }
        guard fresh <= descriptor.size - position else {
            throw .corrupt("it is longer than the \(descriptor.size) bytes that the manifest says")
        }
        let result: Result<Void, BoxFailure> = part.withUnsafeReadableBytes { buffer in
            do throws(BoxFailure) {
                try deliver(UnsafeRawBufferPointer(rebasing: buffer.dropFirst(Int(dropped))))
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        if case .failure(let failure) = result { throw .receiver(failure) }
        position += fresh
    }
}
