/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Events that user space finds: the kernel side writes them, as all others, to who wants them.
 */
#ifndef SYNWARD_USER_TELL_H
#define SYNWARD_USER_TELL_H

#include <synward/event.h>

#include "host/tracker.h"

/* Its time is now. 0 or -errno, not reported. */
int sw_tell(const struct sw_tracker *tracker, struct sw_event event);

#endif
