/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keeps the programs on their interfaces: what others take off is put back, at once where netlink tells
 * of it, else within a second. Where that can't be, or an interface is gone and none is left, the loop
 * ends.
 */
#ifndef SYNWARD_USER_HOOKS_H
#define SYNWARD_USER_HOOKS_H

#include "daemon/loop.h"
#include "host/tracker.h"

struct sw_hook_watch {
	struct sw_tracker *tracker;
	struct sw_loop *loop;
	int link_fd; /* readable when an interface, a qdisc or a filter changes */
	__u64 look_ns; /* whether it tells or not */
	__u64 mending_ns; /* when programs were last put back */
	unsigned int mended;
	int err; /* why the loop ended; reported */
};

/* 0 or -errno, reported. */
int sw_hook_watch_open(struct sw_hook_watch *watch, struct sw_tracker *tracker,
		       struct sw_loop *loop);
void sw_hook_watch_close(struct sw_hook_watch *watch);

struct sw_duty sw_hook_duty(struct sw_hook_watch *watch);

#endif
