/// Numbers of system calls that the linked libseccomp may not know yet.
///
/// Since Linux 5.1 a new call has the same number everywhere, 424 and up (x32 adds its bit).
enum NewSyscalls {
    static let first: UInt32 = 424

    private static let names: [StaticString] = [
        "pidfd_send_signal", "io_uring_setup", "io_uring_enter", "io_uring_register", "open_tree", "move_mount",
        "fsopen", "fsconfig", "fsmount", "fspick", "pidfd_open", "clone3", "close_range", "openat2", "pidfd_getfd",
        "faccessat2", "process_madvise", "epoll_pwait2", "mount_setattr", "quotactl_fd", "landlock_create_ruleset",
        "landlock_add_rule", "landlock_restrict_self", "memfd_secret", "process_mrelease", "futex_waitv",
        "set_mempolicy_home_node", "cachestat", "fchmodat2", "map_shadow_stack", "futex_wake", "futex_wait",
        "futex_requeue", "statmount", "listmount", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules",
        "mseal", "setxattrat", "getxattrat", "listxattrat", "removexattrat", "open_tree_attr", "file_getattr",
        "file_setattr",
    ]

    static func number(_ name: String) -> UInt32? {
        names.firstIndex { $0.description == name }.map { first + UInt32($0) }
    }
}
