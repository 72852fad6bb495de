// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is read anew is written into sw_config only where it is not what is in force.
 */
#include <synward/pressure.h>
#include <synward/retreat.h>

#include "guard/admission.h"
#include "guard/settings.h"
#include "host/clock.h"
#include "host/hindrance.h"
#include "host/kernel.h"
#include "model/status.h"
#include "text/admission.h"
#include "text/report.h"

int sw_admission_read(const struct sw_tracker *tracker, struct sw_guard *guard)
{
	guard->kernel_cookies = sw_syncookies_read();
	return sw_hindrance_read(tracker->iface, tracker->count, guard->hindrance);
}

int sw_admission_suit(struct sw_tracker *tracker, struct sw_guard *guard)
{
	bool hindered = guard->chosen && (guard->hindrance[0] || guard->hindrance[1]);
	bool wanted = guard->admission == ADMISSION_PROXY || hindered ||
		      (guard->protects & PROTECT_PROXY);
	int err = wanted ? sw_tracker_load_proxy(tracker) : 0;

	guard->proxy = tracker->proxy != NULL;
	return err;
}

/* A port has fallen back whose connections proxy might serve. */
static bool proxy_may_help(const struct sw_tracker *tracker, const struct sw_guard *guard)
{
	static struct sw_guarded guarded[SW_PORTS_MAX];
	struct sw_map_fds maps = sw_maps_fds(&tracker->maps);
	int count;

	if (!guard->chosen || guard->proxy || !sw_tracker_may_proxy(tracker))
		return false;
	count = sw_guarded_read(&maps, guarded);
	for (int i = 0; i < 2 * count; i++) {
		const struct sw_guarded *port = &guarded[i / 2];
		struct sw_ways ways =
			sw_ways_of(guard, port->port.protects, port->port.listener, i & 1);

		if (ways.full == ADMISSION_BPF && sw_port_stand(guard, port, i & 1) != STAND_GUARD)
			return true;
	}
	return false;
}

bool sw_admission_differs(const struct sw_guard *before, const struct sw_guard *now, int family)
{
	return sw_admission_in(before, family) != sw_admission_in(now, family) ||
	       before->hindrance[family] != now->hindrance[family];
}

void sw_admission_date(const struct sw_guard *before, struct sw_guard *now)
{
	bool differs = sw_admission_in(before, 0) != sw_admission_in(now, 0) ||
		       sw_admission_in(before, 1) != sw_admission_in(now, 1);

	now->admission_ns = differs ? sw_monotonic_ns() : before->admission_ns;
}

void sw_admission_say(const struct sw_guard *guard, int family)
{
	sw_say("guard, %s: %s", sw_family_name(family),
	       sw_admission_text(guard->hindrance[family], sw_admission_in(guard, family)));
}

int sw_admission_renew(struct sw_tracker *tracker, struct sw_guard *before, struct sw_guard *now)
{
	bool had_proxy = tracker->proxy, helps;
	struct sw_config config;
	int err = sw_map_read_one(sw_maps_fd(&tracker->maps, "sw_config"), &config);

	if (err)
		return err;
	*before = *now = config.guard;
	sw_guard_read_host(tracker, now);
	err = sw_admission_read(tracker, now);
	helps = !err && proxy_may_help(tracker, now);
	if (err || (!helps && !memcmp(before, now, sizeof(*now))))
		return err;
	config.guard =
		*now; /* at once: loading proxy takes its time, and until then it can't serve */
	err = sw_config_write(&tracker->maps, &config) ?:
	      (helps ? sw_tracker_load_proxy(tracker) : 0) ?:
	      sw_admission_suit(tracker, now);
	if (!err && tracker->proxy && !had_proxy)
		err = sw_tracker_put_back(tracker);
	if (err)
		return err;
	sw_admission_date(before, now);
	config.guard = *now;
	return sw_config_write(&tracker->maps, &config);
}
