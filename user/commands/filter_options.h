/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The options that say which flows are meant, as conntrack(8) has them; several commands have them.
 *
 * Not the language of ss(8), `dst 10.0.0.0/8 and sport = :443`: there src is this host, and a router has
 * no such end. conntrack's are of the original direction, which is what ORIGINATOR and RESPONDER are. And
 * they are options, so that help, completion and manual page follow from their rows.
 */
#ifndef SYNWARD_USER_FILTER_OPTIONS_H
#define SYNWARD_USER_FILTER_OPTIONS_H

#include <synward/filter.h>

#include "commands/option.h"

int sw_take_prefix(const struct sw_option *option, const char *value, void *args);
int sw_take_port(const struct sw_option *option, const char *value, void *args);

/* "age", "bytes", ...: enum sw_flow_order. */
const char *sw_flow_order_name(unsigned int order);

/* Nothing was said of which flows are meant. */
bool sw_filter_is_empty(const struct sw_filter *filter);

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define SW_FILTER_PREFIX(option, key, type, member, text)                                   \
	{ .name = option, .letter = key, .kind = SW_OPTION_TEXT, .value = "PREFIX",         \
	  SW_INTO(type, member), .take = sw_take_prefix, .help = text }
#define SW_FILTER_PORT(option, type, member, text)                                          \
	{ .name = option, .kind = SW_OPTION_NUMBER, SW_INTO(type, member.port),             \
	  .min = 0, .max = 65535, .take = sw_take_port, .help = text }
#define SW_FILTER_STATE(option, type, member, text)                                         \
	{ .name = option, .kind = SW_OPTION_STATE, SW_INTO(type, member.states), .help = text }

#define SW_OPTIONS_FILTER(type, member)                                                     \
	SW_FILTER_PREFIX("src", 's', type, member.src,                                      \
			 "only flows whose originator has this address, or one of these"),  \
	SW_FILTER_PREFIX("dst", 'd', type, member.dst,                                      \
			 "only flows whose responder has this address, or one of these"),   \
	SW_FILTER_PREFIX("address", 0, type, member.either,                                 \
			 "only flows with an end that has this address, or one of these"),  \
	SW_FILTER_PORT("sport", type, member.src, "only flows with this port at the originator"), \
	SW_FILTER_PORT("dport", type, member.dst, "only flows with this port at the responder"), \
	SW_FILTER_PORT("port", type, member.either, "only flows with this port at either end"), \
	SW_FILTER_STATE("src-state", type, member.src,                                      \
			"only flows whose originator is in this state, or in one of these"), \
	SW_FILTER_STATE("dst-state", type, member.dst,                                      \
			"only flows whose responder is in this state, or in one of these"), \
	SW_FILTER_STATE("state", type, member.either, "only flows with an end in this state, or in one of these")
/* clang-format on */

#endif
