/// Something that `box system check` has to say.
package struct Finding: Sendable, Hashable {
    package enum Severity: Int, Sendable, Comparable {
        /// Worth knowing, nothing wrong: content kept for an interrupted pull.
        case note
        /// Waste or untidiness that harms nobody.
        case leftover
        /// Something is missing, changed or unreadable.
        case damage

        package static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Remedy: Sendable, Hashable {
        /// Nothing was done about it; says what can be.
        case advice(String)
        /// It was mended; says how.
        case repaired(String)
        case none
    }

    package var severity: Severity
    /// What it is about: a blob, a name, a path.
    package var subject: String
    package var text: String
    package var remedy: Remedy

    package init(_ severity: Severity, _ subject: String, _ text: String, _ remedy: Remedy = .none) {
        self.severity = severity
        self.subject = subject
        self.text = text
        self.remedy = remedy
    }

    /// Whether something is wrong still.
    package var isOpen: Bool {
        if case .repaired = remedy { return false }
        return severity > .note
    }
}

extension Finding: CustomStringConvertible {
    package var description: String {
        switch remedy {
        case .advice(let text): "\(subject): \(self.text); \(text)"
        case .repaired(let text): "\(subject): \(self.text); repaired: \(text)"
        case .none: "\(subject): \(text)"
        }
    }
}
