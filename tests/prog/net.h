/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sockets for guard to find: a network namespace of the tests' own, with nothing in it but lo, and
 * real connections over that. BPF_PROG_RUN looks sockets up in the namespace of its caller.
 */
#ifndef SYNWARD_TESTS_NET_H
#define SYNWARD_TESTS_NET_H

#include <sys/socket.h>

#include "check.h"

/* Addresses of lo that are no martians; all of 10.0.0.0/8 are, of IPv6 these two. */
#define NET_HOME   "10.9.0.1"
#define NET_HOME6  "2001:db8:2::1"
#define NET_GUEST6 "2001:db8:2::2"

/* From here on this process is alone in a namespace, on one CPU. 0, or -errno after saying why not. */
int net_enter(void);

/* An address as text, which need not be one of this host; either family. */
struct net_end {
	const char *address;
	unsigned short port;
};

/* A socket bound there; protocol as in socket(2), 0 for TCP. -1 with errno if there is none such. */
int net_bound(const struct net_end *end, int protocol);

/* Listening there, with a receive buffer of 40000 bytes. */
int net_listen(const struct net_end *end, int backlog);

/* A socket that has begun to connect, and does not wait. */
int net_connect(const struct net_end *from, const struct net_end *to);

/* Waits until the other end of a connection has been taken from the listener. */
int net_accept(int listener);

/* Waits until the socket's state is this one (TCP_ESTABLISHED, ...). */
void net_await(int fd, int state);

/* A connection over lo, and the listener that took it. */
struct net_pair {
	struct net_end client, server;
	int listener, connecting, accepted;
};

/* From this address of lo and port to NET_HOME or NET_HOME6, established. */
void net_pair_open(struct net_pair *pair, const char *address, unsigned short port,
		   unsigned short to_port);
void net_pair_close(struct net_pair *pair);

/* Closes both ends, so that the server's comes to TIME_WAIT; the listener stays. */
void net_pair_wind_up(struct net_pair *pair);

/* Waits until there is a socket in TIME_WAIT with these ports. */
void net_await_time_wait(unsigned short local, unsigned short remote);

void net_sysctl(const char *name, const char *value);

#endif
