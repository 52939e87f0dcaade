package import BoxModel
internal import BoxSystem
internal import Crypto

extension BoxModel.Digest {
    /// The SHA-256 digest of some bytes.
    package static func sha256(of bytes: [UInt8]) -> BoxModel.Digest {
        var hasher = ContentHasher(.sha256)
        bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.digest()
    }

    /// Whether some bytes have this digest.
    func matches(_ bytes: [UInt8]) -> Bool {
        var hasher = ContentHasher(algorithm)
        bytes.withUnsafeBytes { hasher.update($0) }
        return hasher.digest() == self
    }
}

/// A digest being calculated.
struct ContentHasher {
    private enum Function {
        case sha256(SHA256)
        case sha512(SHA512)
    }

    private var function: Function

    init(_ algorithm: BoxModel.Digest.Algorithm) {
        function = algorithm == .sha256 ? .sha256(SHA256()) : .sha512(SHA512())
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch function {
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            function = .sha256(hash)
        case .sha512(var hash):
            hash.update(bufferPointer: bytes)
            function = .sha512(hash)
        }
    }

    func digest() -> BoxModel.Digest {
        let result: BoxModel.Digest? =
            switch function {
            case .sha256(let hash): BoxModel.Digest(.sha256, bytes: hash.finalize())
            case .sha512(let hash): BoxModel.Digest(.sha512, bytes: hash.finalize())
            }
        guard let result else { preconditionFailure("a hash has the length of its algorithm") }
        return result
    }

    /// The digest of a whole file.
    static func digest(of file: borrowing OwnedFD, _ algorithm: BoxModel.Digest.Algorithm, _ subject: String)
        throws(SystemFailure) -> BoxModel.Digest
    {
        var hasher = ContentHasher(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: buffer, at: offset, subject)
            if count == 0 { return hasher.digest() }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }
}
