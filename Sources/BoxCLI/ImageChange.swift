internal import BoxModel

/// `import --change`: one instruction of a Dockerfile, as far as it changes a configuration.
enum ImageChange {
    static func apply(_ text: String, to execution: inout ImageConfig.Execution) throws(BoxFailure) {
        let trimmed = text.drop { $0 == " " }
        let instruction = trimmed.prefix { $0 != " " }.uppercased()
        let rest = String(trimmed.dropFirst(instruction.count).drop { $0 == " " })
        func invalid(_ reason: String) -> BoxFailure {
            BoxFailure(.invalid, "use --change", "\"\(text)\"", reason: reason)
        }
        guard !rest.isEmpty else { throw invalid("its value is missing") }
        switch instruction {
        case "CMD": execution.command = words(rest)
        case "ENTRYPOINT": execution.entrypoint = words(rest)
        case "ENV":
            for (key, value) in try pairs(rest, text) {
                execution.environment =
                    (execution.environment ?? []).filter { !$0.hasPrefix(key + "=") } + ["\(key)=\(value)"]
            }
        case "LABEL":
            for (key, value) in try pairs(rest, text) {
                execution.labels = (execution.labels ?? [:]).merging([key: value]) { $1 }
            }
        case "EXPOSE":
            for port in rest.split(separator: " ") {
                let name = port.contains("/") ? String(port) : "\(port)/tcp"
                execution.exposedPorts = (execution.exposedPorts ?? [:]).merging([name: ImageConfig.Empty()]) { $1 }
            }
        case "USER": execution.user = rest
        case "VOLUME":
            for path in list(rest) ?? rest.split(separator: " ").map(String.init) {
                execution.volumes = (execution.volumes ?? [:]).merging([path: ImageConfig.Empty()]) { $1 }
            }
        case "WORKDIR": execution.workingDirectory = rest
        case "STOPSIGNAL": execution.stopSignal = rest
        case "ONBUILD": execution.onBuild = (execution.onBuild ?? []) + [rest]
        default:
            throw invalid(
                "only CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR change an image"
            )
        }
    }

    /// The exec form where it is JSON, else the shell form.
    private static func words(_ text: String) -> [String] { list(text) ?? ["/bin/sh", "-c", text] }

    private static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("[") else { return nil }
        return (try? JSON(parsing: text))?.stringArray
    }

    /// `KEY=VALUE …` with quotes, or the old form `KEY VALUE`.
    private static func pairs(_ text: String, _ whole: String) throws(BoxFailure) -> [(String, String)] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var escaped = false
        for character in text {
            if escaped {
                word.append(character)
                escaped = false
            } else if character == "\\" {
                escaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
            } else if character == " " {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        guard quote == nil, let first = words.first else {
            throw BoxFailure(.invalid, "use --change", "\"\(whole)\"", reason: "a quote is not closed")
        }
        guard first.contains("=") else { return [(first, words.dropFirst().joined(separator: " "))] }
        var pairs: [(String, String)] = []
        for word in words {
            guard let equals = word.firstIndex(of: "="), equals != word.startIndex else {
                throw BoxFailure(.invalid, "use --change", "\"\(whole)\"", reason: "\"\(word)\" is not KEY=VALUE")
            }
            pairs.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
        }
        return pairs
    }
}
