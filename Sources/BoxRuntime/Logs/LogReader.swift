package import BoxSystem
internal import CBoxSys
internal import Glibc

/// Reads a container's log, oldest first, and can follow it across rotations.
package struct LogReader: ~Copyable {
    private let directory: Directory
    private var file: OwnedFD?
    private var inode: UInt64 = 0
    private var offset: Int64 = 0
    /// Rotated files not yet read, oldest last.
    private var pending: [Int] = []

    package init(_ directory: consuming Directory) {
        let numbers = ((try? directory.names()) ?? []).compactMap { Int($0) }.sorted()
        self.directory = directory
        pending = numbers
        openNext()
    }

    private mutating func openNext() {
        while let number = pending.popLast() {
            if open(number) { return }
        }
    }

    private mutating func open(_ number: Int) -> Bool {
        guard let opened = try? directory.open("\(number)"), let status = try? opened.status() else { return false }
        inode = status.inode
        offset = 0
        file = consume opened
        return true
    }

    /// The next record, or nil where nothing more has been written yet.
    package mutating func next() -> LogRecord? {
        while true {
            if let record = readRecord() { return record }
            if !pending.isEmpty {
                openNext()
                continue
            }
            // The file may have been rotated away: what follows is in a file with a lower number.
            guard let successor = successor() else { return nil }
            // The writer may have appended between our read and the rotation.
            if let record = readRecord() { return record }
            guard open(successor) else { return nil }
        }
    }

    /// The number of the file written after the current one, where there is one.
    private borrowing func successor() -> Int? {
        guard let numbers = (try? directory.names())?.compactMap({ Int($0) }).sorted() else { return nil }
        guard inode != 0 else { return numbers.last }
        for number in numbers where (try? directory.status("\(number)").inode) == inode {
            return number > 0 ? number - 1 : nil
        }
        // Even the oldest is newer than ours.
        return numbers.last
    }

    private mutating func readRecord() -> LogRecord? {
        guard let record = peekRecord() else { return nil }
        offset += Int64(LogLayout.headerSize + record.bytes.count + LogLayout.trailerSize)
        return record
    }

    private borrowing func peekRecord() -> LogRecord? {
        guard let raw = rawFile else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: LogLayout.headerSize, alignment: 8) { header -> LogRecord? in
            guard box_pread(raw, header.baseAddress, header.count, offset) == header.count,
                let (length, stream, time) = LogLayout.readHeader(UnsafeRawBufferPointer(header))
            else { return nil }
            var filled = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
                filled = box_pread(raw, buffer.baseAddress, length, offset + Int64(LogLayout.headerSize))
                initialized = max(0, filled)
            }
            guard filled == length else { return nil }
            return LogRecord(stream: stream, time: time, bytes: bytes)
        }
    }

    private var rawFile: CInt? {
        switch file {
        case .some(let file): file.raw
        case .none: nil
        }
    }

    /// Moves to where the last `lines` lines begin, walking backwards by the lengths at the records' ends.
    ///
    /// - Returns: how many complete lines of the record now next must be skipped.
    package mutating func seekToTail(lines: Int) -> Int {
        let numbers = ((try? directory.names()) ?? []).compactMap { Int($0) }.sorted()
        var missing = lines
        var isLast = true
        for number in numbers {
            guard open(number), let raw = rawFile, let size = fileSize(raw) else { continue }
            var end = size
            while end > 0 {
                guard let record = recordEnding(at: end, raw) else { break }
                var count = record.bytes.reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
                // A last line without its newline is a line too.
                if isLast && record.bytes.last != UInt8(ascii: "\n") { count += 1 }
                isLast = false
                let start = end - Int64(LogLayout.headerSize + record.bytes.count + LogLayout.trailerSize)
                if count >= missing {
                    // Lines that began in an earlier record are complete there or shown from here on.
                    offset = start
                    pending = Array(numbers.prefix { $0 < number })
                    return count - missing
                }
                missing -= count
                end = start
            }
        }
        pending = numbers
        openNext()
        return 0
    }

    private func fileSize(_ raw: CInt) -> Int64? {
        let size = box_lseek(raw, 0, SEEK_END)
        return size < 0 ? nil : size
    }

    private func recordEnding(at end: Int64, _ raw: CInt) -> LogRecord? {
        var trailer: UInt32 = 0
        guard box_pread(raw, &trailer, 4, end - 4) == 4 else { return nil }
        let length = Int(UInt32(littleEndian: trailer))
        let start = end - Int64(LogLayout.headerSize + length + LogLayout.trailerSize)
        guard length <= LogLayout.payloadLimit, start >= 0 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: LogLayout.headerSize, alignment: 8) { header -> LogRecord? in
            guard box_pread(raw, header.baseAddress, header.count, start) == header.count,
                let (headerLength, stream, time) = LogLayout.readHeader(UnsafeRawBufferPointer(header)),
                headerLength == length
            else { return nil }
            var filled = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
                filled = box_pread(raw, buffer.baseAddress, length, start + Int64(LogLayout.headerSize))
                initialized = max(0, filled)
            }
            return filled == length ? LogRecord(stream: stream, time: time, bytes: bytes) : nil
        }
    }
}
