// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The diagram as a picture: time runs down, an arrow leaves its sender and arrives a little lower,
 * the life lines have the colour of the state, and each new state stands beside the moment in which
 * it was entered. First everything gets its place, then it is drawn. Nothing needs escaping: all
 * words are ours, or addresses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/conn_state.h"
#include "text/flow_view.h"
#include "replay/ladder.h"
#include "text/names.h"
#include "text/report.h"

#define WIDTH     1000
#define LEFT_X    280
#define RIGHT_X   720
#define TOP       150 /* where the first arrow may leave */
#define PITCH     54 /* from arrow to arrow */
#define SLANT     22 /* what an arrow falls on its way */
#define CROSSING  64 /* the same for two that cross */
#define LOOP      30 /* for one that comes back to its sender */
#define LOOP_X    (LEFT_X + 400)
#define PASSED    28 /* a state above another */
#define FOLDED    44
#define REASON    8
#define FOOT      64
#define BAR       8 /* width of a life line */
#define HIGHEST   32000 /* 2^15 is what programs show at most */
#define TIME_TEXT 40
#define SIZE_TEXT 40
#define LABEL_MAX 43 /* columns between the life lines in full size */

/* Where one arrow begins and ends. */
struct place {
	int sent, arrived;
};

struct drawing {
	FILE *file;
	const struct sw_ladder *ladder;
	struct place *place; /* by rung */
	int height;
	bool self;
};

/* --- Places --------------------------------------------------------------------------------- */

static bool passed(const struct sw_rung *rung)
{
	return sw_rung_passed(rung, SW_LEFT) >= 0 || sw_rung_passed(rung, SW_RIGHT) >= 0;
}

static bool is_crossed(const struct drawing *drawing, size_t i)
{
	return i + 1 < drawing->ladder->count && drawing->ladder->rung[i + 1].crosses;
}

/* How far the arrow falls. */
static int fall_of(const struct drawing *drawing, size_t i)
{
	if (drawing->self)
		return LOOP;
	return is_crossed(drawing, i) || drawing->ladder->rung[i].crosses ? CROSSING : SLANT;
}

static void place_all(struct drawing *drawing)
{
	int y = TOP;

	for (size_t i = 0; i < drawing->ladder->count; i++) {
		const struct sw_rung *rung = &drawing->ladder->rung[i];

		if (rung->folded)
			y += FOLDED;
		if (passed(rung) && !rung->crosses)
			y += PASSED;
		if (rung->crosses)
			y = drawing->place[i - 1].sent;
		drawing->place[i].sent = y;
		drawing->place[i].arrived = y + fall_of(drawing, i);
		y = drawing->place[i].arrived + PITCH - SLANT;
		if (rung->kind == SW_RUNG_IGNORED)
			y += REASON;
	}
	drawing->height = y + FOOT;
}

/* --- Life lines ----------------------------------------------------------------------------- */

static const char *colour_of(enum sw_state state)
{
	static const char *const colours[SW_STATES] = {
		[CLOSED] = "#616e7c",     [LISTEN] = "#8895a3",      [SYN_SENT] = "#c07a12",
		[SYN_RCVD] = "#c07a12",   [ESTABLISHED] = "#2f8a4c", [FIN_WAIT_1] = "#2f6db8",
		[FIN_WAIT_2] = "#2f6db8", [CLOSE_WAIT] = "#6f52b8",  [CLOSING] = "#2f6db8",
		[LAST_ACK] = "#6f52b8",   [TIME_WAIT] = "#b0477a",
	};

	return state < SW_STATES ? colours[state] : colours[CLOSED];
}

static int x_of(int side)
{
	return side == SW_LEFT ? LEFT_X : RIGHT_X;
}

/* When the side learns what the rung tells it: on sending, or on arrival. */
static int moment_of(const struct drawing *drawing, size_t i, int side)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];

	return rung->from == side ? drawing->place[i].sent : drawing->place[i].arrived;
}

static void draw_bar(const struct drawing *drawing, int side, int from, int to, enum sw_state state)
{
	fprintf(drawing->file, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n",
		x_of(side) - BAR / 2, from, BAR, to - from, colour_of(state));
}

/* Who is first seen in LISTEN, or in the middle of a connection, had been there before. */
static enum sw_state state_at_first(const struct drawing *drawing, int side)
{
	const struct sw_rung *first = &drawing->ladder->rung[0];

	return first->from == side && first->state[side] == SYN_SENT ? CLOSED : first->state[side];
}

static void draw_life(const struct drawing *drawing, int side)
{
	enum sw_state state = state_at_first(drawing, side);
	int from = TOP - 36;

	for (size_t i = 0; i < drawing->ladder->count; i++) {
		const struct sw_rung *rung = &drawing->ladder->rung[i];
		int moment = moment_of(drawing, i, side);

		if (rung->state[side] == state)
			continue;
		draw_bar(drawing, side, from, moment, state);
		from = moment;
		state = rung->state[side];
	}
	draw_bar(drawing, side, from, drawing->height - FOOT + 12, state);
}

/* --- States --------------------------------------------------------------------------------- */

static void draw_state(const struct drawing *drawing, int side, int y, enum sw_state state)
{
	const char *name = sw_state_name(state);
	int width = 20 + 9 * (int)strlen(name);
	int x = side == SW_LEFT ? LEFT_X - 16 - width : RIGHT_X + 16;

	fprintf(drawing->file,
		"<g class=\"state\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"24\" rx=\"12\""
		" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text></g>\n",
		x, y - 12, width, colour_of(state), x + width / 2, y + 5, name);
}

/* A state that was only passed through stands above, unless the arrow takes its time to arrive. */
static void draw_states(const struct drawing *drawing, size_t i, int side)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];
	int moment = moment_of(drawing, i, side), before = sw_rung_passed(rung, side);
	bool crossed = fall_of(drawing, i) == CROSSING && rung->from == side;

	if (before >= 0)
		draw_state(drawing, side, crossed ? moment : moment - PASSED,
			   (enum sw_state)before);
	if (!sw_rung_changed(rung, side))
		return;
	if (before >= 0 && crossed)
		moment = drawing->place[i].arrived;
	if (rung->state[side] == LISTEN) {
		if (fall_of(drawing, i) == CROSSING)
			return; /* a SYN of its own was on the way already */
		moment = TOP - 14; /* it had been there before the SYN arrived */
	}
	draw_state(drawing, side, moment, rung->state[side]);
}

/* --- Arrows --------------------------------------------------------------------------------- */

static const char *class_of(const struct sw_rung *rung)
{
	static const char *const classes[] = { "plain", "again", "overlap", "late", "ignored" };

	return classes[rung->kind];
}

/* A long label is written smaller, to stay between the life lines. */
static const char *size_of(const char *label, char text[SIZE_TEXT])
{
	size_t length = strlen(label);

	*text = '\0';
	if (length > LABEL_MAX)
		snprintf(text, SIZE_TEXT, " style=\"font-size: %.1fpx\"",
			 15.0 * LABEL_MAX / (double)length);
	return text;
}

/* A label above the line, turned as it is; where lines cross, it keeps to its sender's half. */
static void draw_label(const struct drawing *drawing, size_t i, double degrees)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];
	const struct place *place = &drawing->place[i];
	bool crossed = fall_of(drawing, i) == CROSSING;
	int quarter = crossed ? (RIGHT_X - LEFT_X) / 4 : 0;
	int x = (LEFT_X + RIGHT_X) / 2 + (rung->from == SW_LEFT ? -quarter : quarter);
	int y = place->sent + (place->arrived - place->sent) / (crossed ? 4 : 2) - 7;
	char label[SW_RUNG_TEXT], size[SIZE_TEXT];

	sw_rung_label(rung, label);
	fprintf(drawing->file,
		"<text class=\"label %s%s\" x=\"%d\" y=\"%d\"%s"
		" transform=\"rotate(%.2f %d %d)\">%s</text>\n",
		class_of(rung), crossed ? " crossed" : "", x, y, size_of(label, size), degrees, x,
		y, label);
	if (rung->kind == SW_RUNG_IGNORED)
		fprintf(drawing->file,
			"<text class=\"reason\" x=\"%d\" y=\"%d\""
			" transform=\"rotate(%.2f %d %d)\">%s</text>\n",
			x, y + 24, degrees, x, y + 24, rung->reason);
}

static void draw_arrow(const struct drawing *drawing, size_t i)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];
	const struct place *place = &drawing->place[i];
	int gap = BAR / 2 + 1, sign = rung->from == SW_LEFT ? 1 : -1;
	int from = x_of(rung->from) + sign * gap, to = x_of(!rung->from) - sign * gap;
	double degrees = sign * (place->arrived - place->sent == CROSSING ? 8.28 : 2.86);

	fprintf(drawing->file, "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
		class_of(rung), from, place->sent, to, place->arrived);
	draw_label(drawing, i, degrees);
}

static void draw_loop(const struct drawing *drawing, size_t i)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];
	int y = drawing->place[i].sent, from = LEFT_X + BAR / 2 + 1;
	char label[SW_RUNG_TEXT], size[SIZE_TEXT];

	sw_rung_label(rung, label);
	fprintf(drawing->file,
		"<path class=\"%s\" d=\"M%d %d H%d a%d %d 0 0 1 0 %d H%d\"/>\n"
		"<text class=\"label %s\" x=\"%d\" y=\"%d\"%s>%s</text>\n",
		class_of(rung), from, y, LOOP_X, LOOP / 2, LOOP / 2, LOOP, from, class_of(rung),
		(LEFT_X + LOOP_X) / 2, y - 7, size_of(label, size), label);
	if (rung->kind == SW_RUNG_IGNORED)
		fprintf(drawing->file, "<text class=\"reason\" x=\"%d\" y=\"%d\">%s</text>\n",
			(LEFT_X + LOOP_X) / 2, y + 19, rung->reason);
}

/* --- The rest ------------------------------------------------------------------------------- */

/* "35 µs", "20.1 ms", "3.21 s", with so many digits more. */
static const char *time_text(__s64 ns, int more, char text[TIME_TEXT])
{
	double us = (double)ns / 1000;

	if (ns == 0)
		strcpy(text, "0");
	else if (us < 1000 && us > -1000)
		snprintf(text, TIME_TEXT, "%.*f µs", more, us);
	else if (us < 1e6 && us > -1e6)
		snprintf(text, TIME_TEXT, "%.*f ms", more + (us < 1e5 ? 1 : 0), us / 1000);
	else
		snprintf(text, TIME_TEXT, "%.*f s", more + 2, us / 1e6);
	return text;
}

/*
 * Two times that differ don't look the same one below the other. Of two arrows that begin at one height the
 * later one's stands where both arrive.
 */
static void draw_time(const struct drawing *drawing, size_t i)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];
	char text[TIME_TEXT], above[TIME_TEXT];
	int more = 0, y = rung->crosses ? drawing->place[i].arrived : drawing->place[i].sent;

	time_text(rung->time_ns, more, text);
	while (i && more < 9 && rung->time_ns != rung[-1].time_ns &&
	       !strcmp(text, time_text(rung[-1].time_ns, more, above)))
		time_text(rung->time_ns, ++more, text);
	fprintf(drawing->file, "<text class=\"time\" x=\"%d\" y=\"%d\">%s</text>\n",
		strlen(text) > 10 ? 138 : 84, y + 4, text);
}

static void draw_rung(const struct drawing *drawing, size_t i)
{
	const struct sw_rung *rung = &drawing->ladder->rung[i];
	char note[SW_FOLDED_TEXT];

	if (rung->folded)
		fprintf(drawing->file, "<text class=\"folded\" x=\"%d\" y=\"%d\">⋮ %s ⋮</text>\n",
			(LEFT_X + RIGHT_X) / 2,
			drawing->place[i].sent - FOLDED + 6 - (passed(rung) ? PASSED : 0),
			sw_rung_folded(rung, note));
	draw_time(drawing, i);
	if (drawing->self)
		draw_loop(drawing, i);
	else
		draw_arrow(drawing, i);
	draw_states(drawing, i, SW_LEFT);
	if (!drawing->self)
		draw_states(drawing, i, SW_RIGHT);
}

/* An endpoint's name in a box at the head of its life line. */
static void draw_name(const struct drawing *drawing, int side, int end)
{
	char name[SW_ENDPOINT_TEXT];
	int length, size, width;

	sw_endpoint_name(&drawing->ladder->key, end, name);
	length = (int)strlen(name);
	size = length > 28 ? 11 : 16;
	width = 32 + length * size * 5 / 8;
	fprintf(drawing->file,
		"<rect class=\"box\" x=\"%d\" y=\"76\" width=\"%d\" height=\"38\" rx=\"6\"/>\n"
		"<text class=\"name\" x=\"%d\" y=\"100\" style=\"font-size: %dpx\">%s</text>\n",
		x_of(side) - width / 2, width, x_of(side), size, name);
}

static bool has_kind(const struct sw_ladder *ladder, enum sw_rung_kind kind)
{
	for (size_t i = 0; i < ladder->count; i++)
		if (ladder->rung[i].kind == kind)
			return true;
	return false;
}

static bool is_all_plain(const struct sw_ladder *ladder)
{
	for (size_t i = 0; i < ladder->count; i++)
		if (ladder->rung[i].kind != SW_RUNG_PLAIN)
			return false;
	return true;
}

/* What dashes and dots mean, if there are any. */
static void draw_legend(const struct drawing *drawing)
{
	static const char *const words[] = {
		[SW_RUNG_PLAIN] = "taken",     [SW_RUNG_AGAIN] = "sent again",
		[SW_RUNG_OVERLAP] = "overlap", [SW_RUNG_LATE] = "out of order",
		[SW_RUNG_IGNORED] = "ignored",
	};
	struct sw_rung rung = {};
	int x = 60, y = drawing->height - 22;

	if (is_all_plain(drawing->ladder))
		return;
	for (rung.kind = 0; rung.kind <= SW_RUNG_IGNORED; rung.kind++) {
		if (!has_kind(drawing->ladder, rung.kind))
			continue;
		fprintf(drawing->file,
			"<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
			"<text class=\"legend\" x=\"%d\" y=\"%d\">%s</text>\n",
			class_of(&rung), x, y, x + 48, y, x + 60, y + 5, words[rung.kind]);
		x += 176;
	}
}

/* How lines and words of each kind look, and the heads of arrows. */
/* clang-format off */
static const char style[] =
	"<style>\n"
	"text { fill: #1f2933; text-anchor: middle; font-size: 15px }\n"
	".title { font-size: 22px; font-weight: bold }\n"
	".subtitle { font-size: 15px; fill: #52606d }\n"
	".name { font-weight: bold; fill: #ffffff }\n"
	".box { fill: #323f4b }\n"
	".state text { font-size: 13px; font-weight: bold; fill: #ffffff }\n"
	".time { font-size: 13px; fill: #7b8794; text-anchor: end }\n"
	".folded, .reason { font-size: 13px; font-style: italic; fill: #52606d }\n"
	".legend { font-size: 13px; text-anchor: start }\n"
	"line, path { stroke-width: 2; fill: none }\n"
	"line.plain, path.plain { stroke: #1f2933; marker-end: url(#plain) }\n"
	"line.again, path.again { stroke: #c05600; stroke-dasharray: 9 5;"
	" marker-end: url(#again) }\n"
	"line.ignored, path.ignored { stroke: #b3261e; stroke-dasharray: 2 5;"
	" marker-end: url(#ignored) }\n"
	".label.crossed { font-size: 13px }\n"
	"line.overlap, path.overlap { stroke: #8a6d00; stroke-dasharray: 16 4 4 4;"
	" marker-end: url(#overlap) }\n"
	"line.late, path.late { stroke: #0f6f8c; stroke-dasharray: 4 4 4 10;"
	" marker-end: url(#late) }\n"
	".label.again { fill: #a04800 }\n"
	".label.overlap { fill: #6f5800 }\n"
	".label.late { fill: #0f6f8c }\n"
	".label.ignored, .reason { fill: #b3261e }\n"
	"</style>\n"
	"<defs>\n"
	"<marker id=\"plain\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"6\""
	" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" "
	"style=\"fill:#1f2933\"/>"
	"</marker>\n"
	"<marker id=\"again\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"6\""
	" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" "
	"style=\"fill:#c05600\"/>"
	"</marker>\n"
	"<marker id=\"overlap\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" "
	"markerWidth=\"6\""
	" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" "
	"style=\"fill:#8a6d00\"/>"
	"</marker>\n"
	"<marker id=\"late\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"6\""
	" markerHeight=\"6\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" "
	"style=\"fill:#0f6f8c\"/>"
	"</marker>\n"
	"<marker id=\"ignored\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" "
	"markerWidth=\"7\""
	" markerHeight=\"7\" orient=\"auto\"><path d=\"M1 1 L9 9 M9 1 L1 9\""
	" style=\"stroke:#b3261e; stroke-width:2\"/></marker>\n"
	"</defs>\n";
/* clang-format on */

static void draw_head(const struct drawing *drawing)
{
	const struct sw_ladder *ladder = drawing->ladder;
	const char *state = sw_conn_state(&ladder->key, &ladder->flow);
	char subject[SW_LADDER_SUBJECT];

	fprintf(drawing->file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
		" viewBox=\"0 0 %d %d\" font-family=\"'DejaVu Sans', Verdana, Arial, "
		"sans-serif\">\n"
		"%s"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text class=\"title\" x=\"%d\" y=\"34\">%s: %s</text>\n"
		"<text class=\"subtitle\" x=\"%d\" y=\"58\">%s</text>\n",
		WIDTH, drawing->height, WIDTH, drawing->height, style, WIDTH / 2, state,
		sw_conn_state_meaning(state), WIDTH / 2, sw_ladder_subject(ladder, subject));
}

static void draw(const struct drawing *drawing)
{
	struct sw_ends ends = sw_flow_ends(&drawing->ladder->key, &drawing->ladder->flow);

	draw_head(drawing);
	draw_life(drawing, SW_LEFT);
	draw_name(drawing, SW_LEFT, ends.a);
	if (!drawing->self) {
		draw_life(drawing, SW_RIGHT);
		draw_name(drawing, SW_RIGHT, ends.b);
	}
	for (size_t i = 0; i < drawing->ladder->count; i++)
		draw_rung(drawing, i);
	draw_legend(drawing);
	fputs("</svg>\n", drawing->file);
}

/* A picture that would be too high loses its middle. */
static void fit(struct drawing *drawing, struct sw_ladder *ladder)
{
	place_all(drawing);
	while (drawing->height > HIGHEST) {
		sw_ladder_shorten(ladder, ladder->count * HIGHEST / drawing->height * 19 / 20);
		place_all(drawing);
	}
}

static int write_drawing(const struct sw_ladder *whole, FILE *file)
{
	struct sw_ladder ladder = *whole;
	struct drawing drawing = {
		.file = file,
		.ladder = &ladder,
		.place = calloc(ladder.count, sizeof(*drawing.place)),
		.self = sw_key_is_self(&ladder.key),
	};
	int err = -ENOMEM;

	ladder.rung = calloc(ladder.count, sizeof(*ladder.rung));
	if (drawing.place && ladder.rung) {
		memcpy(ladder.rung, whole->rung, ladder.count * sizeof(*ladder.rung));
		fit(&drawing, &ladder);
		draw(&drawing);
		err = fflush(file) ? -errno : 0;
	}
	free(drawing.place);
	free(ladder.rung);
	return err;
}

int sw_ladder_write_svg(const struct sw_ladder *ladder, const char *path)
{
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdout : fopen(path, "we");
	int err = file ? write_drawing(ladder, file) : -errno;

	if (file && !standard && fclose(file))
		err = err ?: -errno;
	return err ? sw_fail(err, NULL, "write %s", path) : 0;
}
