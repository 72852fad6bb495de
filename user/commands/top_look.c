// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The interfaces are looked for each time: a daemon may end, and another come with other maps.
 */
#include <string.h>

#include "commands/top_look.h"
#include "host/clock.h"
#include "model/flow_maps.h"
#include "text/report.h"

const struct sw_top_rate sw_top_rates[SW_TOP_RATES] = {
	{ "segments", SW_SEGMENTS },         { "opened", SW_FLOWS_OPENED },
	{ "closed", SW_FLOWS_CLOSED },       { "cookies sent", SW_COOKIES_SENT },
	{ "rejected", SW_COOKIES_REJECTED },
};

static int take_rejected(void *context, void *data, size_t size)
{
	struct sw_top_look *look = context;
	const struct sw_event *event = data;

	if (size < sizeof(*event))
		return 0;
	return sw_summary_add_prefix(&look->rejecting, event->key.addr[event->sender & 1]);
}

/* What is more than the ring buffer holds between two looks is left out: it is a sample then. */
static int open_reader(struct sw_top_look *look)
{
	static const struct sw_event_wish wish = { .kinds = 1U << SW_KIND_COOKIE_REJECTED };
	int err = sw_event_reader_open(&look->rejected, &look->ifaces.iface[0].maps, &wish,
				       take_rejected, look);

	look->reading = true;
	return err;
}

static void close_all(struct sw_top_look *look)
{
	if (look->reading)
		sw_event_reader_close(&look->rejected);
	look->reading = look->found = false;
	sw_ifaces_close(&look->ifaces);
}

static __u32 flows_id(const struct sw_ifaces *ifaces)
{
	return ifaces->count ? sw_maps_id(&ifaces->iface[0].maps, "sw_flows") : 0;
}

/* What is there now; the reader stays as long as the maps are the same. */
static int find(struct sw_top_look *look, char *const *operands)
{
	static struct sw_ifaces now;
	int err = sw_ifaces_open_readable(operands, &now);

	err = err ?: sw_ifaces_one_set(&now, "show");
	if (!err && look->found && flows_id(&now) == flows_id(&look->ifaces)) {
		look->ifaces.iface[0].daemon = now.iface[0].daemon;
		sw_ifaces_close(&now);
		return 0;
	}
	close_all(look);
	if (err) {
		sw_ifaces_close(&now);
		return err;
	}
	look->ifaces = now;
	memset(look->history, 0, sizeof(look->history));
	return open_reader(look);
}

static int count_halfopen(struct sw_top_look *look)
{
	int err = 0;

	sw_tally_free(&look->halfopen);
	for (size_t i = 0; !err && i < look->flows.count; i++) {
		const struct sw_flow_record *record = sw_flow_table_at(&look->flows, i);

		if (record->halfopen)
			err = sw_summary_add_prefix(&look->halfopen,
						    record->key.addr[record->flow.originator]);
	}
	sw_tally_settle(&look->halfopen);
	return err;
}

static int read_flows(struct sw_top_look *look, const struct sw_map_fds *maps, __u64 now)
{
	static const struct sw_filter all;
	int err;

	sw_flow_table_free(&look->flows);
	sw_flow_summary_free(&look->summary);
	err = sw_flow_table_read(&look->flows, maps, &all, now);
	return err ?: sw_flow_summary_read(&look->summary, &look->flows) ?: count_halfopen(look);
}

static int read_rejected(struct sw_top_look *look)
{
	__u64 lost;
	int err = sw_event_reader_poll(&look->rejected, 0, &lost);

	sw_tally_free(&look->rejected_from);
	look->rejected_from = look->rejecting;
	look->rejecting = (struct sw_tally){};
	sw_tally_settle(&look->rejected_from);
	return err;
}

static int read_all(struct sw_top_look *look, __u64 now)
{
	struct sw_map_fds maps = sw_maps_fds(&look->ifaces.iface[0].maps);
	struct sw_totals totals = {};
	int err = sw_totals_add(&totals, &maps, now) ?: sw_status_read(&look->status, &maps, now);

	for (int i = 0; !err && i < SW_TOP_RATES; i++)
		sw_history_look(&look->history[i], totals.count[sw_top_rates[i].counter], now);
	err = err ?: read_flows(look, &maps, now) ?: read_rejected(look);
	return err ? sw_fail(err, NULL, "read the maps") : 0;
}

void sw_top_look(struct sw_top_look *look, char *const *operands)
{
	__u64 now = sw_monotonic_ns();

	look->time = time(NULL);
	look->found = !find(look, operands) && !read_all(look, now);
	look->took_ns = sw_monotonic_ns() - now;
}

void sw_top_look_close(struct sw_top_look *look)
{
	close_all(look);
	sw_flow_table_free(&look->flows);
	sw_flow_summary_free(&look->summary);
	sw_tally_free(&look->halfopen);
	sw_tally_free(&look->rejecting);
	sw_tally_free(&look->rejected_from);
}
