package import BoxModel
package import BoxSystem

internal import SystemPackage

/// Why a container's command does not run: at which step, on what, with which errno.
package struct LaunchFailure: Error, Equatable, Sendable {
    package enum Step: UInt8, Sendable, CaseIterable {
        case clone, namespace, cgroup, network, idMapping, rootfs, mount, device, maskedPath, readonlyPath, pivot
        case hostname, sysctl, limit, terminal, workingDirectory, user, capability, seccomp
        /// The command does not exist.
        case commandMissing
        /// The command exists and cannot be executed.
        case commandInvalid
        /// The two sides did not understand each other, or init died.
        case handshake
    }

    package let step: Step
    /// 0 where no kernel call failed.
    package let errno: Int32
    package let subject: String
    /// Why, and what to do about it.
    package let detail: String
    /// What the caller's own part of a step said, which needs no other words.
    private var said: BoxFailure?

    package init(_ step: Step, _ subject: String, _ detail: String, errno: Int32 = 0) {
        self.step = step
        self.errno = errno
        self.subject = subject
        self.detail = detail
    }

    package init(_ failure: SystemFailure, _ step: Step, _ subject: String? = nil, hint: String? = nil) {
        let shown = subject ?? failure.subject
        let reason = "\(failure.reason) (\(failure.call))"
        self.init(step, shown, hint.map { "\(reason); \($0)" } ?? reason, errno: failure.errno.rawValue)
    }

    /// Names the step of what was thrown in it; a failure that names its own keeps it.
    package init(_ error: any Error, _ step: Step, _ subject: String? = nil) {
        switch error {
        case let failure as LaunchFailure: self = failure
        // Named in full: the shorter call would be this initializer again.
        case let failure as SystemFailure: self.init(failure, step, subject, hint: nil)
        case let failure as BoxFailure:
            self.init(step, failure.subject, failure.detail, errno: failure.errno ?? 0)
            said = failure
        default: self.init(step, subject ?? "", "\(error)")
        }
    }

    /// The exit status that `run` ends with, as users know it from shells and docker.
    package var exitStatus: Int32 {
        switch step {
        case .commandMissing: 127
        case .commandInvalid: 126
        default: 125
        }
    }

    /// The one line for the user.
    package var failure: BoxFailure {
        said ?? BoxFailure(kind, operation, subject, reason: detail, errno: errno == 0 ? nil : errno)
    }

    private var kind: BoxFailure.Kind {
        switch step {
        case .commandMissing: .notFound
        case .commandInvalid: .invalid
        case .handshake: .internal
        default: errno == 0 ? .invalid : BoxFailure.Kind(errno: errno)
        }
    }

    private var operation: String {
        switch step {
        case .clone: "start a process for the container"
        case .namespace: "set up the namespace"
        case .cgroup: "move the container into its cgroup"
        case .network: "set up the container's network"
        case .idMapping: "map the container's users"
        case .rootfs: "mount the root file system"
        case .mount: "mount"
        case .device: "make the device"
        case .maskedPath: "mask"
        case .readonlyPath: "make read-only"
        case .pivot: "change into the root file system"
        case .hostname: "set the host name"
        case .sysctl: "set the kernel parameter"
        case .limit: "set the limit"
        case .terminal: "make the container's terminal"
        case .workingDirectory: "change into the working directory"
        case .user: "find the user or group"
        case .capability: "set the capabilities"
        case .seccomp: "load the system call filter"
        case .commandMissing, .commandInvalid: "run"
        case .handshake: "start the container"
        }
    }
}

/// Turns the negative errno of a `CBoxSys` function into a failure of a step.
@discardableResult
@inline(__always)
func attempt<Number: SignedInteger>(
    _ result: Number, _ step: LaunchFailure.Step, _ call: @autoclosure () -> String,
    _ subject: @autoclosure () -> String, hint: @autoclosure () -> String? = nil
) throws(LaunchFailure) -> Number {
    guard result < 0 else { return result }
    do {
        return try check(result, call())
    } catch {
        throw LaunchFailure(error, step, subject(), hint: hint())
    }
}
