internal import BoxModel

/// The one table from what happened to the status that box ends with, as Docker's users know it.
enum ExitStatus {
    static let success: Int32 = 0
    static let failure: Int32 = 1
    /// A flag or argument that is none, and every failure of `run`, `create` and `exec` before the program starts.
    static let beforeProgram: Int32 = 125

    static func of(_ failure: BoxFailure, beforeProgram: Bool) -> Int32 {
        if beforeProgram { return Self.beforeProgram }
        // As a shell counts a program that SIGINT ended.
        return failure.kind == .cancelled ? 130 : Self.failure
    }
}
