// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward events: one line a transition, until interrupted. The data path writes events only while
 * sw_event_reader is set; one process reads them at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <synward/event.h>

#include "host/clock.h"
#include "commands/cmd.h"
#include "commands/interrupt.h"
#include "text/admission.h"
#include "text/flow_view.h"
#include "host/iface.h"
#include "host/lock.h"
#include "text/json.h"
#include "text/names.h"
#include "text/output.h"
#include "text/report.h"

#define POLL_MS 200

struct reading {
	__u64 since_ns; /* what is older was meant for a reader before us */
	__s64 wall_offset_ns;
};

/* An event in the order of sender and receiver; for an expired flow in the key's. */
struct transition {
	char src[SW_ENDPOINT_TEXT], dst[SW_ENDPOINT_TEXT], flags[SW_FLAGS_TEXT];
	const char *src_before, *src_after, *dst_before, *dst_after;
};

/* Of a flow that ends without a segment. */
static const char *end_name(__u8 cause)
{
	return cause == SW_EVENT_EXPIRED ? "expired" : "deleted";
}

static bool ends_without_segment(const struct sw_event *event)
{
	return event->cause == SW_EVENT_EXPIRED || event->cause == SW_EVENT_DELETED;
}

static void order(const struct sw_event *event, struct transition *order)
{
	int src = event->sender & 1, dst = !src;
	int dst_state = sw_key_is_self(&event->key) ? src : dst;

	sw_endpoint_name(&event->key, src, order->src);
	sw_endpoint_name(&event->key, dst, order->dst);
	sw_flags_name(event->flags, order->flags);
	order->src_before = sw_state_name(event->before[src]);
	order->src_after = sw_state_name(event->after[src]);
	order->dst_before = sw_state_name(event->before[dst_state]);
	order->dst_after = sw_state_name(event->after[dst_state]);
}

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

static void print_text(const struct sw_event *event, const struct transition *it, __s64 offset_ns)
{
	char clock[CLOCK_TEXT];

	printf("%s %-21s %-4s %-21s %-11s %s\n", clock_text(event->time_ns + offset_ns, clock),
	       it->src,
	       ends_without_segment(event) ? (event->cause == SW_EVENT_EXPIRED ? "over" : "del")
					   : it->flags,
	       it->dst, it->src_after, it->dst_after);
}

static void print_json(const struct sw_event *event, const struct transition *it, __s64 offset_ns)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "type",
		"event", "cause", ends_without_segment(event) ? end_name(event->cause) : "segment",
		"ts", sw_seconds_json((__s64)event->time_ns + offset_ns), "src", it->src, "dst",
		it->dst, "flags", it->flags, "seq", (json_int_t)event->seq, "ack",
		(json_int_t)event->ack, "len", (json_int_t)event->length, "src_before",
		it->src_before, "src_state", it->src_after, "dst_before", it->dst_before,
		"dst_state", it->dst_after);

	sw_json_print_line(object);
}

/* Guard's switch: there is a port, and no flow. */
static bool is_switch(const struct sw_event *event)
{
	return event->cause == SW_EVENT_COOKIES_ON || event->cause == SW_EVENT_COOKIES_OFF;
}

static void print_switch(const struct sw_event *event, __s64 offset_ns)
{
	bool on = event->cause == SW_EVENT_COOKIES_ON;
	char clock[CLOCK_TEXT];

	if (sw_json) {
		sw_json_print_line(json_pack("{s:s, s:s, s:o, s:i}", "type", "event", "cause",
					     on ? "cookies_on" : "cookies_off", "ts",
					     sw_seconds_json((__s64)event->time_ns + offset_ns),
					     "port", (int)event->key.port[0]));
		return;
	}
	printf("%s port %u: %s\n", clock_text(event->time_ns + offset_ns, clock),
	       event->key.port[0],
	       on ? "under pressure, SYNs are answered with cookies"
		  : "quiet, SYNs go to the kernel");
}

static void print_admission(const struct sw_event *event, __s64 offset_ns)
{
	enum sw_admission admission = (enum sw_admission)event->ack;
	__u8 hindrance = (__u8)event->seq;
	char clock[CLOCK_TEXT];
	json_t *object;

	if (sw_json) {
		object = sw_admission_json(hindrance, admission);
		json_object_update_new(object,
				       json_pack("{s:s, s:s, s:o, s:s}", "type", "event", "cause",
						 "admission", "ts",
						 sw_seconds_json((__s64)event->time_ns + offset_ns),
						 "family", sw_family_name(event->sender)));
		sw_json_print_line(object);
		return;
	}
	printf("%s %s: %s\n", clock_text(event->time_ns + offset_ns, clock),
	       sw_family_name(event->sender), sw_admission_text(hindrance, admission));
}

static int print_event(void *context, void *data, size_t size)
{
	const struct reading *reading = context;
	const struct sw_event *event = data;
	struct transition transition;

	if (size < sizeof(*event) || event->time_ns < reading->since_ns)
		return 0;
	if (is_switch(event)) {
		print_switch(event, reading->wall_offset_ns);
	} else if (event->cause == SW_EVENT_ADMISSION) {
		print_admission(event, reading->wall_offset_ns);
	} else {
		order(event, &transition);
		if (sw_json)
			print_json(event, &transition, reading->wall_offset_ns);
		else
			print_text(event, &transition, reading->wall_offset_ns);
	}
	return sw_output_flush(); /* nobody reads us: the reader's place is to be free */
}

static int read_events(const struct sw_maps *maps)
{
	struct reading reading = { sw_monotonic_ns(), sw_wall_offset_ns() };
	struct ring_buffer *ring =
		ring_buffer__new(sw_maps_fd(maps, "sw_events"), print_event, &reading, NULL);
	int err;

	if (!ring)
		return sw_fail(-errno, NULL, "open the ring buffer sw_events");
	err = sw_event_reader_write(maps, getpid());
	if (err)
		sw_fail(err, NULL, "ask the data path for events");
	while (!sw_interrupted() && err >= 0) {
		err = ring_buffer__poll(ring, POLL_MS);
		if (err == -EINTR)
			err = 0;
	}
	sw_event_reader_write(maps, 0);
	ring_buffer__free(ring);
	return err < 0 ? err : 0;
}

static int claim(const struct sw_ifaces *ifaces)
{
	__u32 events = sw_maps_id(&ifaces->iface[0].maps, "sw_events");
	char reader[SW_PROCESS_TEXT];
	int err = sw_ifaces_one_set(ifaces, "read the events") ?: sw_lock_reader(events);

	if (err == -EBUSY)
		sw_fail(0, NULL, "read the events of %s: %s does", ifaces->iface[0].name,
			sw_process_text(sw_lock_reader_pid(events), reader));
	return err;
}

enum sw_exit sw_cmd_events(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	int err = sw_ifaces_open_readable(operands, &ifaces);

	(void)args;
	err = err ?: claim(&ifaces);
	if (!err) {
		sw_interrupt_catch();
		err = read_events(&ifaces.iface[0].maps);
	}
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
