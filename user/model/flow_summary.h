/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Flows counted: by the states of their ends, by the responder's port, by the originator's prefix.
 */
#ifndef SYNWARD_USER_FLOW_SUMMARY_H
#define SYNWARD_USER_FLOW_SUMMARY_H

#include "model/flow_table.h"
#include "model/tally.h"

/* As hosts are given to sites: IPv4's /24, IPv6's /64; of the 128 bits. */
#define SW_SUMMARY_BITS_IPV4 (96 + 24)
#define SW_SUMMARY_BITS_IPV6 64

struct sw_flow_summary {
	size_t flows, halfopen, midstream, ipv6;
	size_t originators[SW_STATES], responders[SW_STATES]; /* by their state */
	struct sw_tally ports, prefixes;
};

/* One more of the prefix that this address is of. 0 or -ENOMEM. */
int sw_summary_add_prefix(struct sw_tally *prefixes, const __u8 address[16]);

/* Of all records of the table. 0 or -ENOMEM. */
int sw_flow_summary_read(struct sw_flow_summary *summary, const struct sw_flow_table *table);
void sw_flow_summary_free(struct sw_flow_summary *summary);

#endif
