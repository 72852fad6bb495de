/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A socket in TIME_WAIT, and a segment that brings back a cookie which another host of the fleet has sent in this
 * one's name: may it have what the SYN before it would have had here?
 */
#ifndef SYNWARD_TIME_WAIT_H
#define SYNWARD_TIME_WAIT_H

#include <synward/segment.h>

/* What the socket keeps of its connection. */
struct sw_time_wait {
	__u32 wants; /* the peer's next sequence number */
	__u32 tsval; /* the peer's latest, if it had timestamps */
	__u8 timestamps;
	__u8 padding[3];
};

/*
 * As Linux has it of a SYN (RFC 1122, 4.2.2.13; RFC 6191; RFC 7323, 5.3): not older by its timestamp, and newer by
 * that or by its number. So nothing that was sent in the old connection is.
 */
SW_INLINE bool sw_begins_anew(const struct sw_time_wait *wait, const struct sw_segment *seg)
{
	bool timestamps = wait->timestamps && seg->has_tsval;

	if (timestamps && sw_seq_after(wait->tsval, seg->tsval))
		return false;
	return sw_seq_after(seg->seq - 1, wait->wants) ||
	       (timestamps && sw_seq_after(seg->tsval, wait->tsval));
}

#endif
