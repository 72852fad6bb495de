// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward flows: the connections of one, several or all interfaces, as a table or as a JSON array.
 */
#include <stdio.h>

#include "host/clock.h"
#include "commands/cmd.h"
#include "model/flow_maps.h"
#include "text/flow_view.h"
#include "text/json.h"
#include "text/report.h"
#include "host/iface.h"

struct sw_flow_filter sw_flows_args = { .state = -1, .port = -1, .limit = ~0ULL };

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
const struct sw_option sw_options_flows[] = {
	{ .name = "state", .kind = SW_OPTION_STATE, SW_INTO(struct sw_flow_filter, state),
	  .help = "only flows with an end in this state" },
	{ .name = "port", .kind = SW_OPTION_NUMBER, SW_INTO(struct sw_flow_filter, port),
	  .min = 0, .max = 65535, .help = "only flows with this port at either end" },
	{ .name = "limit", .kind = SW_OPTION_NUMBER, SW_INTO(struct sw_flow_filter, limit),
	  .min = 0, .max = 1 << 30, .help = "not more than so many, the oldest first" },
	{},
};

const char sw_options_flows_more[] =
	"PKTS and BYTES are of both ends together, bytes without headers and retransmissions.\n"
	"LEFT is the time until the flow is forgotten. FLAGS: h half-open, not proved live by both\n"
	"ends; m picked up in the middle, its SYN was not seen; r reset; ! a segment of it was refused,\n"
	"so distrust it, `synward stats` counts why. --json has more.\n";
/* clang-format on */

static void print_text(const struct sw_flow_table *table, size_t count, __u64 now_ns)
{
	sw_flow_print_head();
	for (size_t i = 0; i < count; i++) {
		const struct sw_flow_record *record = &table->record[i];

		sw_flow_print(&record->key, &record->flow, now_ns, record->halfopen);
	}
}

static void print_json(const struct sw_flow_table *table, size_t count, __u64 now_ns)
{
	__s64 wall_offset_ns = sw_wall_offset_ns();

	putchar('[');
	for (size_t i = 0; i < count; i++) {
		const struct sw_flow_record *record = &table->record[i];
		json_t *flow = sw_flow_json(&record->key, &record->flow, wall_offset_ns);

		json_object_set_new(flow, "expires",
				    sw_seconds_json((__s64)(record->flow.deadline_ns - now_ns)));
		fputs(i ? ",\n" : "\n", stdout);
		sw_json_print_element(flow);
	}
	puts(count ? "\n]" : "]");
}

/* Interfaces of one run share their maps, which are then to be read once. */
static int read_all(const struct sw_ifaces *ifaces, const struct sw_flow_filter *filter,
		    __u64 now_ns, struct sw_flow_table *table)
{
	int err = 0;

	for (size_t i = 0; !err && i < ifaces->count; i++) {
		struct sw_map_fds maps = sw_maps_fds(&ifaces->iface[i].maps);

		if (sw_ifaces_first_with_maps(ifaces, i))
			err = sw_flow_table_read(table, &maps, filter, now_ns);
	}
	sw_flow_table_sort(table);
	return err ? sw_fail(err, NULL, "read the flows") : 0;
}

enum sw_exit sw_cmd_flows(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	const struct sw_flow_filter *filter = args;
	struct sw_flow_table table = {};
	__u64 now_ns = sw_monotonic_ns();
	int err = sw_ifaces_open_readable(operands, &ifaces);

	err = err ?: read_all(&ifaces, filter, now_ns, &table);
	if (!err) {
		size_t count = table.count < filter->limit ? table.count : filter->limit;

		if (sw_json)
			print_json(&table, count, now_ns);
		else
			print_text(&table, count, now_ns);
	}
	sw_flow_table_free(&table);
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
