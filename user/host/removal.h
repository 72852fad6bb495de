/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Removing flows that somebody wants gone, with a daemon or without one.
 */
#ifndef SYNWARD_USER_REMOVAL_H
#define SYNWARD_USER_REMOVAL_H

#include <stddef.h>

#include <synward/flow.h>

#include "host/maps.h"

/* Removes a flow after the other: synward_expire, which counts them and tells who reads events. */
struct sw_removal {
	struct synward *object;
};

/* 0 or -errno, reported; close it in either case. */
int sw_removal_open(struct sw_removal *removal, const struct sw_maps *maps);

/* *removed: so many of them were still there. 0 or -errno, reported. */
int sw_removal_run(struct sw_removal *removal, const struct sw_flow_key *keys, size_t count,
		   size_t *removed);
void sw_removal_close(struct sw_removal *removal);

#endif
