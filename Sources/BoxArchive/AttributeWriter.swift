internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// Gives files their owners, attributes, times and permissions, in the order that keeps them: chown(2) clears
/// setuid and file capabilities, so both come after it.
final class AttributeWriter {
    private let subject: EntrySubject
    private let options: UnpackOptions
    private let ownUser = box_geteuid()
    private let ownGroup = box_getegid()
    private(set) var ignored: Set<String> = []

    init(subject: EntrySubject, options: UnpackOptions) {
        self.subject = subject
        self.options = options
    }

    /// For a regular file that is still open.
    func apply(
        _ attributes: FileAttributes, file: borrowing OwnedFD, parent: SharedFD, name: [CChar]
    ) throws(BoxFailure) {
        if needsOwner(attributes) {
            try subject.check(
                box_fchownat(file.raw, "", attributes.owner, attributes.group, CInt(BOX_AT_EMPTY_PATH)), "fchown")
        }
        for attribute in attributes.extended where isKept(attribute) {
            try judge(
                box_fsetxattr(file.raw, attribute.name, attribute.value, attribute.value.count), attribute)
        }
        try subject.check(box_fchmod(file.raw, attributes.permissions), "fchmod")
        try setTime(attributes, parent, name)
    }

    /// For a link or node that was just made and has no descriptor.
    func apply(
        _ attributes: FileAttributes, parent: SharedFD, name: [CChar], isLink: Bool
    ) throws(BoxFailure) {
        if needsOwner(attributes) {
            try subject.check(
                box_fchownat(parent.raw, name, attributes.owner, attributes.group, AT_SYMLINK_NOFOLLOW), "fchownat")
        }
        if !attributes.extended.isEmpty {
            // No call sets attributes relative to a directory; the magic link is confined to it (proc(5)).
            let path = Array((parent.procPath + "/").utf8CString.dropLast()) + name
            for attribute in attributes.extended where isKept(attribute) {
                try judge(
                    box_lsetxattr(path, attribute.name, attribute.value, attribute.value.count), attribute)
            }
        }
        if !isLink { try subject.check(box_fchmodat(parent.raw, name, attributes.permissions), "fchmodat") }
        try setTime(attributes, parent, name)
    }

    /// For a directory, once its content is complete.
    func apply(_ attributes: FileAttributes, directory: SharedFD) throws(BoxFailure) {
        if options.preservesOwner {
            try subject.check(
                box_fchownat(
                    directory.raw, "", attributes.owner, attributes.group, CInt(BOX_AT_EMPTY_PATH)), "fchown")
        }
        for attribute in attributes.extended where isKept(attribute) {
            try judge(
                box_setxattr(directory.procPath, attribute.name, attribute.value, attribute.value.count), attribute)
        }
        try setTime(attributes, directory, Array(".".utf8CString))
        try subject.check(box_fchmodat(directory.raw, ".", attributes.permissions), "fchmodat")
    }

    private func needsOwner(_ attributes: FileAttributes) -> Bool {
        options.preservesOwner && (attributes.owner != ownUser || attributes.group != ownGroup)
    }

    private func setTime(
        _ attributes: FileAttributes, _ parent: SharedFD, _ name: [CChar]
    ) throws(BoxFailure) {
        try subject.check(
            box_utimensat(
                parent.raw, name, attributes.seconds, attributes.nanoseconds, attributes.seconds,
                attributes.nanoseconds, AT_SYMLINK_NOFOLLOW), "utimensat")
    }

    // MARK: Extended attributes

    private func isKept(_ attribute: ExtendedAttribute) -> Bool {
        if attribute.isAllowed { return true }
        ignored.insert(attribute.text)
        return false
    }

    /// A file system without such attributes is no reason to refuse an image; nor is a process without the right
    /// to set them, nor a `user.` attribute on a file that cannot have one (xattr(7)).
    private func judge(_ result: CInt, _ attribute: ExtendedAttribute) throws(BoxFailure) {
        if result == -EOPNOTSUPP || (result == -EPERM && (ownUser != 0 || attribute.text.hasPrefix("user."))) {
            ignored.insert(attribute.text)
            return
        }
        try subject.check(result, "setxattr \(attribute.text)")
    }

    // MARK: Marks of overlayfs

    /// Hides what the layers below have in this directory.
    func markOpaque(_ directory: SharedFD) throws(BoxFailure) {
        try mark(directory, "y")
    }

    private func mark(_ directory: SharedFD, _ value: String) throws(BoxFailure) {
        let result = box_setxattr(directory.procPath, options.marks.opaque, value, value.utf8.count)
        if result == -EPERM || result == -EOPNOTSUPP {
            throw subject.failure(
                result == -EPERM ? .denied : .unsupported,
                reason: "the attribute \(options.marks.opaque) cannot be set here",
                hint: "run as root, on a file system with extended attributes")
        }
        try subject.check(result, "setxattr")
    }

    /// Hides one name of the layers below.
    func makeWhiteout(_ parent: SharedFD, _ name: [CChar]) throws(BoxFailure) {
        if !options.whiteoutsAsAttributes {
            let made = box_mknodat(parent.raw, name, S_IFCHR, 0)
            if made != -EPERM {
                try subject.check(made, "mknodat")
                return
            }
        }
        let raw = try subject.check(
            box_open(parent.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), "openat")
        let file = OwnedFD(adopting: raw)
        try subject.check(box_fsetxattr(file.raw, options.marks.whiteout, "y", 1), "setxattr")
        // overlayfs looks for such files only in directories marked with "x"; "y" hides more and stays
        // (Documentation/filesystems/overlayfs.rst, "Nesting overlayfs mounts").
        var value: UInt8 = 0
        let length = box_getxattr(parent.procPath, options.marks.opaque, &value, 1)
        if length == 1 && value == UInt8(ascii: "y") { return }
        try mark(parent, "x")
    }
}
