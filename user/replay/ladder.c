// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * From steps of the state model to arrows of the diagram.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <synward/state.h>

#include "text/flow_view.h"
#include "replay/ladder.h"
#include "text/names.h"
#include "text/values.h"

/* Of a run of segments that show nothing new, so many are kept at its begin and at its end. */
#define FOLD_HEAD 4
#define FOLD_TAIL 4

void sw_ladder_find(void *context, const struct sw_flow_end *end)
{
	struct sw_ladder *ladder = context;

	if (++ladder->flows != ladder->number)
		return;
	ladder->key = *end->key;
	ladder->flow = *end->flow;
	ladder->tunnel = *end->tunnel;
}

/* The clock of replay never stands still: a start tells one incarnation from the next. */
static bool is_of_flow(const struct sw_ladder *ladder, const struct sw_step *step)
{
	return step->after->start_ns == ladder->flow.start_ns &&
	       !memcmp(&step->seg->key, &ladder->key, sizeof(ladder->key));
}

/* Of what the segment carries, all, some or nothing may have been sent before. */
static enum sw_rung_kind kind_of_data(const struct sw_step *step, const struct sw_endpoint *src)
{
	const struct sw_segment *seg = step->seg;
	__u32 end = seg->seq + seg->length + !!(seg->flags & SW_TCP_FIN);

	if (end == seg->seq || (seg->flags & (SW_TCP_SYN | SW_TCP_RST)) || !src->seen ||
	    !sw_seq_after(src->end, seg->seq))
		return SW_RUNG_PLAIN;
	if (sw_was_seen(step->before, seg->sender, seg->seq, end))
		return SW_RUNG_AGAIN;
	if (sw_seq_after(src->next, seg->seq) || sw_seq_after(end, src->end))
		return SW_RUNG_OVERLAP;
	return SW_RUNG_LATE;
}

static enum sw_rung_kind kind_of(const struct sw_step *step, const struct sw_sides *sides)
{
	if (step->reason == SW_SYN_RETRANSMITTED)
		return SW_RUNG_AGAIN;
	if (sw_step_reason(step))
		return SW_RUNG_IGNORED;
	return kind_of_data(step, sides->src_before);
}

/* In bytes, as the two SYNs agreed on it (RFC 7323, 2.2). */
static __u32 window_of(const struct sw_step *step, const struct sw_sides *sides)
{
	bool scaled = sides->src_after->wscale_ok && sides->dst_after->wscale_ok &&
		      !(step->seg->flags & SW_TCP_SYN);

	return (__u32)step->seg->window << (scaled ? sides->src_after->wscale : 0);
}

static void note_side(struct sw_rung *rung, int side, const struct sw_endpoint *before,
		      const struct sw_endpoint *after)
{
	rung->state[side] = after->state;
	rung->entered[side] = after->history & (__u16)~before->history;
}

static struct sw_rung rung_of(const struct sw_ladder *ladder, const struct sw_step *step)
{
	struct sw_sides sides = sw_step_sides(step);
	struct sw_rung rung = {
		.time_ns = step->time_ns - ladder->first_ns,
		.reason = sw_step_reason(step),
		.seq = sw_relative_seq(step),
		.ack = sw_relative_ack(step),
		.length = step->seg->length,
		.flags = step->seg->flags,
		.from = step->seg->sender != ladder->flow.originator,
		.kind = kind_of(step, &sides),
		.isn = step->seg->seq,
		.window = window_of(step, &sides),
	};

	rung.shows_window = ladder->windows || (!rung.window && !(rung.flags & SW_TCP_RST));

	note_side(&rung, rung.from, sides.src_before, sides.src_after);
	if (!step->seg->self)
		note_side(&rung, !rung.from, sides.dst_before, sides.dst_after);
	return rung;
}

/*
 * Two SYNs or two FINs that passed each other on the way: the later one does not know of the other.
 * So do the SYN+ACKs of a simultaneous open: who had received the other's would send an ACK.
 */
static bool has_crossed(const struct sw_rung *first, const struct sw_rung *second)
{
	__u8 both = first->flags & second->flags;

	if (first->from == second->from || first->crosses || first->kind != SW_RUNG_PLAIN ||
	    second->kind != SW_RUNG_PLAIN)
		return false;
	if (both & SW_TCP_SYN)
		return (first->flags & SW_TCP_ACK) || !(second->flags & SW_TCP_ACK);
	return (both & SW_TCP_FIN) && second->ack != first->seq + first->length + 1;
}

static bool fits_crossing(const struct sw_rung *rung)
{
	char label[SW_RUNG_TEXT];

	return strlen(sw_rung_label(rung, label)) <= SW_CROSSING_LABEL;
}

/* And there is room to draw it so, be it with the flags' letters. */
static bool crosses(struct sw_rung *first, struct sw_rung *second)
{
	if (!has_crossed(first, second))
		return false;
	first->letters = !fits_crossing(first);
	second->letters = !fits_crossing(second);
	if (fits_crossing(first) && fits_crossing(second))
		return true;
	first->letters = second->letters = false;
	return false;
}

static bool shows_nothing_new(const struct sw_rung *rung)
{
	return !rung->entered[SW_LEFT] && !rung->entered[SW_RIGHT] && !rung->other_isn &&
	       (rung->kind == SW_RUNG_IGNORED ||
		!(rung->flags & (SW_TCP_SYN | SW_TCP_FIN | SW_TCP_RST)));
}

/* Names of reasons are of one table: the same reason is the same pointer. */
static bool is_alike(const struct sw_rung *one, const struct sw_rung *other)
{
	return one->kind == other->kind && one->reason == other->reason;
}

/* Leaves one out of the run of dull segments that has just grown, if it is long. */
static void fold(struct sw_ladder *ladder)
{
	const struct sw_rung *last = &ladder->rung[ladder->count - 1];
	size_t run = 0, out;

	while (run <= FOLD_HEAD + FOLD_TAIL && run < ladder->count && is_alike(last - run, last) &&
	       shows_nothing_new(last - run))
		run++;
	if (run <= FOLD_HEAD + FOLD_TAIL)
		return;
	out = ladder->count - 1 - FOLD_TAIL;
	ladder->rung[out + 1].folded += ladder->rung[out].folded + 1;
	memmove(&ladder->rung[out], &ladder->rung[out + 1], FOLD_TAIL * sizeof(*ladder->rung));
	ladder->count--;
}

void sw_ladder_shorten(struct sw_ladder *ladder, size_t count)
{
	size_t head = count / 2, cut = ladder->count - count;
	struct sw_rung *rung = ladder->rung + head;
	__u64 folded = 0;

	for (size_t i = 0; i < cut; i++)
		folded += rung[i].folded + 1;
	rung[cut].folded += folded;
	rung[cut].mixed = true;
	rung[cut].crosses = false;
	memmove(rung, rung + cut, (count - head) * sizeof(*rung));
	ladder->count = count;
}

/* A SYN of an end that had sent one with another initial sequence number. */
static void note_isn(struct sw_ladder *ladder, struct sw_rung *rung)
{
	if (!(rung->flags & SW_TCP_SYN))
		return;
	rung->other_isn = ladder->has_isn[rung->from] && ladder->isn[rung->from] != rung->isn;
	ladder->has_isn[rung->from] = true;
	ladder->isn[rung->from] = rung->isn;
}

void sw_ladder_collect(void *context, const struct sw_step *step)
{
	struct sw_ladder *ladder = context;
	struct sw_rung *rung;

	if (!is_of_flow(ladder, step) || ladder->no_memory)
		return;
	if (ladder->count == ladder->room) {
		size_t room = ladder->room ? 2 * ladder->room : 64;

		rung = reallocarray(ladder->rung, room, sizeof(*rung));
		ladder->no_memory = !rung;
		if (!rung)
			return;
		ladder->rung = rung;
		ladder->room = room;
	}
	if (!ladder->segments++) {
		ladder->first_ns = step->time_ns;
		ladder->begin_ns = step->now_ns;
	}
	ladder->end_ns = step->now_ns;
	rung = &ladder->rung[ladder->count++];
	*rung = rung_of(ladder, step);
	note_isn(ladder, rung);
	rung->crosses = ladder->count > 1 && crosses(rung - 1, rung);
	fold(ladder);
}

void sw_ladder_free(struct sw_ladder *ladder)
{
	free(ladder->rung);
	ladder->rung = NULL;
}

/* --- Words ---------------------------------------------------------------------------------- */

#define NUMBERS_TEXT 80
#define WORDS_TEXT   40

/* Sequence numbers and length. */
static const char *numbers(const struct sw_rung *rung, char text[NUMBERS_TEXT])
{
	char *at = text, *end = text + NUMBERS_TEXT;

	at += snprintf(at, end - at, "seq=%u", rung->seq);
	if (rung->flags & SW_TCP_ACK)
		at += snprintf(at, end - at, " ack=%u", rung->ack);
	if (rung->length)
		at += snprintf(at, end - at, " len=%u", rung->length);
	if (rung->shows_window)
		at += snprintf(at, end - at, " win=%u", rung->window);
	if (rung->other_isn)
		snprintf(at, end - at, " isn=%u", rung->isn);
	return text;
}

static const char *flag_words(__u8 flags, char text[WORDS_TEXT])
{
	static const char *const words[] = { "FIN ", "SYN ", "RST ", "PSH ",
					     "ACK ", "URG ", "ECE ", "CWR " };

	strcpy(text, flags ? "" : "no flags ");
	for (int bit = 0; bit < 8; bit++)
		if (flags & (1 << bit))
			strcat(text, words[bit]);
	return text;
}

/* Too long a label has the flags' letters instead of their names, and is cut between words. */
const char *sw_rung_label(const struct sw_rung *rung, char text[SW_RUNG_TEXT])
{
	static const char *const notes[] = {
		[SW_RUNG_AGAIN] = " (again)",
		[SW_RUNG_OVERLAP] = " (overlap)",
		[SW_RUNG_LATE] = " (out of order)",
		[SW_RUNG_IGNORED] = "",
	};
	char words[WORDS_TEXT], rest[NUMBERS_TEXT], letters[SW_FLAGS_TEXT];
	int columns = snprintf(text, SW_RUNG_TEXT, "%s%s%s", flag_words(rung->flags, words),
			       numbers(rung, rest), notes[rung->kind] ?: "");

	if (rung->letters || columns > SW_RUNG_COLUMNS)
		columns = snprintf(text, SW_RUNG_TEXT, "%s %s", sw_flags_name(rung->flags, letters),
				   rest);
	while (columns > SW_RUNG_COLUMNS) {
		char *space = strrchr(text, ' ');

		*space = '\0';
		columns = (int)(space - text);
	}
	return text;
}

const char *sw_rung_folded(const struct sw_rung *rung, char text[SW_FOLDED_TEXT])
{
	static const char *const words[] = {
		[SW_RUNG_PLAIN] = "without a change", [SW_RUNG_AGAIN] = "sent again",
		[SW_RUNG_OVERLAP] = "that overlap",   [SW_RUNG_LATE] = "out of order",
		[SW_RUNG_IGNORED] = "ignored",
	};
	const char *what =
		rung->kind == SW_RUNG_IGNORED && rung->reason ? rung->reason : words[rung->kind];

	snprintf(text, SW_FOLDED_TEXT, "%llu segment%s %s", rung->folded,
		 rung->folded == 1 ? "" : "s", rung->mixed ? "left out" : what);
	return text;
}

bool sw_rung_changed(const struct sw_rung *rung, int side)
{
	return rung->entered[side] & (1U << rung->state[side]);
}

int sw_rung_passed(const struct sw_rung *rung, int side)
{
	__u16 others = rung->entered[side] & (__u16) ~(1U << rung->state[side]);

	for (int state = SW_STATES - 1; state > CLOSED; state--)
		if (others & (1U << state))
			return state;
	return -1;
}

const char *sw_ladder_subject(const struct sw_ladder *ladder, char text[SW_LADDER_SUBJECT])
{
	char time[SW_VALUE_TEXT], tunnel[SW_TUNNEL_TEXT];

	snprintf(text, SW_LADDER_SUBJECT, "flow %llu%s%s, %llu segments, %llu bytes in %s",
		 ladder->number, ladder->tunnel.levels ? " in " : "",
		 sw_tunnel_name(&ladder->tunnel, tunnel), ladder->segments,
		 sw_flow_bytes(&ladder->key, &ladder->flow),
		 sw_duration_short(ladder->end_ns - ladder->begin_ns, time));
	return text;
}
