internal import BoxModel
internal import BoxSystem
internal import SystemPackage

/// What is being worked on, for failures: an entry of an archive.
final class EntrySubject {
    let archive: String
    /// The name as the archive has it.
    var entry: [UInt8] = []

    init(archive: String) {
        self.archive = archive
    }

    private var text: String {
        entry.isEmpty ? archive : "\(String(decoding: entry.prefix(300), as: UTF8.self)) of \(archive)"
    }

    func failure(_ kind: BoxFailure.Kind, reason: String, hint: String? = nil) -> BoxFailure {
        BoxFailure(kind, "unpack", text, reason: reason, hint: hint)
    }

    func failure(_ errno: CInt, _ call: String) -> BoxFailure {
        BoxFailure(SystemFailure(call, errno: Errno(rawValue: errno)), "unpack", text)
    }

    /// Turns the negative errno of a `CBoxSys` function into a failure about the entry.
    @discardableResult
    func check<Number: SignedInteger>(_ result: Number, _ call: String) throws(BoxFailure) -> Number {
        if result < 0 { throw failure(CInt(-result), call) }
        return result
    }
}
