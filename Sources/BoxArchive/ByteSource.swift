internal import CBoxSys
package import BoxModel
package import BoxSystem

/// Where the bytes of an archive come from: a file, the memory, a download that still grows.
///
/// One thread reads at a time, but not always the one that made the source.
package protocol ByteSource: Sendable {
    /// Fills some of the buffer and tells how much; 0 is the end. May block.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int

    /// Makes a blocked `read` return soon; called from another thread when the bytes are no longer wanted.
    ///
    /// nil where `read` never blocks for long.
    var interrupt: (@Sendable () -> Void)? { get }
}

extension ByteSource {
    package var interrupt: (@Sendable () -> Void)? { nil }
}

/// The bytes of an open file from its current position on.
package struct FileSource: ByteSource {
    private let file: SharedFD
    private let name: String

    /// - Parameter name: what to call the file in a failure.
    package init(_ file: SharedFD, name: String = "") {
        self.file = file
        self.name = name
    }

    package init(_ file: consuming OwnedFD, name: String = "") {
        self.init(SharedFD(file), name: name)
    }

    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        do {
            return try check(box_read(file.raw, buffer.baseAddress, buffer.count), "read", name)
        } catch {
            throw BoxFailure(error, "read the archive", name)
        }
    }
}

/// Bytes in memory.
package struct BytesSource: ByteSource {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - position)
        buffer.copyBytes(from: bytes[position..<position + count])
        position += count
        return count
    }
}
