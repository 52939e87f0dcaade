#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Sockets of the Internet and of netlink (ip(7), ipv6(7), tcp(7), udp(7), sctp(7), netlink(7)); never blocking, closed
// on exec. As everywhere here a negative result is -errno.

// An address and a port; IPv4 uses the first four bytes. The port is in host order.
struct box_inet_address {
  int family;          // 4 or 6
  uint8_t bytes[16];
  uint16_t port;
  uint32_t scope;      // interface index of a link-local address
};

enum {
  BOX_STREAM = 1,
  BOX_DATAGRAM = 2,
  BOX_RAW = 3,
  BOX_SCTP = 132,
};

int box_inet_socket(int family, int type, int protocol);
int box_inet_bind(int fd, const struct box_inet_address *address);
int box_inet_listen(int fd, int backlog);
int box_inet_connect(int fd, const struct box_inet_address *address);   // -EINPROGRESS: wait until writable
int box_inet_accept(int fd, struct box_inet_address *peer);
int box_inet_local(int fd, struct box_inet_address *address);
int box_inet_peer(int fd, struct box_inet_address *address);
int box_inet_error(int fd);                                             // takes SO_ERROR off, as -errno
int box_inet_shutdown(int fd, int how);
// Datagrams; `local` is the address the datagram came to or leaves from and may be NULL. To receive it the socket
// needs box_inet_want_destination.
long box_inet_receive(int fd, void *data, size_t size, struct box_inet_address *peer, struct box_inet_address *local);
long box_inet_send(int fd, const void *data, size_t size, const struct box_inet_address *peer,
                   const struct box_inet_address *local);
int box_inet_want_destination(int fd, int family);

int box_inet_reuse_address(int fd, bool on);
int box_inet_only_v6(int fd, bool on);
int box_inet_transparent(int fd, int family);     // IP_TRANSPARENT: may be bound to foreign addresses
int box_inet_free_bind(int fd, int family);       // IP_FREEBIND: may be bound to addresses that are not there yet
int box_inet_mark(int fd, uint32_t mark);         // SO_MARK
int box_inet_no_delay(int fd);                    // TCP_NODELAY
int box_inet_keep_alive(int fd);

int box_netlink_socket(int protocol);             // 0 route, 12 netfilter; blocking
long box_send(int fd, const void *data, size_t size);
long box_receive(int fd, void *data, size_t size);  // whole length even where it did not fit (MSG_TRUNC)
int box_receive_timeout(int fd, int milliseconds);
int box_netlink_explains(int fd);                  // NETLINK_EXT_ACK and NETLINK_CAP_ACK: failures come with a reason
unsigned box_interface_index(const char *name);   // 0: there is none
