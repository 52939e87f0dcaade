internal import BoxSystem
internal import CBoxSys
internal import Glibc

extension RootSetup {
    private static let devptsMagic = 0x1cd1

    /// A pseudo-terminal of the container's own devpts (pty(7), devpts in mount(8)).
    struct Terminal {
        let master: CInt
        let slave: CInt
    }

    /// Makes a terminal and shows it as `/dev/console`.
    func makeTerminal() throws(LaunchFailure) -> Terminal {
        do {
            let master = try tree.open("/dev/pts/ptmx", flags: O_RDWR | O_NOCTTY, following: false)
            // Everything after this trusts the master; an image's own /dev/pts/ptmx could be any device.
            guard try RootTree.fileSystem(master) == Self.devptsMagic else {
                throw LaunchFailure(.terminal, "/dev/pts/ptmx", "the container has no devpts file system at /dev/pts")
            }
            try check(box_unlock_terminal(master.raw), "ioctl TIOCSPTLCK", "/dev/pts/ptmx")
            // By descriptor (ioctl_tty(2), TIOCGPTPEER): a path could have been covered meanwhile (CVE-2025-52565).
            let slave = OwnedFD(
                adopting: try check(box_open_peer(master.raw, O_RDWR | O_NOCTTY), "ioctl TIOCGPTPEER", "/dev/pts"))
            try showConsole(slave)
            return Terminal(master: master.release(), slave: slave.release())
        } catch {
            throw LaunchFailure(error, .terminal)
        }
    }

    private func showConsole(_ slave: borrowing OwnedFD) throws(SystemFailure) {
        let made = try tree.make("/dev/console", .file)
        let place = OwnedFD(adopting: made.place)
        let flags = UInt32(BOX_OPEN_TREE_CLONE | BOX_OPEN_TREE_CLOEXEC | BOX_AT_EMPTY_PATH)
        let clone = OwnedFD(adopting: try check(box_open_tree(slave.raw, "", flags), "open_tree", "/dev/console"))
        try check(
            box_move_mount(
                clone.raw, "", place.raw, "", UInt32(BOX_MOVE_MOUNT_F_EMPTY_PATH | BOX_MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", "/dev/console")
    }
}
