#define _GNU_SOURCE  // as in sys.c
#include "box_inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define AGAIN(call) ({ long r_; do r_ = (call); while (r_ < 0 && errno == EINTR); r_ < 0 ? -errno : r_; })

union storage { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; };

static socklen_t pack(union storage *out, const struct box_inet_address *in) {
  memset(out, 0, sizeof *out);
  if (in->family == 6) {
    out->six.sin6_family = AF_INET6;
    out->six.sin6_port = htons(in->port);
    out->six.sin6_scope_id = in->scope;
    memcpy(&out->six.sin6_addr, in->bytes, 16);
    return sizeof out->six;
  }
  out->four.sin_family = AF_INET;
  out->four.sin_port = htons(in->port);
  memcpy(&out->four.sin_addr, in->bytes, 4);
  return sizeof out->four;
}

static void unpack(struct box_inet_address *out, const union storage *in) {
  if (!out) return;
  memset(out, 0, sizeof *out);
  if (in->any.sa_family == AF_INET6) {
    out->family = 6;
    out->port = ntohs(in->six.sin6_port);
    out->scope = in->six.sin6_scope_id;
    memcpy(out->bytes, &in->six.sin6_addr, 16);
  } else {
    out->family = 4;
    out->port = ntohs(in->four.sin_port);
    memcpy(out->bytes, &in->four.sin_addr, 4);
  }
}

int box_inet_socket(int family, int type, int protocol) {
  static const int types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};
  if (type < 1 || type > 3) return -EINVAL;
  return AGAIN(socket(family == 6 ? AF_INET6 : AF_INET, types[type] | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}
int box_inet_bind(int fd, const struct box_inet_address *address) {
  union storage to;
  socklen_t size = pack(&to, address);
  return AGAIN(bind(fd, &to.any, size));
}
int box_inet_listen(int fd, int backlog) { return AGAIN(listen(fd, backlog)); }
int box_inet_connect(int fd, const struct box_inet_address *address) {
  union storage to;
  socklen_t size = pack(&to, address);
  return AGAIN(connect(fd, &to.any, size));
}
int box_inet_accept(int fd, struct box_inet_address *peer) {
  union storage from;
  memset(&from, 0, sizeof from);
  socklen_t size = sizeof from;
  int r = AGAIN(accept4(fd, &from.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (r >= 0) unpack(peer, &from);
  return r;
}
int box_inet_local(int fd, struct box_inet_address *address) {
  union storage at;
  socklen_t size = sizeof at;
  int r = AGAIN(getsockname(fd, &at.any, &size));
  if (r >= 0) unpack(address, &at);
  return r;
}
int box_inet_peer(int fd, struct box_inet_address *address) {
  union storage at;
  socklen_t size = sizeof at;
  int r = AGAIN(getpeername(fd, &at.any, &size));
  if (r >= 0) unpack(address, &at);
  return r;
}
int box_inet_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  int r = AGAIN(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
  return r < 0 ? r : -error;
}
int box_inet_shutdown(int fd, int how) { return AGAIN(shutdown(fd, how)); }

union control { char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))]; struct cmsghdr align; };

long box_inet_receive(int fd, void *data, size_t size, struct box_inet_address *peer, struct box_inet_address *local) {
  union storage from;
  memset(&from, 0, sizeof from);
  union control control;
  struct iovec vector = {.iov_base = data, .iov_len = size};
  struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &vector, .msg_iovlen = 1,
                           .msg_control = &control, .msg_controllen = sizeof control};
  long r = AGAIN(recvmsg(fd, &message, MSG_CMSG_CLOEXEC));
  if (r < 0) return r;
  unpack(peer, &from);
  if (!local) return r;
  memset(local, 0, sizeof *local);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      local->family = 4;
      memcpy(local->bytes, &info.ipi_addr, 4);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      local->family = 6;
      local->scope = info.ipi6_ifindex;
      memcpy(local->bytes, &info.ipi6_addr, 16);
    }
  }
  return r;
}

long box_inet_send(int fd, const void *data, size_t size, const struct box_inet_address *peer,
                   const struct box_inet_address *local) {
  union storage to;
  union control control;
  struct iovec vector = {.iov_base = (void *)data, .iov_len = size};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (peer) {
    message.msg_namelen = pack(&to, peer);
    message.msg_name = &to;
  }
  if (local && local->family) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = local->family == 6 ? CMSG_SPACE(sizeof(struct in6_pktinfo))
                                                : CMSG_SPACE(sizeof(struct in_pktinfo));
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (local->family == 6) {
      struct in6_pktinfo info = {.ipi6_ifindex = local->scope};
      memcpy(&info.ipi6_addr, local->bytes, 16);
      c->cmsg_level = IPPROTO_IPV6;
      c->cmsg_type = IPV6_PKTINFO;
      c->cmsg_len = CMSG_LEN(sizeof info);
      memcpy(CMSG_DATA(c), &info, sizeof info);
    } else {
      struct in_pktinfo info = {0};
      memcpy(&info.ipi_spec_dst, local->bytes, 4);
      c->cmsg_level = IPPROTO_IP;
      c->cmsg_type = IP_PKTINFO;
      c->cmsg_len = CMSG_LEN(sizeof info);
      memcpy(CMSG_DATA(c), &info, sizeof info);
    }
  }
  return AGAIN(sendmsg(fd, &message, MSG_NOSIGNAL));
}

static int set(int fd, int level, int name, int value) {
  return AGAIN(setsockopt(fd, level, name, &value, sizeof value));
}
int box_inet_want_destination(int fd, int family) {
  return family == 6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
}
int box_inet_reuse_address(int fd, bool on) { return set(fd, SOL_SOCKET, SO_REUSEADDR, on); }
int box_inet_only_v6(int fd, bool on) { return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, on); }
int box_inet_transparent(int fd, int family) {
  return family == 6 ? set(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : set(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
}
int box_inet_free_bind(int fd, int family) {
  return family == 6 ? set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) : set(fd, IPPROTO_IP, IP_FREEBIND, 1);
}
int box_inet_mark(int fd, uint32_t mark) { return AGAIN(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark)); }
int box_inet_no_delay(int fd) { return set(fd, IPPROTO_TCP, TCP_NODELAY, 1); }
int box_inet_keep_alive(int fd) { return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1); }

int box_netlink_socket(int protocol) { return AGAIN(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)); }
long box_send(int fd, const void *data, size_t size) { return AGAIN(send(fd, data, size, MSG_NOSIGNAL)); }
long box_receive(int fd, void *data, size_t size) { return AGAIN(recv(fd, data, size, MSG_TRUNC)); }
int box_receive_timeout(int fd, int milliseconds) {
  struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
  return AGAIN(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
}
int box_netlink_explains(int fd) {
  int r = set(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
  return r < 0 ? r : set(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
}
unsigned box_interface_index(const char *name) { return if_nametoindex(name); }
