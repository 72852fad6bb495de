// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The settings are written between loading and attaching, so that no segment meets programs whose
 * maps are half filled; sw_config comes last of them.
 */
#include "guard/admission.h"
#include "guard/key_map.h"
#include "guard/ports.h"
#include "guard/start.h"
#include "host/lock.h"
#include "host/lpm.h"
#include "host/tracker_change.h"
#include "text/report.h"

/* Nothing is to be guarded any more: the guard in force only takes back the cookies still out. */
static void retire(const struct sw_guard *before, struct sw_guard *guard)
{
	__u32 ports = guard->ports;

	*guard = *before;
	guard->ports = ports;
	guard->rules = 0;
}

static int write_clients(const struct sw_tracker *tracker, const struct sw_client_list *clients)
{
	int err = sw_lpm_write(sw_maps_fd(&tracker->maps, "sw_clients"), clients->said,
			       clients->count);

	return err ? sw_fail(err, NULL, "write the clients that are allowed and denied") : 0;
}

static void say_hindered(const struct sw_guard *guard)
{
	for (int family = 0; family < 2; family++)
		if (guard->hindrance[family] && guard->admission)
			sw_admission_say(guard, family);
}

static int configure(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	const struct sw_guard_options *guard = &options->guard;
	struct sw_map_fds maps = sw_maps_fds(&tracker->maps);
	struct sw_config config = options->config, before = {};
	static struct sw_port_list ports;
	static struct sw_ports_plan plan;
	struct sw_profile profile;
	int err = sw_guard_prepare(guard, tracker, &config.guard) ?:
		  sw_guard_profile(guard, &config.guard, &profile) ?:
		  sw_map_read_one(maps.config, &before);

	ports = guard->ports;
	sw_port_list_profile(&ports, &profile);
	err = err ?: sw_ports_plan(&plan, &maps, &ports);
	config.guard.protects = sw_ports_protect(&plan);
	config.guard.both_sides = (config.guard.protects & PROTECT_PROXY) && tracker->count > 1;
	err = err ?: sw_admission_suit(tracker, &config.guard);
	if (!err && guard->ports.count)
		err = sw_keys_put(maps.keys, guard->key_file);
	err = err ?: sw_ports_write(&plan, &maps) ?: write_clients(tracker, &guard->clients);
	if (err)
		return err;
	config.guard.ports = plan.count;
	if (!guard->ports.count && config.guard.ports)
		retire(&before.guard, &config.guard);
	else
		sw_admission_date(&before.guard, &config.guard);
	if (config.guard.ports)
		err = sw_tracker_follow(tracker);
	err = err ?: sw_config_write(&tracker->maps, &config);
	if (err)
		return sw_fail(err, NULL, "write the settings and this host's addresses");
	say_hindered(&config.guard);
	return 0;
}

/* What guard answers are Ethernet's frames; without, all is the kernel's. */
static int check_links(const struct sw_tracker *tracker)
{
	const char *without[SW_IFACES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < tracker->count; i++)
		if (sw_iface_link(&tracker->iface[i]) != SW_LINK_ETHERNET)
			without[count++] = tracker->iface[i].name;
	if (count == tracker->count)
		return sw_fail(0, "It can be tracked, without --guard",
			       "guard %s, which has no Ethernet", without[0]);
	while (count--)
		sw_say("%s has no Ethernet: it is tracked and not guarded", without[count]);
	return 0;
}

int sw_start(struct sw_tracker *tracker, char *const *names,
	     const struct sw_tracker_options *options)
{
	struct sw_attach_options attach = options->attach;
	int err = sw_lock_setup();

	if (err)
		return err;
	attach.guard = options->guard.ports.count;
	*tracker = (struct sw_tracker){ .guards = attach.guard };
	err = sw_tracker_load(tracker, names, &options->sizes, options->serve);
	if (!err && attach.guard)
		err = check_links(tracker);
	sw_lock_begin_changes();
	err = err ?: configure(tracker, options) ?: sw_tracker_attach(tracker, &attach);
	sw_lock_release_setup();
	if (err)
		sw_tracker_close(tracker);
	return err;
}

/* Settings first, as at the start. What was in force comes back if the interfaces can't be had. */
static int change(struct sw_tracker *tracker, char *const *names,
		  const struct sw_tracker_options *options, const struct sw_tracker_options *before)
{
	struct sw_attach_options attach = tracker->wanted;
	struct sw_tracker_change change;
	int err = sw_tracker_change(tracker, names, &change);

	if (err)
		return err;
	attach.guard |= options->guard.ports.count != 0;
	err = (attach.guard ? sw_tracker_load_guard(tracker) : 0) ?: configure(tracker, options);
	if (!err) {
		err = sw_tracker_attach(tracker, &attach);
		if (err)
			configure(tracker, before);
	}
	if (err)
		sw_tracker_change_undo(tracker, &change);
	else
		sw_tracker_change_end(tracker, &change);
	return err;
}

int sw_reload(struct sw_tracker *tracker, char *const *names,
	      const struct sw_tracker_options *options, const struct sw_tracker_options *before)
{
	int err = sw_lock_setup();

	if (err)
		return err;
	sw_tracker_look_again(tracker);
	err = change(tracker, names, options, before);
	sw_lock_release_setup();
	return err;
}
