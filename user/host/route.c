// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A route without metrics inside of a network with some has an entry, too. Of several to one network the first
 * holds, as the kernel lists them. Where there are more than the map takes, those with metrics are kept.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <synward/guard.h>
#include <synward/wire.h>

#include "host/lpm.h"
#include "host/netlink.h"
#include "host/route.h"

struct route {
	struct sw_lpm_entry entry;
	size_t rank;
};

struct routes {
	struct route *route;
	size_t count, room;
	bool metrics;
};

static struct sw_route read_metrics(const struct nlattr *nested, __u32 headers)
{
	const struct nlattr *attr;
	struct sw_route route = {};
	__u32 value, mtu = 0, mss = 0;

	mnl_attr_for_each_nested (attr, nested) {
		value = mnl_attr_get_payload_len(attr) == 4 ? mnl_attr_get_u32(attr) : 0;
		if (mnl_attr_get_type(attr) == RTAX_ADVMSS)
			mss = value;
		else if (mnl_attr_get_type(attr) == RTAX_MTU)
			mtu = value;
		else if (mnl_attr_get_type(attr) == RTAX_HOPLIMIT)
			route.hop_limit = (__u8)value;
		else if (mnl_attr_get_type(attr) == RTAX_INITRWND)
			route.window = value < UINT8_MAX ? (__u8)value : UINT8_MAX;
	}
	if (!mss && mtu > headers)
		mss = mtu - headers;
	route.mss = mss < UINT16_MAX ? (__u16)mss : UINT16_MAX;
	return route;
}

static int add(struct routes *routes, const struct sw_local_key *key, __u32 metrics)
{
	if (routes->count >= SW_ROUTES_MAX && !metrics)
		return 0;
	if (routes->count == routes->room) {
		size_t room = 2 * routes->room + 64;
		struct route *more = reallocarray(routes->route, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		routes->route = more;
		routes->room = room;
	}
	routes->route[routes->count] = (struct route){ { *key, metrics }, routes->count };
	routes->count++;
	routes->metrics |= metrics != 0;
	return 0;
}

static int take_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	__u32 ip = message->rtm_family == AF_INET ? SW_IPV4_HEADER : SW_IPV6_HEADER, metrics = 0;
	const struct nlattr *attr;
	const void *to = NULL;
	struct sw_local_key key;
	struct sw_route route;
	int err;

	if (message->rtm_table != RT_TABLE_MAIN || message->rtm_type != RTN_UNICAST ||
	    (message->rtm_flags & RTM_F_CLONED))
		return MNL_CB_OK;
	mnl_attr_for_each (attr, header, sizeof(*message)) {
		if (mnl_attr_get_type(attr) == RTA_DST)
			to = mnl_attr_get_payload(attr);
		if (mnl_attr_get_type(attr) != RTA_METRICS)
			continue;
		route = read_metrics(attr, ip + SW_TCP_HEADER);
		memcpy(&metrics, &route, sizeof(metrics));
	}
	key = sw_lpm_key(message->rtm_family, message->rtm_dst_len, to);
	err = add(context, &key, metrics);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

static int read_family(unsigned char family, struct routes *routes)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message;

	request->nlmsg_type = RTM_GETROUTE;
	message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->rtm_family = family;
	return sw_netlink_list(NETLINK_ROUTE, request, take_route, routes);
}

static int by_key_and_rank(const void *a, const void *b)
{
	const struct route *one = a, *other = b;

	return sw_lpm_by_key(&one->entry, &other->entry)
		       ?: (one->rank > other->rank) - (one->rank < other->rank);
}

/* In order, each key once; none at all where no route has metrics. */
static int write_map(int fd, struct routes *routes)
{
	struct sw_lpm_entry *entry = calloc(routes->count + 1, sizeof(*entry));
	size_t kept = 0;
	int err;

	if (!entry)
		return -ENOMEM;
	if (routes->metrics)
		qsort(routes->route, routes->count, sizeof(*routes->route), by_key_and_rank);
	for (size_t i = 0; routes->metrics && i < routes->count; i++)
		if (!kept || sw_lpm_by_key(&entry[kept - 1], &routes->route[i].entry))
			entry[kept++] = routes->route[i].entry;
	err = sw_lpm_write(fd, entry, kept);
	free(entry);
	return err;
}

#define TRIES 8 /* a list in whose midst something changed is worth nothing */

int sw_routes_update(const struct sw_maps *maps, bool *any)
{
	struct routes routes = {};
	int err = -EINTR;

	for (int i = 0; err == -EINTR && i < TRIES; i++) {
		routes.count = 0;
		routes.metrics = false;
		err = read_family(AF_INET, &routes) ?: read_family(AF_INET6, &routes);
	}
	err = err ?: write_map(sw_maps_fd(maps, "sw_routes"), &routes);
	if (!err)
		*any = routes.metrics;
	free(routes.route);
	return err;
}

bool sw_route_has_metrics(const struct nlmsghdr *message)
{
	const struct nlattr *attr;

	mnl_attr_for_each (attr, message, sizeof(struct rtmsg))
		if (mnl_attr_get_type(attr) == RTA_METRICS)
			return true;
	return false;
}
