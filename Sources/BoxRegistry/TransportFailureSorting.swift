internal import AsyncHTTPClient
internal import BoxSystem
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import SystemPackage

extension TransportFailure {
    /// Sorts the errors of the libraries.
    init(_ error: any Error) {
        switch error {
        case let failure as TransportFailure: self = failure
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self = Self.sorted(error)
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                self = TransportFailure(first.error)
            } else {
                self = .nameLookup(error.host)
            }
        case let error as IOError: self = Self.sorted(errno: error.errnoCode)
        case ChannelError.connectTimeout: self = .connectTimeout
        case ChannelError.ioOnClosedChannel, ChannelError.inputClosed, ChannelError.eof: self = .closed
        case is NIOSSLExtraError: self = .untrusted("it is for another host name")
        case let error as NIOSSLError: self = Self.sorted(error)
        case is BoringSSLError: self = .handshake("the TLS connection failed")
        case HTTPParserError.invalidEOFState: self = .closed
        case is HTTPParserError: self = .other("its answer is not HTTP")
        default: self = .other(CleanText.line(String(describing: error), limit: 150))
        }
    }

    private static func sorted(_ error: HTTPClientError) -> TransportFailure {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout: .connectTimeout
        case .tlsHandshakeTimeout: .handshake("the TLS handshake took too long")
        case .readTimeout, .writeTimeout, .deadlineExceeded: .stalled
        case .remoteConnectionClosed: .closed
        case .cancelled: .cancelled
        case .proxyAuthenticationRequired: .proxy("it wants other credentials")
        case .invalidProxyResponse, .httpProxyHandshakeTimeout, .socksHandshakeTimeout:
            .proxy("it did not open a connection")
        default: .other(CleanText.line(error.description, limit: 150))
        }
    }

    private static func sorted(errno: CInt) -> TransportFailure {
        // errno(3): ECONNREFUSED, ECONNRESET and EPIPE, ETIMEDOUT
        switch errno {
        case 111: .refused
        case 104, 32: .closed
        case 110: .connectTimeout
        default: .unreachable(SystemFailure("connect", errno: .init(rawValue: errno)).reason)
        }
    }

    private static func sorted(_ error: NIOSSLError) -> TransportFailure {
        let text = String(describing: error)
        if case .uncleanShutdown = error { return .closed }
        if case .unableToValidateCertificate = error { return .untrusted("it is signed by an unknown authority") }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return .untrusted("it is signed by an unknown authority, or has expired")
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return .handshake("it does not speak TLS")
        }
        if text.contains("CERTIFICATE_REQUIRED") || text.contains("HANDSHAKE_FAILURE") {
            return .handshake("it wants a client certificate, or no common cipher was found")
        }
        return .handshake("the TLS handshake failed")
    }
}
