// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * At tc a program stands first in the list of TCX, or, on kernels without one, it is the first filter of
 * clsact, with direct action. An earlier synward's stays until this one's is there: a segment may then be
 * seen twice, which is a retransmission to the state model, and none is missed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "host/attach.h"
#include "host/clsact.h"
#include "host/tcx.h"
#include "text/report.h"

static const char *point_name(enum bpf_tc_attach_point point)
{
	return point == BPF_TC_INGRESS ? "ingress" : "egress";
}

/* Our program that is there. */
static const struct sw_prog *there(const struct sw_iface_state *iface,
				   enum bpf_tc_attach_point point)
{
	return point == BPF_TC_INGRESS ? &iface->admit : &iface->egress;
}

/* --- TCX ------------------------------------------------------------------------------------ */

static int detach_tcx(__u32 ifindex, enum bpf_tc_attach_point point, __u32 prog_id)
{
	int fd = bpf_prog_get_fd_by_id(prog_id), err;

	if (fd < 0)
		return -errno;
	err = sw_tcx_detach(ifindex, point, fd);
	close(fd);
	return err;
}

static int replace_tcx(__u32 ifindex, enum bpf_tc_attach_point point, int prog_fd, __u32 old_id)
{
	int fd = bpf_prog_get_fd_by_id(old_id), err;

	if (fd < 0)
		return -errno;
	err = sw_tcx_replace(ifindex, point, prog_fd, fd);
	close(fd);
	return err;
}

/* -EEXIST: it is in the list itself, and is to move to its front. */
static int attach_tcx(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		      int prog_fd)
{
	const struct sw_prog *old = there(iface, point);
	int err;

	if (old->tcx && !old->late)
		return replace_tcx(iface->ifindex, point, prog_fd, old->id);
	err = sw_tcx_attach(iface->ifindex, point, prog_fd);
	if (err == -EEXIST)
		return sw_tcx_detach(iface->ifindex, point, prog_fd)
			       ?: sw_tcx_attach(iface->ifindex, point, prog_fd);
	if (!err && old->tcx)
		err = detach_tcx(iface->ifindex, point, old->id);
	return err;
}

/* --- clsact --------------------------------------------------------------------------------- */

static int detach_filter(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
			 __u32 priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = iface->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = SW_TC_HANDLE, .priority = priority);

	return bpf_tc_detach(&hook, &filter);
}

static int attach_filter(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
			 int prog_fd, bool *own_clsact)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = iface->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, filter, .handle = SW_TC_HANDLE, .priority = SW_TC_PRIORITY,
		    .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE);
	int err, made = bpf_tc_hook_create(&hook);

	if (made && made != -EEXIST)
		return made;
	err = bpf_tc_attach(&hook, &filter);
	if (!err)
		*own_clsact |= !made;
	else if (!made)
		sw_clsact_remove_unused(iface->ifindex);
	return err;
}

/* --- Either --------------------------------------------------------------------------------- */

static bool by_tcx(const struct sw_iface_state *iface, enum sw_tc_way way)
{
	struct sw_tcx list = {};

	return way == SW_TC_TCX ||
	       (way == SW_TC_ANY && !sw_tcx_list(iface->ifindex, BPF_TC_INGRESS, &list));
}

bool sw_tc_is_placed(const struct sw_iface_state *iface, const struct sw_prog *prog,
		     enum sw_tc_way way)
{
	if (by_tcx(iface, way))
		return prog->tcx && !prog->late;
	return !prog->tcx && prog->priority == SW_TC_PRIORITY;
}

/* Ours that has been there in another way, or at another place. */
static int detach_former(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
			 bool tcx, bool own_clsact)
{
	const struct sw_prog *old = there(iface, point);
	int err = 0;

	if (!old->id || (old->tcx ? tcx : !tcx && old->priority == SW_TC_PRIORITY))
		return 0;
	if (old->tcx)
		return detach_tcx(iface->ifindex, point, old->id);
	err = detach_filter(iface, point, old->priority);
	if (!err && tcx && own_clsact)
		err = sw_clsact_remove_unused(iface->ifindex);
	return err;
}

int sw_attach_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point, int prog_fd,
		 enum sw_tc_way way, bool *own_clsact)
{
	bool tcx = by_tcx(iface, way);
	int err;

	sw_library_forget();
	if (!tcx && sw_clsact_is_barred(iface->ifindex))
		return sw_fail(0,
			       "Linux 6.6 (TCX) does without clsact; else `tc qdisc del dev IFACE "
			       "ingress`, and make it a clsact",
			       "attach tc to %s: its `ingress` qdisc stands in the way of clsact",
			       iface->name);
	err = tcx ? attach_tcx(iface, point, prog_fd)
		  : attach_filter(iface, point, prog_fd, own_clsact);
	err = err ?: detach_former(iface, point, tcx, *own_clsact);
	if (err)
		return sw_fail(err,
			       tcx && err == -EINVAL ? "Linux 6.6 has TCX; --tc clsact does without"
						     : sw_library_said(),
			       "attach tc at %s of %s", point_name(point), iface->name);
	return 0;
}

/* The interface, its qdisc or the program has been removed by somebody else: nothing is left to undo. */
static bool gone(int err)
{
	return err == -ENODEV || err == -ENOENT || err == -EINVAL;
}

int sw_detach_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		 bool own_clsact)
{
	const struct sw_prog *prog = there(iface, point);
	int err;

	if (prog->tcx)
		err = detach_tcx(iface->ifindex, point, prog->id);
	else
		err = detach_filter(iface, point, prog->priority);
	if (!err && own_clsact)
		err = sw_clsact_remove_unused(iface->ifindex);
	if (!err || gone(err))
		return 0;
	return sw_fail(err, NULL, "detach tc from %s of %s", point_name(point), iface->name);
}
