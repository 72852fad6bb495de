/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard: what user space says of it, and what each guarded port has been through. Who decides when
 * a port answers with cookies is here, pure; the maps and sockets are in bpf/guard.bpf.h.
 */
#ifndef SYNWARD_GUARD_H
#define SYNWARD_GUARD_H

#include <synward/cookie.h>

#define SW_PORTS_MAX 256 /* ports that can be guarded */

enum sw_cookie_mode {
	COOKIES_AUTO = 0, /* under pressure */
	COOKIES_ALWAYS = 1,
	COOKIES_NEVER = 2,
} __attribute__((packed));

/* How a connection that a cookie opened becomes a socket. */
enum sw_admission {
	ADMISSION_NONE = 0, /* this kernel has no way: guard answers nothing */
	ADMISSION_BPF = 1, /* our cookie; bpf_sk_assign_tcp_reqsk(), Linux 6.9 */
	ADMISSION_KERNEL = 2, /* the kernel's own cookie; bpf_tcp_gen_syncookie() */
} __attribute__((packed));

/* Part of sw_config. All zero: nothing is guarded. */
struct sw_guard {
	__u64 secret[2]; /* of the reply budget: which prefixes share a bucket */
	__s64 wall_offset_ns; /* the wall clock less CLOCK_MONOTONIC: epochs are the wall clock's */
	__u32 ports; /* how many entries sw_ports has */
	__u32 reply_budget; /* SYN+ACKs a second to one source prefix (/24, /64); 0: no limit */
	__u32 high; /* half-open connections of a listener from which cookies are sent (auto) */
	__u32 low; /* unanswered cookies a second on a CPU up to which a port is quiet */
	__u32 quiet_ms; /* for so long, and cookies end (auto) */
	__u16 mss[2]; /* what this host announces over IPv4 and over IPv6: its MTU less headers */
	enum sw_admission admission;
	__u8 kernel_cookies; /* the kernel takes its own cookies at any time: tcp_syncookies = 2 */
	__u8 dry_run;
	__u8 shared_keys; /* other hosts send cookies that come back here */
	/* from the namespace's sysctls, net.ipv4.tcp_ */
	__u8 timestamps;
	__u8 sack;
	__u8 ecn;
	__u8 window_scaling;
	__u8 wscale; /* the shift count that this host offers */
	__u8 padding[3];
};

_Static_assert(sizeof(struct sw_guard) == 64, "no hidden padding");

/* What the last SYN to the port met. */
enum sw_listener_kind {
	NOT_SEEN = 0, /* no SYN yet */
	NOT_LISTENING = 1,
	LISTENING = 2,
	LISTENING_MPTCP = 3, /* not admitted by bpf_sk_assign_tcp_reqsk() */
	LISTENING_SIGNED = 4, /* TCP MD5 or AO: only the kernel can answer */
} __attribute__((packed));

/* The value of the map sw_ports; the key is the port. */
struct sw_port {
	__u32 on; /* SYNs are answered with cookies (auto) */
	__u32 slot; /* its place in sw_pressure */
	enum sw_cookie_mode mode;
	enum sw_listener_kind listener;
	__u8 padding[2];
	__u32 half_open, backlog; /* of the listener that the last SYN to the kernel met */
	__u64 switched_ns; /* when `on` or `mode` last changed; CLOCK_MONOTONIC as all times */
	__u64 busy_ns; /* when there was last pressure */
	__u64 cookie_ns; /* when the last cookie was sent, to a second */
};

_Static_assert(sizeof(struct sw_port) == 48, "no hidden padding");

/*
 * The value of the per-CPU map sw_pressure: this second's cookies of one port on one CPU, and the
 * listener that it saw last.
 */
struct sw_pressure {
	__u64 since_ns;
	__u32 sent, accepted;
	__u64 listener_ns; /* when it was seen */
	__u32 local[4]; /* to which address */
	__u32 receive_buffer;
	enum sw_listener_kind listener;
	__u8 padding[3];
};

/* For so long a listener that was there is taken to be there still. */
#define SW_LISTENER_NS (10 * SW_NS_PER_MS)

/* The value of the map sw_sockets, of which there are two: see bpf/sockets.bpf.h. */
#define SW_SOCKET_BITS_SHIFT 20
#define SW_SOCKET_WORDS      ((1 << SW_SOCKET_BITS_SHIFT) / 32)

struct sw_socket_bits {
	__u32 word[SW_SOCKET_WORDS];
};

/* The value of the map sw_sockets_now: 1 + the one in use. */
#define SW_SOCKETS_NOT_READY 0

/* The value of the map sw_budget: the replies of one bucket of prefixes. */
struct sw_budget {
	__u32 second; /* of 2^30 ns */
	__u32 sent;
};

#define SW_BUDGET_BUCKETS 65536

/* A cookie that came back later than this is too old. */
#define SW_COOKIE_LIFE_NS (SW_COOKIE_EPOCHS * SW_EPOCH_NS)

/*
 * Is there anything to check the ACK of an unknown connection against? The times are of any CPU's
 * clock, which may be a tick ahead of this one's.
 */
SW_INLINE bool sw_cookie_outstanding(const struct sw_guard *guard, const struct sw_port *port,
				     __u64 now)
{
	return guard->shared_keys || (port->cookie_ns && now < port->cookie_ns + SW_COOKIE_LIFE_NS);
}

/* The kernel answers SYNs to this port, or did so lately: a cookie of its own may come back. */
SW_INLINE bool sw_kernel_outstanding(const struct sw_port *port, __u64 now)
{
	bool answers = port->mode != COOKIES_ALWAYS && !port->on;

	return answers || now < port->switched_ns + SW_COOKIE_LIFE_NS;
}

/* From here on a listener is under pressure: well before the kernel drops SYNs of its own accord. */
SW_INLINE __u32 sw_high_mark(const struct sw_guard *guard, __u32 backlog)
{
	__u32 most = backlog - backlog / 4;

	if (most > guard->high)
		most = guard->high;
	return most ? most : 1;
}

/*
 * One more cookie goes out. Windows of a second: more unanswered than the low mark is pressure. True
 * if the port is busy.
 */
SW_INLINE bool sw_cookie_sent(struct sw_pressure *pressure, const struct sw_guard *guard, __u64 now)
{
	if (now >= pressure->since_ns + SW_NS_PER_S) {
		pressure->since_ns = now;
		pressure->sent = pressure->accepted = 0;
	}
	pressure->sent++;
	return (__s32)(pressure->sent - pressure->accepted) > (__s32)guard->low;
}

/* Has the bucket a reply left in this second? Takes it. */
SW_INLINE bool sw_budget_take(struct sw_budget *bucket, __u32 budget, __u64 now)
{
	__u32 second = (__u32)(now >> 30);

	if (bucket->second != second) {
		bucket->second = second;
		bucket->sent = 0;
	}
	return bucket->sent++ < budget;
}

/*
 * The bucket of a source prefix, /24 or /64 (IPv6: what one site gets). Multiplying by a secret odd
 * number (Dietzfelbinger et al., 1997) makes any two prefixes meet with 2^-15 at most, so nobody can
 * choose some that share a bucket with somebody else's. It is no key of the cookie: who meets whom
 * may be seen from outside.
 */
SW_INLINE __u32 sw_budget_bucket(const struct sw_packet *packet, const __u64 secret[2])
{
	__u64 prefix = packet->ipv4 ? sw_wire_word(packet->from[3]) & 0xffffff
				    : sw_wire_pair(packet->from);

	prefix *= secret[0] | 1; /* prefixes in a row are to be spread */
	prefix ^= prefix >> 32;
	return (__u32)(prefix * (secret[1] | 1) >> 48);
}

/* --- What a SYN offers, and what of it this host takes ---------------------------------------- */

/*
 * The offer that a cookie will keep. False if it can't: an MSS below what can be admitted. Without
 * an MSS option it is the default (RFC 9293, 3.7.1).
 */
SW_INLINE bool sw_offer_of(const struct sw_guard *guard, const struct sw_packet *packet,
			   const struct sw_segment *syn, struct sw_offer *offer)
{
	__u16 least = packet->ipv4 ? 536 : 1220;

	offer->mss = syn->mss ? syn->mss : least;
	offer->wscale_ok = syn->has_wscale && guard->window_scaling;
	offer->wscale = syn->wscale;
	offer->own_wscale = guard->wscale;
	offer->sack_ok = syn->sack_ok && guard->sack;
	offer->tstamp_ok = syn->has_tsval && guard->timestamps;
	offer->ecn_ok = guard->ecn && (syn->flags & SW_TCP_ECE) && (syn->flags & SW_TCP_CWR);
	return offer->mss >= least;
}

#endif
