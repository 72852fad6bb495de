/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Taking synward off interfaces.
 */
#ifndef SYNWARD_USER_DETACH_H
#define SYNWARD_USER_DETACH_H

#include "host/tracker.h"

/*
 * Takes off what *iface names of synward: all programs, and clsact where it was made for them. The
 * caller holds the lock of sw_lock_setup(). 0 or -errno, reported.
 */
int sw_iface_detach(struct sw_iface_state *iface);

/* The same for all interfaces of the tracker, those that are gone left out; takes the lock itself. */
int sw_tracker_detach(struct sw_tracker *tracker);

#endif
