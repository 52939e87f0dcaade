// A minimal monitor for tests: reads a plan from its standard input, runs it, and ends as the container does.
// The test process itself must not fork: it has threads.
import BoxModel
import BoxRuntime
import BoxSystem
import Foundation

struct ProbeRequest: Codable {
    var plan: LaunchPlan
    var terminal: Bool?
    var seccompProgram: [UInt8]?
}

func say(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}

let input = FileHandle.standardInput.readDataToEndOfFile()
guard let request = try? JSONDecoder().decode(ProbeRequest.self, from: input) else {
    say("probe: standard input is not a plan")
    exit(99)
}
do {
    let stdio: LaunchStdio =
        request.terminal == true ? .terminal : .descriptors(input: -1, output: 1, error: 2)
    let started = SystemClock.monotonic
    let launched = try launch(
        request.plan, stdio: stdio, seccompProgram: request.seccompProgram ?? [], cgroup: CallersCgroup()
    ) { _ in }
    let (pid, pidfd, master) = launched.release()
    if master >= 0 {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(master, &buffer, buffer.count)
            if count <= 0 { break }
            FileHandle.standardOutput.write(Data(buffer[..<count]))
        }
    }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    if ProcessInfo.processInfo.environment["PROBE_TIME"] != nil {
        say("launch to end: \((SystemClock.monotonic - started) / 1000) µs")
    }
    close(pidfd)
    exit(status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f))
} catch {
    say(error.failure.description)
    exit(error.exitStatus)
}
