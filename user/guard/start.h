/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Starting a synward as `run` and `attach` are asked to, and reading its settings again.
 */
#ifndef SYNWARD_USER_START_H
#define SYNWARD_USER_START_H

#include "guard/settings.h"
#include "host/tracker.h"

struct sw_tracker_options {
	struct sw_config config;
	struct sw_guard_options guard;
	struct sw_sizes sizes;
	struct sw_attach_options attach;
	bool serve; /* become the daemon of the maps */
};

/*
 * Loads, configures and attaches to the named interfaces. What an earlier synward left there is taken
 * over. On an error nothing is left attached that was not before, and *tracker is closed. 0 or -errno,
 * reported.
 */
int sw_start(struct sw_tracker *tracker, char *const *names,
	     const struct sw_tracker_options *options);

/*
 * Brings these interfaces (NULL: those that there are) and options into force in place of `before`, and
 * what key file, sysctls and MTUs say now. 0 or -errno, reported; what was in force then stays.
 */
int sw_reload(struct sw_tracker *tracker, char *const *names,
	      const struct sw_tracker_options *options, const struct sw_tracker_options *before);

#endif
