import BoxModel
import Testing

@testable import BoxRegistry

@Suite struct ConfigurationTests {
    @Test func precedence() throws {
        let folder = try Folder()
        try folder.write(
            "etc/docker/daemon.json",
            #"{"registry-mirrors": ["http://d:1"], "insecure-registries": ["one:5000"], "max-concurrent-downloads": 9, "x": 1}"#
        )
        try folder.write(
            "etc/box/config.json",
            #"{"registry-mirrors": {"docker.io": ["http://s:1/m/"], "other": ["https://o"]}, "default-registry": "sys"}"#
        )
        try folder.write(
            "home/.config/box/config.json",
            #"{"default-registry": "mine:5000", "max-concurrent-downloads": 7, "insecure-registries": ["10.0.0.0/8"]}"#)
        let home = ["HOME": "\(folder.path)/home"]
        let files = try RegistryConfiguration.load(environment: environment(home), system: "\(folder.path)/etc")
        #expect(files.defaultRegistry == "mine:5000")
        #expect(
            files.mirrors.mapValues { $0.map(\.text) } == ["docker.io": ["http://s:1/m/"], "other": ["https://o/"]])
        #expect(files.insecureRegistries == ["one:5000", "10.0.0.0/8"])
        #expect(files.maxConcurrentDownloads == 7)
        #expect(files.isInsecure("one:5000") && files.isInsecure("10.1.1.1:80") && !files.isInsecure("one"))
        #expect(files.certificateFolders.first == "\(folder.path)/home/.config/box/certs.d")

        let variables = home.merging([
            "BOX_DEFAULT_REGISTRY": "env", "BOX_REGISTRY_MIRRORS": "http://a:1,ghcr.io=https://b,http://c:2",
            "BOX_INSECURE_REGISTRIES": "z", "SSL_CERT_FILE": "/x/ca.pem",
        ]) { $1 }
        let all = try RegistryConfiguration.load(environment: environment(variables), system: "\(folder.path)/etc")
        #expect(all.defaultRegistry == "env")
        #expect(all.mirrors["docker.io"]?.map(\.text) == ["http://a:1/", "http://c:2/"])
        #expect(all.mirrors["ghcr.io"]?.map(\.text) == ["https://b/"])
        #expect(all.mirrors["other"]?.count == 1)
        #expect(all.insecureRegistries.last == "z")
        #expect(all.systemAuthorities == "/x/ca.pem")
    }

    @Test(arguments: [
        ("{", "not JSON"), ("[]", "not a JSON object"),
        (#"{"registry-mirrors": {"docker.io": "x"}}"#, "registry-mirrors"),
        (#"{"registry-mirrors": ["ftp://x"]}"#, "registry-mirrors"),
        (#"{"registry-mirrors": ["http://user:secret@x"]}"#, "registry-mirrors"),
        (#"{"insecure-registries": "x"}"#, "insecure-registries"),
        (#"{"default-registry": "a/b"}"#, "default-registry"),
        (#"{"max-concurrent-downloads": 0}"#, "max-concurrent-downloads"),
        (#"{"max-download-attempts": "5"}"#, "max-download-attempts"),
    ])
    func mistakes(text: String, word: String) throws {
        let folder = try Folder()
        try folder.write("box/config.json", text)
        let failure = #expect(throws: BoxFailure.self) {
            try RegistryConfiguration.load(environment: environment([:]), system: folder.path)
        }
        let line = "\(try #require(failure))"
        #expect(line.contains("\(folder.path)/box/config.json") && line.contains(word) && !line.contains("secret"))
        #expect(!line.contains("\n") && failure?.kind == .invalid)
    }

    @Test func emptyAndMissing() throws {
        let folder = try Folder()
        try folder.write("box/config.json", "\n")
        let loaded = try RegistryConfiguration.load(environment: environment([:]), system: folder.path)
        #expect(loaded.defaultRegistry == "docker.io" && loaded.mirrors.isEmpty && loaded.maxAttempts == 5)
    }

    @Test func certificates() throws {
        let folder = try Folder()
        for name in ["a/h:5/ca.crt", "a/h:5/me.cert", "a/h:5/me.key", "b/h:5/more.crt", "a/half/x.cert"] {
            try folder.write(name, "")
        }
        let folders = CertificateFolders(folders: ["\(folder.path)/a", "\(folder.path)/b", "\(folder.path)/missing"])
        let found = try #require(try folders.security(for: "h:5"))
        #expect(found.authorities == ["\(folder.path)/a/h:5/ca.crt", "\(folder.path)/b/h:5/more.crt"])
        #expect(
            found.clientCertificate == "\(folder.path)/a/h:5/me.cert"
                && found.clientKey == "\(folder.path)/a/h:5/me.key")
        #expect(try folders.security(for: "other") == nil)
        #expect(try folders.security(for: "..") == nil)
        #expect(throws: BoxFailure.self) { try folders.security(for: "half") }
    }

    @Test(arguments: [
        ("docker.io", false, false, ["https"], true), ("127.0.0.1:5000", false, false, ["http", "https"], false),
        ("localhost:5000", false, true, ["https"], true), ("r.example", true, false, ["https", "http"], false),
        ("[::1]:5000", true, false, ["http", "https"], false), ("r.example:80", false, false, ["https"], true),
    ])
    func schemes(registry: String, insecure: Bool, hasCertificates: Bool, schemes: [String], verifies: Bool) throws {
        let endpoint = try Endpoint(registry: registry, insecure: insecure, hasCertificates: hasCertificates)
        #expect(endpoint.schemes.map(\.rawValue) == schemes)
        #expect(endpoint.verifies == verifies)
        if registry == "docker.io" { #expect(endpoint.base(.https).text == "https://registry-1.docker.io/") }
    }
}
