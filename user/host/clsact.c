// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * libbpf can make and destroy clsact, but can't tell what else is there, nor whether anybody else has
 * put filters there: netlink can.
 */
#include <bpf/libbpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "host/clsact.h"
#include "host/netlink.h"

struct sought {
	int ifindex;
	bool found;
};

static int note_ingress(const struct nlmsghdr *message, void *ingress)
{
	const struct tcmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	/* the kernel may list the qdiscs of all interfaces */
	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*head)) ||
	    head->tcm_ifindex != ((struct sought *)ingress)->ifindex)
		return MNL_CB_OK;
	mnl_attr_for_each (attr, message, sizeof(*head))
		if (mnl_attr_get_type(attr) == TCA_KIND &&
		    !strcmp(mnl_attr_get_str(attr), "ingress"))
			((struct sought *)ingress)->found = true;
	return MNL_CB_OK;
}

bool sw_clsact_is_barred(__u32 ifindex)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct tcmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
	struct sought ingress = { .ifindex = (int)ifindex };

	request->nlmsg_type = RTM_GETQDISC;
	head->tcm_ifindex = (int)ifindex;
	sw_netlink_list(NETLINK_ROUTE, request, note_ingress, &ingress);
	return ingress.found;
}

static int count_filter(const struct nlmsghdr *header, void *count)
{
	if (header->nlmsg_type == RTM_NEWTFILTER)
		++*(unsigned int *)count;
	return MNL_CB_OK;
}

static int count_filters(__u32 ifindex, unsigned int *count)
{
	char buffer[SW_NETLINK_REQUEST];
	int err = 0;

	*count = 0;
	for (__u32 minor = TC_H_MIN_INGRESS; !err && minor <= TC_H_MIN_EGRESS; minor++) {
		struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
		struct tcmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

		request->nlmsg_type = RTM_GETTFILTER;
		head->tcm_ifindex = (int)ifindex;
		head->tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor);
		err = sw_netlink_list(NETLINK_ROUTE, request, count_filter, count);
	}
	return err;
}

int sw_clsact_remove_unused(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	unsigned int count;
	int err = count_filters(ifindex, &count);

	if (err || count)
		return err;
	return bpf_tc_hook_destroy(&hook);
}
