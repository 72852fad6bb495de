/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A synward over one or several interfaces that share one set of maps: started, taken over,
 * stopped.
 */
#ifndef SYNWARD_USER_TRACKER_H
#define SYNWARD_USER_TRACKER_H

#include "host/attach.h"
#include "guard/settings.h"
#include "host/iface.h"
#include "host/load.h"

struct sw_tracker_options {
	struct sw_config config;
	struct sw_guard_options guard;
	struct sw_sizes sizes;
	enum sw_mode mode;
	bool serve; /* become the daemon of the maps */
};

struct sw_tracker {
	struct synward *object; /* the programs that run here, and egress */
	struct sw_maps maps;
	size_t count;
	struct sw_iface_state iface[SW_IFACES_MAX];
};

/*
 * Loads, configures and attaches to the named interfaces. What an earlier synward left there is
 * taken over: its maps with all flows and counts, and its programs where they are the same. On an
 * error nothing is left attached that was not before. 0 or -errno, reported.
 */
int sw_tracker_start(struct sw_tracker *tracker, char *const *names,
		     const struct sw_tracker_options *options);

/*
 * Reads key file and sysctls again, and brings what they say into force. 0 or -errno, reported; what
 * was in force then stays.
 */
int sw_tracker_reload(struct sw_tracker *tracker, const struct sw_tracker_options *options);

/* Says what is in force, one line an interface. */
void sw_tracker_say(const struct sw_tracker *tracker);

/* Frees what this process holds; the interfaces keep their programs. */
void sw_tracker_close(struct sw_tracker *tracker);

/*
 * Takes synward off the interface: both programs, and clsact where it was made for it. 0 or -errno,
 * reported.
 */
int sw_iface_detach(struct sw_iface_state *iface);

/* The same for all interfaces of the tracker. */
int sw_tracker_detach(struct sw_tracker *tracker);

#endif
