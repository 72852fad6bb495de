// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward stats: every counter, added up over the CPUs and over the interfaces asked for; then the
 * two gauges.
 */
#include <stdio.h>

#include "host/clock.h"
#include "commands/cmd.h"
#include "host/iface.h"
#include "model/stats.h"
#include "text/json.h"
#include "text/names.h"
#include "text/report.h"

static void print_line(const char *name, __u64 value, const char *help)
{
	printf("%-18s %15llu  %s\n", name, value, help);
}

static void print_text(const struct sw_totals *totals)
{
	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		print_line(sw_counter_name(i), totals->count[i], sw_counter_help(i));
	print_line("flows_live", totals->flows_live, "flows in the flow table now");
	print_line("halfopen_live", totals->halfopen_live, "half-open records now");
}

static void print_json(const struct sw_totals *totals)
{
	json_t *object = json_object();

	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		json_object_set_new(object, sw_counter_name(i),
				    json_integer((json_int_t)totals->count[i]));
	json_object_set_new(object, "flows_live", json_integer((json_int_t)totals->flows_live));
	json_object_set_new(object, "halfopen_live",
			    json_integer((json_int_t)totals->halfopen_live));
	sw_json_print(object);
}

/* Interfaces of one run share their maps, which are then to be counted once. */
static int read_all(const struct sw_ifaces *ifaces, struct sw_totals *totals)
{
	__u64 now_ns = sw_monotonic_ns();
	int err = 0;

	for (size_t i = 0; !err && i < ifaces->count; i++) {
		struct sw_map_fds maps = sw_maps_fds(&ifaces->iface[i].maps);

		if (sw_ifaces_first_with_maps(ifaces, i))
			err = sw_totals_add(totals, &maps, now_ns);
	}
	return err ? sw_fail(err, NULL, "read the counters") : 0;
}

enum sw_exit sw_cmd_stats(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	struct sw_totals totals = {};
	int err = sw_ifaces_open_readable(operands, &ifaces);

	(void)args;
	err = err ?: read_all(&ifaces, &totals);
	if (!err && sw_json)
		print_json(&totals);
	else if (!err)
		print_text(&totals);
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
