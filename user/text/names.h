/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The names of what include/synward numbers: states, counters, and the words of guard.
 */
#ifndef SYNWARD_NAMES_H
#define SYNWARD_NAMES_H

#include <synward/config.h>
#include <synward/event.h>
#include <synward/stats.h>

/* "TIME_WAIT"; "?" for a number that is no state. */
const char *sw_state_name(unsigned int state);

/* Takes "TIME_WAIT", "time-wait" and the like; -EINVAL if there is no such state. */
int sw_state_parse(const char *name);

/* "flows_opened" and what it counts. */
const char *sw_counter_name(enum sw_counter counter);
const char *sw_counter_help(enum sw_counter counter);

/* "TIME_WAIT", "NEW": enum sw_event_kind. And back, as a state is read; -EINVAL if there is none. */
const char *sw_event_kind_name(unsigned int kind);
int sw_event_kind_parse(const char *name);

/* What an event tells, in one word: of all its kinds the one that says most. */
const char *sw_event_name(const struct sw_event *event);

/* TCP control bits in the letters FSRPAUEC (RFC 9293, 3.1, from the lowest bit up). */
#define SW_FLAGS_TEXT 9
const char *sw_flags_name(__u8 flags, char text[SW_FLAGS_TEXT]);

/* "bpf", "kernel", "none". */
const char *sw_admission_name(enum sw_admission admission);

/* "none", "proxy", "stateless". */
const char *sw_protection_name(enum sw_protection protects);

/* "auto", "always", "never". */
const char *sw_cookie_mode_name(enum sw_cookie_mode mode);

/* What the last SYN to a port met: "listening", "none", ... */
const char *sw_listener_name(enum sw_listener_kind kind);

#endif
