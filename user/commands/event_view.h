/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * An event as people and programs see it.
 */
#ifndef SYNWARD_USER_EVENT_VIEW_H
#define SYNWARD_USER_EVENT_VIEW_H

#include <synward/event.h>

/* offset_ns: what has to be added to the event's time to get the wall clock's. 100 columns; JSON if asked for. */
void sw_event_print(const struct sw_event *event, __s64 offset_ns);

#endif
