package import BoxSystem
internal import SystemPackage

/// Why something the user asked for could not be done, as one line: what was tried, on what, why it failed, what
/// to do.
package struct BoxFailure: Error, Equatable, Sendable {
    /// The closed list of kinds.
    ///
    /// Exit codes follow from it in one table, later HTTP statuses too.
    package enum Kind: String, Sendable, CaseIterable, Codable {
        /// The request itself is wrong: a flag, a name, a value.
        case invalid
        case notFound
        /// It exists already, or is in use, or in a state that does not allow it.
        case conflict
        /// Authentication, permission or policy.
        case denied
        /// Somebody else is not there or answers with a failure; trying again may help.
        case unavailable
        /// The machine, the kernel or this version cannot do it.
        case unsupported
        /// Content is not what its digest, size or format says.
        case corrupt
        case cancelled
        /// The disk, a quota or a limit is exhausted.
        case exhausted
        /// A fault of box itself.
        case `internal`
    }

    package let kind: Kind
    /// What was tried, in the infinitive: `pull`, `mount the overlay`.
    package let operation: String
    /// What it was tried on: a path, digest, name.
    ///
    /// Empty where the operation says it.
    package let subject: String
    package let reason: String
    /// What the user can do about it, or nil where the reason says it.
    package let hint: String?
    /// The kernel's number where a call failed.
    package let errno: Int32?

    package init(
        _ kind: Kind, _ operation: String, _ subject: String = "", reason: String, hint: String? = nil,
        errno: Int32? = nil
    ) {
        self.kind = kind
        self.operation = operation
        self.subject = subject
        self.reason = reason
        self.hint = hint
        self.errno = errno
    }

    /// Adds the sentence of a room to a failed kernel call.
    ///
    /// - Parameter kind: nil chooses by the errno.
    package init(
        _ failure: SystemFailure, _ operation: String, _ subject: String? = nil, kind: Kind? = nil, hint: String? = nil
    ) {
        let shown = subject ?? failure.subject
        let place = failure.subject.isEmpty || failure.subject == shown ? "" : " \(failure.subject)"
        self.init(
            kind ?? Kind(errno: failure.errno.rawValue), operation, shown,
            reason: "\(failure.reason) (\(failure.call)\(place))",
            hint: hint ?? Self.hint(errno: failure.errno.rawValue),
            errno: failure.errno.rawValue)
    }

    private static func hint(errno: Int32) -> String? {
        switch errno {
        case 28: "free some space, for example with `box system prune`"
        case 30: "the file system is read-only; choose another place with --root"
        case 1, 13: "run as root, or choose a place of your own with --root"
        default: nil
        }
    }
}

extension BoxFailure.Kind {
    /// The kind that an errno stands for (errno(3)).
    package init(errno: Int32) {
        switch errno {
        case 2, 20: self = .notFound
        case 17, 16, 39, 26: self = .conflict
        case 1, 13, 30: self = .denied
        case 28, 122, 12, 24, 23, 27: self = .exhausted
        case 38, 95, 19: self = .unsupported
        case 110, 111, 104, 32, 11, 5: self = .unavailable
        case 22, 36, 40, 18: self = .invalid
        default: self = .unavailable
        }
    }
}

extension BoxFailure {
    /// Everything but what was tried, for a message that says that itself.
    package var detail: String { hint.map { "\(reason); \($0)" } ?? reason }
}

extension BoxFailure: CustomStringConvertible {
    /// The one line, without the leading `box: `.
    package var description: String {
        var line = "cannot \(operation)"
        if !subject.isEmpty { line += " \(subject)" }
        line += ": \(reason)"
        if let hint { line += "; \(hint)" }
        return Self.oneLine(line)
    }

    /// Keeps hostile text (a registry's answer, a file name) from breaking out of the line.
    private static func oneLine(_ text: String) -> String {
        guard
            text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 || (128..<160).contains($0.value) })
        else { return text }
        var clean = ""
        for scalar in text.unicodeScalars {
            clean.unicodeScalars.append(
                scalar.value < 32 || scalar.value == 127 || (128..<160).contains(scalar.value) ? " " : scalar)
        }
        return clean
    }
}
