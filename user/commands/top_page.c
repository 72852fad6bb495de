// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Everything is drawn anew; ncurses sends what has changed. What matters is said in words and numbers:
 * bold and colour only point at it.
 */
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <synward/pressure.h>

#include "commands/filter_options.h"
#include "commands/top_page.h"
#include "guard/port_list.h"
#include "text/flow_view.h"
#include "text/names.h"
#include "text/prefix.h"
#include "text/values.h"

#define SOURCES   3 /* of each kind */
#define PORTS_MAX 4

enum {
	PAIR_HEAD = 1,
	PAIR_ALARM = 2
};

/* A line of text, which begins at the left and is cut at the right. */
static void line(int row, attr_t how, const char *text)
{
	attrset(how);
	mvaddnstr(row, 0, text, COLS);
	attrset(A_NORMAL);
}

static void bar(int row, const char *text)
{
	attrset(A_REVERSE | (has_colors() ? COLOR_PAIR(PAIR_HEAD) : 0));
	mvhline(row, 0, ' ', COLS);
	mvaddnstr(row, 0, text, COLS);
	attrset(A_NORMAL);
}

/* --- Rates ------------------------------------------------------------------------------------ */

/* The newest at the right, the highest of those that are seen as high as it goes. */
static void draw_graph(const struct sw_history *history, int width, bool blocks)
{
	static const char *const ascii[] = { " ", "_", ".", "-", "=", "+", "*", "#", "#" };
	static const char *const unicode[] = { " ",      "\u2581", "\u2582", "\u2583", "\u2584",
					       "\u2585", "\u2586", "\u2587", "\u2588" };
	double highest = sw_history_highest(history, width);

	for (int i = width - 1; i >= 0; i--) {
		double rate = i < history->looks ? history->rate[i] : 0;
		int level = highest > 0 ? (int)(rate / highest * 8 + 0.5) : 0;

		if (rate > 0 && !level)
			level = 1;
		addstr(blocks ? unicode[level] : ascii[level]);
	}
}

static int draw_rates(const struct sw_top_look *look, const struct sw_top_view *view, int row)
{
	int width = COLS - 38 < SW_HISTORY_LOOKS ? COLS - 38 : SW_HISTORY_LOOKS;

	for (int i = 0; i < SW_TOP_RATES; i++) {
		const struct sw_history *history = &look->history[i];
		char now[SW_VALUE_TEXT], most[SW_VALUE_TEXT];

		sw_number_short(history->looks ? (__u64)(history->rate[0] + 0.5) : 0, now);
		sw_number_short((__u64)(sw_history_highest(history, width) + 0.5), most);
		mvprintw(row, 0, "%-13s %6s/s ", sw_top_rates[i].name, now);
		draw_graph(history, width, view->blocks);
		printw(" most %s/s", most);
		row++;
	}
	return row;
}

/* --- Flows by state, ports, sources ----------------------------------------------------------- */

static int draw_states(const struct sw_top_look *look, int row)
{
	const struct sw_flow_summary *summary = &look->summary;
	char text[512];
	int length = snprintf(text, sizeof(text), "flows %zu of which half-open %zu;",
			      summary->flows, summary->halfopen);

	for (int i = 1; i <= SW_STATES; i++) {
		int state = i % SW_STATES;

		if (summary->originators[state] || summary->responders[state])
			length += snprintf(text + length, sizeof(text) - (size_t)length,
					   " %s %zu/%zu", sw_state_name((unsigned int)state),
					   summary->originators[state], summary->responders[state]);
	}
	line(row, A_BOLD, text);
	if (length > COLS)
		line(row + 1, A_BOLD, text + COLS);
	return row + 2;
}

static void draw_port(const struct sw_status *status, const struct sw_guarded *guarded, int row)
{
	bool sending = sw_port_sends_cookies(status, &guarded->port);
	char name[SW_PORT_KEY_TEXT], text[256];
	int length = snprintf(
		text, sizeof(text), "port %-21s %-6s %-13s %s%s",
		sw_port_key_text(&guarded->key, name), sw_cookie_mode_name(guarded->port.mode),
		sending ? "sends cookies" : "no cookies",
		guarded->port.protects ? "services behind" : "listener ",
		guarded->port.protects ? "" : sw_listener_name(guarded->port.listener));

	if (guarded->port.backlog)
		snprintf(text + length, sizeof(text) - (size_t)length,
			 "; half-open %u of %u, cookies from %u", guarded->port.half_open,
			 guarded->port.backlog,
			 sw_high_mark(guarded->port.marks.high, guarded->port.backlog));
	line(row, sending ? A_BOLD | (has_colors() ? COLOR_PAIR(PAIR_ALARM) : 0) : A_NORMAL, text);
}

/* Those that send cookies first: of many, these are to be seen. */
static int draw_ports(const struct sw_top_look *look, int row)
{
	const struct sw_status *status = &look->status;
	int drawn = 0;

	for (int sending = 1; sending >= 0; sending--)
		for (int i = 0; i < status->ports && drawn < PORTS_MAX; i++) {
			const struct sw_guarded *guarded = &status->guarded[i];

			if (sw_port_sends_cookies(status, &guarded->port) == sending)
				draw_port(status, guarded, row + drawn++);
		}
	if (status->ports > drawn)
		mvprintw(row + drawn++, 0, "and %d ports more, see `synward status`",
			 status->ports - PORTS_MAX);
	return row + drawn;
}

static void draw_source(const struct sw_tally *tally, size_t number, int row, int column)
{
	struct sw_prefix prefix;
	char text[SW_PREFIX_TEXT];

	if (number >= tally->count)
		return;
	prefix.bits = tally->row[number].number;
	memcpy(prefix.address, tally->row[number].address, sizeof(prefix.address));
	mvprintw(row, column, "%8u %.29s", tally->row[number].count, sw_prefix_text(&prefix, text));
}

static int draw_sources(const struct sw_top_look *look, int row)
{
	int half = COLS / 2;

	if (!look->halfopen.count && !look->rejected_from.count)
		return row;
	line(row, A_UNDERLINE, "half-open from");
	attrset(A_UNDERLINE);
	mvaddstr(row++, half, "rejected cookies from, of late");
	attrset(A_NORMAL);
	for (size_t i = 0; i < SOURCES; i++) {
		draw_source(&look->halfopen, i, row, 0);
		draw_source(&look->rejected_from, i, row, half);
		row += i < look->halfopen.count || i < look->rejected_from.count;
	}
	return row;
}

/* --- The flow table --------------------------------------------------------------------------- */

static void draw_head(int row)
{
	bar(row, "ORIGINATOR            RESPONDER             STATE       STATE        PKTS BYTES"
		 "   AGE  LEFT FLAGS");
}

/* A flow with long endpoints takes two lines, and both must have room. */
static int draw_flow(const struct sw_flow_record *record, __u64 now_ns, int row, int last)
{
	char text[SW_FLOW_ROW_TEXT], *rest = text, *part;
	int lines = 0;

	sw_flow_row(&record->key, &record->flow, now_ns, record->halfopen, text);
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	if (row + lines > last)
		return last;
	while ((part = strsep(&rest, "\n")) && *part)
		line(row++, A_NORMAL, part);
	return row;
}

static void draw_flows(const struct sw_top_look *look, const struct sw_top_view *view, int row,
		       int last)
{
	size_t count = ~0UL;
	__u32 *order = sw_flow_table_order(&look->flows, view->order, view->reverse, &count);

	for (size_t i = 0; order && i < count && row < last; i++) {
		const struct sw_flow_record *record = sw_flow_table_at(&look->flows, order[i]);

		if (sw_flow_matches(&view->filter, &record->key, &record->flow))
			row = draw_flow(record, look->status.now_ns, row, last);
	}
	free(order);
}

/* --- The page --------------------------------------------------------------------------------- */

static void draw_title(const struct sw_top_look *look, const struct sw_top_view *view)
{
	char text[256] = "synward top", clock[16];
	struct tm local;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&look->time, &local));
	if (look->found)
		snprintf(text, sizeof(text), "synward top  %s%s  %s  %s%s",
			 look->ifaces.iface[0].name, look->ifaces.count > 1 ? " and others" : "",
			 clock, look->ifaces.iface[0].daemon ? "" : "no daemon  ",
			 view->paused ? "PAUSED" : "");
	bar(0, text);
}

static void draw_foot(const struct sw_top_view *view)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "q quit  p pause  s sort (%s%s)  r reverse  / filter%s%s  h help",
		 sw_flow_order_name(view->order), view->reverse ? ", reversed" : "",
		 view->filter_text[0] ? ": " : "", view->filter_text);
	line(LINES - 1, A_BOLD, view->message[0] ? view->message : text);
}

void sw_top_draw(const struct sw_top_look *look, const struct sw_top_view *view)
{
	int row = 1;

	erase();
	draw_title(look, view);
	if (look->found) {
		row = draw_rates(look, view, row);
		row = draw_states(look, row);
		row = draw_ports(look, row);
		row = draw_sources(look, row);
		draw_head(row);
		draw_flows(look, view, row + 1, LINES - 1);
	}
	draw_foot(view);
	refresh();
}

void sw_top_draw_help(void)
{
	static const char *const text[] = {
		"synward top: what passes, the newest rate at the right of each graph.",
		"",
		"  q        quit                        p, space  pause, and go on",
		"  s        sort the flows by the next: age, bytes, packets, left, port",
		"  r        the other way round         /         choose flows, see below",
		"  h, ?     this, and back",
		"",
		"States are counted as ORIGINATORS/RESPONDERS. A guarded port that sends cookies",
		"is bold. Sources are /24 and /64; those of rejected cookies are counted from one",
		"look to the next, under a flood a sample of them.",
		"",
		"A filter is made of the options of `synward flows`, without the dashes:",
		"  dport 443 state time-wait",
		"  src 10.0.0.0/8 dst-state close-wait",
		"An empty one shows all. FLAGS of a flow: h half-open, m picked up in the middle,",
		"r reset, ! a segment of it was refused.",
	};

	erase();
	bar(0, "synward top: help");
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		line(2 + (int)i, A_NORMAL, text[i]);
	line(LINES - 1, A_BOLD, "any key: back");
	refresh();
}
