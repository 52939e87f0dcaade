import BoxModel
import BoxSystem
import Foundation
import Testing

@testable import BoxRegistry

/// Against Debian's docker-registry on loopback, filled by skopeo.
@Suite(
    .enabled(
        if: ["docker-registry", "skopeo", "openssl", "htpasswd"].allSatisfy { findProgram($0) != nil },
        "docker-registry, skopeo, openssl and htpasswd are needed"),
    .serialized)
struct RealRegistryTests {
    // With the first bytes of gzip, or skopeo would compress it on its way.
    private static let layer = [0x1F, 0x8B, 0x08] + Sample.blob(3_000_000)
    private static let config = Array(
        #"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#.utf8)

    /// A registry that ends with the test.
    private final class Registry {
        let folder: Folder
        let port: Int
        private let process: Process

        init(tls: Bool = false, password: String? = nil) async throws {
            folder = try Folder()
            let probe = try await ScriptedServer { _, _ in [] }
            port = probe.port
            await probe.stop()
            var text = """
                version: 0.1
                log: {level: error}
                storage: {filesystem: {rootdirectory: \(folder.path)/data}}
                http:
                  addr: 127.0.0.1:\(port)

                """
            if tls {
                try Self.run(
                    "openssl",
                    [
                        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "\(folder.path)/key.pem", "-out",
                        "\(folder.path)/cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    ])
                text += "  tls: {certificate: \(folder.path)/cert.pem, key: \(folder.path)/key.pem}\n"
            }
            if let password {
                try folder.write("htpasswd", try Self.run("htpasswd", ["-Bbn", "tester", password]))
                text += "auth: {htpasswd: {realm: test, path: \(folder.path)/htpasswd}}\n"
            }
            try folder.write("config.yml", text)
            process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(findProgram("docker-registry")))
            process.arguments = ["serve", "\(folder.path)/config.yml"]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            for _ in 0..<200 where !Self.accepts(port) { try await Task.sleep(for: .milliseconds(25)) }
            try push(tls: tls, password: password)
        }

        deinit {
            process.terminate()
            process.waitUntilExit()
        }

        private static func accepts(_ port: Int) -> Bool {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }

        @discardableResult
        private static func run(_ program: String, _ arguments: [String]) throws -> String {
            let path = try #require(findProgram(program))
            let result = try Spawn.capture(path, arguments)
            guard result.status == 0 else {
                throw BoxFailure(
                    .internal, "run", program, reason: String(decoding: result.error + result.output, as: UTF8.self))
            }
            return String(decoding: result.output, as: UTF8.self)
        }

        private func push(tls: Bool, password: String?) throws {
            let blobs = [RealRegistryTests.layer, RealRegistryTests.config]
            let layer = Digest(of: blobs[0], .sha256)
            let config = Digest(of: blobs[1], .sha256)
            let manifest = """
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":\
                "application/vnd.oci.image.config.v1+json","digest":"\(config)","size":\(blobs[1].count)},"layers":[{\
                "mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"\(layer)","size":\(blobs[0].count)}]}
                """
            let digest = Digest(of: Array(manifest.utf8), .sha256)
            let index = """
                {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "digest":"\(digest)","size":\(manifest.utf8.count)}]}
                """
            try folder.write("image/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
            try folder.write("image/index.json", index)
            try folder.write("image/blobs/sha256/\(digest.hex)", manifest)
            try folder.write("image/blobs/sha256/\(config.hex)", String(decoding: blobs[1], as: UTF8.self))
            try Data(blobs[0]).write(to: URL(fileURLWithPath: "\(folder.path)/image/blobs/sha256/\(layer.hex)"))
            let login = password.map { ["--dest-creds", "tester:\($0)"] } ?? []
            for tag in ["one", "two"] {
                try Self.run(
                    "skopeo",
                    ["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"] + login
                        + ["oci:\(folder.path)/image", "docker://localhost:\(port)/some/image:\(tag)"])
            }
        }
    }

    /// Everything that a pull does.
    private func pull(_ reference: ImageReference, _ client: RegistryClient) async throws {
        let resolved = try await client.resolve(reference)
        #expect(resolved.descriptor.mediaType == .ociManifest)
        #expect(try await client.head(reference) == resolved.descriptor)
        let byDigest = reference.with(tag: nil, digest: resolved.descriptor.digest)
        #expect(try await client.resolve(byDigest).bytes == resolved.bytes)
        #expect(try await client.manifest(resolved.descriptor, of: reference).bytes == resolved.bytes)
        let config = Sample.descriptor(Self.config, .ociConfig)
        #expect(try await client.smallBlob(config, of: reference) == Self.config)
        for offset in [0, 1_234_567] {
            let sink = Sink()
            try await client.blob(Sample.descriptor(Self.layer), of: reference, from: Int64(offset)) { sink.take($0) }
            #expect(sink.bytes == Array(Self.layer[offset...]))
        }
        #expect(try await client.tags(reference) == ["one", "two"])
        let missing = reference.with(tag: "three", digest: nil)
        let failure = await failure { try await client.resolve(missing) }
        #expect(failure?.kind == .notFound && failure?.reason.contains("MANIFEST_UNKNOWN") == true)
    }

    @Test func plain() async throws {
        let registry = try await Registry()
        for host in ["localhost", "127.0.0.1"] {
            let reference = try ImageReference("\(host):\(registry.port)/some/image:one")
            try await withClient { try await pull(reference, $0) }
        }
    }

    @Test func withPassword() async throws {
        let registry = try await Registry(password: "pa:ss word")
        let host = "localhost:\(registry.port)"
        let reference = try ImageReference("\(host)/some/image:one")
        try await withClient(credentials: FixedCredentials([host: .password(user: "tester", secret: "pa:ss word")])) {
            try await pull(reference, $0)
        }
        let wrong = FixedCredentials([host: .password(user: "tester", secret: "hush")])
        let failure = try #require(
            await failure { try await withClient(credentials: wrong) { try await $0.resolve(reference) } })
        #expect(
            failure.kind == .denied && failure.hint?.contains("a login for \(host)") == true
                && !"\(failure)".contains("hush"))
    }

    @Test func withTLSAndPassword() async throws {
        let registry = try await Registry(tls: true, password: "secret")
        let host = "localhost:\(registry.port)"
        let reference = try ImageReference("\(host)/some/image:two")
        let credentials = FixedCredentials([host: .password(user: "tester", secret: "secret")])
        // Without a folder of certificates: plain HTTP first, then HTTPS unchecked.
        try await withClient(credentials: credentials) { try await pull(reference, $0) }
        // With one: HTTPS, checked.
        let own = registry.folder
        let certificate = try readText("\(own.path)/cert.pem")
        try own.write("certs.d/\(host)/ca.crt", certificate)
        let checked = quick { $0.certificateFolders = ["\(own.path)/certs.d"] }
        try await withClient(checked, credentials: credentials) { try await pull(reference, $0) }
        // Another authority, none at all, and a file that is none.
        let other = try await Registry(tls: true)
        try own.write("other/\(host)/ca.crt", try readText("\(other.folder.path)/cert.pem"))
        for (folder, words) in [("other", "not trusted"), ("broken", "PEM")] {
            if folder == "broken" { try own.write("broken/\(host)/ca.crt", "hello") }
            let configuration = quick { $0.certificateFolders = ["\(own.path)/\(folder)"] }
            let failure = await failure {
                try await withClient(configuration, credentials: credentials) { try await $0.resolve(reference) }
            }
            #expect("\(try #require(failure))".contains(words), "\(failure.map(String.init(describing:)) ?? "")")
        }
    }

    @Test func plainWhereTLSIsExpected() async throws {
        let registry = try await Registry()
        let host = "localhost:\(registry.port)"
        try registry.folder.write("certs.d/\(host)/readme", "")
        let configuration = quick { $0.certificateFolders = ["\(registry.folder.path)/certs.d"] }
        let reference = try ImageReference("\(host)/some/image:one")
        let failure = await failure { try await withClient(configuration) { try await $0.resolve(reference) } }
        #expect(
            "\(try #require(failure))".contains("no TLS connection"), "\(failure.map(String.init(describing:)) ?? "")")
    }
}
