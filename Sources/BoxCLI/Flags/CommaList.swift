internal import BoxModel

/// One line of comma-separated values with Go's quoting, as `--mount` and its kin are written.
enum CommaList {
    static func fields(_ text: String) throws(BoxFailure) -> [String] {
        var fields: [String] = []
        var current = ""
        var quoted = false
        var characters = text[...]
        while let character = characters.popFirst() {
            switch character {
            case "\"" where quoted && characters.first == "\"":
                characters.removeFirst()
                current.append("\"")
            case "\"" where quoted: quoted = false
            case "\"" where current.isEmpty: quoted = true
            case "," where !quoted:
                fields.append(current)
                current = ""
            default: current.append(character)
            }
        }
        guard !quoted else {
            throw BoxFailure(.invalid, "read the list", text, reason: "a quote is not closed")
        }
        fields.append(current)
        return fields.filter { !$0.isEmpty }
    }
}
