// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The settings are written between loading and attaching, so that no segment meets programs whose
 * maps are half filled; sw_config comes last of them.
 */
#include "guard/start.h"
#include "host/lock.h"
#include "text/report.h"

/* Nothing is to be guarded any more: the guard in force only takes back the cookies still out. */
static int configure_retired(const struct sw_tracker *tracker, struct sw_guard *guard)
{
	struct sw_config before = {};
	__u32 ports = guard->ports;
	int err = sw_map_read_one(sw_maps_fd(&tracker->maps, "sw_config"), &before);

	*guard = before.guard;
	guard->ports = ports;
	return err;
}

static int configure(const struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	struct sw_guard_link link = { .mtu = sw_tracker_mtu(tracker) };
	struct sw_config config = options->config;
	int err;

	err = sw_guard_prepare(&options->guard, &link, &config.guard)
		      ?: sw_guard_write(&tracker->maps, &options->guard, &config.guard);
	if (err)
		return err;
	if (!options->guard.count && config.guard.ports)
		err = configure_retired(tracker, &config.guard);
	err = err ?: sw_config_write(&tracker->maps, &config);
	return err ? sw_fail(err, NULL, "write the settings") : 0;
}

int sw_start(struct sw_tracker *tracker, char *const *names,
	     const struct sw_tracker_options *options)
{
	int err = sw_lock_setup();

	if (err)
		return err;
	err = sw_tracker_load(tracker, names, &options->sizes, options->serve) ?:
		      configure(tracker, options) ?:
		      sw_tracker_attach(tracker, options->mode, options->guard.count);
	sw_lock_release_setup();
	if (err)
		sw_tracker_close(tracker);
	return err;
}

int sw_reload(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	sw_tracker_look_again(tracker);
	return configure(tracker, options);
}
