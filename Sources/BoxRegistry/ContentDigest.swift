internal import BoxModel
internal import Crypto

extension BoxModel.Digest {
    /// The digest of some bytes.
    init(of bytes: [UInt8], _ algorithm: BoxModel.Digest.Algorithm) {
        let value: [UInt8] =
            switch algorithm {
            case .sha256: Array(SHA256.hash(data: bytes))
            case .sha512: Array(SHA512.hash(data: bytes))
            }
        guard let digest = BoxModel.Digest(algorithm, bytes: value) else {
            preconditionFailure("the length of a hash is fixed")
        }
        self = digest
    }
}
