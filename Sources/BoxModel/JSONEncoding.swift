/// Writes `Codable` values as ``JSON``, without the casts at run time that make Foundation's encoder slow to start.
extension JSON {
    /// The document that describes a value; members are sorted by name, so that the same value gives the same bytes.
    ///
    /// - Throws: `EncodingError`.
    package init(encoding value: some Encodable) throws {
        let encoder = ValueEncoder(codingPath: [])
        try value.encode(to: encoder)
        self = encoder.node.json
    }
}

/// A place in the document that is filled once.
private final class Node {
    enum Content {
        case value(JSON)
        case object([String: Node])
        case array([Node])
    }

    var content = Content.value(.null)

    var json: JSON {
        switch content {
        case .value(let json): json
        case .object(let members):
            .object(JSONObject(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }))
        case .array(let nodes): .array(nodes.map(\.json))
        }
    }

    func beginObject() {
        if case .object = content { return }
        content = .object([:])
    }

    func beginArray() {
        if case .array = content { return }
        content = .array([])
    }

    func member(_ key: String) -> Node {
        let node = Node()
        if case .object(var members) = content {
            content = .value(.null)
            members[key] = node
            content = .object(members)
        }
        return node
    }

    func element() -> Node {
        let node = Node()
        if case .array(var nodes) = content {
            content = .value(.null)
            nodes.append(node)
            content = .array(nodes)
        }
        return node
    }

    func set(_ json: JSON) { content = .value(json) }

    func set(integer value: some BinaryInteger) {
        // What Int64 does not hold is written as text, which the decoder reads back exactly.
        set(Int64(exactly: value).map { .integer($0) } ?? .string("\(value)"))
    }
}

private struct ValueEncoder: Encoder {
    let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(node: Node = Node(), codingPath: [any CodingKey]) {
        self.node = node
        self.codingPath = codingPath
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.beginObject()
        return KeyedEncodingContainer(ObjectWriter(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.beginArray()
        return ArrayWriter(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { ValueWriter(node: node, codingPath: codingPath) }
}

private struct ObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: Node
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { node.member(key.stringValue).set(.null) }
    func encode(_ value: Bool, forKey key: Key) { node.member(key.stringValue).set(.bool(value)) }
    func encode(_ value: String, forKey key: Key) { node.member(key.stringValue).set(.string(value)) }
    func encode(_ value: Double, forKey key: Key) { node.member(key.stringValue).set(.number(value)) }
    func encode(_ value: Float, forKey key: Key) { node.member(key.stringValue).set(.number(Double(value))) }
    func encode(_ value: Int, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: Int8, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: Int16, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: Int32, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: Int64, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: UInt, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: UInt8, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: UInt16, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: UInt32, forKey key: Key) { node.member(key.stringValue).set(integer: value) }
    func encode(_ value: UInt64, forKey key: Key) { node.member(key.stringValue).set(integer: value) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try value.encode(to: ValueEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key]))
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        ValueEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key]).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        ValueEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { ValueEncoder(node: node, codingPath: codingPath) }

    func superEncoder(forKey key: Key) -> any Encoder {
        ValueEncoder(node: node.member(key.stringValue), codingPath: codingPath + [key])
    }
}

private struct ArrayWriter: UnkeyedEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey]

    var count: Int {
        if case .array(let nodes) = node.content { nodes.count } else { 0 }
    }

    func encodeNil() { node.element().set(.null) }
    func encode(_ value: Bool) { node.element().set(.bool(value)) }
    func encode(_ value: String) { node.element().set(.string(value)) }
    func encode(_ value: Double) { node.element().set(.number(value)) }
    func encode(_ value: Float) { node.element().set(.number(Double(value))) }
    func encode(_ value: Int) { node.element().set(integer: value) }
    func encode(_ value: Int8) { node.element().set(integer: value) }
    func encode(_ value: Int16) { node.element().set(integer: value) }
    func encode(_ value: Int32) { node.element().set(integer: value) }
    func encode(_ value: Int64) { node.element().set(integer: value) }
    func encode(_ value: UInt) { node.element().set(integer: value) }
    func encode(_ value: UInt8) { node.element().set(integer: value) }
    func encode(_ value: UInt16) { node.element().set(integer: value) }
    func encode(_ value: UInt32) { node.element().set(integer: value) }
    func encode(_ value: UInt64) { node.element().set(integer: value) }

    func encode<Value: Encodable>(_ value: Value) throws {
        try value.encode(to: ValueEncoder(node: node.element(), codingPath: codingPath))
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        ValueEncoder(node: node.element(), codingPath: codingPath).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        ValueEncoder(node: node.element(), codingPath: codingPath).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { ValueEncoder(node: node.element(), codingPath: codingPath) }
}

private struct ValueWriter: SingleValueEncodingContainer {
    let node: Node
    let codingPath: [any CodingKey]

    func encodeNil() { node.set(.null) }
    func encode(_ value: Bool) { node.set(.bool(value)) }
    func encode(_ value: String) { node.set(.string(value)) }
    func encode(_ value: Double) { node.set(.number(value)) }
    func encode(_ value: Float) { node.set(.number(Double(value))) }
    func encode(_ value: Int) { node.set(integer: value) }
    func encode(_ value: Int8) { node.set(integer: value) }
    func encode(_ value: Int16) { node.set(integer: value) }
    func encode(_ value: Int32) { node.set(integer: value) }
    func encode(_ value: Int64) { node.set(integer: value) }
    func encode(_ value: UInt) { node.set(integer: value) }
    func encode(_ value: UInt8) { node.set(integer: value) }
    func encode(_ value: UInt16) { node.set(integer: value) }
    func encode(_ value: UInt32) { node.set(integer: value) }
    func encode(_ value: UInt64) { node.set(integer: value) }
    func encode<Value: Encodable>(_ value: Value) throws {
        try value.encode(to: ValueEncoder(node: node, codingPath: codingPath))
    }
}
