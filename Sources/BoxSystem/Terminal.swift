internal import CBoxSys
internal import Glibc

/// Rows and columns of a terminal.
package struct TerminalSize: Hashable, Sendable, Codable {
    package var rows: UInt16
    package var columns: UInt16

    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// What termios(3) and ioctl_tty(2) do with a descriptor that may be a terminal.
package enum Terminal {
    package static func isTerminal(_ raw: CInt) -> Bool { box_isatty(raw) == 1 }

    package static func size(of raw: CInt) -> TerminalSize? {
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        guard box_get_winsize(raw, &rows, &columns) == 0 else { return nil }
        return TerminalSize(rows: rows, columns: columns)
    }

    package static func setSize(_ size: TerminalSize, of raw: CInt) {
        _ = box_set_winsize(raw, size.rows, size.columns)
    }
}

/// A terminal in raw mode; the former mode comes back when the owner goes.
package struct RawTerminal: ~Copyable {
    private let raw: CInt
    private let saved: termios

    /// nil where the descriptor is no terminal.
    package init?(_ raw: CInt) {
        var mode = termios()
        guard box_tcgetattr(raw, &mode) == 0 else { return nil }
        saved = mode
        self.raw = raw
        box_make_raw(&mode)
        _ = box_tcsetattr(raw, &mode)
    }

    deinit {
        var mode = saved
        _ = box_tcsetattr(raw, &mode)
    }
}
