/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What there is of synward on an interface: read from the kernel alone, without pins, however it
 * was attached.
 */
#ifndef SYNWARD_USER_IFACE_H
#define SYNWARD_USER_IFACE_H

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "host/code.h"
#include "host/maps.h"

#define SW_IFACES_MAX 64 /* the size of sw_ifaces */

/* Where a filter of synward sits under clsact: first; and where an earlier synward put it. */
#define SW_TC_PRIORITY      1
#define SW_TC_PRIORITY_ONCE 17
#define SW_TC_HANDLE        0x5359 /* "SY" */

struct sw_prog {
	__u32 id; /* 0: there is none */
	struct sw_code code;
	__u64 load_time_ns; /* boot clock */

	/* Of a program at tc */
	bool tcx; /* in the list of TCX, else a filter under clsact */
	bool late; /* another program of that list runs before it */
	__u32 priority; /* of the filter */
};

/* What its frames begin with. */
enum sw_link {
	SW_LINK_ETHERNET,
	SW_LINK_IP, /* tun, WireGuard, PPP */
	SW_LINK_OTHER,
};

struct sw_iface_state {
	char name[IF_NAMESIZE];
	__u32 ifindex;
	__u32 mtu;
	bool loopback;
	__u16 type; /* ARPHRD_* */
	__u32 xdp_id; /* what stands at the hook: synward itself or a dispatcher; 0: nothing */
	__u8 xdp_mode; /* XDP_ATTACHED_* */
	struct sw_prog ingress, egress, admit;
	struct sw_maps maps; /* those of all of them */
	const char *misfit; /* that of them which is not laid out as we know it; NULL: none */
	struct sw_iface
		record; /* what run or attach wrote down, zero after `ip link`; mac is read */
	pid_t daemon; /* who serves the maps, or SW_PROCESS_HIDDEN; 0: nobody */
};

/* Through a libxdp dispatcher, which other XDP programs share. */
static inline bool sw_iface_dispatched(const struct sw_iface_state *iface)
{
	return iface->ingress.id && iface->ingress.id != iface->xdp_id;
}

/* synward is on the interface, or part of it. */
static inline bool sw_iface_carries(const struct sw_iface_state *iface)
{
	return iface->ingress.id || iface->egress.id;
}

enum sw_link sw_iface_link(const struct sw_iface_state *iface);

/* "native", "generic", "offloaded". */
const char *sw_xdp_mode_name(__u8 mode);

/* The interface's own address, 0 if it has none such as frames have. 0 or -errno. */
int sw_iface_mac(__u32 ifindex, __u16 mac[3]);

/* Fills *iface, whether or not synward is there. 0 or -errno, reported. */
int sw_iface_open(const char *name, struct sw_iface_state *iface);
void sw_iface_close(struct sw_iface_state *iface);

/*
 * Reads anew what there is on the interface, which may have got another name; `record` stays: what was
 * done to the interface, this process knows best. -ENODEV, not reported, if it is gone, else as above.
 */
int sw_iface_look_again(struct sw_iface_state *iface);

/* What the named interfaces carry, or without names every interface that carries synward. */
struct sw_ifaces {
	size_t count;
	struct sw_iface_state iface[SW_IFACES_MAX];
};

/*
 * An interface that doesn't carry synward, or none that does, is an error. 0 or -errno, reported.
 */
int sw_ifaces_open(char *const *names, struct sw_ifaces *ifaces);

/* The same, to read the maps: those of another version are an error, too. */
int sw_ifaces_open_readable(char *const *names, struct sw_ifaces *ifaces);

/* No interface before number i has the same maps. */
bool sw_ifaces_first_with_maps(const struct sw_ifaces *ifaces, size_t i);

/* All have the same maps; else `what` can't be done of them at once. 0 or -EINVAL, reported. */
int sw_ifaces_one_set(const struct sw_ifaces *ifaces, const char *what);
void sw_ifaces_close(struct sw_ifaces *ifaces);

#endif
