internal import BoxContainers
internal import BoxImages
internal import BoxModel
internal import BoxStore
internal import BoxSystem
internal import Logging

/// What every verb gets: where things are, and the use cases over them.
struct Context: Sendable {
    let facts: HostFacts
    let location: StoreLocation
    let logger: Logger
    /// Whether standard output is a terminal.
    let hasTerminal: Bool

    func openStore() throws(BoxFailure) -> Store {
        try Store.open(location)
    }

    /// Prints to standard output; a reader that went away ends the program quietly, as it does for other tools.
    func print(_ text: String) {
        Output.write(text + "\n", to: .output)
    }

    /// Prints without a newline at the end.
    func printRaw(_ text: String) {
        Output.write(text, to: .output)
    }

    /// Tells the person, not the script.
    func note(_ text: String) {
        Output.write(text + "\n", to: .error)
    }

    func complain(_ failure: BoxFailure) {
        note("box: \(failure)")
    }

    /// Does something for each of several names; goes on after a failure and remembers it.
    ///
    /// - Returns: the exit status of the whole.
    func forEach(_ names: [String], _ body: (String) throws(BoxFailure) -> Void) -> Int32 {
        var status = ExitStatus.success
        for name in names {
            do { try body(name) } catch {
                complain(error)
                status = ExitStatus.failure
            }
        }
        return status
    }
}
