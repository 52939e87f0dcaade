/// A word on the command line that is not a size, duration or time.
package struct ValueError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
