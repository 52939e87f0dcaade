/// System calls that a container gets for one reason.
struct SyscallGroup: Sendable {
    let reason: StaticString
    /// Names separated by blanks; a list of strings would be built anew at every start.
    let names: StaticString
    /// Allowed only with this capability in the bounding set.
    let needs: Capability?
    /// Allowed only on this architecture, as images name it.
    let architecture: StaticString?

    init(
        _ reason: StaticString, needs: Capability? = nil, architecture: StaticString? = nil, _ names: StaticString
    ) {
        self.reason = reason
        self.names = names
        self.needs = needs
        self.architecture = architecture
    }
}

extension SyscallGroup {
    /// What every container may call without looking at the arguments.
    ///
    /// The strength is that of Docker's default profile; what is not here fails with EPERM. Names of the 32-bit
    /// architectures stand beside the 64-bit ones, as 32-bit programs run in 64-bit containers.
    static let always: [SyscallGroup] = [
        SyscallGroup(
            "files and folders by name; permissions are checked as ever",
            """
            access chdir chmod chown chown32 creat faccessat faccessat2 fchdir fchmod fchmodat fchmodat2 fchown \
            fchown32 fchownat fstat fstat64 fstatat64 fstatfs fstatfs64 futimesat getcwd lchown lchown32 link linkat \
            lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink \
            readlinkat rename renameat renameat2 rmdir stat stat64 statfs statfs64 statx symlink symlinkat truncate \
            truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes
            """),
        SyscallGroup(
            "reading and writing open files",
            """
            _llseek cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fcntl \
            fcntl64 fdatasync flock fsync ftruncate ftruncate64 getdents getdents64 ioctl lseek pipe pipe2 pread64 \
            preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv sendfile sendfile64 splice sync \
            sync_file_range syncfs tee vmsplice write writev
            """),
        SyscallGroup(
            "extended attributes; the kernel checks each name space itself",
            """
            fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat \
            llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
            """),
        SyscallGroup(
            "the classic asynchronous I/O; io_uring stays out for its history of kernel holes",
            "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit"),
        SyscallGroup(
            "waiting for several things at once",
            """
            _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait \
            epoll_wait_old eventfd eventfd2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select
            """),
        SyscallGroup(
            "watching files; a mark needs a group that only CAP_SYS_ADMIN can make",
            "fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch"),
        SyscallGroup(
            "reading the own mount table",
            "listmount statmount"),
        SyscallGroup(
            "memory of the process itself",
            """
            brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap \
            mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect \
            remap_file_pages
            """),
        SyscallGroup(
            "life of processes and threads; clone itself depends on its flags",
            """
            execve execveat exit exit_group fork get_robust_list get_thread_area getcpu gettid kill pause pidfd_open \
            pidfd_send_signal prctl process_mrelease restart_syscall rseq set_robust_list set_thread_area \
            set_tid_address tgkill tkill uretprobe vfork wait4 waitid waitpid
            """),
        SyscallGroup(
            "who the process is; capabilities bound what it may become",
            """
            capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp \
            getpid getppid getresgid getresgid32 getresuid getresuid32 getsid getuid getuid32 setfsgid setfsgid32 \
            setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setregid setregid32 setresgid \
            setresgid32 setresuid setresuid32 setreuid setreuid32 setsid setuid setuid32
            """),
        SyscallGroup(
            "signals",
            """
            rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
            rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn
            """),
        SyscallGroup(
            "reading and waiting for time; adjtimex reads too, and sets only with CAP_SYS_TIME",
            """
            adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime \
            clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time \
            timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 \
            timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
            """),
        SyscallGroup(
            "scheduling and limits of the own processes; raising needs capabilities",
            """
            getpriority getrlimit getrusage ioprio_get ioprio_set prlimit64 sched_get_priority_max \
            sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
            sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam \
            sched_setscheduler sched_yield setpriority setrlimit ugetrlimit
            """),
        SyscallGroup(
            "fast locks",
            "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake"),
        SyscallGroup(
            "System V and POSIX communication, all inside the IPC namespace",
            """
            ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend \
            mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop \
            semtimedop_time64 shmat shmctl shmdt shmget
            """),
        SyscallGroup(
            "sockets that exist; making one depends on its family",
            """
            accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg \
            recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
            """),
        SyscallGroup(
            "giving up rights",
            "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp"),
        SyscallGroup(
            "debugging of the own processes; safe since Linux 4.8, where a tracer no longer gets round the filter",
            "process_vm_readv process_vm_writev ptrace"),
        SyscallGroup("facts and chance", "getrandom sysinfo uname"),
        SyscallGroup("x86 keeps thread-local storage in segments", architecture: "amd64", "arch_prctl modify_ldt"),
        SyscallGroup(
            "what arm names differently", architecture: "arm64",
            "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2"),
    ]

    /// What goes with a capability: the kernel checks it again, the filter keeps the code unreachable otherwise.
    static let privileged: [SyscallGroup] = [
        SyscallGroup("files by inode number, past every folder", needs: .dacReadSearch, "open_by_handle_at"),
        SyscallGroup(
            "administration: mounts, namespaces, names",
            needs: .sysAdmin,
            """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr \
            move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount \
            umount2 unshare
            """),
        SyscallGroup("restarting the machine", needs: .sysBoot, "reboot"),
        SyscallGroup("another root folder", needs: .sysChroot, "chroot"),
        SyscallGroup("kernel modules", needs: .sysModule, "delete_module finit_module init_module"),
        SyscallGroup("process accounting", needs: .sysPacct, "acct"),
        SyscallGroup(
            "memory and descriptors of other processes", needs: .sysPtrace,
            "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"),
        SyscallGroup("ports of the hardware", needs: .sysRawio, "ioperm iopl"),
        SyscallGroup("setting the clock", needs: .sysTime, "clock_settime clock_settime64 settimeofday stime"),
        SyscallGroup("hanging up terminals", needs: .sysTtyConfig, "vhangup"),
        SyscallGroup(
            "placing memory on nodes", needs: .sysNice,
            "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        SyscallGroup("the kernel's log", needs: .syslog, "syslog"),
        SyscallGroup("programs in the kernel", needs: .bpf, "bpf"),
        SyscallGroup("performance counters", needs: .perfmon, "perf_event_open"),
    ]
}
