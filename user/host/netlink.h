/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Netlink, of any bus: what the kernel has, lists of it, and its word that one has changed.
 */
#ifndef SYNWARD_USER_NETLINK_H
#define SYNWARD_USER_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/types.h>
#include <stddef.h>

/* Room for a request. */
#define SW_NETLINK_REQUEST 256

/*
 * Sends a request for a list and hands each element to take(). 0 or -errno; -EINTR: it changed
 * meanwhile, and is to be asked for again.
 */
int sw_netlink_list(int bus, struct nlmsghdr *request, mnl_cb_t take, void *context);

/* The same for one thing and not a list of them. */
int sw_netlink_get(int bus, struct nlmsghdr *request, mnl_cb_t take, void *context);

/* Hands the link of this number to take(), without its statistics; netns: where it is, by our number for that. */
int sw_netlink_link(__u32 ifindex, __s32 netns, mnl_cb_t take, void *context);
#define SW_NETNS_OURS (-1)

/* Has a thing made. */
int sw_netlink_make(int bus, struct nlmsghdr *request);

/* A descriptor that becomes readable when one of these groups tells something, or -errno. */
int sw_netlink_listen(int bus, const int *groups, size_t count);

/*
 * Hands to take() what has been told, until nothing is left. 0; -ENOBUFS: more than the kernel could
 * keep, so that anything may have changed; or another -errno.
 */
int sw_netlink_hear(int fd, mnl_cb_t take, void *context);

#endif
