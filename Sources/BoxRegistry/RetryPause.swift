/// How long to wait between two attempts.
struct RetryPause: Sendable {
    let first: Duration
    let longest: Duration

    /// The pause after a number of failures in a row: doubling, with a jitter of a half, so that many clients that
    /// failed together do not come back together.
    ///
    /// - Returns: nil where the server asks for a longer pause than anybody wants to wait.
    func delay(failures: Int, asked: Duration?) -> Duration? {
        if let asked, asked > longest { return nil }
        let full = min(first * (1 << min(max(failures, 1) - 1, 16)), longest)
        let jittered = full / 2 + (full / 2) * Double.random(in: 0...1)
        return max(asked ?? .zero, jittered)
    }
}
