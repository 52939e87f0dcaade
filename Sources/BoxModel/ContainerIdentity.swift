/// The 64 hexadecimal digits that name a container.
package struct ContainerID: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        guard text.utf8.count == 64, Hex.decode(text) != nil else { return nil }
        self.text = text
    }

    /// - Parameter random: 32 random bytes.
    package init(random: [UInt8]) {
        precondition(random.count == 32, "an identity is 32 bytes")
        text = Hex.encode(random)
    }

    /// The first twelve digits.
    package var short: String { String(text.prefix(12)) }
    package var description: String { text }
}

/// A container's name as the user chose it, or one made up for it.
package struct ContainerName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) throws(BoxFailure) {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first.isAlphanumericByte, bytes.count >= 2, bytes.count <= 255,
            bytes.allSatisfy({ $0.isWordByte || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
        else {
            throw BoxFailure(
                .invalid, "use the container name", "\"\(text.prefix(300))\"",
                reason: "only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed", hint: "choose another with --name")
        }
        self.text = text
    }

    package var description: String { text }
}

extension ContainerID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = ContainerID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a container id")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension ContainerName: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = try ContainerName(try container.decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
