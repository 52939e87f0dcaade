internal import CBoxSys

/// Ends this process at once (_exit(2)).
///
/// Nothing of box waits in buffers, and running the tables of destructors of a large static program would only cost
/// time.
package func exitProcess(_ status: Int32) -> Never {
    box_exit(status)
}
