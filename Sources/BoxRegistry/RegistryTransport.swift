internal import BoxModel
internal import NIOCore
internal import NIOHTTP1

/// What is checked and shown when a TLS connection is made.
struct TransportSecurity: Hashable, Sendable {
    var verifies = true
    /// Files of certificate authorities beside the system's.
    var authorities: [String] = []
    /// Files of a client certificate and its key.
    var clientCertificate: String?
    var clientKey: String?
}

/// One HTTP request without its secrets in the URL.
struct TransportRequest: Sendable {
    var method: HTTPMethod = .GET
    var url: RegistryURL
    var headers = HTTPHeaders()
    var body: [UInt8] = []
    var security = TransportSecurity()
    /// Until when the answer must be complete.
    var deadline = NIODeadline.distantFuture
}

/// The bytes of an answer as they come; giving it up ends the transfer.
protocol TransportBody: AnyObject {
    func next() async throws(TransportFailure) -> ByteBuffer?
}

/// The head of an answer, and its body.
struct TransportResponse {
    let status: Int
    let headers: HTTPHeaders
    let body: any TransportBody
}

/// Why there is no answer, or no more of it.
enum TransportFailure: Error, Equatable, Sendable {
    case nameLookup(String)
    case refused
    case unreachable(String)
    case connectTimeout
    /// Silent for longer than allowed.
    case stalled
    case closed
    case untrusted(String)
    case handshake(String)
    case proxy(String)
    /// A file that the connection needs cannot be used.
    case material(BoxFailure)
    case cancelled
    case other(String)
}

/// The seam to the HTTP library: one exchange, no redirects, no retries, no authorisation.
protocol RegistryTransport: Sendable {
    func send(_ request: TransportRequest) async throws(TransportFailure) -> TransportResponse
    func shutdown() async
}

extension TransportBody {
    /// Reads the whole body.
    ///
    /// - Returns: nil where it is longer than `limit`.
    func collect(limit: Int) async throws(TransportFailure) -> [UInt8]? {
        var bytes: [UInt8] = []
        while let part = try await next() {
            guard bytes.count + part.readableBytes <= limit else { return nil }
            part.withUnsafeReadableBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
