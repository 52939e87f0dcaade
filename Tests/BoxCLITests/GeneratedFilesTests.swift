import BoxCLI
import Foundation
import Testing

@Suite struct GeneratedFilesTests {
    private static let top = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardizedFileURL

    private func expectCurrent(_ folder: String, _ files: [(name: String, text: String)]) throws {
        let directory = Self.top.appendingPathComponent(folder)
        let present = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(present == files.map(\.name).sorted(), "run `make man completions`")
        for file in files where present.contains(file.name) {
            let text = try String(contentsOf: directory.appendingPathComponent(file.name), encoding: .utf8)
            #expect(text == file.text, "\(folder)/\(file.name) is stale: run `make man completions`")
        }
    }

    @Test func manPagesAreCurrent() throws {
        #expect(ManPages.all().count > 20)
        try expectCurrent("Man", ManPages.all())
    }

    @Test func completionsAreCurrent() throws {
        try expectCurrent("Completions", Completions.all())
    }
}
