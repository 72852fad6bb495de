// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * It is on for all bridges of a namespace by sysctl, or for one of them by its own option; of a bridge
 * that has it on, all are taken to have.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <synward/guard.h>

#include "host/bridge.h"
#include "host/kernel.h"
#include "host/netlink.h"

struct look {
	const struct sw_iface_state *iface;
	size_t count;
	bool port; /* one of them is a port of a bridge */
	bool on[2]; /* by family: a bridge has it on */
};

static bool is_one_of(const struct look *look, int ifindex)
{
	for (size_t i = 0; i < look->count; i++)
		if (look->iface[i].ifindex == (__u32)ifindex)
			return true;
	return false;
}

static bool is_on(const struct nlattr *attr)
{
	return mnl_attr_get_u8(attr);
}

static void take_info(struct look *look, const struct nlattr *info, int ifindex)
{
	const struct nlattr *attr, *option;
	bool bridge = false;

	mnl_attr_for_each_nested (attr, info) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_INFO_KIND:
			bridge = !strcmp(mnl_attr_get_str(attr), "bridge");
			break;
		case IFLA_INFO_SLAVE_KIND:
			if (!strcmp(mnl_attr_get_str(attr), "bridge"))
				look->port |= is_one_of(look, ifindex);
			break;
		case IFLA_INFO_DATA: /* after its kind */
			mnl_attr_for_each_nested (option, attr) {
				if (bridge && mnl_attr_get_type(option) == IFLA_BR_NF_CALL_IPTABLES)
					look->on[0] |= is_on(option);
				if (bridge &&
				    mnl_attr_get_type(option) == IFLA_BR_NF_CALL_IP6TABLES)
					look->on[1] |= is_on(option);
			}
		}
	}
}

static int take_link(const struct nlmsghdr *message, void *look)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	mnl_attr_for_each (attr, message, sizeof(*head))
		if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			take_info(look, attr, head->ifi_index);
	return MNL_CB_OK;
}

static int list_links(struct look *look)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = RTM_GETLINK;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return sw_netlink_list(NETLINK_ROUTE, request, take_link, look);
}

int sw_bridge_read(const struct sw_iface_state *iface, size_t count, __u8 hindrance[2])
{
	struct look look = { .iface = iface, .count = count };
	int sysctl[2] = { sw_sysctl_read("net/bridge/bridge-nf-call-iptables"),
			  sw_sysctl_read("net/bridge/bridge-nf-call-ip6tables") };
	int err;

	if (!count || (sysctl[0] < 0 && sysctl[1] < 0)) /* without br_netfilter no option counts */
		return 0;
	err = list_links(&look);
	if (err && err != -EINTR) /* a link changed meanwhile: what has been seen holds */
		return err;
	for (int family = 0; family < 2; family++)
		if (look.port && (sysctl[family] > 0 || look.on[family]))
			hindrance[family] |= HINDRANCE_BRIDGE;
	return 0;
}
