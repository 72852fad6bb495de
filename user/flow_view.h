/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A flow as people and programs see it: a line of the flow table, or the flow object of STATE_MODEL.md.
 * Pure: what is printed comes in as parameters, and nothing is read from maps or clocks.
 */
#ifndef SYNWARD_USER_FLOW_VIEW_H
#define SYNWARD_USER_FLOW_VIEW_H

#include <jansson.h>

#include <synward/flow.h>

/* "192.0.2.10:40000", "[2001:db8::a]:40000". `end` is 0 or 1, in the key's order. */
#define SW_ENDPOINT_TEXT 56
const char *sw_endpoint_name(const struct sw_flow_key *key, int end, char text[SW_ENDPOINT_TEXT]);

/*
 * {"type":"flow","a":...}: "a" is the originator. wall_offset_ns is what has to be added to the flow's times to get the
 * wall clock's. The caller owns the object; NULL when out of memory.
 */
json_t *sw_flow_json(const struct sw_flow_key *key, const struct sw_flow *flow,
		     __s64 wall_offset_ns);

/* Seconds with microseconds, which jansson then prints with as many digits. */
json_t *sw_seconds_json(__s64 ns);
#define SW_JSON_FORMAT (JSON_COMPACT | JSON_REAL_PRECISION(16))

/* The table: its head, then a line for each flow (two where the endpoints are long). 100 columns. */
void sw_flow_print_head(void);
void sw_flow_print(const struct sw_flow_key *key, const struct sw_flow *flow, __u64 now_ns,
		   bool halfopen);

#endif
