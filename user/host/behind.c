// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * At XDP a dispatcher of libxdp's calls programs in the order of their priority; at tc the list of TCX
 * comes first, then the filters of clsact, by priority. What can't be read is left out.
 */
#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "host/behind.h"
#include "host/netlink.h"
#include "host/tcx.h"

__attribute__((format(printf, 2, 3))) static void add(struct sw_behind *behind, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	if (behind->count < SW_BEHIND_MAX)
		vsnprintf(behind->name[behind->count], sizeof(behind->name[0]), format, args);
	va_end(args);
	behind->count++;
}

void sw_behind_xdp(const struct sw_iface_state *iface, struct sw_behind *behind)
{
	struct xdp_multiprog *list;
	struct xdp_program *prog = NULL;

	behind->count = 0;
	if (!sw_iface_dispatched(iface))
		return;
	add(behind, "libxdp's dispatcher");
	list = xdp_multiprog__get_from_ifindex((int)iface->ifindex);
	if (libxdp_get_error(list))
		return;
	while ((prog = xdp_multiprog__next_prog(prog, list)) &&
	       xdp_program__id(prog) != iface->ingress.id)
		add(behind, "xdp %s", xdp_program__name(prog));
	xdp_multiprog__close(list);
}

static void add_program(struct sw_behind *behind, __u32 id)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0)
		bpf_obj_get_info_by_fd(fd, &info, &length);
	add(behind, "tcx %s", *info.name ? info.name : "?");
	if (fd >= 0)
		close(fd);
}

struct filters {
	const struct sw_prog *prog;
	struct sw_behind *behind;
	bool reached; /* ours: what is listed after it runs after it */
};

static int take_filter(const struct nlmsghdr *message, void *context)
{
	const struct tcmsg *head = mnl_nlmsg_get_payload(message);
	struct filters *filters = context;
	__u32 priority = TC_H_MAJ(head->tcm_info) >> 16;
	const struct nlattr *attr;
	const char *kind = "?";

	if (!head->tcm_handle || filters->reached) /* without: the head of a group of filters */
		return MNL_CB_OK;
	if (head->tcm_handle == SW_TC_HANDLE && priority == filters->prog->priority) {
		filters->reached = true;
		return MNL_CB_OK;
	}
	mnl_attr_for_each (attr, message, sizeof(*head))
		if (mnl_attr_get_type(attr) == TCA_KIND)
			kind = mnl_attr_get_str(attr);
	add(filters->behind, "filter pref %u %s", priority, kind);
	return MNL_CB_OK;
}

static void add_filters(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
			struct filters *filters)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct tcmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = RTM_GETTFILTER;
	head->tcm_ifindex = (int)iface->ifindex;
	head->tcm_parent = TC_H_MAKE(TC_H_CLSACT,
				     point == BPF_TC_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
	sw_netlink_list(NETLINK_ROUTE, request, take_filter, filters);
}

void sw_behind_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		  struct sw_behind *behind)
{
	const struct sw_prog *prog = point == BPF_TC_INGRESS ? &iface->admit : &iface->egress;
	struct filters filters = { .prog = prog, .behind = behind };
	struct sw_tcx list = {};

	behind->count = 0;
	sw_tcx_list(iface->ifindex, point, &list); /* empty where there is none */
	for (__u32 i = 0; i < list.count && list.id[i] != prog->id; i++)
		add_program(behind, list.id[i]);
	if (!prog->tcx)
		add_filters(iface, point, &filters);
}
