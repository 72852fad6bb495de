// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Finding a running synward from its interface: the XDP program at the hook, or behind a libxdp
 * dispatcher the extension that is linked to it; in the list of TCX, or a tc filter at our place; from these
 * programs their maps.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/iface.h"
#include "host/lock.h"
#include "host/tcx.h"
#include "text/report.h"

const char *sw_xdp_mode_name(__u8 mode)
{
	switch (mode) {
	case XDP_ATTACHED_DRV:
		return "native";
	case XDP_ATTACHED_SKB:
		return "generic";
	case XDP_ATTACHED_HW:
		return "offloaded";
	default:
		return "none";
	}
}

enum sw_link sw_iface_link(const struct sw_iface_state *iface)
{
	switch (iface->type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return SW_LINK_ETHERNET;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_PPP:
		return SW_LINK_IP;
	default: /* many tunnels among them: what comes in has the outer header before it (sit, gre) */
		return SW_LINK_OTHER;
	}
}

/* The program of this id if it bears that name: its descriptor, else -ENOENT or -errno. */
static int open_named(__u32 id, const char *name, struct sw_prog *prog)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int err = 0, fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return -errno;
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		err = -errno;
	else if (strcmp(info.name, name))
		err = -ENOENT;
	if (err) {
		close(fd);
		return err;
	}
	prog->id = info.id;
	prog->load_time_ns = info.load_time;
	prog->code = sw_code_of(&info);
	return fd;
}

/* The program that link `id` binds to program `target`, 0 if it binds to something else. */
static __u32 linked_to(__u32 id, __u32 target)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info), prog = 0;
	int fd = bpf_link_get_fd_by_id(id);

	if (fd < 0)
		return 0;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length) && info.type == BPF_LINK_TYPE_TRACING &&
	    info.tracing.target_obj_id == target)
		prog = info.prog_id;
	close(fd);
	return prog;
}

/* libxdp's dispatcher calls programs that are linked to it in place of its own functions. */
static int open_dispatched(__u32 dispatcher, const char *name, struct sw_prog *prog)
{
	__u32 link = 0;

	while (!bpf_link_get_next_id(link, &link)) {
		__u32 id = linked_to(link, dispatcher);
		int fd = id ? open_named(id, name, prog) : -ENOENT;

		if (fd != -ENOENT)
			return fd;
	}
	return -ENOENT;
}

static int open_ingress(struct sw_iface_state *iface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int fd, err = bpf_xdp_query(iface->ifindex, 0, &query);

	if (err)
		return err;
	iface->xdp_mode = query.attach_mode;
	iface->xdp_id = query.prog_id;
	if (query.attach_mode == XDP_ATTACHED_MULTI) {
		iface->xdp_mode = query.drv_prog_id ? XDP_ATTACHED_DRV : XDP_ATTACHED_HW;
		iface->xdp_id = query.drv_prog_id ?: query.hw_prog_id;
	}
	if (!iface->xdp_id)
		return -ENOENT;
	fd = open_named(iface->xdp_id, "synward_ingress", &iface->ingress);
	if (fd == -ENOENT)
		fd = open_dispatched(iface->xdp_id, "synward_ingress", &iface->ingress);
	return fd;
}

static int open_tcx(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		    const char *name, struct sw_prog *prog)
{
	struct sw_tcx list = {};
	int fd = -ENOENT;

	if (sw_tcx_list(iface->ifindex, point, &list))
		return -ENOENT;
	for (__u32 i = 0; fd == -ENOENT && i < list.count; i++) {
		fd = open_named(list.id[i], name, prog);
		prog->tcx = fd >= 0;
		prog->late = i > 0;
	}
	return fd;
}

static int open_filter(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		       __u32 priority, const char *name, struct sw_prog *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = iface->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, query, .handle = SW_TC_HANDLE, .priority = priority);

	if (bpf_tc_query(&hook, &query))
		return -ENOENT; /* also if there is no clsact at all */
	prog->priority = priority;
	return open_named(query.prog_id, name, prog);
}

static int open_tc(const struct sw_iface_state *iface, enum bpf_tc_attach_point point,
		   const char *name, struct sw_prog *prog)
{
	static const __u32 priorities[] = { SW_TC_PRIORITY, SW_TC_PRIORITY_ONCE };
	int fd = open_tcx(iface, point, name, prog);

	for (size_t i = 0; fd == -ENOENT && i < 2; i++)
		fd = open_filter(iface, point, priorities[i], name, prog);
	return fd;
}

static int open_egress(struct sw_iface_state *iface)
{
	int fd = open_tc(iface, BPF_TC_EGRESS, "synward_egress", &iface->egress);

	return fd != -ENOENT ? fd
			     : open_tc(iface, BPF_TC_EGRESS, "synward_outward", &iface->egress);
}

static int open_admit(struct sw_iface_state *iface)
{
	int fd = open_tc(iface, BPF_TC_INGRESS, "synward_admit", &iface->admit);

	return fd != -ENOENT ? fd : open_tc(iface, BPF_TC_INGRESS, "synward_inward", &iface->admit);
}

/* A program that is not there is no error; a program whose maps can't be had is. */
static int take_maps(struct sw_iface_state *iface, int prog_fd)
{
	int err;

	if (prog_fd < 0)
		return prog_fd == -ENOENT ? 0 : prog_fd;
	err = sw_maps_open(&iface->maps, prog_fd);
	close(prog_fd);
	return err;
}

int sw_iface_mac(__u32 ifindex, __u16 mac[3])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq request = {};

	if (!if_indextoname(ifindex, request.ifr_name) || ioctl(fd, SIOCGIFHWADDR, &request))
		err = -errno;
	close(fd);
	memset(mac, 0, sizeof(__u16[3]));
	if (!err && request.ifr_hwaddr.sa_family == ARPHRD_ETHER)
		memcpy(mac, request.ifr_hwaddr.sa_data, sizeof(__u16[3]));
	return err;
}

/* -ENODEV, not reported: there is no such interface. */
static int identify(const char *name, struct sw_iface_state *iface)
{
	struct ifreq request = {};
	int fd, err = 0;

	iface->ifindex = if_nametoindex(name);
	if (!iface->ifindex)
		return -ENODEV;
	snprintf(iface->name, sizeof(iface->name), "%s", name);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request))
		err = errno == ENODEV ? -ENODEV
				      : sw_fail(-errno, NULL, "read the flags of %s", name);
	else
		iface->loopback = request.ifr_flags & IFF_LOOPBACK;
	if (!err && !ioctl(fd, SIOCGIFHWADDR, &request))
		iface->type = request.ifr_hwaddr.sa_family;
	if (!err && !ioctl(fd, SIOCGIFMTU, &request))
		iface->mtu = (__u32)request.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return err;
}

/* 0, -ENODEV (not reported: there is no such interface) or -errno, reported. */
static int look(const char *name, struct sw_iface_state *iface)
{
	int err;

	memset(iface, 0, sizeof(*iface));
	err = identify(name, iface);
	if (err)
		return err;
	err = take_maps(iface, open_ingress(iface)) ?: take_maps(iface, open_egress(iface)) ?:
		take_maps(iface, open_admit(iface));
	if (err) {
		sw_iface_close(iface);
		return sw_fail(err, err == -EPERM ? "Run it as root" : NULL,
			       "look at the programs on %s", name);
	}
	iface->misfit = sw_maps_misfit(&iface->maps);
	if (!iface->misfit)
		sw_iface_read(&iface->maps, iface->ifindex, &iface->record);
	sw_iface_mac(iface->ifindex, iface->record.mac);
	if (sw_iface_carries(iface))
		iface->daemon = sw_lock_daemon_pid(sw_maps_id(&iface->maps, "sw_due"));
	return 0;
}

int sw_iface_open(const char *name, struct sw_iface_state *iface)
{
	int err = look(name, iface);

	if (err == -ENODEV)
		return sw_fail(0, "`ip link` lists what there is", "find the interface \"%s\"",
			       name);
	return err;
}

void sw_iface_close(struct sw_iface_state *iface)
{
	sw_maps_close(&iface->maps);
}

int sw_iface_look_again(struct sw_iface_state *iface)
{
	struct sw_iface record = iface->record;
	__u32 ifindex = iface->ifindex;
	char name[IF_NAMESIZE];
	int err;

	if (!if_indextoname(iface->ifindex, name))
		return -ENODEV;
	sw_iface_close(iface);
	err = look(name, iface);
	iface->record = record;
	iface->ifindex = ifindex; /* also where it went meanwhile, and so did its name */
	memcpy(iface->name, name, sizeof(name));
	sw_iface_mac(iface->ifindex, iface->record.mac);
	return err;
}

static int open_named_ifaces(char *const *names, struct sw_ifaces *ifaces)
{
	for (; *names; names++) {
		struct sw_iface_state *iface = &ifaces->iface[ifaces->count];
		int err;

		if (ifaces->count == SW_IFACES_MAX)
			return sw_fail(0, NULL, "handle more than %d interfaces", SW_IFACES_MAX);
		err = sw_iface_open(*names, iface);
		if (err)
			return err;
		ifaces->count++;
		if (!sw_iface_carries(iface))
			return sw_fail(0, "`synward run` or `synward attach` puts it there",
				       "find synward on %s", *names);
	}
	return 0;
}

static int open_every_iface(struct sw_ifaces *ifaces)
{
	struct if_nameindex *list = if_nameindex();
	int err = 0;

	if (!list)
		return sw_fail(-errno, NULL, "list the interfaces");
	for (struct if_nameindex *i = list; !err && i->if_index; i++) {
		struct sw_iface_state *iface = &ifaces->iface[ifaces->count];

		if (ifaces->count == SW_IFACES_MAX)
			break;
		err = look(i->if_name, iface);
		if (!err && sw_iface_carries(iface))
			ifaces->count++;
		else if (!err)
			sw_iface_close(iface);
		else if (err == -ENODEV) /* it went since it was listed */
			err = 0;
	}
	if_freenameindex(list);
	if (!err && !ifaces->count)
		err = sw_fail(0,
			      "`synward run IFACE` puts it on one; `ip netns exec` looks elsewhere",
			      "find synward on any interface of this network namespace");
	return err;
}

int sw_ifaces_open(char *const *names, struct sw_ifaces *ifaces)
{
	int err;

	ifaces->count = 0;
	err = *names ? open_named_ifaces(names, ifaces) : open_every_iface(ifaces);
	if (err)
		sw_ifaces_close(ifaces);
	return err;
}

int sw_ifaces_open_readable(char *const *names, struct sw_ifaces *ifaces)
{
	int err = sw_ifaces_open(names, ifaces);

	for (size_t i = 0; !err && i < ifaces->count; i++)
		if (ifaces->iface[i].misfit)
			err = sw_fail(0, "`synward run` or `synward attach` replaces it",
				      "read what is on %s: its map %s is not this version's",
				      ifaces->iface[i].name, ifaces->iface[i].misfit);
	return err;
}

bool sw_ifaces_first_with_maps(const struct sw_ifaces *ifaces, size_t i)
{
	__u32 id = sw_maps_id(&ifaces->iface[i].maps, "sw_flows");

	for (size_t before = 0; before < i; before++)
		if (sw_maps_id(&ifaces->iface[before].maps, "sw_flows") == id)
			return false;
	return true;
}

int sw_ifaces_one_set(const struct sw_ifaces *ifaces, const char *what)
{
	for (size_t i = 1; i < ifaces->count; i++)
		if (sw_ifaces_first_with_maps(ifaces, i))
			return sw_fail(0, "Name one: `synward status` lists them",
				       "%s of several synwards at once", what);
	return 0;
}

void sw_ifaces_close(struct sw_ifaces *ifaces)
{
	while (ifaces->count)
		sw_iface_close(&ifaces->iface[--ifaces->count]);
}
