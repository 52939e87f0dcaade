// Kernel calls that Swift cannot spell: variadic ones, those behind _GNU_SOURCE and those glibc 2.36 has no
// wrapper for. One function per call, nothing that decides. Every function returns a negative errno on failure,
// so that Swift never reads `errno` after code of its own may have changed it.
#pragma once
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <termios.h>

#include "box_inet.h"

// Files (open(2), openat2(2), statx(2), renameat2(2), flock(2), …)
int box_open(int dirfd, const char *path, int flags, unsigned mode);
int box_openat2(int dirfd, const char *path, int flags, unsigned mode, uint64_t resolve);
int box_close(int fd);
int box_dup(int fd);                     // dup with close-on-exec
int box_dup_to(int fd, int target);      // dup2 without close-on-exec
long box_read(int fd, void *buffer, size_t count);
long box_write(int fd, const void *buffer, size_t count);
long box_pread(int fd, void *buffer, size_t count, int64_t offset);
long box_pwrite(int fd, const void *buffer, size_t count, int64_t offset);
long box_writev(int fd, const struct iovec *vectors, int count);
long box_splice(int from, int to, size_t count, unsigned flags);
long box_tee(int from, int to, size_t count, unsigned flags);
int64_t box_lseek(int fd, int64_t offset, int whence);
int box_ftruncate(int fd, int64_t length);
int box_fallocate_punch(int fd, int64_t offset, int64_t length);
int box_fsync(int fd);
int box_fdatasync(int fd);
int box_syncfs(int fd);
int box_flock(int fd, int operation);
int box_fstatat(int dirfd, const char *path, struct stat *out, int flags);
int box_statfs(int fd, struct statfs *out);
int box_mkdirat(int dirfd, const char *path, unsigned mode);
int box_mknodat(int dirfd, const char *path, unsigned mode, uint64_t device);
int box_unlinkat(int dirfd, const char *path, int flags);
int box_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);
int box_linkat(int from_dirfd, const char *from, int to_dirfd, const char *to, int flags);
int box_symlinkat(const char *target, int dirfd, const char *path);
long box_readlinkat(int dirfd, const char *path, char *buffer, size_t size);
int box_fchmod(int fd, unsigned mode);
int box_fchmodat(int dirfd, const char *path, unsigned mode);  // follows links: give it a plain name only
int box_fchownat(int dirfd, const char *path, unsigned uid, unsigned gid, int flags);
int box_utimensat(int dirfd, const char *path, int64_t atime_s, long atime_ns, int64_t mtime_s, long mtime_ns, int flags);
int box_faccessat(int dirfd, const char *path, int mode, int flags);
int box_copy_file_range(int from, int to, size_t count);
long box_getdents(int fd, void *buffer, size_t size);
uint64_t box_makedev(unsigned major, unsigned minor);
unsigned box_major(uint64_t device);
unsigned box_minor(uint64_t device);
// Extended attributes on an open O_PATH or ordinary descriptor, through /proc/self/fd (xattr(7))
long box_getxattr(const char *path, const char *name, void *value, size_t size);   // follows links
long box_lgetxattr(const char *path, const char *name, void *value, size_t size);
long box_llistxattr(const char *path, char *list, size_t size);
int box_lsetxattr(const char *path, const char *name, const void *value, size_t size);
int box_setxattr(const char *path, const char *name, const void *value, size_t size);  // follows links
int box_fsetxattr(int fd, const char *name, const void *value, size_t size);
long box_fgetxattr(int fd, const char *name, void *value, size_t size);
long box_flistxattr(int fd, char *list, size_t size);

// Descriptors that are events (pipe(7), epoll(7), signalfd(2), timerfd_create(2), eventfd(2), memfd_create(2))
int box_pipe(int out[2], int extra_flags);
int box_socketpair(int type, int out[2]);
int box_set_nonblocking(int fd, bool on);
int box_set_cloexec(int fd, bool on);
int box_get_flags(int fd);               // fcntl F_GETFL
int box_memfd(const char *name, bool sealable);
int box_seal(int fd);                    // F_SEAL_WRITE|SHRINK|GROW|SEAL
int box_epoll_create(void);
int box_epoll_ctl(int epfd, int op, int fd, uint32_t events, uint64_t token);
int box_epoll_wait(int epfd, uint32_t *events, uint64_t *tokens, int count, int timeout_ms);
int box_signalfd(const int *signals, int count, bool block_all);
long box_signalfd_read(int fd, int *signal, int *pid, int *status);
int box_timerfd(void);
int box_timerfd_set(int fd, int64_t nanoseconds);
int box_eventfd(void);
int box_poll(int fd, int events, int timeout_ms);  // returns revents
int box_set_pipe_size(int fd, int size);

// Sockets (unix(7))
int box_unix_listen(const char *path, int type, int backlog);
int box_unix_connect(const char *path, int type);
int box_accept(int fd);
long box_send_fds(int fd, const void *data, size_t size, const int *fds, int fd_count, int flags);
long box_recv_fds(int fd, void *data, size_t size, int *fds, int *fd_count, int flags);
int box_peer_credentials(int fd, int *pid, unsigned *uid, unsigned *gid);

// Processes (clone3(2), pidfd_open(2), execveat(2), prctl(2), setns(2), unshare(2))
struct box_clone {
  uint64_t flags;
  int cgroup_fd;   // -1: not used
  int pidfd;       // out
};
int box_clone3(struct box_clone *arguments);      // returns twice: 0 in the child
int box_fork(void);
_Noreturn void box_exit(int status);              // _exit(2)
int box_execve(const char *path, char *const argv[], char *const envp[]);
int box_execveat(int fd, char *const argv[], char *const envp[]);
int box_spawn_fd(int exe_fd, const char *path, char *const argv[], char *const envp[], const int *fds, int fd_count,
                 bool new_session, const char *cwd, int *pidfd);
int box_waitpid(int pid, int *status, int options);
int box_waitid_pidfd(int pidfd, int *code, int *status, int options);
int box_pidfd_open(int pid);
int box_pidfd_send_signal(int pidfd, int signal);
int box_kill(int pid, int signal);
int box_setns(int fd, int flags);
int box_unshare(int flags);
int box_setsid(void);
int box_getpid(void);
int box_getppid(void);
int box_setpgid(int pid, int pgid);
int box_set_pdeathsig(int signal);
int box_set_subreaper(void);
int box_set_dumpable(bool on);
int box_no_new_privs(void);
int box_set_name(const char *name);
int box_keepcaps(bool on);
int box_capbset_drop(int capability);
int box_cap_ambient_clear(void);
int box_cap_ambient_raise(int capability);
int box_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int box_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
int box_setgroups(const unsigned *groups, size_t count);
int box_setresuid(unsigned uid);
int box_setresgid(unsigned gid);
unsigned box_geteuid(void);
unsigned box_getegid(void);
int box_seccomp_load(const void *filter, unsigned short instruction_count, unsigned flags);
int box_close_range(unsigned first, unsigned last, bool cloexec_only);
int box_setrlimit(int resource, uint64_t soft, uint64_t hard);
int box_getrlimit(int resource, uint64_t *soft, uint64_t *hard);
int box_sigmask_all(bool block);
int box_reset_signals(void);             // default dispositions, empty mask
int box_ignore_signal(int signal);
int box_sethostname(const char *name, size_t length);
int box_setdomainname(const char *name, size_t length);
int box_sched_setaffinity_all(int pid);
int box_umask(unsigned mask);
int box_chdir(const char *path);
int box_fchdir(int fd);
int box_chroot(const char *path);
char **box_environ(void);
int box_uname(char *sysname, char *nodename, char *release, char *machine, size_t size);
uint64_t box_total_memory(void);
int box_cpu_count(void);
int64_t box_clock_ns(int clock);         // 0 realtime, 1 monotonic, 7 boottime
int box_local_offset(int64_t seconds, char *zone, size_t size);  // seconds east of UTC
long box_random(void *buffer, size_t count);
int box_keyring_join(const char *name);  // keyctl(KEYCTL_JOIN_SESSION_KEYRING)

// Mounts (mount(2), open_tree(2), move_mount(2), mount_setattr(2), fsopen(2), pivot_root(2))
int box_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int box_umount(const char *target, int flags);
int box_pivot_root(const char *new_root, const char *put_old);
int box_is_mount_root(int fd);           // statx(2), STATX_ATTR_MOUNT_ROOT: 1, 0
int box_open_tree(int dirfd, const char *path, unsigned flags);
int box_move_mount(int from_fd, const char *from, int to_dirfd, const char *to, unsigned flags);
int box_mount_setattr(int dirfd, const char *path, unsigned at_flags, uint64_t set, uint64_t clear, uint64_t propagation, int userns_fd);
int box_fsopen(const char *type);
int box_fsconfig(int fd, unsigned command, const char *key, const char *value, int aux);
int box_fsmount(int fd, unsigned attributes);

// Terminals (pty(7), ioctl_tty(2))
int box_openpt(void);                    // master, unlocked, in this mount namespace's devpts
int box_open_peer(int master, int flags);
int box_isatty(int fd);
int box_get_winsize(int fd, unsigned short *rows, unsigned short *columns);
int box_set_winsize(int fd, unsigned short rows, unsigned short columns);
int box_tcgetattr(int fd, struct termios *out);
int box_tcsetattr(int fd, const struct termios *in);
void box_make_raw(struct termios *in_out);
int box_set_controlling_terminal(int fd);

// Network interfaces (netdevice(7))
int box_link_up(const char *name);

// Constants whose macros the importer drops.
enum {
  BOX_O_PATH = 010000000,
  BOX_O_TMPFILE = 020200000,
  BOX_AT_EMPTY_PATH = 0x1000,
  BOX_AT_RECURSIVE = 0x8000,
  BOX_RESOLVE_NO_XDEV = 0x01,
  BOX_RESOLVE_NO_MAGICLINKS = 0x02,
  BOX_RESOLVE_NO_SYMLINKS = 0x04,
  BOX_RESOLVE_BENEATH = 0x08,
  BOX_RESOLVE_IN_ROOT = 0x10,
  BOX_OPEN_TREE_CLONE = 1,
  BOX_OPEN_TREE_CLOEXEC = 02000000,
  BOX_MOVE_MOUNT_F_EMPTY_PATH = 0x4,
  BOX_MOVE_MOUNT_T_EMPTY_PATH = 0x40,
  BOX_RENAME_NOREPLACE = 1,
  BOX_RENAME_EXCHANGE = 2,
};
#define BOX_CLONE_NEWTIME 0x00000080ULL
#define BOX_CLONE_NEWNS 0x00020000ULL
#define BOX_CLONE_NEWCGROUP 0x02000000ULL
#define BOX_CLONE_NEWUTS 0x04000000ULL
#define BOX_CLONE_NEWIPC 0x08000000ULL
#define BOX_CLONE_NEWUSER 0x10000000ULL
#define BOX_CLONE_NEWPID 0x20000000ULL
#define BOX_CLONE_NEWNET 0x40000000ULL
#define BOX_MOUNT_ATTR_RDONLY 0x1ULL
#define BOX_MOUNT_ATTR_NOSUID 0x2ULL
#define BOX_MOUNT_ATTR_NODEV 0x4ULL
#define BOX_MOUNT_ATTR_NOEXEC 0x8ULL
#define BOX_MOUNT_ATTR_IDMAP 0x00100000ULL

// What a container's init needs (ioctl_tty(2), getcwd(2), sigwaitinfo(2), tcsetpgrp(3), clone(2))
int box_unlock_terminal(int master);
long box_getcwd_raw(char *buffer, size_t size);   // keeps the kernel's "(unreachable)"
int box_wait_signal(void);                        // the next signal, all of them blocked
int box_set_foreground(int terminal, int pgid);
int box_clone3_sibling(struct box_clone *arguments);  // CLONE_PARENT: the child is the caller's sibling

// Limits of processes (prctl(2), bpf(2))
int box_capbset_read(int capability);    // 1 held, 0 dropped, -EINVAL beyond the kernel's last one
int box_bpf_cgroup_device(int cgroup_fd, const void *instructions, unsigned count);  // load and attach

// Signal handlers, which must be C: a flag is all they may touch (signal-safety(7)).
void box_count_interrupts(void);         // SIGINT and SIGTERM: counted once, then the default again
int box_interrupt_count(void);
