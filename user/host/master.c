// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Asked of rtnetlink.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "host/iface.h"
#include "host/master.h"
#include "host/netlink.h"

static void take_kind(struct sw_master *master, const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, info)
		if (mnl_attr_get_type(attr) == IFLA_INFO_SLAVE_KIND)
			snprintf(master->kind, sizeof(master->kind), "%s", mnl_attr_get_str(attr));
}

static int take_link(const struct nlmsghdr *message, void *context)
{
	struct sw_master *master = context;
	const struct nlattr *attr;

	mnl_attr_for_each (attr, message, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(attr) == IFLA_MASTER)
			master->ifindex = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			take_kind(master, attr);
	}
	return MNL_CB_OK;
}

int sw_master_read(__u32 ifindex, struct sw_master *master)
{
	int err;

	*master = (struct sw_master){};
	err = sw_netlink_link(ifindex, SW_NETNS_OURS, take_link, master);
	if (err || !master->ifindex)
		return err;
	if (!if_indextoname(master->ifindex, master->name))
		return -errno;
	return sw_iface_mac(master->ifindex, master->mac);
}
