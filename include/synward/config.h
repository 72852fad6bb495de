/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What user space may change while the programs run: one element of the map sw_config.
 * All zero (nobody has configured it: `ip link set dev IF xdp obj ...`) means the defaults below.
 */
#ifndef SYNWARD_CONFIG_H
#define SYNWARD_CONFIG_H

#include <synward/flow.h>
#include <synward/guard.h>

/*
 * Time-outs in milliseconds by the state of an endpoint: X(STATE, name, default). The sources: RFC
 * 9293, 3.4.2 (MSL), RFC 1122, 4.2.2.20 (2 MSL), RFC 5382, 5 (established), and Linux' own for the
 * rest. MSL is 30 s, as Linux has it.
 */
#define SW_TIMEOUTS(X)                             \
	X(CLOSED, closed, 0)                       \
	X(LISTEN, listen, 60000)                   \
	X(SYN_SENT, syn_sent, 60000)               \
	X(SYN_RCVD, syn_rcvd, 60000)               \
	X(ESTABLISHED, established, 5 * 86400000U) \
	X(FIN_WAIT_1, fin_wait_1, 120000)          \
	X(FIN_WAIT_2, fin_wait_2, 120000)          \
	X(CLOSE_WAIT, close_wait, 12 * 3600000U)   \
	X(CLOSING, closing, 60000)                 \
	X(LAST_ACK, last_ack, 60000)               \
	X(TIME_WAIT, time_wait, 60000)

struct sw_timeouts {
	union {
		__u32 ms[SW_STATES];
		struct {
#define SW_TIMEOUT_FIELD(id, name, ms) __u32 name;
			SW_TIMEOUTS(SW_TIMEOUT_FIELD)
#undef SW_TIMEOUT_FIELD
		};
	};
};

/*
 * The number of the maps' layout, written by who configures them. It goes up when what a key or a value
 * means changes and its size does not; a change of size is seen without.
 */
#define SW_LAYOUT 1

struct sw_config {
	__u32 configured; /* 0: not set, the defaults are in force */
	__u32 both_directions; /* 1: what was not seen was not sent; 0: one direction only */
	__u32 layout; /* SW_LAYOUT; 0 while nobody has configured it */
	struct sw_timeouts timeout;
	struct sw_guard guard;
};

_Static_assert(sizeof(struct sw_timeouts) == 4 * SW_STATES, "one time-out a state");
_Static_assert(offsetof(struct sw_timeouts, time_wait) == 4 * TIME_WAIT,
	       "in the order of enum sw_state");
_Static_assert(sizeof(struct sw_config) == 120, "no hidden padding");
_Static_assert(offsetof(struct sw_config, guard) == 56, "guard's settings last");

#define SW_CONFIG_DEFAULT                                         \
	{                                                         \
		.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) } \
	}
#define SW_TIMEOUT_DEFAULT(id, name, ms) [id] = (ms),

/*
 * What run and attach did to one interface (map sw_ifaces, by ifindex), so that detach undoes that
 * and nothing else; and who it is.
 */
struct sw_iface {
	__u8 ingress; /* XDP at ingress is ours: a forwarded frame has been counted there */
	__u8 egress; /* the tc filter at egress is ours */
	__u8 own_clsact; /* the clsact qdisc was made for it */
	__u8 admit; /* the tc filter at ingress is ours */
	__u16 mac[3]; /* the interface's own address, as in frames; 0 where it has none, as on lo */
	__u8 padding[2];
};

_Static_assert(sizeof(struct sw_iface) == 12, "no hidden padding");

#endif
