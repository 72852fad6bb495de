/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A scenario is a table of segments between two endpoints A and B, each with what the tracker must
 * say after it: the states of A and B, and why the segment changed nothing, if so. Sequence numbers
 * count from each endpoint's ISN: 0 is the SYN, 1 the first byte of data. It is run over and over,
 * with ISNs that wrap in every place, in both address families, with A the smaller and the larger
 * endpoint of the key, through the state model in user space and through the BPF programs.
 */
#ifndef SYNWARD_TESTS_SCENARIO_H
#define SYNWARD_TESTS_SCENARIO_H

#include <synward/state.h>

#include "check.h"
#include "table.h"

enum sender {
	A = 0,
	B = 1
};

enum step_kind {
	STEP_SEGMENT = 0,
	STEP_WAIT, /* time passes */
	STEP_HISTORY, /* the states an endpoint has been in */
	STEP_BYTES, /* the payload bytes A and B have sent */
	STEP_LEFT, /* milliseconds until the flow's deadline */
	STEP_RESET_BY, /* who closed it by a RST */
	STEP_ORIGINATOR,
	STEP_MIDSTREAM, /* is it marked so */
};

struct step {
	enum step_kind kind;
	enum sender who;
	__u8 flags; /* enum sw_tcp_flag */
	__u32 seq, ack; /* less the ISNs */
	__u32 length;
	enum sw_state a, b; /* afterwards */
	enum sw_counter reason;
	/* Rarely given: */
	__u32 window; /* 0: WINDOW */
	__u8 scale; /* a window scale option: SCALE(n) */
	__u32 tsval; /* not 0: a timestamp */
	/* Of the other kinds: */
	__u32 ms;
	__u16 history;
	__u32 bytes[2];
};

enum scenario_ways {
	EITHER_WAY = 0, /* holds whether programs see both directions or not */
	BOTH_DIRECTIONS,
	ONE_DIRECTION, /* sw_config.both_directions is 0: the other may be invisible */
};

struct scenario {
	const char *name;
	const struct step *steps;
	size_t count;
	enum scenario_ways ways;
	bool self; /* A and B are the same endpoint */
};

struct scenario_group {
	const char *name;
	const struct scenario *scenarios;
	size_t count;
};

/* Where a scenario is run. */
struct backend {
	/* Forgets all flows and takes these settings. */
	void (*reset)(void *context, const struct sw_config *config);
	void (*apply)(void *context, const struct sw_segment *segment, __u64 now,
		      struct outcome *outcome);
	void *context;
};

/* One way to run it. */
struct variant {
	__u32 isn[2];
	bool v6, swapped, both_directions;
};

/* Runs the scenario in one way; fails the test with the variant, the step and what was wrong. */
void scenario_run(const struct scenario *scenario, const struct variant *variant,
		  const struct backend *backend);

/* In all ways that make a difference: ISNs, families, orders, directions. */
void scenario_run_all(const struct scenario *scenario, const struct backend *backend);

/* With sequence numbers of A, of B and of both wrapping at each of their first `bytes` bytes. */
void scenario_run_wraps(const struct scenario *scenario, const struct backend *backend,
			__u32 bytes);

/* A group's scenarios as tests of cmocka: calls test with the scenario as initial state. */
int scenario_group_run(const struct scenario_group *group, CMUnitTestFunction test);

/* --- The words of the tables ------------------------------------------------------------------ */

#define SCENARIO_AS(id, as, who_is, ...)                                                     \
	{                                                                                    \
		.name = #id, .steps = (const struct step[]){ __VA_ARGS__ },                  \
		.count = sizeof((const struct step[]){ __VA_ARGS__ }) / sizeof(struct step), \
		.ways = (as), .self = (who_is)                                               \
	}
#define SCENARIO(id, ...)      SCENARIO_AS(id, EITHER_WAY, false, __VA_ARGS__)
#define SCENARIO_BOTH(id, ...) SCENARIO_AS(id, BOTH_DIRECTIONS, false, __VA_ARGS__)
#define SCENARIO_ONE(id, ...)  SCENARIO_AS(id, ONE_DIRECTION, false, __VA_ARGS__)
#define SCENARIO_SELF(id, ...) SCENARIO_AS(id, EITHER_WAY, true, __VA_ARGS__)

/* S(who, flags, seq, ack, length, A's state, B's state, reason, more...) */
#define S(from, bits, sequence, acknowledges, bytes_of_data, state_a, state_b, why, ...) \
	{                                                                                \
		.who = (from), .flags = (bits), .seq = (__u32)(sequence),                \
		.ack = (__u32)(acknowledges), .length = (bytes_of_data), .a = (state_a), \
		.b = (state_b), .reason = SW_##why, ##__VA_ARGS__                        \
	}
#define WAIT(milliseconds)                              \
	{                                               \
		.kind = STEP_WAIT, .ms = (milliseconds) \
	}
#define LEFT(milliseconds)                              \
	{                                               \
		.kind = STEP_LEFT, .ms = (milliseconds) \
	}
#define BYTES(from_a, from_b)                                      \
	{                                                          \
		.kind = STEP_BYTES, .bytes = {(from_a), (from_b) } \
	}
#define HISTORY(of, ...)                                                    \
	{                                                                   \
		.kind = STEP_HISTORY, .who = (of), .history = (__VA_ARGS__) \
	}
#define RESET_BY(of)                               \
	{                                          \
		.kind = STEP_RESET_BY, .who = (of) \
	}
#define ORIGINATOR(of)                               \
	{                                            \
		.kind = STEP_ORIGINATOR, .who = (of) \
	}
#define MIDSTREAM(yes)                              \
	{                                           \
		.kind = STEP_MIDSTREAM, .ms = (yes) \
	}

#define BEEN(state) (1U << (state))
#define SCALE(n)    ((n) + 1)
#define WINDOW      10000 /* what a segment offers when the table does not say */
#define NO_WINDOW   0x10000 /* zero */

/* No record, or one past its deadline. */
#define NO_FLOW ((enum sw_state)0xff)

#define SYN    SW_TCP_SYN
#define SYNACK (SW_TCP_SYN | SW_TCP_ACK)
#define ACK    SW_TCP_ACK
#define DATA   (SW_TCP_PSH | SW_TCP_ACK)
#define FIN    (SW_TCP_FIN | SW_TCP_ACK)
#define RST    SW_TCP_RST
#define RSTACK (SW_TCP_RST | SW_TCP_ACK)

/* A opens to B. */
#define OPEN_WITH(...)                                                          \
	S(A, SYN, 0, 0, 0, SYN_SENT, LISTEN, NONE, ##__VA_ARGS__),              \
		S(B, SYNACK, 0, 1, 0, SYN_SENT, SYN_RCVD, NONE, ##__VA_ARGS__), \
		S(A, ACK, 1, 1, 0, ESTABLISHED, ESTABLISHED, NONE)
#define OPEN OPEN_WITH()

/* A closes, B answers with its ACK, then its FIN; nobody has sent data. Four segments. */
#define CLOSE_FOUR                                                \
	S(A, FIN, 1, 1, 0, FIN_WAIT_1, ESTABLISHED, NONE),        \
		S(B, ACK, 1, 2, 0, FIN_WAIT_2, CLOSE_WAIT, NONE), \
		S(B, FIN, 1, 2, 0, FIN_WAIT_2, LAST_ACK, NONE),   \
		S(A, ACK, 2, 2, 0, TIME_WAIT, CLOSED, NONE)

#endif
