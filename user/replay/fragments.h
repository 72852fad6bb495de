/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets put together from their IP fragments (RFC 791, RFC 8200 4.5), in memory of a fixed size: of
 * more incomplete packets than there is room for, the oldest go. Fragments that overlap spoil their
 * packet (RFC 5722).
 */
#ifndef SYNWARD_REPLAY_FRAGMENTS_H
#define SYNWARD_REPLAY_FRAGMENTS_H

#include "replay/tunnel.h"

struct sw_fragments {
	struct sw_incomplete *packet; /* SW_INCOMPLETE_MAX of them, once there was a fragment */
	__u64 seen; /* fragments */
	__u64 joined; /* of these, in packets that became whole */
};

/*
 * Takes one fragment. True: its packet is whole, and the layer is now that, until the next call. What
 * the snap length cut of it was not captured, and counts with its length.
 */
bool sw_fragments_join(struct sw_fragments *fragments, struct sw_layer *layer,
		       const struct sw_ip_header *ip, __s64 time_ns);

void sw_fragments_free(struct sw_fragments *fragments);

#endif
