package import BoxModel

/// One step of a pull, for whoever shows it.
///
/// Values only; drawing is the face's.
package enum PullEvent: Sendable {
    /// The name was resolved and these layers are wanted, lowest first.
    case began(ImageReference, layers: [Descriptor])
    case layer(Digest, LayerPhase)
    /// Another process is doing the same; its work is waited for.
    case waiting(Digest)

    package enum LayerPhase: Sendable, Equatable {
        case alreadyExists
        /// Bytes so far and in all.
        case downloading(Int64, Int64)
        case downloaded
        case extracting
        case complete
    }
}

/// Takes events from any thread.
package typealias PullProgress = @Sendable (PullEvent) -> Void

/// What a pull came to.
package struct PullResult: Sendable {
    package let reference: ImageReference
    /// Of what the name stands for: the index where there is one.
    package let digest: Digest
    package let isNew: Bool
}
