package import BoxModel
package import BoxSystem

/// Unpacks one layer into an empty directory, in the form that overlayfs stacks.
///
/// Two threads work at once: one reads, hashes and decompresses, the caller's applies. Nothing is flushed to the
/// disk; on failure the directory holds a part of the layer and is the caller's to remove. Digests are reported,
/// not compared.
///
/// - Parameters:
///   - source: the bytes of the blob; read to its end.
///   - compression: nil looks at the first bytes. Media types lie often enough that nil is the better choice.
///   - directory: where to unpack; private to the caller until the function returns.
package func unpackLayer(
    from source: any ByteSource, compression: Compression? = nil, into directory: borrowing Directory,
    options: UnpackOptions = UnpackOptions()
) throws(BoxFailure) -> LayerReport {
    let root: SharedFD
    do {
        root = SharedFD(try directory.fd.duplicate())
    } catch {
        throw BoxFailure(error, "unpack", options.name)
    }
    let subject = EntrySubject(archive: options.name)
    let applier = try LayerApplier(root, subject: subject, options: options)
    let pipeline = try DecodePipeline(source, compression: compression, options: options)
    defer { pipeline.stop() }
    let reader = try TarReader(pipeline.queue, subject: subject)
    try reader.forEach { entry throws(BoxFailure) in try applier.apply(entry) }
    if options.requiresEndMarker {
        guard reader.hasEndMarker else {
            throw subject.failure(.corrupt, reason: "the archive is truncated: its end marker is missing")
        }
        guard !reader.hasTrailingData else {
            throw subject.failure(.corrupt, reason: "other data follows the end of the archive")
        }
    }
    try applier.finishDirectories()
    pipeline.join()
    return LayerReport(
        compressedDigest: try pipeline.compressedDigest(), compressedSize: pipeline.compressedSize,
        diffID: try pipeline.diffID(), uncompressedSize: pipeline.uncompressedSize,
        unpackedSize: applier.unpackedSize, entryCount: applier.entryCount,
        implicitDirectories: applier.implicitDirectories, foreignHardLinks: applier.foreignHardLinks,
        hidesEverythingBelow: applier.hidesEverythingBelow, hasRootEntry: applier.hasRootEntry,
        hasEndMarker: reader.hasEndMarker, ignoredAttributes: applier.attributes.ignored.sorted())
}
