/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy's types: a connection that a cookie opened at the interface and whose service, behind it, has
 * numbers of its own. The client's side is always spoken of in the numbers that the client knows; the
 * rules are in translate.h.
 */
#ifndef SYNWARD_PROXY_H
#define SYNWARD_PROXY_H

#include <synward/flow.h>

/* How far the connection has got with its service. */
enum sw_proxy_stage {
	PROXY_OPENING = 1, /* the client's SYN is on its way to the service */
	PROXY_OPEN = 2, /* the service has answered: numbers are translated */
	PROXY_GIVEN_UP = 3, /* it did not answer: the client is to be told */
} __attribute__((packed));

/* The value of the map sw_proxied, whose key is the flow's. Times are CLOCK_MONOTONIC. */
struct sw_proxied {
	__u64 syn_ns; /* when the SYN was last sent to the service */
	__u64 seen_ns; /* when a segment last passed, to a second */
	__u32 isn; /* of the cookie: what the client takes for the service's */
	__u32 client_isn;
	__u32 shift; /* what the client knows less what the service has: sequence numbers */
	__u32 clock_shift; /* and timestamps */
	__u32 tsval, tsecr; /* of the ACK that brought the cookie back, if tstamp_ok */
	__u32 ifindex; /* where it came in, and its frame: the addresses, destination first */
	__u16 window; /* of that ACK, as sent */
	__u16 mss; /* that the client offered */
	__u16 vlan_tag; /* 0: none */
	__u16 vlan_type; /* network order */
	__u8 mac[12];
	enum sw_proxy_stage stage;
	__u8 tries; /* SYNs that nobody answered */
	__u8 again; /* the next segment of the client's is to become the SYN again */
	__u8 spoken; /* the service has sent more than its SYN+ACK */
	__u8 over; /* its flow is over, as the state model has it */
	__u8 fin_kept; /* the client's FIN, behind what is kept of its data */
	/* What the cookie kept of the client's SYN, and what the client was told. */
	__u8 tstamp_ok, sack_ok, ecn_ok, wscale_ok;
	__u8 client_wscale, own_wscale;
	/* What the service's SYN+ACK says. */
	__u8 service_scales, service_wscale;
	__u8 client; /* which end of the key it is */
	__u8 padding;
};

_Static_assert(sizeof(struct sw_proxied) == 80, "no hidden padding; with its key less than 192");
_Static_assert(offsetof(struct sw_proxied, stage) == 64, "numbers first, then bytes");

/*
 * What the client sent before its service had answered: the value of the map sw_kept. It is added to the
 * ACK that the SYN+ACK becomes, in one frame or two; so much is announced to the client until then.
 */
#define SW_KEPT_MAX 4096

struct sw_kept {
	__u32 length;
	__u32 piece; /* so much goes with one frame */
	__u8 bytes[2 * SW_KEPT_MAX]; /* a piece may begin anywhere in the first half */
};

_Static_assert(sizeof(struct sw_kept) == 8 + 2 * SW_KEPT_MAX, "no hidden padding");

/* What the daemon is to send again, see bpf/proxy_retry.bpf.h. */
#define SW_PROXY_RETRIES 64

struct sw_proxy_retry {
	__u64 live; /* connections that are not over */
	__u32 count, padding;
	struct {
		struct sw_flow_key key;
		__u32 padding;
		struct sw_proxied proxied;
	} due[SW_PROXY_RETRIES];
};

_Static_assert(offsetof(struct sw_proxy_retry, due) == 16, "no hidden padding");

#endif
