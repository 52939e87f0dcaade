internal import BoxModel
internal import BoxSystem
internal import CBoxSys
internal import Glibc

/// The child's side of a launch: from the clone to the command's execve(2).
///
/// It leaves by exec or `_exit` only, right after ``run()``. Anything that returned or threw further would run the
/// monitor's clean-up in a copy of the monitor.
struct ContainerInit: ~Copyable {
    let plan: LaunchPlan
    let stdio: LaunchStdio
    let seccompProgram: [UInt8]
    /// Open `tasks` files of the container's cgroups.
    let entrances: [CInt]
    let namespaces: Namespaces
    let socket: MessageSocket
    private var descriptors: [CInt] = [-1, -1, -1]
    private var hasTerminal = false
    /// The hierarchies in which the container has a cgroup of its own, by their controllers; nil: wherever it is.
    private var ownHierarchies: Set<String>?
    /// Where the root file system goes; opened while this process is still the host's root, whose folders the
    /// container's root may not search.
    private var mountpoint: CInt = -1

    init(
        plan: LaunchPlan, stdio: LaunchStdio, seccompProgram: [UInt8], entrances: [CInt],
        namespaces: consuming Namespaces, socket: consuming MessageSocket
    ) {
        self.plan = plan
        self.stdio = stdio
        self.seccompProgram = seccompProgram
        self.entrances = entrances
        self.namespaces = namespaces
        self.socket = socket
    }

    private var process: RuntimeSpec.Process { plan.spec.process }

    /// Sets up and executes; reports what went wrong.
    ///
    /// - Returns: the status to end with, as nothing was executed.
    mutating func run() -> Int32 {
        do {
            try dieWithMonitor()
            // From here to exec nobody in the container may trace this process or reach box through its
            // /proc/PID/exe (CVE-2019-5736): a process that is not dumpable is closed to them (ptrace(2)).
            _ = box_set_dumpable(false)
            try enterCgroups()
            let prepared = try awaitRelease()
            try enterNamespaces()
            try buildRoot(prepared)
            return 0
        } catch {
            try? socket.send(HandshakeMessage.failed(error).bytes)
            return error.exitStatus
        }
    }

    /// The parent-death signal is lost whenever credentials change (prctl(2)), so this is called again after that.
    private func dieWithMonitor() throws(LaunchFailure) {
        try attempt(box_set_pdeathsig(SIGKILL), .clone, "prctl PR_SET_PDEATHSIG", "")
    }

    /// Takes this process into the container's cgroups before it has done anything that they limit (cgroups(7)).
    private func enterCgroups() throws(LaunchFailure) {
        for entrance in entrances { try attempt(box_write(entrance, "0", 1), .cgroup, "write", "tasks") }
    }

    /// Waits for `go`.
    ///
    /// Should the monitor have died before the death signal was armed, the connection is closed.
    ///
    /// - Returns: the descriptors that came before it.
    private func awaitRelease() throws(LaunchFailure) -> [CInt] {
        var received: [CInt] = []
        while true {
            let answer: MessageSocket.Received
            do {
                answer = try socket.receive()
            } catch {
                throw LaunchFailure(error, .handshake)
            }
            guard case .message(let message) = answer else { box_exit(125) }
            switch HandshakeMessage(bytes: message.bytes) {
            case .go: return received
            case .mounts:
                while let fd = message.takeDescriptor() { received.append(fd.release()) }
            default: throw LaunchFailure(.handshake, "", "init got a message that is not for it")
            }
        }
    }

    // MARK: Namespaces

    private mutating func enterNamespaces() throws(LaunchFailure) {
        try attempt(box_setsid(), .clone, "setsid", "")
        // A session keyring of its own, so that the container does not see the user's; where keys are disabled or
        // the quota is used up there is nothing to see either (keyctl(2)).
        _ = box_keyring_join(nil)
        if namespaces.isOwn(.user) {
            mountpoint = try attempt(
                box_open(AT_FDCWD, plan.mountpoint, CInt(BOX_O_PATH) | O_DIRECTORY, 0), .rootfs, "open",
                plan.mountpoint)
            // Until now this process had no mapped id in its namespace (user_namespaces(7)).
            try attempt(box_setgroups([], 0), .idMapping, "setgroups", "")
            try attempt(box_setresgid(0), .idMapping, "setresgid", "0")
            try attempt(box_setresuid(0), .idMapping, "setresuid", "0")
            try dieWithMonitor()
            _ = box_set_dumpable(false)
        }
        try namespaces.join()
        // In a cgroup namespace of its own every path looks like the root.
        try noteHierarchies()
        if namespaces.hasOwnCgroup {
            try attempt(
                box_unshare(CInt(truncatingIfNeeded: BOX_CLONE_NEWCGROUP)), .namespace, "unshare", "cgroup")
        }
        if namespaces.isOwn(.network) { try attempt(box_link_up("lo"), .network, "ioctl SIOCSIFFLAGS", "lo") }
        if let name = plan.spec.hostname, !name.isEmpty {
            try requireOwnHostname(name)
            try attempt(box_sethostname(name, name.utf8.count), .hostname, "sethostname", name)
        }
        if let name = plan.spec.domainname, !name.isEmpty {
            try requireOwnHostname(name)
            try attempt(box_setdomainname(name, name.utf8.count), .hostname, "setdomainname", name)
        }
    }

    private mutating func noteHierarchies() throws(LaunchFailure) {
        guard let path = plan.spec.linux.cgroupsPath else { return }
        do {
            let all = RootSetup.Hierarchy.parse(try readText("/proc/self/cgroup", limit: 1 << 20))
            ownHierarchies = Set(all.filter { $0.path.hasSuffix(path) }.map(\.controllers))
        } catch {
            throw LaunchFailure(error, .cgroup)
        }
    }

    private func requireOwnHostname(_ name: String) throws(LaunchFailure) {
        guard !namespaces.isOwn(.uts) else { return }
        throw LaunchFailure(.hostname, name, "it would change another one's UTS namespace; use a private one")
    }

    // MARK: File system

    private mutating func buildRoot(_ prepared: [CInt]) throws(LaunchFailure) {
        let procDescriptors = OwnedFD(
            adopting: try attempt(
                box_open(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0), .rootfs, "open", "/proc/self/fd"))
        try attempt(box_fchdir(procDescriptors.raw), .rootfs, "fchdir", "/proc/self/fd")
        // The modes of what is made here are meant as they stand (umask(2)).
        _ = box_umask(0)
        let spec = plan.spec
        try RootSetup.separate(propagation: spec.linux.rootfsPropagation, mountpoint: plan.mountpoint)
        let fromMonitor = PreparedMounts(spec: spec, received: prepared)
        let tree = try RootSetup.mountRoot(plan, prepared: fromMonitor.root, at: mountpoint)
        var setup = RootSetup(
            tree: tree, spec: spec, ownKinds: namespaces.kinds,
            isInUserNamespace: namespaces.areUsersMapped,
            prepared: fromMonitor.binds, ownHierarchies: ownHierarchies)
        try setup.mountAll()
        try setup.makeDevices()
        if plan.createWorkingDirectory { try makeWorkingDirectory(setup.tree) }
        try openStdio(setup)
        if let parameters = spec.linux.sysctl, !parameters.isEmpty {
            let kinds = namespaces.kinds
            try Sysctl.apply(parameters, in: setup.tree) { kinds.contains($0) }
        }
        try setup.maskPaths()
        try setup.protectPaths()
        if spec.root.readonly == true { try setup.makeRootReadOnly() }
        try setup.pivot(propagation: spec.linux.rootfsPropagation)
        try becomeUser(procDescriptors)
    }

    private func makeWorkingDirectory(_ tree: borrowing RootTree) throws(LaunchFailure) {
        do {
            let made = try tree.make(process.cwd, .directory(mode: 0o755))
            _ = box_close(made.place)
        } catch {
            throw LaunchFailure(error, .workingDirectory, process.cwd)
        }
    }

    /// Finds out what 0, 1 and 2 become, and lifts it out of the way of these numbers.
    private mutating func openStdio(_ setup: borrowing RootSetup) throws(LaunchFailure) {
        switch stdio {
        case .terminal:
            let terminal = try setup.makeTerminal()
            hasTerminal = true
            descriptors = [terminal.slave, terminal.slave, terminal.slave]
            do {
                try socket.send(HandshakeMessage.terminal.bytes, descriptors: [terminal.master])
            } catch {
                throw LaunchFailure(error, .handshake)
            }
            _ = box_close(terminal.master)
        case .descriptors(let input, let output, let error):
            for (index, given) in [input, output, error].enumerated() {
                // Also a null device that the caller passes: the host's own node must not be at hand in a container,
                // whose root could change its mode.
                let isNull = given < 0 || Self.isNullDevice(given)
                descriptors[index] =
                    isNull
                    ? try attempt(
                        box_open(AT_FDCWD, "\(setup.null)", index == 0 ? O_RDONLY : O_WRONLY, 0), .terminal, "open",
                        "/dev/null")
                    : try attempt(box_dup(given), .terminal, "dup", "\(given)")
            }
        }
    }

    private static func isNullDevice(_ fd: CInt) -> Bool {
        var raw = stat()
        return box_fstatat(fd, "", &raw, CInt(BOX_AT_EMPTY_PATH)) == 0 && raw.st_mode & 0o170000 == 0o020000
            && raw.st_rdev == box_makedev(1, 3)
    }

    // MARK: The user and the command

    private func becomeUser(_ procDescriptors: borrowing OwnedFD) throws(LaunchFailure) {
        let root = RootTree(
            OwnedFD(
                adopting: try attempt(box_open(AT_FDCWD, "/", CInt(BOX_O_PATH) | O_DIRECTORY, 0), .pivot, "open", "/")))
        let user = try plan.user.resolve(in: root, descriptors: procDescriptors)
        let identity = try Identity(user, process.capabilities, areUsersMapped: namespaces.areUsersMapped)
        try RootSetup.enter(process.cwd)
        for limit in process.rlimits ?? [] { try limit.apply() }
        try connectStdio(user)
        // Everything else goes at exec; nothing may be left open in the container (CVE-2024-21626).
        try attempt(box_close_range(3, UInt32.max, true), .clone, "close_range", "")
        _ = box_umask(process.user.umask ?? 0o022)
        try identity.dropBounding()
        let gainsNothing = process.noNewPrivileges == true
        // Without no_new_privs a filter needs CAP_SYS_ADMIN, which the next step gives up (seccomp(2)).
        if !gainsNothing { try loadFilter() }
        try identity.take()
        try dieWithMonitor()
        // A change of user has made the process dumpable as /proc/sys/fs/suid_dumpable says (prctl(2)).
        _ = box_set_dumpable(false)
        if gainsNothing {
            try attempt(box_no_new_privs(), .seccomp, "prctl PR_SET_NO_NEW_PRIVS", "")
            try loadFilter()
        }
        let command = Command(
            arguments: process.args, environment: environment(user),
            searchPath: process.env.first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) })
        guard plan.useInit else { throw execute(command) }
        try stayAsInit(command)
    }

    private func environment(_ user: ContainerUser) -> [String] {
        guard plan.setHome, !process.env.contains(where: { $0.hasPrefix("HOME=") }) else { return process.env }
        return process.env + ["HOME=" + user.home]
    }

    private func connectStdio(_ user: ContainerUser) throws(LaunchFailure) {
        for (index, fd) in descriptors.enumerated() {
            try attempt(box_dup_to(fd, CInt(index)), .terminal, "dup2", "\(index)")
            guard user.uid != 0 else { continue }
            // The user may open what it was given again through /dev/stdout; files of the caller stay as they are.
            var raw = stat()
            let isKnown = box_fstatat(fd, "", &raw, CInt(BOX_AT_EMPTY_PATH)) == 0
            if hasTerminal || isKnown && raw.st_mode & 0o170000 == 0o010000 {
                _ = box_fchownat(fd, "", user.uid, UInt32.max, CInt(BOX_AT_EMPTY_PATH))
            }
        }
        if hasTerminal {
            try attempt(box_set_controlling_terminal(0), .terminal, "ioctl TIOCSCTTY", "")
        }
    }

    private func loadFilter() throws(LaunchFailure) {
        guard !seccompProgram.isEmpty else { return }
        // struct sock_filter has eight bytes.
        let count = seccompProgram.count / 8
        guard count * 8 == seccompProgram.count, count <= Int(UInt16.max) else {
            throw LaunchFailure(.seccomp, "", "the filter is damaged")
        }
        let result = seccompProgram.withUnsafeBytes { box_seccomp_load($0.baseAddress, UInt16(count), 0) }
        try attempt(result, .seccomp, "seccomp", "\(count) instructions")
    }

    /// - Returns: why the command could not be executed.
    private func execute(_ command: Command) -> LaunchFailure {
        try? socket.send(HandshakeMessage.executing.bytes)
        _ = box_reset_signals()
        return command.execute()
    }

    /// Forks the command and stays as process 1.
    private func stayAsInit(_ command: Command) throws(LaunchFailure) {
        // Without a PID namespace of its own init must still get the orphans.
        if box_getpid() != 1 { _ = box_set_subreaper() }
        _ = box_sigmask_all(true)
        let pid = try attempt(box_fork(), .clone, "fork", "")
        if pid == 0 {
            // A group of its own in the foreground, as the terminal's signals are meant for it (credentials(7)).
            _ = box_setpgid(0, 0)
            if hasTerminal { _ = box_set_foreground(0, box_getpid()) }
            throw execute(command)
        }
        _ = box_close_range(3, UInt32.max, false)
        InitLoop(child: pid).run()
    }
}
