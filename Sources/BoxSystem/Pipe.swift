internal import CBoxSys
internal import Glibc

/// The two ends of a pipe(7).
package struct Pipe: ~Copyable {
    package var reader: OwnedFD
    package var writer: OwnedFD

    package init(nonBlocking: Bool = false) throws(SystemFailure) {
        var ends: (CInt, CInt) = (-1, -1)
        try check(
            withUnsafeMutablePointer(to: &ends) { pointer in
                pointer.withMemoryRebound(to: CInt.self, capacity: 2) { box_pipe($0, nonBlocking ? O_NONBLOCK : 0) }
            }, "pipe2")
        reader = OwnedFD(adopting: ends.0)
        writer = OwnedFD(adopting: ends.1)
    }

    package consuming func ends() -> Ends {
        Ends(reader: reader.release(), writer: writer.release())
    }

    /// Both raw ends for a caller that distributes them; each is to be adopted exactly once.
    package struct Ends {
        package let reader: CInt
        package let writer: CInt
    }
}
