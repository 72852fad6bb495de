// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward flows: the connections of one, several or all interfaces, those that are asked for: as a table
 * or a JSON array, summed up, as filters of tcpdump, or removed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/cmd.h"
#include "commands/filter_options.h"
#include "commands/flow_summary.h"
#include "host/clock.h"
#include "host/iface.h"
#include "host/removal.h"
#include "model/flow_maps.h"
#include "text/flow_view.h"
#include "text/json.h"
#include "text/report.h"

struct sw_flows_args {
	struct sw_filter filter;
	enum sw_flow_order order;
	bool reverse, summary, pcap_key, remove;
	__u64 limit;
};

struct sw_flows_args sw_flows_args = { .limit = ~0ULL };

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define INTO(member) SW_INTO(struct sw_flows_args, member)

const struct sw_option sw_options_flows[] = {
	SW_OPTIONS_FILTER(struct sw_flows_args, filter),
	{ .name = "sort", .kind = SW_OPTION_CHOICE, INTO(order),
	  .choice = sw_flow_order_name, .min = SW_ORDER_AGE, .max = SW_ORDER_PORT, .initial = "age",
	  .help = "what comes first: the oldest, the most, the next to go" },
	{ .name = "reverse", .kind = SW_OPTION_FLAG, INTO(reverse), .help = "the other way round" },
	{ .name = "limit", .kind = SW_OPTION_NUMBER, INTO(limit),
	  .min = 0, .max = 1 << 30, .help = "not more than so many, the first in that order" },
	{ .name = "summary", .kind = SW_OPTION_FLAG, INTO(summary),
	  .help = "how many there are by state, by port and by prefix (/24 and /64)" },
	{ .name = "pcap-key", .kind = SW_OPTION_FLAG, INTO(pcap_key),
	  .help = "what is to be given to tcpdump to see their segments; with --json a member of each flow" },
	{ .name = "delete", .kind = SW_OPTION_FLAG, INTO(remove), .changes = true,
	  .help = "forget them, and say how many they were; wants to be told which" },
	{},
};

const char sw_options_flows_more[] =
	"ORIGINATOR is who sent the SYN, or else the first segment: what conntrack calls the original\n"
	"direction. Filters are conntrack's: all that are given must hold. A prefix is an address or\n"
	"10.0.0.0/8, 2001:db8::/32, ::/0 (IPv6).\n"
	"PKTS and BYTES are of both ends together, bytes without headers and retransmissions.\n"
	"LEFT is the time until the flow is forgotten. FLAGS: h half-open, not proved live by both\n"
	"ends; m picked up in the middle, its SYN was not seen; r reset; ! a segment of it was refused,\n"
	"so distrust it, `synward stats` counts why. --json has more.\n"
	"A deleted flow's connection goes on: it is picked up in the middle at its next segment.\n"
	"  synward flows --dst 192.0.2.0/24 --dport 443 --state time-wait\n"
	"  tcpdump -ni eth0 \"$(synward flows --src 198.51.100.7 --pcap-key)\"\n";
/* clang-format on */

/* --- What is printed ------------------------------------------------------------------------ */

static void print_text(const struct sw_flow_table *table, const __u32 *order, size_t count,
		       __u64 now_ns)
{
	char row[SW_FLOW_ROW_TEXT];

	sw_flow_print_head();
	for (size_t i = 0; i < count; i++) {
		const struct sw_flow_record *it = sw_flow_table_at(table, order[i]);

		fputs(sw_flow_row(&it->key, &it->flow, now_ns, it->halfopen, row), stdout);
	}
}

static json_t *record_json(const struct sw_flow_record *record, __u64 now_ns, __s64 wall_offset_ns)
{
	json_t *flow = sw_flow_json(&record->key, &record->flow, wall_offset_ns);

	json_object_set_new(flow, "expires",
			    sw_seconds_json((__s64)(record->flow.deadline_ns - now_ns)));
	return flow;
}

static void print_json(const struct sw_flow_table *table, const __u32 *order, size_t count,
		       bool pcap_key, __u64 now_ns)
{
	__s64 wall_offset_ns = sw_wall_offset_ns();
	char key[SW_PCAP_KEY_TEXT];

	putchar('[');
	for (size_t i = 0; i < count; i++) {
		const struct sw_flow_record *it = sw_flow_table_at(table, order[i]);
		json_t *flow = record_json(it, now_ns, wall_offset_ns);

		if (pcap_key)
			json_object_set_new(flow, "pcap_key",
					    json_string(sw_flow_pcap_key(&it->key, key)));
		fputs(i ? ",\n" : "\n", stdout);
		sw_json_print_element(flow);
	}
	puts(count ? "\n]" : "]");
}

/*
 * All of it is one expression, to be taken from a file (-F), too. Of no flow it would be empty, and
 * tcpdump would take everything.
 */
static int print_pcap_keys(const struct sw_flow_table *table, const __u32 *order, size_t count)
{
	char key[SW_PCAP_KEY_TEXT];

	if (!count)
		return sw_fail(0, "`synward flows` lists what there is", "find such a flow");
	for (size_t i = 0; i < count; i++)
		printf("%s%s\n", i ? "or " : "",
		       sw_flow_pcap_key(&sw_flow_table_at(table, order[i])->key, key));
	return 0;
}

static int print_summary(const struct sw_flow_table *table)
{
	struct sw_flow_summary summary;
	int err = sw_flow_summary_read(&summary, table);

	if (err)
		sw_fail(err, NULL, "sum up the flows");
	else if (sw_json)
		sw_flow_summary_print_json(&summary);
	else
		sw_flow_summary_print(&summary);
	sw_flow_summary_free(&summary);
	return err;
}

/* --- What is done --------------------------------------------------------------------------- */

static int remove_flows(const struct sw_maps *maps, const struct sw_flow_table *table,
			const __u32 *order, size_t count)
{
	struct sw_flow_key *keys = calloc(count + 1, sizeof(*keys));
	struct sw_removal removal = {};
	size_t removed = 0;
	int err = keys ? 0 : sw_fail(-ENOMEM, NULL, "remove flows");

	for (size_t i = 0; !err && i < count; i++)
		keys[i] = sw_flow_table_at(table, order[i])->key;
	err = err ?: sw_removal_open(&removal, maps);
	err = err ?: sw_removal_run(&removal, keys, count, &removed);
	if (!err && sw_json)
		sw_json_print(json_pack("{s:I}", "deleted", (json_int_t)removed));
	else if (!err)
		printf("%zu flow%s deleted\n", removed, removed == 1 ? "" : "s");
	sw_removal_close(&removal);
	free(keys);
	return err;
}

/* Interfaces of one run share their maps, which are then to be read once. */
static int read_all(const struct sw_ifaces *ifaces, const struct sw_filter *filter, __u64 now_ns,
		    struct sw_flow_table *table)
{
	int err = 0;

	for (size_t i = 0; !err && i < ifaces->count; i++) {
		struct sw_map_fds maps = sw_maps_fds(&ifaces->iface[i].maps);

		if (sw_ifaces_first_with_maps(ifaces, i))
			err = sw_flow_table_read(table, &maps, filter, now_ns);
	}
	return err ? sw_fail(err, NULL, "read the flows") : 0;
}

static int do_with(const struct sw_flows_args *args, const struct sw_ifaces *ifaces,
		   const struct sw_flow_table *table, __u64 now_ns)
{
	size_t count = args->limit;
	__u32 *order = sw_flow_table_order(table, args->order, args->reverse, &count);
	int err = order ? 0 : sw_fail(-ENOMEM, NULL, "put the flows in order");

	if (!err && args->remove)
		err = remove_flows(&ifaces->iface[0].maps, table, order, count);
	else if (!err && sw_json)
		print_json(table, order, count, args->pcap_key, now_ns);
	else if (!err && args->pcap_key)
		err = print_pcap_keys(table, order, count);
	else if (!err)
		print_text(table, order, count, now_ns);
	free(order);
	return err;
}

static int check(const struct sw_flows_args *args)
{
	if (args->summary + args->pcap_key + args->remove > 1)
		return sw_misuse("--summary, --pcap-key and --delete are three things: choose one");
	if (args->summary && (args->order != SW_ORDER_AGE || args->reverse || args->limit != ~0ULL))
		return sw_misuse("--summary counts all flows: --sort, --reverse and --limit do "
				 "nothing with it");
	if (args->remove && sw_filter_is_empty(&args->filter))
		return sw_misuse("--delete wants to be told which flows, such as --src 192.0.2.7");
	return 0;
}

enum sw_exit sw_cmd_flows(char *const *operands, void *context)
{
	static struct sw_ifaces ifaces;
	const struct sw_flows_args *args = context;
	struct sw_flow_table table = {};
	__u64 now_ns = sw_monotonic_ns();
	int err;

	if (check(args))
		return SW_EXIT_MISUSE;
	err = sw_ifaces_open_readable(operands, &ifaces);
	if (!err && args->remove)
		err = sw_ifaces_one_set(&ifaces, "remove the flows");
	err = err ?: read_all(&ifaces, &args->filter, now_ns, &table);
	if (!err && args->summary)
		err = print_summary(&table);
	else if (!err)
		err = do_with(args, &ifaces, &table, now_ns);
	sw_flow_table_free(&table);
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
