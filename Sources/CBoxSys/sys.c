#define _GNU_SOURCE  // here and not in the header: there it would give the importer a second view of glibc
#include "CBoxSys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <grp.h>

#define R(call) ({ __auto_type r_ = (call); r_ < 0 ? -errno : r_; })
#define AGAIN(call) ({ __auto_type r_ = (call); while (r_ < 0 && errno == EINTR) r_ = (call); r_ < 0 ? -errno : r_; })

// Files
int box_open(int dirfd, const char *path, int flags, unsigned mode) { return AGAIN(openat(dirfd, path, flags | O_CLOEXEC, mode)); }
int box_openat2(int dirfd, const char *path, int flags, unsigned mode, uint64_t resolve) {
  struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  // EAGAIN: a rename raced the ".." check of a confined walk; the manual says to try again (openat2(2)).
  for (int tries = 0; tries < 64; tries++) {
    long r = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    if (r >= 0) return (int)r;
    if (errno != EAGAIN && errno != EINTR) return -errno;
  }
  return -EAGAIN;
}
// Linux has released the descriptor even where close reports EINTR, so it is never repeated (close(2)).
int box_close(int fd) { return R(close(fd)); }
int box_dup(int fd) { return R(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
int box_dup_to(int fd, int target) { return fd == target ? R(fcntl(fd, F_SETFD, 0)) : AGAIN(dup2(fd, target)); }
long box_read(int fd, void *buffer, size_t count) { return AGAIN(read(fd, buffer, count)); }
long box_write(int fd, const void *buffer, size_t count) { return AGAIN(write(fd, buffer, count)); }
long box_pread(int fd, void *buffer, size_t count, int64_t offset) { return AGAIN(pread(fd, buffer, count, offset)); }
long box_pwrite(int fd, const void *buffer, size_t count, int64_t offset) { return AGAIN(pwrite(fd, buffer, count, offset)); }
long box_writev(int fd, const struct iovec *vectors, int count) { return AGAIN(writev(fd, vectors, count)); }
long box_splice(int from, int to, size_t count, unsigned flags) { return AGAIN(splice(from, NULL, to, NULL, count, flags)); }
long box_tee(int from, int to, size_t count, unsigned flags) { return AGAIN(tee(from, to, count, flags)); }
int64_t box_lseek(int fd, int64_t offset, int whence) { return R(lseek(fd, offset, whence)); }
int box_ftruncate(int fd, int64_t length) { return AGAIN(ftruncate(fd, length)); }
int box_fallocate_punch(int fd, int64_t offset, int64_t length) { return AGAIN(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length)); }
int box_fsync(int fd) { return AGAIN(fsync(fd)); }
int box_fdatasync(int fd) { return AGAIN(fdatasync(fd)); }
int box_syncfs(int fd) { return R(syncfs(fd)); }
int box_flock(int fd, int operation) { return AGAIN(flock(fd, operation)); }
int box_fstatat(int dirfd, const char *path, struct stat *out, int flags) { return R(fstatat(dirfd, path, out, flags)); }
int box_statfs(int fd, struct statfs *out) { return R(fstatfs(fd, out)); }
int box_mkdirat(int dirfd, const char *path, unsigned mode) { return R(mkdirat(dirfd, path, mode)); }
int box_mknodat(int dirfd, const char *path, unsigned mode, uint64_t device) { return R(mknodat(dirfd, path, mode, device)); }
int box_unlinkat(int dirfd, const char *path, int flags) { return R(unlinkat(dirfd, path, flags)); }
int box_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags) { return R(renameat2(from_dirfd, from, to_dirfd, to, flags)); }
int box_linkat(int from_dirfd, const char *from, int to_dirfd, const char *to, int flags) { return R(linkat(from_dirfd, from, to_dirfd, to, flags)); }
int box_symlinkat(const char *target, int dirfd, const char *path) { return R(symlinkat(target, dirfd, path)); }
long box_readlinkat(int dirfd, const char *path, char *buffer, size_t size) { return R(readlinkat(dirfd, path, buffer, size)); }
int box_fchmod(int fd, unsigned mode) { return R(fchmod(fd, mode)); }
int box_fchmodat(int dirfd, const char *path, unsigned mode) { return R(fchmodat(dirfd, path, mode, 0)); }
int box_fchownat(int dirfd, const char *path, unsigned uid, unsigned gid, int flags) { return R(fchownat(dirfd, path, uid, gid, flags)); }
int box_utimensat(int dirfd, const char *path, int64_t atime_s, long atime_ns, int64_t mtime_s, long mtime_ns, int flags) {
  struct timespec times[2] = {{.tv_sec = atime_s, .tv_nsec = atime_ns}, {.tv_sec = mtime_s, .tv_nsec = mtime_ns}};
  return R(utimensat(dirfd, path, times, flags));
}
int box_faccessat(int dirfd, const char *path, int mode, int flags) { return R(faccessat(dirfd, path, mode, flags)); }
int box_copy_file_range(int from, int to, size_t count) { return (int)AGAIN(copy_file_range(from, NULL, to, NULL, count, 0)); }
long box_getdents(int fd, void *buffer, size_t size) { return R(syscall(SYS_getdents64, fd, buffer, size)); }
uint64_t box_makedev(unsigned major_, unsigned minor_) { return makedev(major_, minor_); }
unsigned box_major(uint64_t device) { return major(device); }
unsigned box_minor(uint64_t device) { return minor(device); }
long box_getxattr(const char *path, const char *name, void *value, size_t size) { return R(getxattr(path, name, value, size)); }
long box_lgetxattr(const char *path, const char *name, void *value, size_t size) { return R(lgetxattr(path, name, value, size)); }
long box_llistxattr(const char *path, char *list, size_t size) { return R(llistxattr(path, list, size)); }
int box_lsetxattr(const char *path, const char *name, const void *value, size_t size) { return R(lsetxattr(path, name, value, size, 0)); }
int box_setxattr(const char *path, const char *name, const void *value, size_t size) { return R(setxattr(path, name, value, size, 0)); }
int box_fsetxattr(int fd, const char *name, const void *value, size_t size) { return R(fsetxattr(fd, name, value, size, 0)); }
long box_fgetxattr(int fd, const char *name, void *value, size_t size) { return R(fgetxattr(fd, name, value, size)); }
long box_flistxattr(int fd, char *list, size_t size) { return R(flistxattr(fd, list, size)); }

// Events
int box_pipe(int out[2], int extra_flags) { return R(pipe2(out, O_CLOEXEC | extra_flags)); }
int box_socketpair(int type, int out[2]) { return R(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, out)); }
int box_get_flags(int fd) { return R(fcntl(fd, F_GETFL)); }
int box_set_nonblocking(int fd, bool on) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  return R(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}
int box_set_cloexec(int fd, bool on) { return R(fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0)); }
int box_memfd(const char *name, bool sealable) { return R(memfd_create(name, MFD_CLOEXEC | (sealable ? MFD_ALLOW_SEALING : 0))); }
int box_seal(int fd) { return R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)); }
int box_epoll_create(void) { return R(epoll_create1(EPOLL_CLOEXEC)); }
int box_epoll_ctl(int epfd, int op, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  return R(epoll_ctl(epfd, op, fd, &event));
}
int box_epoll_wait(int epfd, uint32_t *events, uint64_t *tokens, int count, int timeout_ms) {
  struct epoll_event ready[64];
  int n = epoll_wait(epfd, ready, count < 64 ? count : 64, timeout_ms);
  if (n < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < n; i++) { events[i] = ready[i].events; tokens[i] = ready[i].data.u64; }
  return n;
}
int box_signalfd(const int *signals, int count, bool block_all) {
  sigset_t set, block;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  if (block_all) sigfillset(&block); else block = set;
  if (sigprocmask(SIG_BLOCK, &block, NULL) < 0) return -errno;
  return R(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
long box_signalfd_read(int fd, int *signal, int *pid, int *status) {
  struct signalfd_siginfo info;
  long n = AGAIN(read(fd, &info, sizeof info));
  if (n <= 0) return n;
  *signal = (int)info.ssi_signo; *pid = (int)info.ssi_pid; *status = info.ssi_status;
  return n;
}
int box_timerfd(void) { return R(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }
int box_timerfd_set(int fd, int64_t nanoseconds) {
  struct itimerspec spec = {.it_value = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000}};
  return R(timerfd_settime(fd, 0, &spec, NULL));
}
int box_eventfd(void) { return R(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int box_poll(int fd, int events, int timeout_ms) {
  struct pollfd p = {.fd = fd, .events = (short)events};
  int n = AGAIN(poll(&p, 1, timeout_ms));
  return n <= 0 ? n : p.revents;
}
int box_set_pipe_size(int fd, int size) { return R(fcntl(fd, F_SETPIPE_SZ, size)); }

// Sockets
static int unix_address(struct sockaddr_un *address, const char *path) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
  strcpy(address->sun_path, path);
  return 0;
}
int box_unix_listen(const char *path, int type, int backlog) {
  struct sockaddr_un address;
  int r = unix_address(&address, path);
  if (r < 0) return r;
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, backlog) < 0) { r = -errno; close(fd); return r; }
  return fd;
}
int box_unix_connect(const char *path, int type) {
  struct sockaddr_un address;
  int r = unix_address(&address, path);
  if (r < 0) return r;
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) { r = -errno; close(fd); return r; }
  return fd;
}
int box_accept(int fd) { return AGAIN(accept4(fd, NULL, NULL, SOCK_CLOEXEC)); }
enum { most_fds = 16 };
long box_send_fds(int fd, const void *data, size_t size, const int *fds, int fd_count, int flags) {
  struct iovec vector = {.iov_base = (void *)data, .iov_len = size};
  union { char bytes[CMSG_SPACE(sizeof(int) * most_fds)]; struct cmsghdr align; } control;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (fd_count > most_fds) return -EINVAL;
  if (fd_count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET; header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)fd_count);
  }
  return AGAIN(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
}
long box_recv_fds(int fd, void *data, size_t size, int *fds, int *fd_count, int flags) {
  struct iovec vector = {.iov_base = data, .iov_len = size};
  union { char bytes[CMSG_SPACE(sizeof(int) * most_fds)]; struct cmsghdr align; } control;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  int room = *fd_count;
  *fd_count = 0;
  long n = AGAIN(recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC));
  if (n < 0) return n;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int got = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < got; i++) {
      int one;
      memcpy(&one, CMSG_DATA(header) + sizeof(int) * (size_t)i, sizeof one);
      if (*fd_count < room) fds[(*fd_count)++] = one; else close(one);
    }
  }
  return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}
int box_peer_credentials(int fd, int *pid, unsigned *uid, unsigned *gid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
  *pid = peer.pid; *uid = peer.uid; *gid = peer.gid;
  return 0;
}

// Processes
int box_clone3(struct box_clone *arguments) {
  int pidfd = -1;
  struct clone_args c = {.flags = arguments->flags | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
  if (arguments->cgroup_fd >= 0) { c.flags |= CLONE_INTO_CGROUP; c.cgroup = (uint64_t)arguments->cgroup_fd; }
  // Without a stack of its own the child goes on with a copy of ours, as after fork (clone(2)).
  long pid = syscall(SYS_clone3, &c, sizeof c);
  if (pid < 0) return -errno;
  arguments->pidfd = pidfd;
  return (int)pid;
}
int box_fork(void) { return R(fork()); }
_Noreturn void box_exit(int status) { _exit(status); }
int box_execve(const char *path, char *const argv[], char *const envp[]) { execve(path, argv, envp); return -errno; }
int box_execveat(int fd, char *const argv[], char *const envp[]) { syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH); return -errno; }

// Every line between vfork and exec is plain C on this stack and safe after fork (signal-safety(7)).
int box_spawn_fd(int exe_fd, const char *path, char *const argv[], char *const envp[], const int *fds, int fd_count,
                 bool new_session, const char *cwd, int *pidfd_out) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) < 0) return -errno;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  // The child borrows this memory until it executes: no page table is copied (vfork(2)).
  pid_t pid = vfork();
  if (pid == 0) {
    // Lift everything out of the way of the targets 0..<fd_count first.
    int base = fd_count + 3, lifted[32], report_fd = fcntl(report[1], F_DUPFD_CLOEXEC, base), exe = exe_fd, r = 0;
    if (exe >= 0) exe = fcntl(exe, F_DUPFD_CLOEXEC, base);
    for (int i = 0; i < fd_count; i++) lifted[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, base);
    for (int i = 0; i < fd_count; i++) {
      if (lifted[i] < 0) { int null = open("/dev/null", O_RDWR | O_CLOEXEC); if (null >= 0 && null != i) { dup2(null, i); close(null); } else if (null == i) fcntl(i, F_SETFD, 0); }
      else if (dup2(lifted[i], i) < 0) r = errno;
    }
    if (new_session) setsid();
    if (cwd && chdir(cwd) < 0) r = errno;
    for (int s = 1; s < NSIG; s++) if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (r == 0) {
      if (exe >= 0) syscall(SYS_execveat, exe, "", argv, envp, AT_EMPTY_PATH); else execve(path, argv, envp);
      r = errno;
    }
    if (write(report_fd, &r, sizeof r) < 0) _exit(126);
    _exit(127);
  }
  int failed = pid < 0 ? errno : 0;
  sigprocmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (pid > 0) {
    int r = 0;
    long n;
    do n = read(report[0], &r, sizeof r); while (n < 0 && errno == EINTR);
    if (n == (long)sizeof r) { failed = r; waitpid(pid, NULL, 0); }
  }
  close(report[0]);
  if (failed) return -failed;
  if (pidfd_out) *pidfd_out = (int)syscall(SYS_pidfd_open, pid, 0);
  return pid;
}
int box_waitpid(int pid, int *status, int options) {
  int raw = 0;
  int r = AGAIN(waitpid(pid, &raw, options));
  if (r > 0) *status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
  return r;
}
int box_waitid_pidfd(int pidfd, int *code, int *status, int options) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  int r = AGAIN(waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, options));
  if (r < 0) return r;
  *code = info.si_code; *status = info.si_status;
  return info.si_pid;
}
int box_pidfd_open(int pid) { return R((int)syscall(SYS_pidfd_open, pid, 0)); }
int box_pidfd_send_signal(int pidfd, int signal) { return R((int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0)); }
int box_kill(int pid, int signal) { return R(kill(pid, signal)); }
int box_setns(int fd, int flags) { return R(setns(fd, flags)); }
int box_unshare(int flags) { return R(unshare(flags)); }
int box_setsid(void) { return R(setsid()); }
int box_getpid(void) { return (int)syscall(SYS_getpid); }
int box_getppid(void) { return (int)syscall(SYS_getppid); }
int box_setpgid(int pid, int pgid) { return R(setpgid(pid, pgid)); }
int box_set_pdeathsig(int signal) { return R(prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)); }
int box_set_subreaper(void) { return R(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)); }
int box_set_dumpable(bool on) { return R(prctl(PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0)); }
int box_no_new_privs(void) { return R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }
int box_set_name(const char *name) { return R(prctl(PR_SET_NAME, name, 0, 0, 0)); }
int box_keepcaps(bool on) { return R(prctl(PR_SET_KEEPCAPS, on ? 1 : 0, 0, 0, 0)); }
int box_capbset_drop(int capability) { return R(prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)); }
int box_cap_ambient_clear(void) { return R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)); }
int box_cap_ambient_raise(int capability) { return R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)); }
int box_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2] = {
      {.effective = (uint32_t)effective, .permitted = (uint32_t)permitted, .inheritable = (uint32_t)inheritable},
      {.effective = (uint32_t)(effective >> 32), .permitted = (uint32_t)(permitted >> 32), .inheritable = (uint32_t)(inheritable >> 32)}};
  return R((int)syscall(SYS_capset, &header, data));
}
int box_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, data) < 0) return -errno;
  *effective = data[0].effective | (uint64_t)data[1].effective << 32;
  *permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  *inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return 0;
}
int box_setgroups(const unsigned *groups, size_t count) { return R((int)syscall(SYS_setgroups, count, groups)); }
int box_setresuid(unsigned uid) { return R((int)syscall(SYS_setresuid, uid, uid, uid)); }
int box_setresgid(unsigned gid) { return R((int)syscall(SYS_setresgid, gid, gid, gid)); }
unsigned box_geteuid(void) { return geteuid(); }
unsigned box_getegid(void) { return getegid(); }
int box_seccomp_load(const void *filter, unsigned short instruction_count, unsigned flags) {
  struct sock_fprog program = {.len = instruction_count, .filter = (struct sock_filter *)filter};
  return R((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}
int box_close_range(unsigned first, unsigned last, bool cloexec_only) { return R((int)syscall(SYS_close_range, first, last, cloexec_only ? 4u : 0u)); }
int box_setrlimit(int resource, uint64_t soft, uint64_t hard) {
  struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
  return R(setrlimit((__rlimit_resource_t)resource, &limit));
}
int box_getrlimit(int resource, uint64_t *soft, uint64_t *hard) {
  struct rlimit limit;
  if (getrlimit((__rlimit_resource_t)resource, &limit) < 0) return -errno;
  *soft = limit.rlim_cur; *hard = limit.rlim_max;
  return 0;
}
int box_sigmask_all(bool block) {
  sigset_t set;
  if (block) sigfillset(&set); else sigemptyset(&set);
  return R(sigprocmask(SIG_SETMASK, &set, NULL));
}
int box_reset_signals(void) {
  for (int s = 1; s < NSIG; s++) if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
  return box_sigmask_all(false);
}
int box_ignore_signal(int which) { return signal(which, SIG_IGN) == SIG_ERR ? -errno : 0; }
int box_sethostname(const char *name, size_t length) { return R(sethostname(name, length)); }
int box_setdomainname(const char *name, size_t length) { return R(setdomainname(name, length)); }
int box_sched_setaffinity_all(int pid) {
  cpu_set_t set;
  memset(&set, 0xff, sizeof set);
  return R(sched_setaffinity(pid, sizeof set, &set));
}
int box_umask(unsigned mask) { return (int)umask(mask); }
int box_chdir(const char *path) { return R(chdir(path)); }
int box_fchdir(int fd) { return R(fchdir(fd)); }
int box_chroot(const char *path) { return R(chroot(path)); }
char **box_environ(void) { return environ; }
int box_uname(char *sysname, char *nodename, char *release, char *machine, size_t size) {
  struct utsname name;
  if (uname(&name) < 0) return -errno;
  snprintf(sysname, size, "%s", name.sysname); snprintf(nodename, size, "%s", name.nodename);
  snprintf(release, size, "%s", name.release); snprintf(machine, size, "%s", name.machine);
  return 0;
}
uint64_t box_total_memory(void) { struct sysinfo info; return sysinfo(&info) < 0 ? 0 : (uint64_t)info.totalram * info.mem_unit; }
int box_cpu_count(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);
}
int64_t box_clock_ns(int clock) {
  struct timespec now;
  if (clock_gettime((clockid_t)clock, &now) < 0) return -errno;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
int box_local_offset(int64_t seconds, char *zone, size_t size) {
  time_t when = (time_t)seconds;
  struct tm local;
  if (!localtime_r(&when, &local)) return 0;
  snprintf(zone, size, "%s", local.tm_zone ? local.tm_zone : "UTC");
  return (int)local.tm_gmtoff;
}
long box_random(void *buffer, size_t count) { return AGAIN(getrandom(buffer, count, 0)); }
int box_keyring_join(const char *name) { return R((int)syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, name)); }

// Mounts
int box_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) { return R(mount(source, target, type, flags, data)); }
int box_umount(const char *target, int flags) { return R(umount2(target, flags)); }
int box_pivot_root(const char *new_root, const char *put_old) { return R((int)syscall(SYS_pivot_root, new_root, put_old)); }
int box_open_tree(int dirfd, const char *path, unsigned flags) { return R((int)syscall(SYS_open_tree, dirfd, path, flags)); }
int box_move_mount(int from_fd, const char *from, int to_dirfd, const char *to, unsigned flags) { return R((int)syscall(SYS_move_mount, from_fd, from, to_dirfd, to, flags)); }
int box_mount_setattr(int dirfd, const char *path, unsigned at_flags, uint64_t set, uint64_t clear, uint64_t propagation, int userns_fd) {
  struct { uint64_t set, clear, propagation, userns; } attributes = {set, clear, propagation, userns_fd < 0 ? 0 : (uint64_t)userns_fd};
  return R((int)syscall(SYS_mount_setattr, dirfd, path, at_flags, &attributes, sizeof attributes));
}
int box_fsopen(const char *type) { return R((int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */)); }
int box_fsconfig(int fd, unsigned command, const char *key, const char *value, int aux) { return R((int)syscall(SYS_fsconfig, fd, command, key, value, aux)); }
int box_fsmount(int fd, unsigned attributes) { return R((int)syscall(SYS_fsmount, fd, 1 /* FSMOUNT_CLOEXEC */, attributes)); }

// Terminals
int box_openpt(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (master < 0) return -errno;
  if (unlockpt(master) < 0) { int r = -errno; close(master); return r; }
  return master;
}
int box_open_peer(int master, int flags) { return R(ioctl(master, TIOCGPTPEER, flags | O_CLOEXEC)); }
int box_isatty(int fd) { return isatty(fd); }
int box_get_winsize(int fd, unsigned short *rows, unsigned short *columns) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
  *rows = size.ws_row; *columns = size.ws_col;
  return 0;
}
int box_set_winsize(int fd, unsigned short rows, unsigned short columns) {
  struct winsize size = {.ws_row = rows, .ws_col = columns};
  return R(ioctl(fd, TIOCSWINSZ, &size));
}
int box_tcgetattr(int fd, struct termios *out) { return R(tcgetattr(fd, out)); }
int box_tcsetattr(int fd, const struct termios *in) { return AGAIN(tcsetattr(fd, TCSADRAIN, in)); }
void box_make_raw(struct termios *in_out) { cfmakeraw(in_out); }
int box_set_controlling_terminal(int fd) { return R(ioctl(fd, TIOCSCTTY, 0)); }

// Network interfaces
int box_link_up(const char *name) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  int r = ioctl(fd, SIOCGIFFLAGS, &request);
  if (r >= 0) { request.ifr_flags |= IFF_UP; r = ioctl(fd, SIOCSIFFLAGS, &request); }
  r = r < 0 ? -errno : 0;
  close(fd);
  return r;
}

// A container's init
int box_unlock_terminal(int master) { int off = 0; return R(ioctl(master, TIOCSPTLCK, &off)); }
long box_getcwd_raw(char *buffer, size_t size) { return R(syscall(SYS_getcwd, buffer, size)); }
int box_wait_signal(void) {
  sigset_t all;
  sigfillset(&all);
  return AGAIN(sigwaitinfo(&all, NULL));
}
int box_set_foreground(int terminal, int pgid) { return R(tcsetpgrp(terminal, pgid)); }
int box_clone3_sibling(struct box_clone *arguments) {
  int pidfd = -1;
  // With CLONE_PARENT the end signal is the caller's own and must not be given (clone(2)).
  struct clone_args c = {.flags = arguments->flags | CLONE_PIDFD | CLONE_PARENT, .pidfd = (uint64_t)(uintptr_t)&pidfd};
  if (arguments->cgroup_fd >= 0) { c.flags |= CLONE_INTO_CGROUP; c.cgroup = (uint64_t)arguments->cgroup_fd; }
  long pid = syscall(SYS_clone3, &c, sizeof c);
  if (pid < 0) return -errno;
  arguments->pidfd = pidfd;
  return (int)pid;
}

// Limits of processes
#include <linux/bpf.h>
int box_capbset_read(int capability) { return R(prctl(PR_CAPBSET_READ, capability, 0, 0, 0)); }
int box_bpf_cgroup_device(int cgroup_fd, const void *instructions, unsigned count) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = (uintptr_t)instructions;
  attributes.insn_cnt = count;
  attributes.license = (uintptr_t)"GPL";
  int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  if (program < 0) return -errno;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (unsigned)cgroup_fd;
  attributes.attach_bpf_fd = (unsigned)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  int r = R((int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes));
  close(program);  // the cgroup holds it now
  return r;
}

static volatile sig_atomic_t interrupts;
static void count_interrupt(int which) { interrupts++; signal(which, SIG_DFL); }
void box_count_interrupts(void) {
  struct sigaction action = {.sa_handler = count_interrupt, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}
int box_interrupt_count(void) { return (int)interrupts; }

int box_is_mount_root(int fd) {
  struct statx status;
  if (statx(fd, "", AT_EMPTY_PATH, 0, &status) < 0) return -errno;
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}
