internal import BoxModel
internal import BoxSystem

/// `-e`, `--env-file`, `--label`, `--label-file` and their kin.
enum EnvironmentFlag {
    /// `NAME=value` stays, `NAME` is taken from the caller's environment or left out.
    static func variables(files: [String], entries: [String]) throws(BoxFailure) -> [String] {
        var variables: [String] = []
        for file in files {
            for (number, line) in try lines(of: file) {
                let name = line.prefix { $0 != "=" }
                guard !name.isEmpty, !name.contains(where: \.isWhitespace) else {
                    throw BoxFailure(
                        .invalid, "read the variables in", "\(file) line \(number)",
                        reason: name.isEmpty ? "a name is missing" : "the name \"\(name)\" contains white space",
                        hint: "write one NAME=value a line, without quotes")
                }
                if let variable = resolved(line) { variables.append(variable) }
            }
        }
        for entry in entries {
            guard !entry.isEmpty, !entry.hasPrefix("=") else {
                throw BoxFailure(
                    .invalid, "use --env", "\"\(entry)\"", reason: "a name is missing", hint: "write NAME=value")
            }
            if let variable = resolved(entry) { variables.append(variable) } else { variables.append(entry) }
        }
        return variables
    }

    private static func resolved(_ entry: String) -> String? {
        if entry.contains("=") { return entry }
        return environmentVariable(entry).map { "\(entry)=\($0)" }
    }

    /// `KEY=value` pairs of files and flags; later ones win.
    static func pairs(flag: String, files: [String] = [], entries: [String]) throws(BoxFailure) -> [String: String] {
        var pairs: [String: String] = [:]
        var all = entries
        for file in files.reversed() { all = try lines(of: file).map(\.text) + all }
        for entry in all {
            let key = String(entry.prefix { $0 != "=" })
            guard !key.isEmpty else {
                throw BoxFailure(
                    .invalid, "use \(flag)", "\"\(entry)\"", reason: "the key is missing", hint: "write KEY=VALUE")
            }
            pairs[key] = String(entry.dropFirst(key.count + 1))
        }
        return pairs
    }

    private static func lines(of file: String) throws(BoxFailure) -> [(number: Int, text: String)] {
        let bytes: [UInt8]
        do { bytes = try readFile(file, limit: 16 << 20) } catch { throw BoxFailure(error, "read", file) }
        var text = bytes[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        guard let valid = String(validating: text, as: UTF8.self), !text.contains(0) else {
            throw BoxFailure(.invalid, "read", file, reason: "it is not UTF-8 text")
        }
        var lines: [(Int, String)] = []
        // By bytes: a carriage return and a line feed are one character.
        for (index, raw) in valid.utf8.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let ended = raw.last == 13 ? raw.dropLast() : raw
            let line = Substring(ended.drop { $0 == 32 || $0 == 9 })
            if line.isEmpty || line.hasPrefix("#") { continue }
            lines.append((index + 1, String(line)))
        }
        return lines
    }
}
