internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// gzip by another program, which works on the second core: a thread feeds its standard input, the caller reads
/// its standard output.
struct ChildDecoder: Decoder {
    /// The programs in order of preference; igzip inflates twice as fast as zlib.
    static let programs = [("igzip", ["-d", "-c"]), ("unpigz", ["-c"])]

    /// What the feeding thread leaves behind.
    ///
    /// `@unchecked Sendable`: written by that thread, read after its join.
    private final class Feed: @unchecked Sendable {
        let input: HashedInput
        var failure: BoxFailure?
        var brokenPipe = false
        /// The last eight bytes: checksum and length of the last member.
        var tail: [UInt8] = []

        init(_ input: HashedInput) {
            self.input = input
        }

        func run(_ pipe: CInt) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * 1024, alignment: 4096)
            defer {
                memory.deallocate()
                _ = box_close(pipe)
            }
            do {
                while true {
                    let count = try input.read(into: memory)
                    if count == 0 { return }
                    remember(UnsafeRawBufferPointer(rebasing: memory[..<count]))
                    var done = 0
                    while done < count {
                        let written = box_write(pipe, memory.baseAddress.map { $0 + done }, count - done)
                        if written < 0 {
                            brokenPipe = true
                            return
                        }
                        done += written
                    }
                }
            } catch {
                failure = error
            }
        }

        private func remember(_ bytes: UnsafeRawBufferPointer) {
            tail = Array((tail + bytes.suffix(8)).suffix(8))
        }
    }

    private let program: String
    private let archive: String
    private let child: SharedChild
    private let output: SharedFD
    private let errors: SharedFD
    private let feed: Feed
    private let feeder: WorkerThread
    private var isReaped = false
    private var produced: UInt64 = 0

    /// The child in a place that a copyable decoder can refer to.
    private final class SharedChild {
        let child: Child

        init(_ child: consuming Child) {
            self.child = child
        }
    }

    /// nil where no such program is installed.
    init?(_ input: HashedInput, archive: String, searchPath: String?) throws(BoxFailure) {
        var chosen: (path: String, name: String, arguments: [String])?
        for (name, arguments) in Self.programs {
            guard let path = findProgram(name, path: searchPath) else { continue }
            chosen = (path, name, arguments)
            break
        }
        guard let chosen else { return nil }
        try self.init(input, archive: archive, path: chosen.path, name: chosen.name, arguments: chosen.arguments)
    }

    init(_ input: HashedInput, archive: String, path: String, name: String, arguments: [String]) throws(BoxFailure) {
        program = name
        self.archive = archive
        do {
            let stdin = try Pipe().ends()
            let stdinReader = OwnedFD(adopting: stdin.reader)
            var stdinWriter: OwnedFD? = OwnedFD(adopting: stdin.writer)
            let stdout = try Pipe().ends()
            output = SharedFD(OwnedFD(adopting: stdout.reader))
            let stdoutWriter = OwnedFD(adopting: stdout.writer)
            errors = SharedFD(OwnedFD(adopting: try check(box_memfd("stderr", false), "memfd_create")))
            // A megabyte is what an unprivileged process may ask for (pipe(7)); the default only costs switches.
            _ = box_set_pipe_size(stdin.reader, 1 << 20)
            _ = box_set_pipe_size(stdout.reader, 1 << 20)
            child = SharedChild(
                try Spawn(
                    .path(path), [name] + arguments, descriptors: [stdinReader.raw, stdoutWriter.raw, errors.raw]
                ).start())
            feed = Feed(input)
            guard let pipe = stdinWriter.take()?.release() else { preconditionFailure("taken once") }
            do {
                feeder = try WorkerThread { [feed] in feed.run(pipe) }
            } catch {
                _ = box_close(pipe)
                child.child.signal(SIGKILL)
                _ = try? child.child.wait()
                throw error
            }
        } catch let failure as SystemFailure {
            throw BoxFailure(failure, "run", name)
        } catch let failure as BoxFailure {
            throw failure
        } catch {
            throw BoxFailure(.internal, "run", name, reason: "\(error)")
        }
    }

    mutating func decode(into buffer: UnsafeMutableRawBufferPointer) throws(BoxFailure) -> Int {
        let count: Int
        do {
            count = try check(box_read(output.raw, buffer.baseAddress, buffer.count), "read")
        } catch {
            throw BoxFailure(error, "read the output of", program)
        }
        produced += UInt64(count)
        if count == 0 { try conclude() }
        return count
    }

    /// Tells whether the stream was whole, once the program has closed its output.
    private mutating func conclude() throws(BoxFailure) {
        guard !isReaped else { return }
        let status: Int32
        do {
            status = try child.child.wait()
        } catch {
            throw BoxFailure(error, "wait for", program)
        }
        isReaped = true
        // Its standard input has no reader any more, so the feeder ends by itself.
        if status != 0 { feed.input.interrupt?() }
        feeder.join()
        if let failure = feed.failure { throw failure }
        guard status == 0 else {
            let said = errorText()
            // igzip and unpigz word it so.
            if said.contains("complete gzip file") || said.contains("incomplete") || said.contains("missing trailer") {
                throw truncated(archive, .gzip)
            }
            if status > 128 {
                throw BoxFailure(
                    .unavailable, "decompress", archive, reason: "\(program) was killed by signal \(status - 128)",
                    hint: "try again")
            }
            throw damaged(archive, .gzip, said.isEmpty ? "\(program) ended with status \(status)" : said)
        }
        if feed.brokenPipe { throw followed(archive, .gzip) }
        try checkLength()
    }

    /// Judges the end of the stream, as the programs ignore what follows the last member.
    ///
    /// It must be the trailer of a member, whose length cannot exceed that of everything (RFC 1952, ISIZE). Only rubbish that looks like the
    /// trailer of a shorter member passes, and the digest of the blob is for that.
    private func checkLength() throws(BoxFailure) {
        guard feed.tail.count == 8 else { throw truncated(archive, .gzip) }
        let length = feed.tail.suffix(4).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if produced < 1 << 32 && length > produced { throw followed(archive, .gzip) }
    }

    private func errorText() -> String {
        var bytes = [UInt8](repeating: 0, count: 200)
        let count = box_pread(errors.raw, &bytes, bytes.count, 0)
        let text = String(decoding: bytes[..<max(0, Int(count))], as: UTF8.self)
        return text.split(separator: "\n").first.map(String.init) ?? ""
    }

    mutating func stop() {
        if !isReaped {
            child.child.signal(SIGKILL)
            _ = try? child.child.wait()
            isReaped = true
        }
        feed.input.interrupt?()
        feeder.join()
    }
}
