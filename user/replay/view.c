// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Printers of steps and flows. They print what they are given, and keep nothing but their place.
 */
#include <stdio.h>
#include <string.h>

#include "text/conn_state.h"
#include "text/flow_view.h"
#include "text/json.h"
#include "text/names.h"
#include "replay/view.h"
#include "text/values.h"

struct sw_sides sw_step_sides(const struct sw_step *step)
{
	struct sw_sides sides = { .src = step->seg->sender, .dst = !step->seg->sender };
	int dst_state = step->seg->self ? sides.src : sides.dst;

	sides.src_before = &step->before->ep[sides.src];
	sides.src_after = &step->after->ep[sides.src];
	sides.dst_before = &step->before->ep[dst_state];
	sides.dst_after = &step->after->ep[dst_state];
	return sides;
}

/* Its first sequence number is known: from its SYN, or from its peer's acknowledgements. */
static bool is_known(const struct sw_endpoint *ep)
{
	return ep->isn || ep->next;
}

__u32 sw_relative_seq(const struct sw_step *step)
{
	struct sw_sides sides = sw_step_sides(step);

	return step->seg->seq - (is_known(sides.src_after) ? sides.src_after->isn : 0);
}

__u32 sw_relative_ack(const struct sw_step *step)
{
	struct sw_sides sides = sw_step_sides(step);

	if (!(step->seg->flags & SW_TCP_ACK))
		return 0;
	return step->seg->ack - (is_known(sides.dst_after) ? sides.dst_after->isn : 0);
}

const char *sw_step_reason(const struct sw_step *step)
{
	if (step->reason == SW_NONE || step->reason == SW_FLOWS_REPLACED)
		return NULL;
	return sw_counter_name(step->reason);
}

const char *sw_elapsed(__s64 ns, char text[SW_ELAPSED_TEXT])
{
	double seconds = (double)ns / SW_NS_PER_S;
	int digits = 6;

	if (ns <= -10 * (__s64)SW_NS_PER_S || ns >= 1000 * (__s64)SW_NS_PER_S)
		digits = 3;
	if (ns <= -10000 * (__s64)SW_NS_PER_S || ns >= 1000000 * (__s64)SW_NS_PER_S)
		digits = 0;
	snprintf(text, SW_ELAPSED_TEXT, "%10.*f", digits, seconds);
	return text;
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* Of the two ends of the flows met lately: to write an address costs more than all the rest. */
#define NAMES 256

struct names {
	struct sw_flow_key key;
	char end[2][SW_ENDPOINT_TEXT];
};

static const struct names *names_of(const struct sw_flow_key *key)
{
	static struct names cache[NAMES];
	__u32 mixed = key->port[0] + 31U * key->port[1] + 7U * key->addr[0][15] + key->addr[1][15];
	struct names *names = &cache[mixed % NAMES];

	if (memcmp(&names->key, key, sizeof(*key))) {
		names->key = *key;
		sw_endpoint_name(key, 0, names->end[0]);
		sw_endpoint_name(key, 1, names->end[1]);
	}
	return names;
}

static char *put(char *at, const char *text)
{
	return stpcpy(at, text);
}

/* In at least so many digits. */
static char *put_number(char *at, __u64 number, int digits)
{
	char reversed[24];
	int count = 0;

	do {
		reversed[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number || count < digits);
	while (count)
		*at++ = reversed[--count];
	*at = '\0';
	return at;
}

/* Seconds with microseconds; before 1970 they are negative. */
static char *put_time(char *at, __s64 time_ns)
{
	__u64 us = (__u64)(time_ns < 0 ? -(time_ns / 1000) : time_ns / 1000);

	at = put(at, time_ns < 0 && us ? "-" : "");
	at = put_number(at, us / 1000000, 1);
	at = put(at, ".");
	return put_number(at, us % 1000000, 6);
}

/* By hand and not by a library, because a capture has millions of them; nothing needs quoting. */
void sw_replay_segment_json(void *context, const struct sw_step *step)
{
	const struct names *names = names_of(&step->seg->key);
	struct sw_sides sides = sw_step_sides(step);
	const char *reason = sw_step_reason(step);
	char line[768], flags[SW_FLAGS_TEXT], tunnel[SW_TUNNEL_TEXT], *at = line;

	(void)context;
	at = put_number(put(at, "{\"type\":\"segment\",\"n\":"), step->number, 1);
	at = put_time(put(at, ",\"ts\":"), step->time_ns);
	at = put(put(at, ",\"src\":\""), names->end[sides.src]);
	at = put(put(at, "\",\"dst\":\""), names->end[sides.dst]);
	at = put(put(at, "\",\"flags\":\""), sw_flags_name(step->seg->flags, flags));
	at = put_number(put(at, "\",\"seq\":"), step->seg->seq, 1);
	at = put_number(put(at, ",\"ack\":"), step->seg->ack, 1);
	at = put_number(put(at, ",\"len\":"), step->seg->length, 1);
	at = put(put(at, ",\"src_state\":\""), sw_state_name(sides.src_after->state));
	at = put(put(at, "\",\"dst_state\":\""), sw_state_name(sides.dst_after->state));
	at = put(put(at, "\",\"verdict\":\"pass\",\"reason\":"), reason ? "\"" : "null");
	at = put(put(at, reason ?: ""), reason ? "\"" : "");
	if (step->tunnel->levels)
		at = put(put(put(at, ",\"tunnel\":\""), sw_tunnel_name(step->tunnel, tunnel)),
			 "\"");
	at = put(at, "}\n");
	fwrite(line, 1, at - line, stdout);
}

void sw_replay_flow_json(void *context, const struct sw_flow_end *end)
{
	__s64 offset_ns = end->start_ns - (__s64)end->flow->start_ns;
	json_t *object = sw_flow_json(end->key, end->flow, offset_ns);
	char tunnel[SW_TUNNEL_TEXT];

	(void)context;
	if (end->tunnel->levels)
		json_object_set_new(object, "tunnel",
				    json_string(sw_tunnel_name(end->tunnel, tunnel)));
	sw_json_print_line(object);
}

/* --- The list of segments ------------------------------------------------------------------- */

#define ENDPOINT_WIDTH 21 /* of IPv4 */
#define LEFT_WIDTH     40 /* up to the end of the sender's name */
#define SEGMENT_INDENT 19 /* number and time */

/* "LISTEN > SYN_RCVD", empty if nothing has changed. */
static const char *change(const struct sw_endpoint *before, const struct sw_endpoint *after,
			  bool ascii, char text[40])
{
	*text = '\0';
	if (before->state != after->state)
		snprintf(text, 40, "%s %s %s", sw_state_name(before->state), ascii ? "->" : "→",
			 sw_state_name(after->state));
	return text;
}

/* Columns on the screen: what follows the first byte of a UTF-8 character takes none. */
static int columns(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

/* The second line: what the segment did to either end, below its name, and why it did nothing. */
static void print_effect(const struct sw_step *step, const struct sw_sides *sides, bool ascii)
{
	const char *reason = sw_step_reason(step);
	char src[40], dst[40];
	int width;

	change(sides->src_before, sides->src_after, ascii, src);
	change(sides->dst_before, sides->dst_after, ascii, dst);
	if (!*src && !*dst && !reason)
		return;
	width = LEFT_WIDTH - columns(src);
	printf("%*s%s", width, "", src);
	if (*dst)
		printf("   %s", dst);
	if (reason)
		printf("%*s%s", 3, "", reason);
	putchar('\n');
}

void sw_replay_segment_text(void *context, const struct sw_step *step)
{
	char src[SW_ENDPOINT_TEXT], dst[SW_ENDPOINT_TEXT], flags[SW_FLAGS_TEXT];
	char time[SW_ELAPSED_TEXT], tunnel[SW_TUNNEL_TEXT];
	struct sw_sides sides = sw_step_sides(step);
	struct sw_replay_view *view = context;

	if (!view->begun)
		view->first_ns = step->time_ns;
	view->begun = true;
	sw_endpoint_name(&step->seg->key, sides.src, src);
	sw_endpoint_name(&step->seg->key, sides.dst, dst);
	printf("%7llu %s ", step->number, sw_elapsed(step->time_ns - view->first_ns, time));
	if (strlen(src) <= ENDPOINT_WIDTH && strlen(dst) <= ENDPOINT_WIDTH)
		printf("%*s > %-*s", ENDPOINT_WIDTH, src, ENDPOINT_WIDTH, dst);
	else
		printf("%s >\n%*s%-47s", src, 17, "", dst);
	printf(" %-5s %10u %10u %5u\n", sw_flags_name(step->seg->flags, flags),
	       sw_relative_seq(step), sw_relative_ack(step), step->seg->length);
	if (step->tunnel->levels)
		printf("%*sin %s\n", SEGMENT_INDENT, "", sw_tunnel_name(step->tunnel, tunnel));
	print_effect(step, &sides, view->ascii);
}

/* --- The table of flows --------------------------------------------------------------------- */

#define NUMBER_WIDTH 5
#define WIDTH        100
#define COLUMNS      "%-11s %-11s %-6s %5s %5s %5s"

static void print_head(void)
{
	printf("%*s %-*s %-*s " COLUMNS "\n", NUMBER_WIDTH, "#", ENDPOINT_WIDTH, "ORIGINATOR",
	       ENDPOINT_WIDTH, "RESPONDER", "STATE", "STATE", "CONN", "PKTS", "BYTES", "TIME");
}

/* An exclamation mark behind the line: segments of the flow were refused. */
void sw_replay_flow_text(void *context, const struct sw_flow_end *end)
{
	char a[SW_ENDPOINT_TEXT], b[SW_ENDPOINT_TEXT], tunnel[SW_TUNNEL_TEXT];
	char packets[SW_VALUE_TEXT], bytes[SW_VALUE_TEXT], time[SW_VALUE_TEXT];
	const struct sw_flow *flow = end->flow;
	struct sw_ends ends = sw_flow_ends(end->key, flow);
	struct sw_replay_view *view = context;
	bool two = ends.ep_a != ends.ep_b;

	if (!view->flows++)
		print_head();
	sw_endpoint_name(end->key, ends.a, a);
	sw_endpoint_name(end->key, ends.b, b);
	sw_number_short((__u64)ends.ep_a->packets + (two ? ends.ep_b->packets : 0), packets);
	sw_number_short(sw_endpoint_bytes(ends.ep_a) + (two ? sw_endpoint_bytes(ends.ep_b) : 0),
			bytes);
	sw_duration_short(sw_flow_duration_ns(flow), time);
	printf("%*llu ", NUMBER_WIDTH, view->flows);
	if (strlen(a) <= ENDPOINT_WIDTH && strlen(b) <= ENDPOINT_WIDTH)
		printf("%-*s %-*s ", ENDPOINT_WIDTH, a, ENDPOINT_WIDTH, b);
	else
		printf("%s %s\n%*s", a, b, NUMBER_WIDTH + 2 * ENDPOINT_WIDTH + 3, "");
	printf(COLUMNS "%s\n", sw_state_name(ends.ep_a->state), sw_state_name(ends.ep_b->state),
	       sw_conn_state(end->key, flow), packets, bytes, time, end->refused ? " !" : "");
	if (end->tunnel->levels)
		printf("%*s in %.*s\n", NUMBER_WIDTH, "", WIDTH - NUMBER_WIDTH - 4,
		       sw_tunnel_name(end->tunnel, tunnel));
}
