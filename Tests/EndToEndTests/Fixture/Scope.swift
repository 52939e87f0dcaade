import Foundation
import Synchronization
import Testing

/// A temporary directory and what has to be undone when a test ends, last come first undone.
final class Scope: Sendable {
    let directory: String
    private let undo = Mutex<[@Sendable () throws -> Void]>([])

    init(_ purpose: String = "test") throws {
        var template = Array("\(Scope.base)/box-\(purpose).XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FixtureError("mkdtemp: \(String(cString: strerror(errno)))") }
        directory = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// Where tests keep their files; short, because the path of a Unix socket ends at 107 bytes (unix(7)).
    static let base =
        ProcessInfo.processInfo.environment["TMPDIR"].map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } ?? "/tmp"

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    func atEnd(_ action: @escaping @Sendable () throws -> Void) {
        undo.withLock { $0.append(action) }
    }

    /// Undoes everything and removes the directory; what goes wrong becomes an issue of the test.
    func close() {
        while let action = undo.withLock({ $0.popLast() }) {
            do { try action() } catch { Issue.record("clean-up: \(error)") }
        }
        do {
            // The standard library's own removal stops at directories without permission.
            _ = try? Command("chmod", ["-R", "u+rwX", directory]).run()
            try Command.tool("rm", "-rf", "--one-file-system", directory)
        } catch {
            Issue.record("clean-up: \(error)")
        }
    }

    /// Runs a body with a scope of its own.
    static func use<Result>(_ body: (Scope) throws -> Result) throws -> Result {
        let scope = try Scope()
        defer { scope.close() }
        return try body(scope)
    }

    /// A scope that ends with the test process: what all tests share.
    static let shared: Scope = {
        // swift-format-ignore: NeverUseForceTry
        let scope = try! Scope("shared")
        atexit { Scope.shared.close() }
        return scope
    }()
}

/// Writes a file, making its directories.
func writeFile(_ path: String, _ contents: some Sequence<UInt8>, mode: Int = 0o644) throws {
    let url = URL(fileURLWithPath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(contents).write(to: url)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
}

func writeFile(_ path: String, _ text: String, mode: Int = 0o644) throws {
    try writeFile(path, text.utf8, mode: mode)
}

func readFile(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}
