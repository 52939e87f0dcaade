internal import CBoxSys
internal import Glibc

/// What box does as process 1 of a container (`--init`): it reaps, forwards signals, and ends as the command does.
struct InitLoop {
    let child: Int32

    /// What follows from one signal.
    enum Reaction: Equatable {
        case reap
        case forward(Int32)
    }

    static func reaction(to signal: Int32) -> Reaction {
        signal == SIGCHLD ? .reap : .forward(signal)
    }

    /// Runs with all signals blocked.
    func run() -> Never {
        _ = box_set_name("box-init")
        while true {
            let signal = box_wait_signal()
            guard signal > 0 else { continue }
            switch Self.reaction(to: signal) {
            case .forward(let signal): _ = box_kill(child, signal)
            case .reap:
                // Several ends may have become one SIGCHLD (signal(7)).
                var status: CInt = 0
                while true {
                    let pid = box_waitpid(-1, &status, WNOHANG)
                    if pid == child { box_exit(status) }
                    if pid <= 0 { break }
                }
            }
        }
    }
}
