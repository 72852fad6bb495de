/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The sequence diagram of one flow: two life lines, time running down, an arrow a segment, states
 * at the sides. Here is what the picture shows; ladder_text.c and ladder_svg.c draw it. Long runs
 * of segments that show nothing new are folded while they are collected, so memory does not grow
 * with them.
 */
#ifndef SYNWARD_LADDER_H
#define SYNWARD_LADDER_H

#include "replay/view.h"

enum sw_rung_kind {
	SW_RUNG_PLAIN,
	SW_RUNG_AGAIN, /* a retransmission: all of it had been seen */
	SW_RUNG_OVERLAP, /* some of it had been seen */
	SW_RUNG_LATE, /* none of it, but what comes after it */
	SW_RUNG_IGNORED, /* it changed nothing, for the reason given */
};

#define SW_LEFT  0 /* the originator */
#define SW_RIGHT 1

/* One arrow. Both sides of a self-connection's are the left one. */
struct sw_rung {
	__s64 time_ns; /* since the first segment of the flow; clocks may go back */
	__u64 folded; /* segments left out above this one: of its kind, or ... */
	bool mixed; /* ... of any */
	bool other_isn; /* a SYN that does not begin where the one before it did */
	bool shows_window; /* it is zero, or asked for */
	bool letters; /* its flags by their letters, to save room */
	__u32 isn; /* of a SYN, as it stands */
	__u32 window; /* scaled, where the scale is known */
	const char *reason; /* of an ignored one */
	__u32 seq, ack, length; /* relative, as people count */
	__u16 entered[2]; /* bit n: the side has newly been in state n */
	enum sw_state state[2]; /* of either side, after it */
	__u8 flags; /* enum sw_tcp_flag */
	__u8 from; /* SW_LEFT or SW_RIGHT */
	__u8 kind; /* enum sw_rung_kind */
	bool crosses; /* it was sent before the one above it had arrived */
};

struct sw_ladder {
	__u64 number; /* of the flow, among those that replay lists, from 1 */
	struct sw_flow_key key;
	struct sw_flow flow; /* as it ended; start_ns 0: not found yet */
	__u64 flows; /* seen so far */
	struct sw_tunnel tunnel; /* that it was found in */
	__s64 first_ns; /* the stamp of the first segment collected, since the epoch */
	__u64 begin_ns, end_ns; /* of the segments collected, by the clock of the flows */
	__u64 segments; /* collected, folded or not */
	bool no_memory;
	bool windows; /* the window of each segment is shown */
	bool has_isn[2]; /* a side has sent a SYN, ... */
	__u32 isn[2]; /* ... and this was in the last one */
	size_t count, room;
	struct sw_rung *rung;
};

/*
 * First the flow is looked for by its number, then its segments are collected: two runs over the
 * capture. The context of both is a struct sw_ladder.
 */
void sw_ladder_find(void *context, const struct sw_flow_end *end);
void sw_ladder_collect(void *context, const struct sw_step *step);
void sw_ladder_free(struct sw_ladder *ladder);

/* Labels of arrows that cross are no longer than that: they share the width. */
#define SW_CROSSING_LABEL 27

/* "SYN ACK seq=0 ack=1", and " (again)" where it is. At most SW_RUNG_COLUMNS. */
#define SW_RUNG_TEXT    128
#define SW_RUNG_COLUMNS 58
const char *sw_rung_label(const struct sw_rung *rung, char text[SW_RUNG_TEXT]);

/* "12 segments without a change", "3 segments out_of_window": what was left out above the rung. */
#define SW_FOLDED_TEXT 64
const char *sw_rung_folded(const struct sw_rung *rung, char text[SW_FOLDED_TEXT]);

/* Leaves rungs out of the middle until there are `count`. */
void sw_ladder_shorten(struct sw_ladder *ladder, size_t count);

/* A state that the side passed through on its way, before it came to state[side]; -1 if none. */
int sw_rung_passed(const struct sw_rung *rung, int side);

/* It came to state[side] by this segment. */
bool sw_rung_changed(const struct sw_rung *rung, int side);

/* "flow 2 in vxlan 7, 11 segments, 600 bytes in 100ms". */
#define SW_LADDER_SUBJECT (SW_TUNNEL_TEXT + 128)
const char *sw_ladder_subject(const struct sw_ladder *ladder, char text[SW_LADDER_SUBJECT]);

/* Draws it on stdout. */
void sw_ladder_print(const struct sw_ladder *ladder, bool ascii);

/* Writes it to a file, "-" is stdout. 0 or -errno, reported. */
int sw_ladder_write_svg(const struct sw_ladder *ladder, const char *path);

#endif
