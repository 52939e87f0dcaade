internal import BoxModel
package import BoxSystem
internal import CBoxSys
internal import Glibc
internal import SystemPackage

/// Turns a plan into a running process.
///
/// The caller must have one thread only: the child is a copy of it that goes on in Swift (clone(2)). It should be in
/// a session of its own with all signals blocked, be a subreaper, and run from an image of box that cannot be written.
///
/// - Parameters:
///   - seccompProgram: the instructions of a system call filter; none where empty.
///   - terminalSize: of the container's terminal from its beginning.
///   - beforeExec: runs when the namespaces are there and init waits; the place to set up the network.
package func launch(
    _ plan: LaunchPlan, stdio: LaunchStdio, seccompProgram: [UInt8], cgroup: some CgroupPlacement,
    terminalSize: TerminalSize? = nil, beforeExec: (Int32) throws -> Void
) throws(LaunchFailure) -> Launched {
    guard !plan.spec.process.args.isEmpty else {
        throw LaunchFailure(
            .commandMissing, "\"\"", "neither the image nor the command line names a command", errno: ENOENT)
    }
    let namespaces = try Namespaces(plan.spec.linux.namespaces)
    let ends: MessageSocket.Pair
    do {
        ends = try MessageSocket.pair()
    } catch {
        throw LaunchFailure(error, .clone)
    }
    var arguments = box_clone(flags: namespaces.cloneFlags, cgroup_fd: cgroup.descriptor, pidfd: -1)
    let hasOwnUsers = namespaces.isOwn(.user)
    let areUsersMapped = namespaces.areUsersMapped
    let pid: Int32
    if let users = namespaces.userNamespace {
        pid = JoinedUsers.clone(&arguments, users: users, pidNamespace: namespaces.pidNamespace)
    } else {
        if let space = namespaces.pidNamespace {
            try attempt(box_setns(space.raw, CInt(truncatingIfNeeded: BOX_CLONE_NEWPID)), .namespace, "setns", "pid")
        }
        pid = box_clone3(&arguments)
    }
    if pid == 0 {
        _ = box_close(ends.ours)
        let status: Int32
        do {
            var child = ContainerInit(
                plan: plan, stdio: stdio, seccompProgram: seccompProgram, entrances: cgroup.entrances,
                namespaces: namespaces,
                socket: MessageSocket(OwnedFD(adopting: ends.theirs)))
            status = child.run()
        }
        box_exit(status)
    }
    if namespaces.pidNamespace != nil, namespaces.userNamespace == nil {
        // The caller's later children belong to its own namespace again.
        let own = box_open(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0)
        if own >= 0 {
            _ = box_setns(own, CInt(truncatingIfNeeded: BOX_CLONE_NEWPID))
            _ = box_close(own)
        }
    }
    _ = box_close(ends.theirs)
    let socket = MessageSocket(OwnedFD(adopting: ends.ours))
    try attempt(
        pid, .clone, "clone3", "",
        hint: pid == -EPERM ? "making namespaces needs root or user namespaces" : nil)
    let pidfd = OwnedFD(adopting: arguments.pidfd)
    do {
        if hasOwnUsers { try plan.spec.linux.writeIDMaps(of: pid) }
        try release(pid, plan, areUsersMapped: areUsersMapped, socket, beforeExec)
        let master = try converse(socket, terminal: stdio.isTerminal, terminalSize)
        return Launched(pid: pid, pidfd: pidfd, terminalMaster: master < 0 ? nil : OwnedFD(adopting: master))
    } catch {
        _ = box_pidfd_send_signal(pidfd.raw, SIGKILL)
        var status: CInt = 0
        _ = box_waitpid(pid, &status, 0)
        throw error
    }
}

/// Does what only the monitor may do to the new process, then lets it go on.
private func release(
    _ pid: Int32, _ plan: LaunchPlan, areUsersMapped: Bool, _ socket: borrowing MessageSocket,
    _ beforeExec: (Int32) throws -> Void
) throws(LaunchFailure) {
    if let score = plan.spec.process.oomScoreAdj {
        do {
            try writeControl("/proc/\(pid)/oom_score_adj", "\(score)")
        } catch {
            throw LaunchFailure(
                error, .limit, "oom_score_adj=\(score)",
                hint: error.errno == .permissionDenied
                    ? "lowering it needs CAP_SYS_RESOURCE, which box does not have here" : nil)
        }
    }
    do { try beforeExec(pid) } catch { throw LaunchFailure(error, .network) }
    if areUsersMapped { try PreparedMounts.send(plan, pid: pid, over: socket) }
    do {
        try socket.send(HandshakeMessage.go.bytes)
    } catch {
        // It has died already; what it said is still in the socket.
        guard error.errno == .brokenPipe || error.errno == .connectionReset else {
            throw LaunchFailure(error, .handshake)
        }
    }
}

/// Listens until init has executed the command.
///
/// - Returns: the master of the container's terminal, or -1.
private func converse(
    _ socket: borrowing MessageSocket, terminal: Bool, _ size: TerminalSize?
) throws(LaunchFailure) -> CInt {
    var handshake = Handshake(terminal: terminal)
    var master: CInt = -1
    var action = handshake.released()
    while true {
        switch action {
        case .started: return master
        case .fail(let failure):
            if master >= 0 { _ = box_close(master) }
            throw failure
        case .wait, .keepTerminal: break
        }
        let received: MessageSocket.Received
        do {
            received = try socket.receive()
        } catch {
            throw LaunchFailure(error, .handshake)
        }
        switch received {
        case .message(let message):
            guard let word = HandshakeMessage(bytes: message.bytes) else {
                throw LaunchFailure(.handshake, "", "init said something that is not a message")
            }
            action = handshake.received(word)
            if action == .keepTerminal, let fd = message.takeDescriptor() {
                if let size { Terminal.setSize(size, of: fd.raw) }
                master = fd.release()
            }
        case .closed, .nothingYet: action = handshake.closed()
        }
    }
}

extension LaunchStdio {
    fileprivate var isTerminal: Bool {
        if case .terminal = self { true } else { false }
    }
}
