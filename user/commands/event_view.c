// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A line an event, of a transition two where the endpoints are long.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "commands/event_view.h"
#include "text/admission.h"
#include "text/flow_view.h"
#include "text/json.h"
#include "text/names.h"
#include "text/retreat.h"

#define CLOCK_TEXT 32

/* "09:12:00.000123", of the wall clock. */
static const char *clock_text(__u64 wall_ns, char text[CLOCK_TEXT])
{
	time_t seconds = wall_ns / SW_NS_PER_S;
	struct tm local;
	size_t end;

	localtime_r(&seconds, &local);
	end = strftime(text, CLOCK_TEXT, "%H:%M:%S", &local);
	snprintf(text + end, CLOCK_TEXT - end, ".%06llu", wall_ns % SW_NS_PER_S / 1000);
	return text;
}

/* When, and what it is. */
static void print_begin(const struct sw_event *event, __s64 offset_ns)
{
	char clock[CLOCK_TEXT];

	printf("%s %-11s ", clock_text(event->time_ns + offset_ns, clock), sw_event_name(event));
}

static json_t *begin_json(const struct sw_event *event, const char *cause, __s64 offset_ns)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "type", "event", "cause", cause, "event",
			 sw_event_name(event), "ts",
			 sw_seconds_json((__s64)event->time_ns + offset_ns));
}

/* --- Of a flow ------------------------------------------------------------------------------ */

/* In the order of sender and receiver; of a flow that is removed in the order of who opened. */
struct transition {
	char src[SW_ENDPOINT_TEXT], dst[SW_ENDPOINT_TEXT], flags[SW_FLAGS_TEXT];
	const char *src_before, *src_after, *dst_before, *dst_after;
};

static void order(const struct sw_event *event, struct transition *order)
{
	bool sent = event->cause == SW_EVENT_SEGMENT;
	int src = (sent ? event->sender : event->originator) & 1, dst = !src;
	bool self = sw_key_is_self(&event->key);
	int src_state = self ? 0 : src, dst_state = self ? 0 : dst;

	sw_endpoint_name(&event->key, src, order->src);
	sw_endpoint_name(&event->key, dst, order->dst);
	sw_flags_name(event->flags, order->flags);
	order->src_before = sw_state_name(event->before[src_state]);
	order->src_after = sw_state_name(event->after[src_state]);
	order->dst_before = sw_state_name(event->before[dst_state]);
	order->dst_after = sw_state_name(event->after[dst_state]);
}

#define ENDPOINT_WIDTH 21 /* of IPv4 */

static void print_transition(const struct sw_event *event, __s64 offset_ns)
{
	struct transition it;

	order(event, &it);
	print_begin(event, offset_ns);
	if (strlen(it.src) <= ENDPOINT_WIDTH && strlen(it.dst) <= ENDPOINT_WIDTH)
		printf("%-*s %-4s %-*s ", ENDPOINT_WIDTH, it.src, it.flags, ENDPOINT_WIDTH, it.dst);
	else
		printf("%-47s %s\n%28s%-47s ", it.src, it.flags, "", it.dst);
	printf("%-11s %s\n", it.src_after, it.dst_after);
}

static json_t *transition_json(const struct sw_event *event, __s64 offset_ns)
{
	static const char *const causes[] = {
		[SW_EVENT_SEGMENT] = "segment",
		[SW_EVENT_EXPIRED] = "expired",
		[SW_EVENT_DELETED] = "deleted",
	};
	json_t *object = begin_json(event, causes[event->cause], offset_ns);
	struct transition it;

	order(event, &it);
	json_object_update_new(object,
			       json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s}",
					 "src", it.src, "dst", it.dst, "flags", it.flags, "seq",
					 (json_int_t)event->seq, "ack", (json_int_t)event->ack,
					 "len", (json_int_t)event->length, "src_before",
					 it.src_before, "src_state", it.src_after, "dst_before",
					 it.dst_before, "dst_state", it.dst_after));
	return object;
}

/* --- Of none -------------------------------------------------------------------------------- */

static void print_switch(const struct sw_event *event, __s64 offset_ns)
{
	print_begin(event, offset_ns);
	printf("port %u: %s\n", event->key.port[0],
	       event->cause == SW_EVENT_COOKIES_ON
		       ? "under pressure, SYNs are answered with cookies"
		       : "quiet, SYNs go to the kernel");
}

static json_t *switch_json(const struct sw_event *event, __s64 offset_ns)
{
	bool on = event->cause == SW_EVENT_COOKIES_ON;
	json_t *object = begin_json(event, on ? "cookies_on" : "cookies_off", offset_ns);

	json_object_set_new(object, "port", json_integer(event->key.port[0]));
	return object;
}

static void print_admission(const struct sw_event *event, __s64 offset_ns)
{
	print_begin(event, offset_ns);
	printf("%s: %s\n", sw_family_name(event->sender),
	       sw_admission_text((__u8)event->seq, (enum sw_admission)event->ack));
}

static json_t *admission_json(const struct sw_event *event, __s64 offset_ns)
{
	json_t *object = begin_json(event, "admission", offset_ns);

	json_object_set_new(object, "family", json_string(sw_family_name(event->sender)));
	json_object_update_new(object,
			       sw_admission_json((__u8)event->seq, (enum sw_admission)event->ack));
	return object;
}

static void print_retreat(const struct sw_event *event, __s64 offset_ns)
{
	print_begin(event, offset_ns);
	printf("port %u, %s: %s\n", event->key.port[0], sw_family_name(event->sender),
	       sw_stand_text((enum sw_stand)event->ack));
}

static json_t *retreat_json(const struct sw_event *event, __s64 offset_ns)
{
	json_t *object = begin_json(event, "retreat", offset_ns);

	json_object_update_new(object, json_pack("{s:i, s:s, s:s}", "port", (int)event->key.port[0],
						 "family", sw_family_name(event->sender), "stand",
						 sw_stand_name((enum sw_stand)event->ack)));
	return object;
}

static const char *const hooks[] = { "ingress", "egress", "admit" }; /* bit n of SW_HOOK_* */

#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

static void print_hook_lost(const struct sw_event *event, __s64 offset_ns)
{
	print_begin(event, offset_ns);
	printf("%.*s: not there any more, or not in its place:", IFNAMSIZ,
	       (const char *)event->key.addr[0]);
	for (size_t i = 0; i < HOOKS; i++)
		if (event->flags & 1U << i)
			printf(" %s", hooks[i]);
	putchar('\n');
}

static json_t *hook_lost_json(const struct sw_event *event, __s64 offset_ns)
{
	json_t *object = begin_json(event, "hook_lost", offset_ns), *list = json_array();

	for (size_t i = 0; i < HOOKS; i++)
		if (event->flags & 1U << i)
			json_array_append_new(list, json_string(hooks[i]));
	json_object_update_new(object, json_pack("{s:s, s:o}", "iface",
						 (const char *)event->key.addr[0], "hooks", list));
	return object;
}

static void print_rejected(const struct sw_event *event, __s64 offset_ns)
{
	char src[SW_ENDPOINT_TEXT];

	print_begin(event, offset_ns);
	printf("from %s to port %u\n", sw_endpoint_name(&event->key, event->sender & 1, src),
	       event->key.port[!(event->sender & 1)]);
}

static json_t *rejected_json(const struct sw_event *event, __s64 offset_ns)
{
	json_t *object = begin_json(event, "cookie_rejected", offset_ns);
	char src[SW_ENDPOINT_TEXT], dst[SW_ENDPOINT_TEXT];
	int sender = event->sender & 1;

	json_object_update_new(object, json_pack("{s:s, s:s}", "src",
						 sw_endpoint_name(&event->key, sender, src), "dst",
						 sw_endpoint_name(&event->key, !sender, dst)));
	return object;
}

/* --- By cause ------------------------------------------------------------------------------- */

static const struct {
	void (*print)(const struct sw_event *event, __s64 offset_ns);
	json_t *(*json)(const struct sw_event *event, __s64 offset_ns);
} views[] = {
	[SW_EVENT_SEGMENT] = { print_transition, transition_json },
	[SW_EVENT_EXPIRED] = { print_transition, transition_json },
	[SW_EVENT_COOKIES_ON] = { print_switch, switch_json },
	[SW_EVENT_COOKIES_OFF] = { print_switch, switch_json },
	[SW_EVENT_ADMISSION] = { print_admission, admission_json },
	[SW_EVENT_RETREAT] = { print_retreat, retreat_json },
	[SW_EVENT_DELETED] = { print_transition, transition_json },
	[SW_EVENT_HOOK_LOST] = { print_hook_lost, hook_lost_json },
	[SW_EVENT_COOKIE_REJECTED] = { print_rejected, rejected_json },
};

void sw_event_print(const struct sw_event *event, __s64 offset_ns)
{
	if (event->cause >= sizeof(views) / sizeof(views[0]) || !views[event->cause].print)
		return; /* of a later version */
	if (sw_json)
		sw_json_print_line(views[event->cause].json(event, offset_ns));
	else
		views[event->cause].print(event, offset_ns);
}
