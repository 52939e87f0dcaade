/// The members of a JSON object in the order in which they were written.
///
/// Keys are compared byte by byte, as JSON wants it; Swift's `String` takes canonically equivalent text for equal.
package struct JSONObject: Sendable {
    /// From this size on a hash index replaces the linear scan, so that hostile input stays linear.
    private static let indexThreshold = 16

    private struct ExactKey: Hashable {
        let text: String

        static func == (left: ExactKey, right: ExactKey) -> Bool {
            left.text.utf8.elementsEqual(right.text.utf8)
        }

        func hash(into hasher: inout Hasher) {
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }

    private var members: [(key: String, value: JSON)] = []
    private var index: [ExactKey: Int] = [:]

    /// An object without members.
    package init() {}

    /// An object of pairs; of equal keys the last value wins and keeps the first place.
    package init(_ pairs: some Sequence<(String, JSON)>) {
        for (key, value) in pairs { self[key] = value }
    }

    /// The keys in order.
    package var keys: [String] { members.map(\.key) }

    /// The value of a key; writing nothing removes the member.
    package subscript(key: String) -> JSON? {
        get {
            position(of: key).map { members[$0].value }
        }
        set {
            switch (position(of: key), newValue) {
            case (let place?, let value?):
                members[place].value = value
            case (let place?, nil):
                members.remove(at: place)
                rebuildIndex()
            case (nil, let value?):
                append(key, value)
            case (nil, nil):
                break
            }
        }
    }

    /// The same members in the byte order of their keys.
    package func sorted() -> JSONObject {
        var copy = self
        copy.members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        copy.rebuildIndex()
        return copy
    }

    private func position(of key: String) -> Int? {
        if members.count > Self.indexThreshold { return index[ExactKey(text: key)] }
        return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }

    private mutating func append(_ key: String, _ value: JSON) {
        members.append((key, value))
        if members.count == Self.indexThreshold + 1 {
            rebuildIndex()
        } else if members.count > Self.indexThreshold {
            index[ExactKey(text: key)] = members.count - 1
        }
    }

    private mutating func rebuildIndex() {
        index.removeAll()
        guard members.count > Self.indexThreshold else { return }
        for (place, member) in members.enumerated() { index[ExactKey(text: member.key)] = place }
    }
}

extension JSONObject: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { members.count }
    package subscript(position: Int) -> (key: String, value: JSON) { members[position] }
}

/// Equality does not look at the order of the members.
extension JSONObject: Equatable {
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}
