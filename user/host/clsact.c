// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * libbpf can make and destroy clsact, but can't tell whether anybody else has put filters there: a
 * netlink dump of the filters can.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>

#include "host/clsact.h"

static int count_filter(const struct nlmsghdr *header, void *count)
{
	if (header->nlmsg_type == RTM_NEWTFILTER)
		++*(unsigned int *)count;
	return MNL_CB_OK;
}

/* Asks for all filters of one direction and counts the answers. 0 or -errno. */
static int dump_filters(struct mnl_socket *socket, __u32 ifindex, __u32 parent, unsigned int *count)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct tcmsg *message;
	int length;

	header->nlmsg_type = RTM_GETTFILTER;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = ifindex;
	message->tcm_parent = parent;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (length >= 0)
			length = mnl_cb_run(buffer, length, 0, mnl_socket_get_portid(socket),
					    count_filter, count);
	} while (length > MNL_CB_STOP);
	return length < 0 ? -errno : 0;
}

static int count_filters(__u32 ifindex, unsigned int *count)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	int err;

	*count = 0;
	if (!socket)
		return -errno;
	err = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	for (__u32 minor = TC_H_MIN_INGRESS; !err && minor <= TC_H_MIN_EGRESS; minor++)
		err = dump_filters(socket, ifindex, TC_H_MAKE(TC_H_CLSACT, minor), count);
	mnl_socket_close(socket);
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
