// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * veth_xdp_xmit() drops a frame whose receiver has no NAPI, and veth_xdp_flush() wakes only a receiver
 * with an XDP program of its own (GRO at the other end gives it NAPI, but nobody wakes it). The kernel
 * tells both where the other end is and, with CAP_NET_ADMIN over there, too, what is attached to it.
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "host/netlink.h"
#include "host/veth.h"

struct end {
	__u32 peer;
	__s32 netns; /* of the peer, by our namespace's number for it */
	bool veth;
	bool native_xdp;
};

static void take_xdp(struct end *end, const struct nlattr *xdp)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, xdp) {
		if (mnl_attr_get_type(attr) == IFLA_XDP_ATTACHED)
			end->native_xdp |= mnl_attr_get_u8(attr) == XDP_ATTACHED_DRV;
		if (mnl_attr_get_type(attr) == IFLA_XDP_DRV_PROG_ID)
			end->native_xdp |= mnl_attr_get_u32(attr) != 0;
	}
}

static void take_kind(struct end *end, const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, info)
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			end->veth = !strcmp(mnl_attr_get_str(attr), "veth");
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	struct end *end = context;
	const struct nlattr *attr;

	mnl_attr_for_each (attr, message, sizeof(struct ifinfomsg)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_LINK:
			end->peer = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			end->netns = (__s32)mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			take_kind(end, attr);
			break;
		case IFLA_XDP:
			take_xdp(end, attr);
		}
	}
	return MNL_CB_OK;
}

bool sw_veth_loses_replies(__u32 ifindex)
{
	struct end near = { .netns = SW_NETNS_OURS }, far = {};

	if (sw_netlink_link(ifindex, SW_NETNS_OURS, take_link, &near) || !near.veth)
		return false;
	return sw_netlink_link(near.peer, near.netns, take_link, &far) || !far.native_xdp;
}
