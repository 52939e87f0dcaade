import BoxModel
import Foundation
import Synchronization

@testable import BoxRegistry

/// A configuration that does not wait.
func quick(_ change: (inout RegistryConfiguration) -> Void = { _ in }) -> RegistryConfiguration {
    var configuration = RegistryConfiguration()
    configuration.retryDelay = .milliseconds(5)
    configuration.connectTimeout = .seconds(3)
    configuration.stallTimeout = .seconds(10)
    change(&configuration)
    return configuration
}

/// Runs a body with a client and shuts it down afterwards.
func withClient<Value: Sendable>(
    _ configuration: RegistryConfiguration = quick(), credentials: any CredentialSource = FixedCredentials(),
    _ body: (RegistryClient) async throws -> Value
) async throws -> Value {
    let client = RegistryClient(configuration, credentials: credentials)
    do {
        let value = try await body(client)
        await client.shutdown()
        return value
    } catch {
        await client.shutdown()
        throw error
    }
}

/// The failure of a body.
func failure<Value>(of body: () async throws -> Value) async -> BoxFailure? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? BoxFailure
    }
}

/// Collects what a download delivers.
final class Sink: Sendable {
    private let content = Mutex<[UInt8]>([])

    var bytes: [UInt8] { content.withLock { $0 } }

    func take(_ piece: UnsafeRawBufferPointer) {
        content.withLock { $0.append(contentsOf: piece) }
    }
}

enum Sample {
    static let manifest = Array(
        """
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:\
        44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}
        """.utf8)

    /// Bytes without a period that a mistake in an offset could hide in.
    static func blob(_ count: Int) -> [UInt8] {
        var state: UInt64 = 88_172_645_463_325_252
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
    }

    static func descriptor(_ bytes: [UInt8], _ type: MediaType = .ociLayerGzip) -> Descriptor {
        Descriptor(mediaType: type, digest: Digest(of: bytes, .sha256), size: Int64(bytes.count))
    }
}

/// A folder that goes with the test.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("box-registry-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ name: String, _ text: String, mode: Int = 0o644) throws {
        let file = "\(path)/\(name)"
        let parent = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }
}

/// An environment of a few variables.
func environment(_ variables: [String: String]) -> Environment {
    { variables[$0] }
}
