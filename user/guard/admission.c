// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is read anew is written into sw_config only where it is not what is in force.
 */
#include <synward/pressure.h>

#include "guard/admission.h"
#include "host/clock.h"
#include "host/hindrance.h"
#include "host/kernel.h"
#include "text/admission.h"
#include "text/report.h"

/* net.ipv4.tcp_syncookies: the kernel sends cookies, and takes them, whether its queue is full or not. */
#define SYNCOOKIES_ALWAYS 2

int sw_admission_read(const struct sw_tracker *tracker, struct sw_guard *guard)
{
	guard->kernel_cookies = sw_sysctl_read("net/ipv4/tcp_syncookies") == SYNCOOKIES_ALWAYS;
	return sw_hindrance_read(tracker->iface, tracker->count, guard->hindrance);
}

int sw_admission_suit(struct sw_tracker *tracker, struct sw_guard *guard)
{
	bool hindered = guard->chosen && (guard->hindrance[0] || guard->hindrance[1]);
	bool wanted = guard->admission == ADMISSION_PROXY || guard->protects || hindered;
	int err = wanted ? sw_tracker_load_proxy(tracker) : 0;

	guard->proxy = tracker->proxy != NULL;
	return err;
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
	bool had_proxy = tracker->proxy;
	struct sw_config config;
	int err = sw_map_read_one(sw_maps_fd(&tracker->maps, "sw_config"), &config);

	if (err)
		return err;
	*before = *now = config.guard;
	err = sw_admission_read(tracker, now);
	if (err || (!sw_admission_differs(before, now, 0) && !sw_admission_differs(before, now, 1)))
		return err;
	config.guard =
		*now; /* at once: loading proxy takes its time, and until then it can't serve */
	err = sw_config_write(&tracker->maps, &config) ?: sw_admission_suit(tracker, now);
	if (!err && tracker->proxy && !had_proxy)
		err = sw_tracker_put_back(tracker);
	if (err)
		return err;
	sw_admission_date(before, now);
	config.guard = *now;
	return sw_config_write(&tracker->maps, &config);
}
