// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward stats: every counter, added up over the CPUs and over the interfaces asked for; then the
 * two gauges. --watch: again and again, with what has been added a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/cmd.h"
#include "commands/interrupt.h"
#include "host/clock.h"
#include "host/iface.h"
#include "model/stats.h"
#include "text/json.h"
#include "text/names.h"
#include "text/output.h"
#include "text/report.h"

struct sw_stats_args {
	bool nonzero, watch;
	__u64 every_ms;
};

struct sw_stats_args sw_stats_args;

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define INTO(member) SW_INTO(struct sw_stats_args, member)

const struct sw_option sw_options_stats[] = {
	{ .name = "nonzero", .kind = SW_OPTION_FLAG, INTO(nonzero),
	  .help = "only counters that have counted something" },
	{ .name = "watch", .kind = SW_OPTION_FLAG, INTO(watch),
	  .help = "again and again, with rates a second, until interrupted" },
	{ .name = "every", .kind = SW_OPTION_DURATION, INTO(every_ms),
	  .initial = "1s", .min = 100, .max = 86400000, .needs = { "watch" },
	  .help = "so often" },
	{},
};
/* clang-format on */

/* Counters and gauges at one moment, and what they were at the one before. */
struct look {
	struct sw_totals totals, before;
	__u64 time_ns, before_ns; /* 0: there was none before */
};

static __u64 added(const struct look *look, int counter)
{
	__u64 now = look->totals.count[counter], before = look->before.count[counter];

	return now > before ? now - before : 0; /* it begins anew where all was detached */
}

static double rate(const struct look *look, int counter)
{
	return (double)added(look, counter) * 1e9 / (double)(look->time_ns - look->before_ns);
}

/* --- Text ----------------------------------------------------------------------------------- */

static void print_line(const struct sw_stats_args *args, const struct look *look, const char *name,
		       __u64 value, int counter, const char *help)
{
	if (args->nonzero && !value)
		return;
	printf("%-18s %15llu", name, value);
	if (!args->watch)
		printf("  %s", help);
	else if (look->before_ns && counter)
		printf(" %11.0f/s", rate(look, counter));
	putchar('\n');
}

/* A terminal shows one after the other in the same place. */
static void begin_page(void)
{
	const char *terminal = getenv("TERM");

	if (isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb"))
		fputs("\033[H\033[J", stdout);
}

static void print_text(const struct sw_stats_args *args, const struct look *look)
{
	const struct sw_totals *totals = &look->totals;

	if (args->watch)
		begin_page();
	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		print_line(args, look, sw_counter_name(i), totals->count[i], i, sw_counter_help(i));
	print_line(args, look, "flows_live", totals->flows_live, SW_NONE,
		   "flows in the flow table now");
	print_line(args, look, "halfopen_live", totals->halfopen_live, SW_NONE,
		   "half-open records now");
	if (args->watch)
		putchar('\n');
}

/* --- JSON ----------------------------------------------------------------------------------- */

static void set(const struct sw_stats_args *args, json_t *object, const char *name, __u64 value)
{
	if (value || !args->nonzero)
		json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *rates_json(const struct sw_stats_args *args, const struct look *look)
{
	json_t *rates = json_object();

	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		if (look->totals.count[i] || !args->nonzero)
			json_object_set_new(rates, sw_counter_name(i),
					    json_real((double)(__u64)(rate(look, i) * 10) / 10));
	return rates;
}

static void print_json(const struct sw_stats_args *args, const struct look *look)
{
	json_t *object = json_object();

	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++)
		set(args, object, sw_counter_name(i), look->totals.count[i]);
	set(args, object, "flows_live", look->totals.flows_live);
	set(args, object, "halfopen_live", look->totals.halfopen_live);
	if (!args->watch) {
		sw_json_print(object);
		return;
	}
	if (look->before_ns)
		json_object_set_new(object, "rates", rates_json(args, look));
	json_object_set_new(object, "ts",
			    sw_seconds_json((__s64)look->time_ns + sw_wall_offset_ns()));
	sw_json_print_line(object);
}

/* --- The command ---------------------------------------------------------------------------- */

/* Interfaces of one run share their maps, which are then to be counted once. */
static int read_all(const struct sw_ifaces *ifaces, struct look *look)
{
	int err = 0;

	look->before = look->totals;
	look->before_ns = look->time_ns;
	look->totals = (struct sw_totals){};
	look->time_ns = sw_monotonic_ns();
	for (size_t i = 0; !err && i < ifaces->count; i++) {
		struct sw_map_fds maps = sw_maps_fds(&ifaces->iface[i].maps);

		if (sw_ifaces_first_with_maps(ifaces, i))
			err = sw_totals_add(&look->totals, &maps, look->time_ns);
	}
	return err ? sw_fail(err, SW_COUNTERS_HINT(err), "read the counters") : 0;
}

/* The interfaces are looked at each time: what is there may have been replaced. */
static int look_once(char *const *operands, const struct sw_stats_args *args, struct look *look)
{
	static struct sw_ifaces ifaces;
	int err = sw_ifaces_open_readable(operands, &ifaces);

	err = err ?: read_all(&ifaces, look);
	if (!err && sw_json)
		print_json(args, look);
	else if (!err)
		print_text(args, look);
	sw_ifaces_close(&ifaces);
	return err;
}

enum sw_exit sw_cmd_stats(char *const *operands, void *context)
{
	const struct sw_stats_args *args = context;
	struct look look = {};
	int err;

	if (args->watch)
		sw_interrupt_catch();
	do {
		err = look_once(operands, args, &look);
	} while (!err && args->watch && !sw_output_flush() &&
		 !sw_interrupt_sleep(look.time_ns + args->every_ms * SW_NS_PER_MS));
	return sw_exit_of(err);
}
