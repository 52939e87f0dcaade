package import SystemPackage

internal import Glibc

/// A kernel call that failed: which call, on what, and the errno it left.
///
/// The low rooms throw only this; each room above adds its sentence once (`BoxFailure`). Code decides by
/// ``errno``, never by text.
package struct SystemFailure: Error, Equatable, Sendable {
    /// The call as the manual names it, such as `openat2`.
    package let call: String
    /// What it was called on, mostly a path.
    package let subject: String
    package let errno: Errno

    package init(_ call: String, _ subject: String = "", errno: Errno) {
        self.call = call
        self.subject = subject
        self.errno = errno
    }

    /// The reason in the words of strerror(3), lower case as it stands inside a sentence.
    package var reason: String {
        let text = String(cString: strerror(errno.rawValue))
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}

extension SystemFailure: CustomStringConvertible {
    package var description: String {
        subject.isEmpty ? "\(call): \(reason)" : "\(call) \(subject): \(reason)"
    }
}

/// Turns the negative errno of a `CBoxSys` function into a failure.
///
/// - Parameters:
///   - result: what the function returned.
///   - call: its name in the manual.
///   - subject: what it was called on; evaluated only on failure.
/// - Returns: the result where it is not negative.
@discardableResult
@inline(__always)
package func check<Number: SignedInteger>(
    _ result: Number, _ call: String, _ subject: @autoclosure () -> String = ""
) throws(SystemFailure) -> Number {
    guard result < 0 else { return result }
    throw SystemFailure(call, subject(), errno: Errno(rawValue: CInt(-result)))
}
