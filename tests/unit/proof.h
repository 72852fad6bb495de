/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two TCPs that talk to each other, by RFC 9293, 3.5, 3.6 and 3.10, and share no code with the state
 * model; an observer who sees some of what they say; and the question which states of theirs would
 * have shown the same. So what the model says is held against what is true, and against what can be
 * known.
 */
#ifndef SYNWARD_TESTS_PROOF_H
#define SYNWARD_TESTS_PROOF_H

#include <synward/state.h>

#define TALK_MAX 64 /* segments of one conversation */

/* --- Two TCPs --------------------------------------------------------------------------------- */

enum end {
	A = 0,
	B = 1
};

enum saying {
	SAY_SYN,
	SAY_SYN_ACK,
	SAY_ACK,
	SAY_DATA,
	SAY_FIN, /* with data, if any is given */
	SAY_RST,
};

#define SAYINGS (SAY_RST + 1)

/* One segment as it was said. */
struct saying_at {
	__u8 who; /* enum end */
	__u8 what; /* enum saying */
	__u32 seq, ack; /* as on the wire */
	__u32 length;
};

struct tcp {
	enum sw_state state;
	__u32 isn;
	__u32 next; /* the next number it sends */
	__u32 got; /* the next number it expects */
	__u16 says[TALK_MAX]; /* what it has said, as indices into talk.said */
	__u16 count, arrived; /* of these */
};

struct talk {
	struct tcp end[2];
	struct saying_at said[TALK_MAX];
	__u16 count;
	bool self; /* a socket connected to itself: B is not there */
};

void talk_begin(struct talk *talk, __u32 isn_a, __u32 isn_b, bool self);

/* The end says it now, as far as it may in its state. False: it may not. */
bool talk_say(struct talk *talk, enum end who, enum saying what, __u32 length);

/* It says once more what it has said; the peer gets it twice. */
bool talk_say_again(struct talk *talk, __u16 index);

/* How many segments are under way to this end; the first of them arrives. */
__u16 talk_under_way(const struct talk *talk, enum end to);
void talk_arrive(struct talk *talk, enum end to);

/* All that is under way to this end arrives. */
void talk_arrive_all(struct talk *talk, enum end to);

#define SAYING_NAME 24

/* As "B:ACK2": the second segment of this kind that B says. */
void saying_name(const struct talk *talk, __u16 index, char name[SAYING_NAME]);

/* --- What an observer sees -------------------------------------------------------------------- */

struct offer {
	bool timestamps, sack, scaling;
};

/* Which segments, as indices into talk.said, in the order in which they are seen. */
struct view {
	__u16 index[2 * TALK_MAX];
	__u16 count;
};

/* A segment that neither end said. */
struct forgery {
	__u8 who, flags;
	__u32 seq, ack, length;
};

struct observer {
	struct offer offer;
	__u8 scale; /* of a window of 65535; 0: an ordinary window, of 64 kB */
	bool both_directions; /* as it is configured */
	bool mirrored; /* B is the first endpoint of the key */
	__u32 gap_ms; /* between two segments seen */
	const struct forgery *forged; /* so many, after the segment of this index in the view */
	int forgeries, forged_after;
};

struct observation {
	struct sw_flow flow;
	__u64 now; /* when the last one was seen */
	int believed; /* forgeries that were taken */
	const char *wrong; /* NULL, or what a step did that no step may, see sound.h */
};

/* sw_flow_step(), as flow_step() of step.h and without the sanitizers, which the proofs can't wait for. */
enum sw_counter proof_step(struct sw_flow *flow, const struct sw_segment *segment, __u64 now,
			   const struct sw_config *config);

/* What the state model makes of them. */
struct observation observe(const struct talk *talk, const struct view *view,
			   const struct observer *observer);

/* The state of this end by the flow's record. */
enum sw_state observed_state(const struct observation *seen, const struct observer *observer,
			     enum end who);

/*
 * Is there a conversation of two TCPs which shows the same segments in this order, of which no more
 * than `unseen` are not seen, and at whose end the two are in these states? ANY_STATE: whichever.
 */
#define ANY_STATE SW_STATES

bool could_be(const struct talk *talk, const struct view *view, enum sw_state a, enum sw_state b,
	      int unseen);

#endif
