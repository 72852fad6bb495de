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
	struct synward *guard; /* guard's, but for ingress; NULL: the object has them, or tracks */
	struct synward *proxy; /* and proxy's; NULL: it has not been needed */
	struct synward *bare; /* egress for what has no Ethernet; NULL while there is no such */
	struct sw_maps maps;
	bool guards; /* the programs can do more than track */
	struct sw_code ingress; /* of synward_ingress as it is attached; 0 if not known yet */
	struct sw_attach_options wanted; /* what sw_tracker_attach() was asked for */
	struct sw_local local; /* as sw_tracker_follow() has found it */
	size_t count;
	struct sw_iface_state iface[SW_IFACES_MAX];
	struct sw_settled {
		__u32 ingress, egress, admit; /* ids of the programs that were left there */
		bool gone; /* the interface is */
		__u64 deaf_ns; /* since when guard's replies do not arrive; 0: they do */
	} settled[SW_IFACES_MAX];
};

/*
 * Looks at the named interfaces, and loads the programs over the maps that are there: such as guard, where
 * tracker->guards says so or cookies of an earlier run are out; else such as only track, which is much
 * quicker. All else of *tracker is 0. `serve`: and becomes the daemon of the maps. No interface has been changed
 * yet. 0 or -errno, reported; close it in either case.
 */
int sw_tracker_load(struct sw_tracker *tracker, char *const *names, const struct sw_sizes *sizes,
		    bool serve);

/*
 * Programs that guard, if those that there are don't; they are put in place by the next sw_tracker_attach(). 0 or
 * -errno, reported.
 */
int sw_tracker_load_guard(struct sw_tracker *tracker);

/* Those at tc, and guard's, where anything is guarded. */
const struct synward *sw_tracker_programs(const struct sw_tracker *tracker);

/* No interface of these is in proxy's way. */
bool sw_tracker_may_proxy(const struct sw_tracker *tracker);

/*
 * Loads proxy's programs, if they are not there yet; they are put in place by the next sw_tracker_attach().
 * 0 or -errno, reported.
 */
int sw_tracker_load_proxy(struct sw_tracker *tracker);

/*
 * Attaches to all interfaces. On an error nothing is left attached that was not before. 0 or -errno,
 * reported.
 */
int sw_tracker_attach(struct sw_tracker *tracker, const struct sw_attach_options *wanted);

/*
 * Attaches what sw_tracker_attach() would attach now and is not there: proxy, say, that has been loaded since.
 * 0 or -errno, reported.
 */
int sw_tracker_put_back(struct sw_tracker *tracker);

/*
 * Looks whether all is there as it was attached, and puts back what is not; what it finds it says. An
 * interface that is gone is watched for, by its name, as long as another one is left. *mended: programs
 * had to be put back. 0 or -errno, reported: nothing is left to serve, or it can't be put back.
 */
int sw_tracker_mend(struct sw_tracker *tracker, bool *mended);

/* The number is that of one of the interfaces, or of none that is known. */
bool sw_tracker_concerns(const struct sw_tracker *tracker, __u32 ifindex);

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
