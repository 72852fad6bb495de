// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward stats: every counter, added up over the CPUs and over the interfaces asked for; then the
 * two gauges.
 */
#include <jansson.h>
#include <stdio.h>

#include "host/clock.h"
#include "commands/cmd.h"
#include "model/flow_table.h"
#include "host/iface.h"
#include "text/names.h"
#include "text/report.h"

struct stats {
	__u64 total[SW_COUNTER_MAX];
	__u64 flows_live, halfopen_live;
};

static int add(struct stats *stats, const struct sw_maps *maps)
{
	__u64 total[SW_COUNTER_MAX], halfopen;
	int err = sw_stats_read(maps, total);

	if (err)
		return sw_fail(err, NULL, "read the counters");
	err = sw_halfopen_count(maps, sw_monotonic_ns(), &halfopen);
	if (err)
		return err;
	for (int i = 0; i < SW_COUNTER_MAX; i++)
		stats->total[i] += total[i];
	stats->halfopen_live += halfopen;
	stats->flows_live += total[SW_FLOWS_OPENED] - total[SW_FLOWS_REMOVED];
	return 0;
}

static void print_line(const char *name, __u64 value, const char *help)
{
	printf("%-18s %15llu  %s\n", name, value, help);
}

static void print_text(const struct stats *stats)
{
	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		print_line(sw_counter_name(i), stats->total[i], sw_counter_help(i));
	print_line("flows_live", stats->flows_live, "flows in the flow table now");
	print_line("halfopen_live", stats->halfopen_live, "half-open records now");
}

static void print_json(const struct stats *stats)
{
	json_t *object = json_object();

	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		json_object_set_new(object, sw_counter_name(i),
				    json_integer((json_int_t)stats->total[i]));
	json_object_set_new(object, "flows_live", json_integer((json_int_t)stats->flows_live));
	json_object_set_new(object, "halfopen_live",
			    json_integer((json_int_t)stats->halfopen_live));
	json_dumpf(object, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(object);
}

enum sw_exit sw_cmd_stats(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	struct stats stats = {};
	int err = sw_ifaces_open_readable(operands, &ifaces);

	(void)args;
	for (size_t i = 0; !err && i < ifaces.count; i++)
		if (sw_ifaces_first_with_maps(&ifaces, i))
			err = add(&stats, &ifaces.iface[i].maps);
	if (!err && sw_json)
		print_json(&stats);
	else if (!err)
		print_text(&stats);
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
