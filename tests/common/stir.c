// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The bytes, in order: 0 sender and base of the sequence number, 1 flags, 2 flags when byte 1 says
 * so, 3 base of the acknowledgement, 4-7 offsets (or an ISN), 8-9 length, 10 window and options,
 * 11 wait.
 */
#include <string.h>

#include <synward/parse.h>

#include "stir.h"

static const __u8 likely_flags[16] = {
	SW_TCP_SYN,
	SW_TCP_SYN | SW_TCP_ACK,
	SW_TCP_ACK,
	SW_TCP_ACK,
	SW_TCP_PSH | SW_TCP_ACK,
	SW_TCP_ACK,
	SW_TCP_FIN | SW_TCP_ACK,
	SW_TCP_FIN | SW_TCP_ACK,
	SW_TCP_RST,
	SW_TCP_RST | SW_TCP_ACK,
	SW_TCP_FIN | SW_TCP_PSH | SW_TCP_ACK,
	SW_TCP_SYN | SW_TCP_ECE | SW_TCP_CWR,
	SW_TCP_PSH | SW_TCP_ACK,
	SW_TCP_ACK,
	SW_TCP_SYN | SW_TCP_ACK,
	SW_TCP_FIN | SW_TCP_ACK,
};

/* A number that means something to this endpoint or its peer. */
static __u32 base(__u8 which, const struct sw_endpoint *ep, const struct sw_endpoint *peer)
{
	switch (which & 7) {
	case 0:
	case 1:
		return ep->next;
	case 2:
		return ep->end;
	case 3:
		return ep->isn;
	case 4:
		return peer->ack;
	case 5:
		return ep->block;
	case 6:
		return ep->next - 1;
	default:
		return peer->ack + ((__u32)peer->window << peer->wscale);
	}
}

static __u32 offset(__u8 how, const __u8 *bytes)
{
	__u32 wide = (__u32)bytes[0] << 8 | bytes[1];

	switch (how >> 3 & 3) {
	case 0:
	case 1:
		return 0;
	case 2:
		return (__u32)(__s32)(__s8)bytes[0];
	default:
		return wide << (bytes[1] & 15);
	}
}

static __u32 payload(const __u8 *bytes)
{
	static const __u16 lengths[8] = { 0, 0, 0, 0, 1, 100, 1000, 1400 };

	return bytes[0] & 8 ? bytes[1] : lengths[bytes[0] & 7];
}

static __u16 window(__u8 byte)
{
	static const __u16 windows[8] = { 0, 1, 100, 1000, 10000, 30000, 65535, 65535 };

	return windows[byte & 7];
}

void stir_segment(const __u8 bytes[STIR_BYTES], const struct sw_flow *flow,
		  struct sw_segment *segment)
{
	const struct sw_endpoint *ep, *peer;

	segment->sender = segment->self ? 0 : bytes[0] >> 7;
	ep = &flow->ep[segment->sender];
	peer = &flow->ep[!(segment->sender ^ segment->self)];
	segment->flags = bytes[1] & 0x80 ? bytes[2] : likely_flags[bytes[1] & 15];
	segment->seq = base(bytes[0], ep, peer) + offset(bytes[0], bytes + 4);
	segment->ack = base(bytes[3], peer, ep) + offset(bytes[3], bytes + 6);
	if (!ep->seen || (segment->flags & SW_TCP_SYN && bytes[3] & 0x80))
		segment->seq += sw_be32(bytes + 4);
	if (!(segment->flags & SW_TCP_ACK))
		segment->ack = 0;
	segment->length = payload(bytes + 8);
	segment->window = window(bytes[10]);
	segment->has_wscale = segment->flags & SW_TCP_SYN && bytes[10] & 8;
	segment->wscale = segment->has_wscale ? (bytes[10] >> 4) % 15 : 0;
	segment->has_tsval = segment->flags & (SW_TCP_SYN | SW_TCP_FIN) && bytes[11] & 8;
	segment->tsval = segment->has_tsval ? 1U << (bytes[11] >> 4) : 0;
}

__u64 stir_wait(const __u8 bytes[STIR_BYTES])
{
	static const __u32 milliseconds[8] = { 0, 1, 999, 1000, 30000, 60000, 120000, 432000000 };

	return bytes[11] & 64 && bytes[9] & 1 ? milliseconds[bytes[11] & 7] * SW_NS_PER_MS : 0;
}
