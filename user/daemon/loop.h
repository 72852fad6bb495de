/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The daemon's loop: duties, each of which works when its descriptor is readable or its time has come,
 * one after another in one thread; and signals. What a duty fails in is said once, and tried again.
 */
#ifndef SYNWARD_USER_LOOP_H
#define SYNWARD_USER_LOOP_H

#include <linux/types.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#define SW_DUTIES_MAX 16

#define SW_NEVER_NS (~0ULL)

/* So long after it failed, a duty is tried again. */
#define SW_RETRY_NS 100000000ULL

/* When a duty wants to work again; CLOCK_MONOTONIC. */
struct sw_next {
	__u64 from_ns; /* not before, even if the descriptor is readable: until then it rests */
	__u64 by_ns; /* then, whether it is readable or not; SW_NEVER_NS: only if it is */
};

struct sw_duty {
	const char *what; /* as in "Couldn't expire flows" */
	int fd; /* -1: it goes by the clock alone */

	/* Does what is due, and says when it wants to go on. 0 or -errno, not reported. */
	int (*work)(void *context, struct sw_next *next);
	void *context;
};

struct sw_loop {
	int epoll_fd, signal_fd;
	sigset_t before; /* the signals that were blocked */
	bool stop;
	bool leave; /* by SIGQUIT: another one is to go on with what is attached */
	void (*hangup)(void *context);
	void *hangup_context;
	size_t count;
	struct sw_duty_state {
		struct sw_duty duty;
		struct sw_next next;
		bool watched; /* its descriptor is */
		bool failing; /* and that has been said */
	} state[SW_DUTIES_MAX];
};

/*
 * From here on SIGINT, SIGTERM, SIGQUIT and SIGHUP wait for sw_loop_run(), and SIGPIPE is ignored. 0 or
 * -errno, reported.
 */
int sw_loop_open(struct sw_loop *loop);
void sw_loop_close(struct sw_loop *loop);

/* SIGHUP calls this; without it, it is ignored. */
void sw_loop_on_hangup(struct sw_loop *loop, void (*hangup)(void *context), void *context);

/* One duty more, due at once. 0 or -errno, reported. */
int sw_loop_add(struct sw_loop *loop, struct sw_duty duty);

/* Works until sw_loop_stop(), SIGINT, SIGTERM or SIGQUIT. 0 or -errno, reported. */
int sw_loop_run(struct sw_loop *loop);

/* For duties: no further one works. */
void sw_loop_stop(struct sw_loop *loop);

#endif
