// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * XDP goes through libxdp, which shares the hook where bpffs and the kernel let it and otherwise
 * attaches the program alone, by netlink, so that it stays without pins. libxdp loads the program
 * itself, since behind a dispatcher it must be of another type: hence an object of its own for
 * every attachment, over the maps of all. tc has a file of its own, attach_tc.c.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "host/attach.h"
#include "host/load.h"
#include "host/veth.h"
#include "text/report.h"
#include "synward.skel.h"

/* The interface or the program has been removed by somebody else: nothing is left to undo. */
static bool gone(int err)
{
	return err == -ENODEV || err == -ENOENT || err == -EINVAL;
}

static __u32 mode_flags(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

static enum xdp_attach_mode mode_of(const struct sw_iface_state *iface)
{
	return iface->xdp_mode == XDP_ATTACHED_SKB ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

enum sw_mode sw_mode_for(const struct sw_iface_state *iface, const struct sw_attach_options *wanted)
{
	if (wanted->mode == SW_MODE_ANY && wanted->guard && sw_veth_loses_replies(iface->ifindex))
		return SW_MODE_GENERIC;
	return wanted->mode;
}

bool sw_mode_differs(const struct sw_iface_state *iface, enum sw_mode mode)
{
	bool generic = iface->xdp_mode == XDP_ATTACHED_SKB;

	return iface->ingress.id && mode != SW_MODE_ANY && generic != (mode == SW_MODE_GENERIC);
}

/* Alone at the hook, in place of the program that is there; the kernel swaps them in one step. */
static int replace_alone(const struct sw_iface_state *iface, struct synward *object)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options);
	__u32 flags = mode_flags(mode_of(iface)) | XDP_FLAGS_REPLACE;
	int err = synward__load(object);

	if (err)
		return err;
	options.old_prog_fd = bpf_prog_get_fd_by_id(iface->ingress.id);
	if (options.old_prog_fd < 0)
		return -errno;
	err = bpf_xdp_attach(iface->ifindex, bpf_program__fd(object->progs.synward_ingress), flags,
			     &options);
	close(options.old_prog_fd);
	return err;
}

/* Alone at a hook where nothing is. */
static int begin_alone(const struct sw_iface_state *iface, struct synward *object,
		       enum xdp_attach_mode mode)
{
	__u32 flags = mode_flags(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST;

	return synward__load(object)
		       ?: bpf_xdp_attach(iface->ifindex,
					 bpf_program__fd(object->progs.synward_ingress), flags,
					 NULL);
}

static int attach_by_libxdp(const struct sw_iface_state *iface, struct synward *object,
			    enum xdp_attach_mode mode)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .obj = object->obj,
			    .prog_name = "synward_ingress");
	struct xdp_program *prog = xdp_program__create(&options);
	int err = libxdp_get_error(prog);

	if (err)
		return err;
	err = xdp_program__attach(prog, iface->ifindex, mode, 0);
	xdp_program__close(prog);
	return err;
}

/* What is to run there. */
struct ingress {
	const struct sw_maps *maps;
	bool guards;
};

static int open_ingress(const struct sw_iface_state *iface, const struct ingress *what,
			struct synward **object)
{
	int err = sw_object_open(object, what->guards);

	if (err)
		return err;
	(*object)->rodata->bare_ip = sw_iface_link(iface) == SW_LINK_IP;
	return sw_object_keep(*object, (*object)->progs.synward_ingress, what->maps);
}

/*
 * Behind a dispatcher the new one joins before the old one leaves: each segment passes one of them.
 */
static int attach_once(const struct sw_iface_state *iface, const struct ingress *what,
		       enum xdp_attach_mode mode, bool alone)
{
	struct synward *object;
	int err = open_ingress(iface, what, &object);

	if (!err && iface->ingress.id && !sw_iface_dispatched(iface))
		err = replace_alone(iface, object);
	else if (!err && alone)
		err = begin_alone(iface, object, mode);
	else if (!err)
		err = attach_by_libxdp(iface, object, mode);
	synward__destroy(object);
	if (!err && sw_iface_dispatched(iface))
		err = sw_detach_ingress(iface);
	return err;
}

/*
 * Kernels from 6.12 on may refuse a program behind the dispatcher of an older libxdp, whose functions leave packets as
 * they are ("Extension program changes packet data, while original does not").
 */
static int attach_in(const struct sw_iface_state *iface, const struct ingress *what,
		     enum xdp_attach_mode mode)
{
	int err = attach_once(iface, what, mode, false);

	return err == -EINVAL && !iface->xdp_id ? attach_once(iface, what, mode, true) : err;
}

static const char *attach_hint(const struct sw_iface_state *iface, enum sw_mode mode, int err)
{
	if (iface->xdp_id && !iface->ingress.id && mode == SW_MODE_GENERIC &&
	    iface->xdp_mode != XDP_ATTACHED_SKB)
		return "Another XDP program is there, in native mode; there can be but one mode";
	if (iface->xdp_id && !iface->ingress.id && err == -EINVAL)
		return "Behind another program this kernel takes none that may change packets, as "
		       "guard does; `ip link` shows it";
	if (iface->xdp_id && !iface->ingress.id && (err == -EBUSY || err == -EEXIST))
		return "Another XDP program is there that shares with no one; `ip link` shows it";
	if (err == -EOPNOTSUPP && mode == SW_MODE_NATIVE)
		return "The driver has no native XDP; --mode generic works on any interface";
	return sw_library_said();
}

int sw_attach_ingress(const struct sw_iface_state *iface, const struct sw_maps *maps,
		      enum sw_mode mode, bool guards)
{
	const struct ingress what = { maps, guards };
	int err;

	sw_library_forget();
	if (iface->ingress.id)
		err = attach_in(iface, &what, mode_of(iface));
	else if (mode == SW_MODE_GENERIC)
		err = attach_in(iface, &what, XDP_MODE_SKB);
	else
		err = attach_in(iface, &what, XDP_MODE_NATIVE);
	if (err && mode == SW_MODE_ANY && !iface->xdp_id)
		err = attach_in(iface, &what, XDP_MODE_SKB);
	if (err)
		return sw_fail(err, attach_hint(iface, mode, err), "attach XDP to %s", iface->name);
	return 0;
}

static int detach_dispatched(const struct sw_iface_state *iface)
{
	struct xdp_program *prog = xdp_program__from_id(iface->ingress.id);
	int err = libxdp_get_error(prog);

	if (err)
		return err;
	err = xdp_program__detach(prog, iface->ifindex, mode_of(iface), 0);
	xdp_program__close(prog);
	return err;
}

static int detach_alone(const struct sw_iface_state *iface)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options);
	__u32 flags = mode_flags(mode_of(iface)) | XDP_FLAGS_REPLACE;
	int err;

	options.old_prog_fd = bpf_prog_get_fd_by_id(iface->ingress.id);
	if (options.old_prog_fd < 0)
		return -errno;
	err = bpf_xdp_detach(iface->ifindex, flags, &options);
	close(options.old_prog_fd);
	return err;
}

int sw_detach_ingress(const struct sw_iface_state *iface)
{
	int err;

	sw_library_forget();
	err = sw_iface_dispatched(iface) ? detach_dispatched(iface) : detach_alone(iface);
	if (!err || gone(err))
		return 0;
	return sw_fail(err, sw_library_said(), "detach XDP from %s", iface->name);
}
