// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Whatever changes, all is read anew: that takes a millisecond, and can't go wrong by what was missed.
 * Many changes in a row are read together.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/local.h"
#include "host/clock.h"
#include "host/local.h"
#include "text/report.h"

#define REST_NS (10 * SW_NS_PER_MS) /* between two readings */

struct sw_follower {
	struct sw_tracker *tracker;
	int watch_fd;
	bool stale;
};

int sw_follower_open(struct sw_follower **follower, struct sw_tracker *tracker)
{
	struct sw_follower *new = calloc(1, sizeof(*new));
	int err;

	if (!new)
		return sw_fail(-ENOMEM, NULL, "set up the watch on addresses");
	new->tracker = tracker;
	new->watch_fd = sw_local_watch();
	new->stale = true; /* what changed before there was a watch */
	err = new->watch_fd < 0 ? new->watch_fd : 0;
	if (!err) {
		*follower = new;
		return 0;
	}
	free(new);
	return sw_fail(err, NULL, "watch addresses and routes");
}

void sw_follower_close(struct sw_follower *follower)
{
	if (!follower)
		return;
	close(follower->watch_fd);
	free(follower);
}

/* Stale it stays until reading has gone well. */
static int work(void *context, struct sw_next *next)
{
	struct sw_follower *follower = context;
	int changed = sw_local_changed(follower->watch_fd, &follower->tracker->local), err = 0;

	follower->stale |= changed != 0;
	if (follower->stale)
		err = sw_tracker_follow(follower->tracker);
	follower->stale = err;
	next->from_ns = sw_monotonic_ns() + REST_NS;
	next->by_ns = SW_NEVER_NS;
	return err ?: changed < 0 ? changed : 0;
}

struct sw_duty sw_follower_duty(struct sw_follower *follower)
{
	return (struct sw_duty){
		.what = "follow this host's addresses",
		.fd = follower->watch_fd,
		.work = work,
		.context = follower,
	};
}
