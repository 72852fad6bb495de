/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The names of states and counters, from the tables in include/synward.
 */
#ifndef SYNWARD_NAMES_H
#define SYNWARD_NAMES_H

#include <synward/config.h>
#include <synward/stats.h>

/* "TIME_WAIT"; "?" for a number that is no state. */
const char *sw_state_name(unsigned int state);

/* Takes "TIME_WAIT", "time-wait" and the like; -EINVAL if there is no such state. */
int sw_state_parse(const char *name);

/* "flows_opened" and what it counts. */
const char *sw_counter_name(enum sw_counter counter);
const char *sw_counter_help(enum sw_counter counter);

/* TCP control bits in the letters FSRPAUEC (RFC 9293, 3.1, from the lowest bit up). */
#define SW_FLAGS_TEXT 9
const char *sw_flags_name(__u8 flags, char text[SW_FLAGS_TEXT]);

#endif
