/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which flows are asked for: the same for who reads the tables and, in the kernel, for who reads
 * events. All zero asks for every flow.
 */
#ifndef SYNWARD_FILTER_H
#define SYNWARD_FILTER_H

#include <synward/flow.h>
#include <synward/prefix.h>

/* What an end has to be. */
struct sw_end_filter {
	__u32 address[4], mask[4]; /* network order, IPv4 mapped to IPv6 */
	__u32 ipv6; /* not IPv4, which a short prefix of IPv6 would have in it */
	__u32 port; /* one more than the port; 0: any */
	__u32 states; /* bit n: state n; 0: any */
};

struct sw_filter {
	struct sw_end_filter src; /* the originator */
	struct sw_end_filter dst; /* the responder */
	struct sw_end_filter either; /* each of the three by the one end or the other */
};

_Static_assert(sizeof(struct sw_end_filter) == 44, "no hidden padding");

SW_INLINE bool sw_filter_address(const struct sw_end_filter *filter, const __u8 address[16])
{
	const __u32 *word = (const __u32 *)address;
	__u32 differ = 0;

	for (int i = 0; i < 4; i++)
		differ |= (word[i] & filter->mask[i]) ^ filter->address[i];
	if (filter->ipv6)
		return !differ && (word[0] || word[1] || word[2] != sw_wire32(0xffff));
	return !differ;
}

SW_INLINE bool sw_filter_port(const struct sw_end_filter *filter, __u16 port)
{
	return !filter->port || filter->port == port + 1U;
}

SW_INLINE bool sw_filter_state(const struct sw_end_filter *filter, enum sw_state state)
{
	return !filter->states || filter->states >> (state & 31) & 1;
}

SW_INLINE bool sw_filter_end(const struct sw_end_filter *filter, const struct sw_flow_key *key,
			     int end, enum sw_state state)
{
	return sw_filter_address(filter, key->addr[end & 1]) &&
	       sw_filter_port(filter, key->port[end & 1]) && sw_filter_state(filter, state);
}

SW_INLINE bool sw_filter_either(const struct sw_end_filter *filter, const struct sw_flow_key *key,
				enum sw_state a, enum sw_state b)
{
	bool address = sw_filter_address(filter, key->addr[0]);

	SW_PHASE(); /* nothing is kept for the other: stack is scarce where the kernel filters */
	return (address || sw_filter_address(filter, key->addr[1])) &&
	       (sw_filter_port(filter, key->port[0]) || sw_filter_port(filter, key->port[1])) &&
	       (sw_filter_state(filter, a) || sw_filter_state(filter, b));
}

/* states: in the key's order; a connection to itself has the first alone. */
SW_INLINE bool sw_filter_matches(const struct sw_filter *filter, const struct sw_flow_key *key,
				 int originator, const enum sw_state states[2])
{
	enum sw_state a = states[0], b = states[!sw_key_is_self(key)];

	SW_PHASE(); /* as above */
	if (!sw_filter_either(&filter->either, key, a, b))
		return false;
	return sw_filter_end(&filter->src, key, originator, originator ? b : a) &&
	       sw_filter_end(&filter->dst, key, !originator, originator ? a : b);
}

#endif
