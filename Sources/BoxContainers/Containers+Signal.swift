package import BoxModel
internal import BoxRuntime
package import BoxStore
internal import BoxSystem
internal import SystemPackage

extension Containers {
    /// Sends a signal to a container's first process.
    package func kill(_ record: ContainerRecord, signal: Int32, name: String) throws(BoxFailure) {
        guard let socket = try connect(record.id) else {
            try requireRunning(record, "kill", name)
            return
        }
        let answer = try exchange(.signal(signal), socket, "kill", name)
        if case .done(let errno) = answer, errno != 0 {
            throw BoxFailure(SystemFailure("kill", errno: Errno(rawValue: errno)), "kill", name, kind: .conflict)
        }
    }

    /// Ends a container: its stop signal first, the kill after the grace period.
    ///
    /// One that has ended is left alone.
    ///
    /// - Parameters:
    ///   - signal: nil takes the container's own.
    ///   - grace: seconds; nil takes the container's own, negative waits for ever.
    package func stop(_ record: ContainerRecord, signal: Int32?, grace: Int?, name: String) throws(BoxFailure) {
        guard let socket = try connect(record.id) else { return }
        let config = try record.config()
        let chosen: Int32
        if let signal { chosen = signal } else { chosen = try Signal.number(config.stopSignal) }
        let seconds = Int32(clamping: grace ?? config.stopTimeout)
        do {
            try socket.send(ControlMessage.stop(signal: chosen, grace: seconds).encoded)
        } catch {
            return
        }
        _ = try awaitExit(socket, "stop", name)
    }

    /// Waits for the end of a container and gives its exit status.
    package func wait(_ record: ContainerRecord, name: String) throws(BoxFailure) -> Int32 {
        if let socket = try connect(record.id), (try? socket.send(ControlMessage.wait.encoded)) != nil,
            let code = try awaitExit(socket, "wait for", name)
        {
            return code
        }
        return try summary(record).state.exitCode
    }

    /// - Returns: nil where the monitor ended without an answer.
    private func awaitExit(
        _ socket: borrowing MessageSocket, _ operation: String, _ name: String
    ) throws(BoxFailure) -> Int32? {
        while true {
            do {
                guard case .message(let packet) = try socket.receive() else { return nil }
                if case .exited(let code)? = ControlMessage(packet.bytes) { return code }
            } catch {
                throw BoxFailure(error, operation, name)
            }
        }
    }

    func exchange(
        _ message: ControlMessage, _ socket: borrowing MessageSocket, _ operation: String, _ name: String
    ) throws(BoxFailure) -> ControlMessage? {
        do {
            try socket.send(message.encoded)
            guard case .message(let packet) = try socket.receive() else { return nil }
            return ControlMessage(packet.bytes)
        } catch {
            throw BoxFailure(error, operation, name)
        }
    }
}
