// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * rtnetlink tells of links, qdiscs and filters; of XDP with its link; of TCX it does not, so the ids are
 * looked at every second, too.
 */
#include <linux/rtnetlink.h>
#include <unistd.h>

#include <synward/types.h>

#include "daemon/hooks.h"
#include "host/clock.h"
#include "host/netlink.h"
#include "text/report.h"

#define PERIOD_NS SW_NS_PER_S

/* Looking takes one part in so many of a processor, however much netlink tells. */
#define SHARE 20

/* Who takes a program off more often than that, each time within a minute, means it: guard gives way. */
#define MENDED_MAX    8
#define MENDED_FOR_NS (60 * SW_NS_PER_S)

int sw_hook_watch_open(struct sw_hook_watch *watch, struct sw_tracker *tracker,
		       struct sw_loop *loop)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_TC };

	*watch = (struct sw_hook_watch){ .tracker = tracker, .loop = loop };
	watch->link_fd = sw_netlink_listen(NETLINK_ROUTE, groups, 2);
	return watch->link_fd < 0 ? sw_fail(watch->link_fd, NULL, "watch the interfaces") : 0;
}

void sw_hook_watch_close(struct sw_hook_watch *watch)
{
	if (watch->link_fd >= 0)
		close(watch->link_fd);
}

struct told {
	const struct sw_tracker *tracker;
	bool concerns;
};

static int take_change(const struct nlmsghdr *message, void *context)
{
	struct told *told = context;
	int ifindex = 0;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		ifindex = ((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_index;
		break;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		ifindex = ((struct tcmsg *)mnl_nlmsg_get_payload(message))->tcm_ifindex;
		break;
	default:
		return MNL_CB_OK;
	}
	told->concerns |= sw_tracker_concerns(told->tracker, (__u32)ifindex);
	return MNL_CB_OK;
}

static bool hear(const struct sw_hook_watch *watch)
{
	struct told told = { .tracker = watch->tracker };

	return sw_netlink_hear(watch->link_fd, take_change, &told) || told.concerns;
}

/* 0 or -errno, reported. */
static int count_mending(struct sw_hook_watch *watch, __u64 now)
{
	if (now > watch->mending_ns + MENDED_FOR_NS)
		watch->mended = 0;
	watch->mending_ns = now;
	if (++watch->mended <= MENDED_MAX)
		return 0;
	return sw_fail(0, "`synward status` shows what else is there",
		       "keep the programs attached: they are taken off again and again");
}

static int work(void *context, struct sw_next *next)
{
	struct sw_hook_watch *watch = context;
	__u64 began = sw_monotonic_ns();
	bool mended;

	if (hear(watch) || began >= watch->look_ns) {
		watch->err = sw_tracker_mend(watch->tracker, &mended);
		if (mended)
			watch->err = watch->err ?: count_mending(watch, began);
		else
			next->from_ns = began + SHARE * (sw_monotonic_ns() - began);
		watch->look_ns = began + PERIOD_NS;
	}
	next->by_ns = watch->look_ns;
	if (watch->err)
		sw_loop_stop(watch->loop);
	return 0;
}

struct sw_duty sw_hook_duty(struct sw_hook_watch *watch)
{
	return (struct sw_duty){
		.what = "look after the programs",
		.fd = watch->link_fd,
		.work = work,
		.context = watch,
	};
}
