// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A connection to itself has one end, which is counted as both.
 */
#include <netinet/in.h>
#include <string.h>

#include <synward/prefix.h>

#include "model/flow_summary.h"

static bool is_ipv4(const __u8 address[16])
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address);
}

int sw_summary_add_prefix(struct sw_tally *prefixes, const __u8 address[16])
{
	__u32 bits = is_ipv4(address) ? SW_SUMMARY_BITS_IPV4 : SW_SUMMARY_BITS_IPV6;
	__u32 mask[4], word[4];

	sw_prefix_mask(mask, bits);
	memcpy(word, address, sizeof(word));
	for (int i = 0; i < 4; i++)
		word[i] &= mask[i];
	return sw_tally_add(prefixes, (const __u8 *)word, bits);
}

static int add_flow(struct sw_flow_summary *summary, const struct sw_flow_record *record)
{
	const struct sw_flow *flow = &record->flow;
	int a = flow->originator, b = !flow->originator;
	const __u8 *from = record->key.addr[a];
	bool self = sw_key_is_self(&record->key);

	summary->flows++;
	summary->halfopen += record->halfopen;
	summary->midstream += flow->midstream;
	summary->ipv6 += !is_ipv4(from);
	summary->originators[flow->ep[self ? 0 : a].state % SW_STATES]++;
	summary->responders[flow->ep[self ? 0 : b].state % SW_STATES]++;
	return sw_tally_add(&summary->ports, NULL, record->key.port[b])
		       ?: sw_summary_add_prefix(&summary->prefixes, from);
}

int sw_flow_summary_read(struct sw_flow_summary *summary, const struct sw_flow_table *table)
{
	int err = 0;

	*summary = (struct sw_flow_summary){};
	for (size_t i = 0; !err && i < table->count; i++)
		err = add_flow(summary, sw_flow_table_at(table, i));
	sw_tally_settle(&summary->ports);
	sw_tally_settle(&summary->prefixes);
	return err;
}

void sw_flow_summary_free(struct sw_flow_summary *summary)
{
	sw_tally_free(&summary->ports);
	sw_tally_free(&summary->prefixes);
}
