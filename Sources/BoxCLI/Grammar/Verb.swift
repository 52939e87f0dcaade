internal import ArgumentParser
internal import BoxModel

/// One command of box: how its flags are declared and what it does.
protocol Verb: ParsableCommand {
    /// Whether flags end at the first other word, as in `run IMAGE COMMAND -x`.
    static var stopsAtPositional: Bool { get }
    /// Whether a failure is one of before the container's program, with a status of its own.
    static var runsProgram: Bool { get }

    /// The words that the parser hands on unread, the first flag that it does not know included.
    var passedThrough: [String] { get }

    /// Does it.
    ///
    /// - Returns: the exit status.
    func perform(_ context: Context) throws(BoxFailure) -> Int32
}

extension Verb {
    static var stopsAtPositional: Bool { false }
    static var runsProgram: Bool { false }
    var passedThrough: [String] { [] }

    /// The parser's own entry; box calls ``perform(_:)`` with the context of the command line instead.
    mutating func run() throws {
        throw CleanExit.helpRequest(self)
    }
}
