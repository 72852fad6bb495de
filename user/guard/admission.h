/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How the namespace lets guard admit what its cookies open: read at the start, and again while it runs,
 * since NAT and sysctls come and go.
 */
#ifndef SYNWARD_USER_ADMISSION_H
#define SYNWARD_USER_ADMISSION_H

#include <stdbool.h>

#include <synward/guard.h>

#include "host/tracker.h"

/* Fills what is in `guard` of it. 0 or -errno. */
int sw_admission_read(const struct sw_tracker *tracker, struct sw_guard *guard);

/*
 * Has the programs loaded that `guard` needs as it is now; sw_tracker_attach() puts them in place. Fills
 * guard->proxy. 0 or -errno, reported.
 */
int sw_admission_suit(struct sw_tracker *tracker, struct sw_guard *guard);

/* A family admits otherwise in `now` than it did before. */
bool sw_admission_differs(const struct sw_guard *before, const struct sw_guard *now, int family);

/* Sets now->admission_ns: from when on it has been as it is. */
void sw_admission_date(const struct sw_guard *before, struct sw_guard *now);

/* Says how a family is dealt with. */
void sw_admission_say(const struct sw_guard *guard, int family);

/*
 * Brings what there is now into force, and loads proxy where a port that has fallen back may be served by it.
 * *before and *now: the settings, which differ if anything has changed. 0 or -errno.
 */
int sw_admission_renew(struct sw_tracker *tracker, struct sw_guard *before, struct sw_guard *now);

#endif
