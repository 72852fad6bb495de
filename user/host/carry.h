/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From the maps of another version, whose values are laid out otherwise, into those of this one: members go
 * by the names that the kernel has of both (BTF). One that this version doesn't know stays behind, one that
 * the other didn't know is zero; so a member that changes its meaning wants another name.
 */
#ifndef SYNWARD_USER_CARRY_H
#define SYNWARD_USER_CARRY_H

#include "host/maps.h"

struct sw_carried {
	long flows; /* the half-open ones, too */
	long proxied; /* connections that are translated */
};

/*
 * Flows, translations, services, ports, the settings in force, counters and keys; added to what has been carried. 0 or
 * -errno.
 */
int sw_carry(const struct sw_maps *from, const struct sw_maps *to, struct sw_carried *carried);

#endif
