internal import BoxModel
internal import BoxSystem
internal import NIOPosix

/// A program that keeps secrets, `docker-credential-NAME` (github.com/docker/docker-credential-helpers).
struct CredentialHelper: Sendable {
    let name: String
    /// The file that names it, for messages.
    let configuredIn: String
    let environment: Environment

    /// The secret for a server, or nil where the helper has none.
    func get(_ server: String) async throws(BoxFailure) -> Credential? {
        let operation = "ask the credential helper"
        guard !name.isEmpty, name.utf8.count <= 100,
            name.utf8.allSatisfy({ $0.isWordByte || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") })
        else {
            throw BoxFailure(
                .invalid, operation, "\"\(name.prefix(100))\"",
                reason: "its name in \(configuredIn) is not a plain word")
        }
        let program = "docker-credential-\(name)"
        guard let path = findProgram(program, path: environment("PATH")) else {
            throw BoxFailure(
                .notFound, operation, program, reason: "it is named in \(configuredIn) but is not in PATH",
                hint: "install it, or remove it from that file")
        }
        let result: Result<(status: Int32, output: [UInt8], error: [UInt8]), SystemFailure>
        do {
            // Helpers may ask a person: the thread waits outside of the pool that all tasks share.
            let thread = NIOThreadPool(numberOfThreads: 1)
            thread.start()
            result = try await thread.runIfActive {
                do throws(SystemFailure) {
                    return .success(try Spawn.capture(path, ["get"], input: Array((server + "\n").utf8)))
                } catch {
                    return .failure(error)
                }
            }
            try await thread.shutdownGracefully()
        } catch {
            throw BoxFailure(.cancelled, operation, program, reason: "it was interrupted")
        }
        let answer: (status: Int32, output: [UInt8], error: [UInt8])
        do throws(SystemFailure) {
            answer = try result.get()
        } catch {
            throw BoxFailure(error, operation, program)
        }
        guard answer.status == 0 else {
            let said = CleanText.line(answer.output.isEmpty ? answer.error : answer.output, limit: 200)
            if said.lowercased().contains("credentials not found") { return nil }
            throw BoxFailure(
                .denied, operation, program,
                reason: "it failed with status \(answer.status)" + (said.isEmpty ? "" : ": \(said)"))
        }
        guard let json = try? JSON(parsing: answer.output), let secret = json["Secret"]?.stringValue,
            let user = json["Username"]?.stringValue
        else {
            throw BoxFailure(.corrupt, operation, program, reason: "its answer is not JSON with Username and Secret")
        }
        if secret.isEmpty { return nil }
        return user == "<token>" ? .identityToken(secret) : .password(user: user, secret: secret)
    }
}

/// Text of strangers, made fit for one line of a message.
enum CleanText {
    static func line(_ bytes: some Collection<UInt8>, limit: Int) -> String {
        line(String(decoding: bytes.prefix(limit * 8), as: UTF8.self), limit: limit)
    }

    static func line(_ text: String, limit: Int) -> String {
        var clean = ""
        var space = true
        for scalar in text.unicodeScalars {
            let isControl = scalar.value <= 32 || (127..<160).contains(scalar.value)
            let isBlank = isControl || scalar.properties.isBidiControl
            if isBlank {
                if !space { clean.append(" ") }
            } else {
                clean.unicodeScalars.append(scalar)
            }
            space = isBlank
        }
        while clean.hasSuffix(" ") { clean.removeLast() }
        return clean.count > limit ? clean.prefix(limit - 1) + "…" : clean
    }
}
