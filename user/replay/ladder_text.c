// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The diagram in a terminal, 100 columns wide:
 *
 *       time       state │──────────── SYN seq=0 ────────────►│ state
 *
 * Segments that crossed take two lines, as do those of a socket that talks to itself.
 */
#include <stdio.h>
#include <string.h>

#include "text/conn_state.h"
#include "text/flow_view.h"
#include "replay/ladder.h"
#include "text/names.h"

#define TIME_WIDTH  10
#define STATE_WIDTH 11
#define AREA_WIDTH  62 /* between the life lines */
#define LEFT_LINE   (TIME_WIDTH + 2 + STATE_WIDTH + 1) /* column of the left life line */
#define RIGHT_LINE  (LEFT_LINE + 1 + AREA_WIDTH)
#define WIDTH       100

/* What lines are drawn with; every string is one column wide, save the dots. */
struct pen {
	const char *far_life; /* the right life line; a self-connection has none */
	const char *life, *to_right, *to_left, *lost, *down, *up, *turn, *back, *more;
	const char *line[SW_RUNG_IGNORED + 1]; /* by enum sw_rung_kind */
};

static const struct pen unicode = {
	.far_life = "│",
	.life = "│",
	.to_right = "►",
	.to_left = "◄",
	.lost = "✗",
	.down = "╲",
	.up = "╱",
	.turn = "╮",
	.back = "╯",
	.more = "⋮",
	.line = { "─", "╌", "═", "┅", "┈" },
};

static const struct pen ascii_pen = {
	.far_life = "|",
	.life = "|",
	.to_right = ">",
	.to_left = "<",
	.lost = "x",
	.down = "\\",
	.up = "/",
	.turn = ".",
	.back = "'",
	.more = ":",
	.line = { "-", "=", "#", "~", "." },
};

static void repeat(const char *piece, int times)
{
	while (times-- > 0)
		fputs(piece, stdout);
}

/* --- Sides ---------------------------------------------------------------------------------- */

static const char *name_of(int state)
{
	return state < 0 ? "" : sw_state_name((unsigned int)state);
}

/*
 * The time, with more digits than it would have where the line before would show the same. It may take
 * the blanks behind its column.
 */
static const char *time_of(__s64 time_ns, char text[SW_ELAPSED_TEXT])
{
	static __s64 last_ns;
	char last[SW_ELAPSED_TEXT];

	sw_elapsed(time_ns, text);
	if (time_ns != last_ns && !strcmp(text, sw_elapsed(last_ns, last)))
		snprintf(text, SW_ELAPSED_TEXT, "%.*f",
			 time_ns < 10000 * (__s64)SW_NS_PER_S ? 6 : 5,
			 (double)time_ns / SW_NS_PER_S);
	last_ns = time_ns;
	return text;
}

/* Time, blank if there is none, and the left state, up to the left life line. */
static void begin_line(const struct pen *pen, const __s64 *time_ns, const char *state)
{
	char time[SW_ELAPSED_TEXT] = "";
	int columns;

	if (time_ns)
		time_of(*time_ns, time);
	columns = printf("%*s", TIME_WIDTH, time);
	printf("%*s %s", TIME_WIDTH + 2 + STATE_WIDTH - columns, state, pen->life);
}

static void end_line(const struct pen *pen, const char *state)
{
	printf("%s%s%s\n", pen->far_life, *state ? " " : "", state);
}

/* A line without an arrow: a note in the middle, a state at either side. */
static void print_note(const struct pen *pen, const char *left, const char *note, int columns,
		       const char *right)
{
	int before = (AREA_WIDTH - columns) / 2;

	begin_line(pen, NULL, left);
	printf("%*s%s%*s", before, "", note, AREA_WIDTH - columns - before, "");
	end_line(pen, right);
}

static const char *new_state(const struct sw_rung *rung, int side)
{
	return sw_rung_changed(rung, side) ? sw_state_name(rung->state[side]) : "";
}

/* States that a side only passed through stand above the arrow. */
static void print_passed(const struct pen *pen, const struct sw_rung *rung)
{
	int left = sw_rung_passed(rung, SW_LEFT), right = sw_rung_passed(rung, SW_RIGHT);

	if (left >= 0 || right >= 0)
		print_note(pen, name_of(left), "", 0, name_of(right));
}

static void print_folded(const struct pen *pen, const struct sw_rung *rung)
{
	char note[SW_FOLDED_TEXT];
	int columns = (int)strlen(sw_rung_folded(rung, note)) + 6;
	int before = (AREA_WIDTH - columns) / 2;

	begin_line(pen, NULL, "");
	printf("%*s%s  %s  %s%*s", before, "", pen->more, note, pen->more,
	       AREA_WIDTH - columns - before, "");
	end_line(pen, "");
}

/* --- Arrows --------------------------------------------------------------------------------- */

/* A line with a label `before` columns from its begin; width is what remains for both. */
static void print_labelled(const char *line, const char *label, int before, int width)
{
	repeat(line, before);
	printf(" %s ", label);
	repeat(line, width - before - 2 - (int)strlen(label));
}

static void print_straight(const struct pen *pen, const struct sw_rung *rung)
{
	const char *line = pen->line[rung->kind];
	const char *head = rung->from == SW_LEFT ? pen->to_right : pen->to_left;
	char label[SW_RUNG_TEXT];
	int before;

	if (rung->kind == SW_RUNG_IGNORED)
		head = pen->lost;
	sw_rung_label(rung, label);
	before = (AREA_WIDTH - 3 - (int)strlen(label)) / 2;
	begin_line(pen, &rung->time_ns, new_state(rung, SW_LEFT));
	if (rung->from == SW_RIGHT)
		fputs(head, stdout);
	print_labelled(line, label, before, AREA_WIDTH - 1);
	if (rung->from == SW_LEFT)
		fputs(head, stdout);
	end_line(pen, new_state(rung, SW_RIGHT));
	if (rung->reason && rung->kind == SW_RUNG_IGNORED)
		print_note(pen, "", rung->reason, (int)strlen(rung->reason), "");
}

/* What a crossing leaves on either side of it. */
#define HALF_WIDTH ((AREA_WIDTH - 2) / 2)

_Static_assert(SW_RUNG_COLUMNS <= AREA_WIDTH - 4, "label, line and head fit");
_Static_assert(SW_CROSSING_LABEL <= HALF_WIDTH - 3, "label and line fit");

/* Columns of line before a label of a crossing, at its sender's side. */
static int stub(const char *label)
{
	int rest = HALF_WIDTH - 2 - (int)strlen(label);

	return rest < 3 ? rest : 3;
}

/* The state a side is in once it has sent, before the other's segment arrives. */
static const char *state_when_sent(const struct sw_rung *first, const struct sw_rung *second,
				   int side)
{
	const struct sw_rung *own = first->from == side ? first : second;
	int passed = sw_rung_passed(own, side);

	if (passed >= 0)
		return name_of(passed);
	return own == first ? new_state(first, side) : "";
}

static const char *state_in_the_end(const struct sw_rung *first, const struct sw_rung *second,
				    int side)
{
	const struct sw_rung *last = sw_rung_changed(second, side) ? second : first;

	if (last == first && (first->from == side || !sw_rung_changed(first, side)))
		return "";
	return sw_state_name(last->state[side]);
}

static void print_crossing(const struct pen *pen, const struct sw_rung *first,
			   const struct sw_rung *second)
{
	const struct sw_rung *left = first->from == SW_LEFT ? first : second;
	const struct sw_rung *right = left == first ? second : first;
	const char *line = pen->line[SW_RUNG_PLAIN];
	char label[SW_RUNG_TEXT];

	begin_line(pen, &first->time_ns, state_when_sent(first, second, SW_LEFT));
	sw_rung_label(left, label);
	print_labelled(line, label, stub(label), HALF_WIDTH);
	printf("%s%s", pen->down, pen->up);
	sw_rung_label(right, label);
	print_labelled(line, label, HALF_WIDTH - 2 - (int)strlen(label) - stub(label), HALF_WIDTH);
	end_line(pen, state_when_sent(first, second, SW_RIGHT));

	begin_line(pen, &second->time_ns, state_in_the_end(first, second, SW_LEFT));
	fputs(pen->to_left, stdout);
	repeat(line, HALF_WIDTH - 1);
	printf("%s%s", pen->up, pen->down);
	repeat(line, HALF_WIDTH - 1);
	fputs(pen->to_right, stdout);
	end_line(pen, state_in_the_end(first, second, SW_RIGHT));
}

/* Out and back: a socket that is its own peer has one life line. */
static void print_loop(const struct pen *pen, const struct sw_rung *rung)
{
	const char *line = pen->line[rung->kind];
	char label[SW_RUNG_TEXT];
	int passed = sw_rung_passed(rung, SW_LEFT);

	begin_line(pen, &rung->time_ns, passed >= 0 ? name_of(passed) : new_state(rung, SW_LEFT));
	print_labelled(line, sw_rung_label(rung, label), 3, AREA_WIDTH - 1);
	puts(pen->turn);
	begin_line(pen, NULL, passed >= 0 ? new_state(rung, SW_LEFT) : "");
	fputs(rung->kind == SW_RUNG_IGNORED ? pen->lost : pen->to_left, stdout);
	repeat(line, AREA_WIDTH - 2);
	printf("%s%s%s\n", pen->back, rung->reason ? " " : "", rung->reason ?: "");
}

/* --- All of it ------------------------------------------------------------------------------ */

/* Each name above its life line, as far as the margins let it. */
static void print_names(const struct pen *pen, const struct sw_ladder *ladder)
{
	char a[SW_ENDPOINT_TEXT], b[SW_ENDPOINT_TEXT];
	struct sw_ends ends = sw_flow_ends(&ladder->key, &ladder->flow);
	int from_a, from_b;

	sw_endpoint_name(&ladder->key, ends.a, a);
	sw_endpoint_name(&ladder->key, ends.b, b);
	from_a = LEFT_LINE - (int)strlen(a) / 2;
	from_b = RIGHT_LINE - (int)strlen(b) / 2;
	from_a = from_a < 0 ? 0 : from_a;
	from_b = from_b + (int)strlen(b) > WIDTH ? WIDTH - (int)strlen(b) : from_b;
	printf("%*s%s", from_a, "", a);
	if (*pen->far_life)
		printf("%*s%s", from_b - from_a - (int)strlen(a), "", b);
	printf("\n%*s%s%*s%s\n", LEFT_LINE, "", pen->life, *pen->far_life ? AREA_WIDTH : 0, "",
	       pen->far_life);
}

void sw_ladder_print(const struct sw_ladder *ladder, bool ascii)
{
	struct pen pen = ascii ? ascii_pen : unicode;
	bool self = sw_key_is_self(&ladder->key);
	const char *state = sw_conn_state(&ladder->key, &ladder->flow);
	char subject[SW_LADDER_SUBJECT];

	if (self)
		pen.far_life = "";
	printf("%s: %s (%s)\n\n", sw_ladder_subject(ladder, subject), sw_conn_state_meaning(state),
	       state);
	print_names(&pen, ladder);
	for (size_t i = 0; i < ladder->count; i++) {
		const struct sw_rung *rung = &ladder->rung[i];

		if (rung->folded)
			print_folded(&pen, rung);
		if (self) {
			print_loop(&pen, rung);
		} else if (i + 1 < ladder->count && rung[1].crosses) {
			print_crossing(&pen, rung, rung + 1);
			i++;
		} else {
			print_passed(&pen, rung);
			print_straight(&pen, rung);
		}
	}
}
