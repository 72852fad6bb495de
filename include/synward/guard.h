/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Guard's types: what user space says of it, and what each guarded port has been through. The rules
 * that go by them are in pressure.h, retreat.h, budget.h and offer.h.
 */
#ifndef SYNWARD_GUARD_H
#define SYNWARD_GUARD_H

#include <synward/flow.h>

#define SW_PORTS_MAX 256 /* ports that can be guarded; at two addresses a port counts twice */

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
	ADMISSION_PROXY = 3, /* our cookie; the ACK becomes the SYN again, see translate.h */
} __attribute__((packed));

/* What in the namespace keeps cookies from their listener, in one family; bits. */
enum sw_hindrance {
	HINDRANCE_NAT = 1, /* its LOCAL_IN hook takes from the listener what our cookie opened */
	HINDRANCE_NEW_ACK = 2, /* connection tracking: what is new may not begin with an ACK */
	HINDRANCE_BRIDGE = 4, /* netfilter on a bridge, before its ports' packets come up, as NAT */
	HINDRANCE_SYNCOOKIES =
		8, /* tcp_syncookies=0: the kernel takes no cookie, nor a request of ours */
};

/* The flow label of a SYN+ACK over IPv6 (RFC 6437). */
enum sw_flow_label {
	FLOW_LABEL_NONE = 0,
	FLOW_LABEL_RANDOM = 1, /* of the connection's own */
	FLOW_LABEL_REFLECTED = 2, /* the SYN's */
} __attribute__((packed));

/* When the kernel sends cookies, and takes them: net.ipv4.tcp_syncookies. */
enum sw_syncookies {
	SYNCOOKIES_NEVER = 0,
	SYNCOOKIES_WHEN_FULL = 1, /* when a listener's queue is */
	SYNCOOKIES_ALWAYS = 2,
} __attribute__((packed));

/* How services that are not this host's are protected; bits. */
enum sw_protection {
	PROTECT_NONE = 0,
	PROTECT_PROXY = 1, /* by proxy: they know nothing of it */
	PROTECT_STATELESS =
		2, /* they are behind guards of their own, with the same keys, which admit */
} __attribute__((packed));

/* Part of sw_config. All zero: nothing is guarded. */
struct sw_guard {
	__u64 secret[2]; /* of the reply budget: which prefixes share a bucket */
	__s64 wall_offset_ns; /* the wall clock less CLOCK_MONOTONIC: epochs are the wall clock's */
	__u64 admission_ns; /* when hindrances, or what the kernel takes, last changed */
	__u32 ports; /* how many entries sw_ports has */
	__u32 reply_budget; /* SYN+ACKs a second to one source prefix (/24, /64); 0: no limit */
	__u16 mss[2]; /* what this host announces over IPv4 and over IPv6: its MTU less headers */
	enum sw_admission admission;
	enum sw_syncookies kernel_cookies;
	__u8 dry_run;
	__u8 shared_keys; /* other hosts send cookies that come back here */
	/* from the namespace's sysctls, net.ipv4.tcp_ */
	__u8 timestamps;
	__u8 sack;
	__u8 ecn;
	__u8 window_scaling;
	__u8 wscale; /* the shift count that this host offers */
	__u8 hindrance[2]; /* over IPv4 and over IPv6: enum sw_hindrance */
	__u8 chosen; /* the admission is not what somebody asked for: another may serve a family */
	__u8 proxy; /* its programs are there */
	__u8 rules; /* what sw_clients has: enum sw_client_rule */
	/* of what a socket says nothing of by itself */
	__u8 hop_limit[2]; /* over IPv4 and over IPv6 */
	__u8 reflect_tos; /* tcp_reflect_tos */
	enum sw_flow_label flow_label;
	__u8 protects; /* how ports are protected, if some are: enum sw_protection, bits */
	__u8 both_sides; /* which may come in, too, where this host is tracked */
};

_Static_assert(sizeof(struct sw_guard) == 64, "no hidden padding");
_Static_assert(offsetof(struct sw_guard, admission) == 44, "numbers first, then bytes");

/* What the last SYN to the port met. */
enum sw_listener_kind {
	NOT_SEEN = 0, /* no SYN yet */
	NOT_LISTENING = 1,
	LISTENING = 2,
	LISTENING_MPTCP = 3, /* not admitted by bpf_sk_assign_tcp_reqsk() */
	LISTENING_SIGNED = 4, /* TCP MD5 or AO: only the kernel can answer */
} __attribute__((packed));

#define SW_ADDRESS_BITS 128
#define SW_MAPPED_BITS  96 /* before an IPv4 address, which is mapped to IPv6 */

/* The key of the map sw_ports: a port at every address that begins so. The longest prefix holds. */
struct sw_port_key {
	__u32 address[4]; /* network order; 0 beyond the prefix */
	__u16 port;
	__u8 bits; /* of the prefix; 0: any address */
	__u8 padding;
};

_Static_assert(sizeof(struct sw_port_key) == 20, "no hidden padding");

#define SW_PORT_MASKS_MAX 8 /* lengths of prefix in sw_ports */

struct sw_port_mask {
	__u32 word[4];
	__u32 bits;
};

/* The element of the map sw_port_masks: how long the prefixes are, the longest first. */
struct sw_port_masks {
	__u32 count;
	struct sw_port_mask mask[SW_PORT_MASKS_MAX];
};

_Static_assert(sizeof(struct sw_port_masks) == 164, "no hidden padding");

/* When a port's cookies begin and end (auto). */
struct sw_marks {
	__u32 high; /* half-open connections of a listener from which they are sent */
	__u32 low; /* unanswered cookies a second on a CPU up to which it is quiet */
	__u32 quiet_ms; /* for so long, and they end */
};

/*
 * What services say in a SYN+ACK, as somebody has written it down: for those that have not been heard, and
 * those that are not asked. mss 0: nobody has.
 */
struct sw_profile {
	__u16 mss; /* over IPv4; over IPv6 it is less by what its header is longer */
	__u8 wscale; /* if they scale */
	__u8 scales, sack, timestamps, ecn; /* what they take up if a SYN offers it */
	__u8 padding;
};

_Static_assert(sizeof(struct sw_profile) == 8, "no hidden padding");

/* The value of the map sw_ports. */
struct sw_port {
	__u32 on; /* SYNs are answered with cookies (auto) */
	__u32 slot; /* its place in sw_pressure, from 1 */
	enum sw_cookie_mode mode;
	enum sw_listener_kind listener;
	enum sw_protection protects; /* if it is not this host's: see sw_service */
	__u8 padding;
	/* Of the listener that the last SYN to the kernel met; of services, how many have been counted. */
	__u32 half_open, backlog;
	struct sw_marks marks;
	__u64 switched_ns; /* when `on` or `mode` last changed; CLOCK_MONOTONIC as all times */
	__u64 busy_ns; /* when there was last pressure */
	__u64 cookie_ns; /* when the last cookie was sent, to a second */
	__u64 leaked_ns; /* of services: until when those are taken off that nobody will answer */
	struct sw_profile profile; /* of services */
};

_Static_assert(sizeof(struct sw_port) == 72, "no hidden padding");
_Static_assert(offsetof(struct sw_port, switched_ns) == 32, "times in a row");

/* A listener's own ways: what its SYN+ACK says in the family at hand, and what it wants of a SYN. */
struct sw_manner {
	__u32 space; /* its receive window, in bytes */
	__u16 most_mss; /* TCP_MAXSEG; 0: as the MTU has it */
	__u8 wscale; /* its shift count */
	__u8 hop_limit, tos; /* TTL and TOS, or hop limit and traffic class */
	__u8 least_hop_limit; /* IP_MINTTL, IPV6_MINHOPCOUNT: what comes with less is not for it (RFC 5082) */
	__u8 own_hop_limit; /* hop_limit is its own, and not the namespace's */
	__u8 padding;
};

_Static_assert(sizeof(struct sw_manner) == 12, "no hidden padding");

/*
 * What a service says in its SYN+ACK, and a cookie in its name. The value of the map sw_services, whose key
 * is a sw_port_key of all 128 bits; it is learnt where its SYN+ACKs leave.
 */
struct sw_service {
	__u32 asked_s; /* when a SYN of a client's last passed to it, so that it is learnt anew */
	__u16 mss; /* 0: it has refused since, or not answered */
	__u16 mac[3]; /* the frame's source */
	__u8 wscale; /* if it scales */
	/* what it takes up if a SYN offers it */
	__u8 scales, sack, timestamps, ecn;
	__u8 padding[3];
};

_Static_assert(sizeof(struct sw_service) == 20, "no hidden padding");

#define SW_SERVICES_MAX 16384

/* The value of the per-CPU map sw_pressure: this second's cookies of one port on one CPU. */
struct sw_pressure {
	__u64 since_ns;
	__u32 sent, accepted;
};

_Static_assert(sizeof(struct sw_pressure) == 16, "no hidden padding");

/* Where a port stands whose connections are lost: how far it has retreated. */
enum sw_stand {
	STAND_GUARD = 0, /* with the cookies that its family admits */
	STAND_KERNEL = 1, /* with the kernel's */
	STAND_OFF = 2, /* all is left to the kernel */
	STAND_PROXY = 3, /* by proxy */
} __attribute__((packed));

/* What a port can fall back to in a family, and whose cookies it sends without a retreat. */
struct sw_ways {
	enum sw_admission full;
	__u8 proxy; /* its programs are there, and nobody wants another admission */
	__u8 kernel; /* the kernel takes its own cookies at any time */
};

/* A connection that a cookie has opened, and that nobody knows yet whether its listener has. */
struct sw_watched {
	__u64 since_ns; /* when its cookie came back; 0: the place is free */
	struct sw_flow_key key;
	__u8 client; /* which end of the key */
	__u8 silent; /* it had no socket when it was looked for */
	__u8 trial; /* after a retreat: what becomes of it decides */
	__u8 proxied; /* its service is asked for a socket by a SYN */
};

_Static_assert(sizeof(struct sw_watched) == 48, "no hidden padding");

#define SW_WATCHED 6

/* A client whose connection was lost; prefix 0: the place is free. */
struct sw_lost_client {
	__u64 since_ns;
	__u64 prefix; /* see sw_client_prefix() */
};

#define SW_LOST_CLIENTS_SHIFT 4
#define SW_LOST_CLIENTS       (1 << SW_LOST_CLIENTS_SHIFT)

/* The value of the map sw_retreats: what became of a port's connections in one family. */
struct sw_retreat {
	__u64 since_ns; /* when `stand` last changed */
	__u64 again_ns; /* when guard is tried again */
	__u64 trial_ns; /* when last a SYN was answered to try it */
	__u64 look_ns; /* when the watched ones are looked after next */
	__u64 admitted, lost; /* connections, in all */
	__u32 losses; /* those that count, see retreat.h */
	__u32 times; /* retreats and lost trials in a row */
	enum sw_stand stand;
	__u8 padding[7];
	struct sw_watched watched[SW_WATCHED];
	__u64 served_ns, lost_ns; /* when the last connection was */
	struct sw_lost_client lost_client[SW_LOST_CLIENTS]; /* by the hash of its prefix */
};

_Static_assert(sizeof(struct sw_retreat) == 80 + SW_WATCHED * 48 + SW_LOST_CLIENTS * 16,
	       "no hidden padding");
_Static_assert(offsetof(struct sw_retreat, stand) == 56, "the head is a line");

/* By the port's slot in sw_pressure, and family. */
#define SW_RETREAT_PLACES (2 * (SW_PORTS_MAX + 1))

SW_INLINE __u32 sw_retreat_index(__u32 slot, int family)
{
	return 2 * slot + (family & 1);
}

/* The place in sw_pressure of what belongs to no connection. */
#define SW_STRAY_SLOT 0

/*
 * The key of the map sw_local: the first `bits` of an address, IPv4 mapped to IPv6. The value is an enum
 * sw_local_kind (local.h). The longest prefix holds.
 */
struct sw_local_key {
	__u32 bits;
	__u32 address[4]; /* network order */
};

_Static_assert(sizeof(struct sw_local_key) == 20, "no hidden padding");
_Static_assert(offsetof(struct sw_local_key, address) == 4, "as the kernel has it: bits first");

/*
 * What the route to a client says of SYN+ACKs (ip-route(8): advmss or mtu, hoplimit, initrwnd); 0: nothing. The
 * value of the map sw_routes, whose keys are as sw_local's.
 */
struct sw_route {
	__u16 mss;
	__u8 hop_limit;
	__u8 window; /* in segments */
};

_Static_assert(sizeof(struct sw_route) == 4, "a word, as other prefixes have");

#define SW_ROUTES_MAX 4096

/*
 * What is said of the clients of guarded ports, by the first bits of their addresses; bits. The map
 * sw_clients, whose keys are as sw_local's, has one for a prefix, and the longest holds.
 */
enum sw_client_rule {
	CLIENT_ALLOW = 1, /* guard answers and drops nothing of theirs */
	CLIENT_DENY = 2, /* all of theirs is dropped */
};

/* The value of the map sw_sockets, of which there are two: see bpf/sockets.bpf.h. */
#define SW_SOCKET_BITS_SHIFT 20
#define SW_SOCKET_WORDS      ((1 << SW_SOCKET_BITS_SHIFT) / 32)

struct sw_socket_bits {
	__u32 word[SW_SOCKET_WORDS];
};

_Static_assert(sizeof(struct sw_socket_bits) == (1 << SW_SOCKET_BITS_SHIFT) / 8, "bits, no more");

/* The value of the map sw_sockets_now: 1 + the one in use. */
#define SW_SOCKETS_NOT_READY 0

/* The value of the map sw_budget: the replies of one bucket of prefixes. */
struct sw_budget {
	__u64 paid_until_ns; /* its replies so far have used up the time until then */
};

#define SW_BUDGET_SHIFT   16
#define SW_BUDGET_BUCKETS (1 << SW_BUDGET_SHIFT)

_Static_assert(sizeof(struct sw_budget) == 8, "a bucket is a word, of which a line holds eight");

/* A key serves from its first epoch on, until the other one's first epoch has come. */
struct sw_mac_key {
	__u64 first_epoch; /* SW_EPOCH_NEVER: it is not there */
	__u64 key[2];
};

_Static_assert(sizeof(struct sw_mac_key) == 24, "no hidden padding");

#define SW_EPOCH_NEVER (~0ULL)

/* The element of the map sw_keys. k_isn lasts; the MAC keys take turns. */
struct sw_keys {
	__u64 isn[2];
	struct sw_mac_key mac[2];
};

_Static_assert(sizeof(struct sw_keys) == 64, "no hidden padding");
_Static_assert(offsetof(struct sw_keys, mac) == 16, "the lasting key comes first");

/* What a SYN offered, as far as a cookie can keep it; and how its answer was scaled. */
struct sw_offer {
	__u16 mss;
	__u8 wscale_ok;
	__u8 wscale; /* the client's shift count (RFC 7323, 2.2), if wscale_ok */
	__u8 own_wscale; /* the shift count of the SYN+ACK, if wscale_ok */
	__u8 sack_ok;
	__u8 ecn_ok; /* without timestamps, too */
	__u8 tstamp_ok;
};

_Static_assert(sizeof(struct sw_offer) == 8, "no hidden padding");

#endif
