package import BoxModel

/// Decompresses an archive without looking into it.
///
/// - Parameters:
///   - source: the compressed bytes; read to their end.
///   - deliver: gets the bytes in order, on the caller's thread.
package func decompressArchive(
    from source: any ByteSource, options: UnpackOptions,
    deliver: (UnsafeRawBufferPointer) throws(BoxFailure) -> Void
) throws(BoxFailure) {
    let pipeline = try DecodePipeline(source, compression: nil, options: options)
    defer { pipeline.stop() }
    while let chunk = try pipeline.queue.next() { try deliver(chunk) }
    pipeline.join()
}
