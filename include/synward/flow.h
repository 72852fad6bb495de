/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One flow: the unordered pair of endpoints that is its key, and what the tracker knows of each
 * endpoint. Both maps of flows (sw_flows, sw_halfopen) hold these structs; `bpftool map dump`
 * prints them by these names. With all that belongs to it a flow fills the 192 bytes that the kernel
 * takes for it; one byte more, and it takes 256.
 */
#ifndef SYNWARD_FLOW_H
#define SYNWARD_FLOW_H

#include <synward/types.h>

/*
 * RFC 9293, 3.3.2. The names stand bare because bpftool prints an enumerator as it is spelt here.
 * Save for CLOSED, the order is one in which an endpoint can pass through them: see
 * sw_endpoint.history.
 */
enum sw_state {
	CLOSED = 0,
	LISTEN = 1,
	SYN_SENT = 2,
	SYN_RCVD = 3,
	ESTABLISHED = 4,
	FIN_WAIT_1 = 5,
	FIN_WAIT_2 = 6,
	CLOSE_WAIT = 7,
	CLOSING = 8,
	LAST_ACK = 9,
	TIME_WAIT = 10,
} __attribute__((packed));

#define SW_STATES 11

/*
 * The two endpoints, the smaller (address, then port, as bytes on the wire) first, so that both
 * directions of a connection meet in one entry. IPv4 is held as IPv4-mapped IPv6 (RFC 4291,
 * 2.5.5.2). Addresses are in network order; ports are in host order, because bpftool prints them as
 * numbers. Zero it before filling it.
 */
struct sw_flow_key {
	__u8 addr[2][16] __attribute__((aligned(4)));
	__u16 port[2];
};

/*
 * What one endpoint has shown of itself. Sequence numbers are of the bytes it sends:
 *
 *      isn        next                      block         end
 *       |--- seen --|--- hole, early blocks --|--- seen ---|      without a hole: next == end
 */
struct sw_endpoint {
	enum sw_state state;
	__u8 wscale : 4; /* shift count offered in its SYN (RFC 7323, 2.2) */
	__u8 wscale_ok : 1; /* its SYN carried a window scale option */
	__u8 fin : 1; /* it sent a FIN, whose sequence number is end - 1 */
	__u8 tsval_ok : 1; /* tsval holds the timestamp of its FIN */
	__u8 seen : 1; /* it has sent a segment */
	__u16 history : 11; /* bit n: it has been in state n */
	__u16 place : 5; /* where it was first heard, see sw_segment.place; 0: not known */
	__u32 isn; /* sequence number of its SYN; midstream: the one before the first seen */
	__u32 next __attribute__((aligned(8))); /* all before this has been seen */
	__u32 end; /* one past the highest sequence number seen */
	__u32 ack; /* the highest acknowledgement it sent */
	union {
		__u32 block; /* while next != end: where the last block begins */
		__u32 tsval; /* after its FIN: the FIN's timestamp (RFC 6191) */
	};
	__u16 window; /* the largest window it offered, as sent (unscaled) */
	__u16 wraps; /* times next went round the circle: the high part of the byte count */
	__u32 packets; /* segments it sent, modulo 2^32 */
};

/*
 * A block seen between next and the last block, with a hole before and one behind. `begin` is the
 * low half of its sequence number: it lies less than 2^16 beyond next, which tells the rest.
 */
struct sw_early {
	__u16 begin;
	__u16 length; /* 0: no block */
};

/*
 * What a refused segment says of its end's numbers: next is one past what it sent, ack what it has of
 * its peer. It is believed when the peer says the same, see STATE_MODEL.md, U12.
 */
struct sw_claim {
	__u32 next, ack;
};

enum sw_claim_kind {
	SW_NO_CLAIM = 0,
	SW_CLAIM_DATA = 1, /* data, or an acknowledgement */
	SW_CLAIM_FIN = 2,
	SW_CLAIM_SYN = 3, /* ack: behind the FIN that followed it, 0 if none was refused */
};

#define SW_CLAIM_OF_RST 3 /* with SW_CLAIM_DATA: it was a RST */

/* What sw_flow.said holds beside TCP control bits. */
#define SW_SAID_MORE    0x08 /* its peer has acknowledged more than was seen; the last may be a FIN */
#define SW_SAID_STEADY  0x20 /* two of its segments have been taken */
#define SW_SAID_CROSSED 0x40 /* with SW_SAID_MORE: its peer had sent a FIN before it did so */
#define SW_SAID_ONE     0x80 /* with SW_SAID_MORE: by one, a byte or the FIN; without: it told a FIN */

struct sw_flow {
	__u64 start_ns; /* first segment; nanoseconds of CLOCK_MONOTONIC, as all times here */
	__u64 deadline_ns; /* gone from here on, see sw_flow_gone() */
	__u32 timeout_ms; /* deadline_ns less this is the last segment that counted */
	__u8 originator : 1; /* which endpoint opened: sent the SYN, else the first segment */
	__u8 midstream : 1; /* picked up without its SYN */
	__u8 finished : 1; /* both ends are in TIME_WAIT or CLOSED: the clock runs out */
	__u8 reset : 1; /* closed by a RST, or not closed, and one is in doubt ... */
	__u8 reset_by : 1; /* ... that this endpoint sent; in doubt: until this endpoint goes on */
	__u8 moved : 1; /* this half-open record has been promoted to sw_flows: look there */
	__u8 cookie : 1; /* opened by a cookie, which is all that its listener has yet of it */
	__u8 refused : 1; /* a segment of it was refused, and counted by its reason */
	__u8 said[2]; /* by each endpoint: TCP control bits, see sw_note_said(); SW_SAID_* */
	__u8 early_of : 2; /* bit n: the endpoint that sent early[n]; with a claim SW_CLAIM_OF_RST, or 0 */
	__u8 claim_kind : 2; /* enum sw_claim_kind */
	__u8 claim_by : 1; /* the endpoint whose claim it is */
	__u8 repeats : 2; /* SYN+ACKs sent again although they had been acknowledged; 3: or more */
	__u8 fast_open : 1; /* its SYN asked for Fast Open (RFC 7413): the peer may speak at once */
	union {
		struct sw_early early[2]; /* one an endpoint, lent to its peer while it is free */
		struct sw_claim claim; /* while there is one, no early block is kept */
	};
	struct sw_endpoint ep[2]; /* in the key's order; a self-connection uses the first only */
};

_Static_assert(sizeof(enum sw_state) == 1, "states are one byte");
_Static_assert(sizeof(struct sw_flow_key) == 36, "no padding in a hashed key");
_Static_assert(sizeof(struct sw_claim) == 2 * sizeof(struct sw_early), "they share their place");
_Static_assert(sizeof(struct sw_endpoint) == 32, "an endpoint is half a cache line");
_Static_assert(offsetof(struct sw_endpoint, next) == 8 && offsetof(struct sw_endpoint, end) == 12,
	       "next and end are moved on together, see sw_move_on()");
_Static_assert(sizeof(struct sw_early) == 4, "no hidden padding in a block");
_Static_assert(offsetof(struct sw_flow, timeout_ms) == 16 && offsetof(struct sw_flow, said) == 21 &&
		       offsetof(struct sw_flow, early) == 24,
	       "the head's bits fill one byte");
_Static_assert(offsetof(struct sw_flow, ep) == 32, "endpoints follow the head");
_Static_assert(sizeof(struct sw_flow) == 96, "no hidden padding in the value");

/*
 * Beside key and value, each rounded up to 8 bytes, an element of a hash without preallocation has
 * 48 bytes of its own and 8 of its allocator, and comes from the slab of the next size: 192 or 256.
 */
_Static_assert(48 + 8 + (sizeof(struct sw_flow_key) + 7) / 8 * 8 + sizeof(struct sw_flow) <= 192,
	       "a flow fits the slab of 192 bytes");

/* Both ends are done: what else they say belongs to this connection's end, or begins another. */
SW_INLINE bool sw_over(const enum sw_state states[2])
{
	return (states[0] == CLOSED || states[0] == TIME_WAIT) &&
	       (states[1] == CLOSED || states[1] == TIME_WAIT);
}

/*
 * Source and destination endpoint are the same: a socket connected to itself (RFC 9293, 3.5, figure
 * 8 with one end).
 */
SW_INLINE bool sw_key_is_self(const struct sw_flow_key *key)
{
	const __u32 *a = (const __u32 *)key->addr[0], *b = (const __u32 *)key->addr[1];

	return key->port[0] == key->port[1] && a[3] == b[3] && a[2] == b[2] && a[1] == b[1] &&
	       a[0] == b[0];
}

/* Both endpoints CLOSED: only a new SYN matters to such a flow. */
SW_INLINE bool sw_flow_closed(const struct sw_flow *flow)
{
	return flow->ep[0].state == CLOSED && flow->ep[1].state == CLOSED;
}

/*
 * Payload bytes the endpoint has sent, each once however often it was sent again: sequence space
 * less SYN and FIN. A FIN counts from the moment all data before it has been seen.
 */
SW_INLINE __u64 sw_endpoint_bytes(const struct sw_endpoint *ep)
{
	__u32 used = ep->next - ep->isn;
	__u64 bytes = ((__u64)ep->wraps << 32) + used;
	__u32 flags = 1 + (ep->fin && ep->next == ep->end);

	return bytes > flags ? bytes - flags : 0;
}

/* Of both ends together; a connection to itself has one. */
SW_INLINE __u64 sw_flow_bytes(const struct sw_flow_key *key, const struct sw_flow *flow)
{
	return sw_endpoint_bytes(&flow->ep[0]) +
	       (sw_key_is_self(key) ? 0 : sw_endpoint_bytes(&flow->ep[1]));
}

SW_INLINE __u64 sw_flow_packets(const struct sw_flow_key *key, const struct sw_flow *flow)
{
	return (__u64)flow->ep[0].packets + (sw_key_is_self(key) ? 0 : flow->ep[1].packets);
}

#endif
