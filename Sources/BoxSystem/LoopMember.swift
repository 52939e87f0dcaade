/// Something that takes part in another's event loop: it has one descriptor, often an epoll(7) set of its own, which
/// is readable when there is work.
package protocol LoopMember: AnyObject {
    /// The descriptor to watch for readability; stays the same while the object lives.
    var descriptor: CInt { get }

    /// Does what there is to do and returns without waiting.
    func work()
}
