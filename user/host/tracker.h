/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A synward over one or several interfaces that share one set of maps. It is started in three steps,
 * under the lock of sw_lock_setup(): load; configure, which is the caller's; attach. What an earlier
 * synward left is taken over: its maps with all flows and counts, and its programs where they are the
 * same.
 */
#ifndef SYNWARD_USER_TRACKER_H
#define SYNWARD_USER_TRACKER_H

#include "host/attach.h"
#include "host/iface.h"
#include "host/load.h"
#include "host/local.h"

struct sw_tracker {
	struct synward *object; /* the programs that run here, and egress */
	struct sw_maps maps;
	struct sw_local local; /* as sw_tracker_follow() has found it */
	size_t count;
	struct sw_iface_state iface[SW_IFACES_MAX];
};

/*
 * Looks at the named interfaces, and loads the programs over the maps that are there. `serve`: and
 * becomes the daemon of the maps. No interface has been changed yet. 0 or -errno, reported; close it
 * in either case.
 */
int sw_tracker_load(struct sw_tracker *tracker, char *const *names, const struct sw_sizes *sizes,
		    bool serve);

/*
 * Attaches to all interfaces. `admit`: at tc ingress, too, where what guard's cookies open is handed to
 * its listener. On an error nothing is left attached that was not before. 0 or -errno, reported.
 */
int sw_tracker_attach(struct sw_tracker *tracker, enum sw_mode mode, bool admit);

/* Reads anew what there is on each interface, its MTU too. */
void sw_tracker_look_again(struct sw_tracker *tracker);

/*
 * Reads which addresses are this host's and its interfaces', writes it into the maps, and says what
 * guard must leave to the kernel because of it. 0 or -errno, not reported.
 */
int sw_tracker_follow(struct sw_tracker *tracker);

/* The least MTU: what is announced must fit through every interface. */
__u32 sw_tracker_mtu(const struct sw_tracker *tracker);

/* Says what is in force, one line an interface. */
void sw_tracker_say(const struct sw_tracker *tracker);

/* Frees what this process holds; the interfaces keep their programs. */
void sw_tracker_close(struct sw_tracker *tracker);

#endif
