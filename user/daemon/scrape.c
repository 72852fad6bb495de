// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Counters have the names and the help of stats.h. Half-open records are those of the last pass of
 * expiry: an LRU drops them unseen, so that nobody could count them as they change.
 */
#include <stdlib.h>

#include <synward/population.h>
#include <synward/pressure.h>

#include "daemon/scrape.h"
#include "guard/port_list.h"
#include "host/clock.h"
#include "model/population.h"
#include "model/stats.h"
#include "model/status.h"
#include "text/admission.h"
#include "text/exposition.h"
#include "text/names.h"
#include "text/retreat.h"

static void write_counters(struct sw_exposition *out, const struct sw_totals *totals)
{
	for (int i = SW_NONE + 1; i < SW_COUNTER_MAX; i++) {
		char name[64];

		snprintf(name, sizeof(name), "synward_%s", sw_counter_name(i));
		sw_family(out, name, SW_METRIC_COUNTER, NULL, sw_counter_help(i));
		sw_sample(out, totals->count[i], NULL);
	}
}

/* --- Flows ------------------------------------------------------------------------------------ */

static void write_states(struct sw_exposition *out, const struct sw_population *population)
{
	sw_family(out, "synward_flow_ends", SW_METRIC_GAUGE, NULL,
		  "ends of the flows in the flow table by state, two of each flow");
	for (int state = 0; state < SW_STATES; state++)
		sw_sample(out, population->ends[state], "state=\"%s\"", sw_state_name(state));
}

static void write_lag(struct sw_exposition *out, const struct sw_population *population)
{
#define BOUND(ms) ms,
	static const __u32 bounds_ms[] = { SW_LATE_BOUNDS(BOUND) };
#undef BOUND

	sw_family(out, "synward_expiry_lag_seconds", SW_METRIC_HISTOGRAM, "seconds",
		  "how long after their deadline flows were removed");
	sw_histogram(out, bounds_ms, population->late, SW_LATE_BUCKETS, population->late_ns);
}

static void write_flows(struct sw_exposition *out, const struct sw_scrape *scrape,
			const struct sw_totals *totals)
{
	sw_family(out, "synward_flows", SW_METRIC_GAUGE, NULL, "flows in the flow table");
	sw_sample(out, totals->count[SW_FLOWS_OPENED] - totals->count[SW_FLOWS_REMOVED], NULL);
	sw_family(out, "synward_half_open_flows", SW_METRIC_GAUGE, NULL,
		  "half-open records that the last pass of expiry has found");
	sw_sample(out, sw_sweeper_halfopen(scrape->sweeper), NULL);
}

static const struct {
	const char *map, *label;
} tables[] = { { "sw_flows", "flows" }, { "sw_halfopen", "half_open" } };

static void write_tables(struct sw_exposition *out, const struct sw_maps *maps)
{
	sw_family(out, "synward_table_size", SW_METRIC_GAUGE, NULL, "flows a table has room for");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		sw_sample(out, sw_maps_find(maps, tables[i].map)->info.max_entries, "table=\"%s\"",
			  tables[i].label);
	sw_family(out, "synward_map_memory_bytes", SW_METRIC_GAUGE, "bytes",
		  "memory of each map, as the kernel says");
	for (int i = 0; i < maps->count; i++)
		sw_sample(out, sw_map_memory(&maps->map[i]), "map=\"%s\"", maps->map[i].info.name);
}

/* --- Guard ------------------------------------------------------------------------------------ */

struct port_view {
	const struct sw_status *status;
	const struct sw_port *port;
};

static __u64 half_open(const struct port_view *view)
{
	return view->port->half_open;
}

static __u64 backlog(const struct port_view *view)
{
	return view->port->backlog;
}

static __u64 high_mark(const struct port_view *view)
{
	return sw_high_mark(view->port->marks.high,
			    sw_port_backlog(view->port) ?: view->port->marks.high * 2);
}

static __u64 sends_cookies(const struct port_view *view)
{
	return sw_port_sends_cookies(view->status, view->port);
}

static const struct {
	const char *name, *help;
	__u64 (*value)(const struct port_view *view);
} port_gauges[] = {
	{ "synward_port_half_open",
	  "half-open connections of the listener that the last SYN to the kernel met, or of all "
	  "services behind",
	  half_open },
	{ "synward_port_backlog", "backlog of that listener", backlog },
	{ "synward_port_high_mark", "half-open connections from which cookies are sent",
	  high_mark },
	{ "synward_port_sends_cookies", "1: SYNs to the port are answered with cookies",
	  sends_cookies },
};

/* By port and family. */
static __u64 admitted(const struct sw_retreat *retreat, enum sw_stand stand)
{
	(void)stand;
	return retreat->admitted;
}

static __u64 lost(const struct sw_retreat *retreat, enum sw_stand stand)
{
	(void)stand;
	return retreat->lost;
}

static __u64 retreated(const struct sw_retreat *retreat, enum sw_stand stand)
{
	(void)retreat;
	return stand != STAND_GUARD;
}

static const struct {
	const char *name, *help;
	enum sw_metric_type type;
	__u64 (*value)(const struct sw_retreat *retreat, enum sw_stand stand);
} retreat_metrics[] = {
	{ "synward_port_admitted",
	  "connections to the port opened by a cookie that their listener has taken",
	  SW_METRIC_COUNTER, admitted },
	{ "synward_port_lost",
	  "connections to the port opened by a cookie that their listener has not got",
	  SW_METRIC_COUNTER, lost },
	{ "synward_port_retreated", "1: the port has lost connections, and fallen back",
	  SW_METRIC_GAUGE, retreated },
};

#define PORT_LABELS "address=\"%s\",port=\"%u\""

static void write_port_gauge(struct sw_exposition *out, const struct sw_status *status, size_t row)
{
	char address[SW_PORT_KEY_TEXT];

	sw_family(out, port_gauges[row].name, SW_METRIC_GAUGE, NULL, port_gauges[row].help);
	for (int i = 0; i < status->ports; i++) {
		const struct sw_guarded *guarded = &status->guarded[i];
		struct port_view view = { status, &guarded->port };

		sw_sample(out, port_gauges[row].value(&view), PORT_LABELS,
			  sw_port_key_address(&guarded->key, address) ?: "", guarded->key.port);
	}
}

#define FAMILY_LABELS PORT_LABELS ",family=\"%s\""

static void write_retreat(struct sw_exposition *out, const struct sw_status *status, size_t row)
{
	char address[SW_PORT_KEY_TEXT];

	sw_family(out, retreat_metrics[row].name, retreat_metrics[row].type, NULL,
		  retreat_metrics[row].help);
	for (int i = 0; i < 2 * status->ports; i++) {
		const struct sw_guarded *guarded = &status->guarded[i / 2];
		enum sw_stand stand = sw_port_stand(&status->config.guard, guarded, i & 1);

		sw_sample(out, retreat_metrics[row].value(&guarded->retreat[i & 1], stand),
			  FAMILY_LABELS, sw_port_key_address(&guarded->key, address) ?: "",
			  guarded->key.port, sw_family_name(i & 1));
	}
}

static void write_stands(struct sw_exposition *out, const struct sw_status *status)
{
	char address[SW_PORT_KEY_TEXT];

	sw_family(out, "synward_port_stand", SW_METRIC_INFO, NULL,
		  "whose cookies the port sends: guard, or what it has fallen back to");
	for (int i = 0; i < 2 * status->ports; i++) {
		const struct sw_guarded *guarded = &status->guarded[i / 2];
		enum sw_stand stand = sw_port_stand(&status->config.guard, guarded, i & 1);

		sw_sample(out, 1, FAMILY_LABELS ",stand=\"%s\"",
			  sw_port_key_address(&guarded->key, address) ?: "", guarded->key.port,
			  sw_family_name(i & 1), sw_stand_name(stand));
	}
}

static void write_ports(struct sw_exposition *out, const struct sw_status *status)
{
	char address[SW_PORT_KEY_TEXT];

	for (size_t row = 0; row < sizeof(port_gauges) / sizeof(port_gauges[0]); row++)
		write_port_gauge(out, status, row);
	for (size_t row = 0; row < sizeof(retreat_metrics) / sizeof(retreat_metrics[0]); row++)
		write_retreat(out, status, row);
	write_stands(out, status);
	sw_family(out, "synward_port_cookies", SW_METRIC_INFO, NULL,
		  "which SYNs to the port may be answered with cookies");
	for (int i = 0; i < status->ports; i++)
		sw_sample(out, 1, PORT_LABELS ",mode=\"%s\"",
			  sw_port_key_address(&status->guarded[i].key, address) ?: "",
			  status->guarded[i].key.port,
			  sw_cookie_mode_name(status->guarded[i].port.mode));
}

/* --- The rest --------------------------------------------------------------------------------- */

static void write_hook(struct sw_exposition *out, const struct sw_iface_state *iface,
		       const char *hook, bool wanted, __u32 id)
{
	char name[SW_LABEL_TEXT];

	if (wanted)
		sw_sample(out, id != 0, "hook=\"%s\",interface=\"%s\"", hook,
			  sw_label(iface->name, name));
}

static void write_hooks(struct sw_exposition *out, const struct sw_tracker *tracker)
{
	sw_family(out, "synward_hook_in_place", SW_METRIC_GAUGE, NULL,
		  "1: the program is at its hook, as it was when last looked at, a second ago");
	for (size_t i = 0; i < tracker->count; i++) {
		const struct sw_iface_state *iface = &tracker->iface[i];
		bool there = !tracker->settled[i].gone;

		write_hook(out, iface, "ingress", iface->record.ingress,
			   there ? iface->ingress.id : 0);
		write_hook(out, iface, "egress", iface->record.egress,
			   there ? iface->egress.id : 0);
		write_hook(out, iface, "admit", iface->record.admit, there ? iface->admit.id : 0);
	}
}

static void write_build(struct sw_exposition *out, const struct sw_scrape *scrape)
{
	sw_family(out, "synward_build", SW_METRIC_INFO, NULL, "what serves");
	sw_sample(out, 1, "layout=\"%d\",version=\"%s\"", SW_LAYOUT, SYNWARD_VERSION);
	sw_family(out, "synward_start_time_seconds", SW_METRIC_GAUGE, "seconds",
		  "when this daemon began to serve, in seconds since 1970");
	sw_sample(out, scrape->started_s, NULL);
}

static void write_all(struct sw_exposition *out, const struct sw_scrape *scrape,
		      const struct sw_totals *totals, const struct sw_population *population,
		      const struct sw_status *status)
{
	write_build(out, scrape);
	write_hooks(out, scrape->tracker);
	write_flows(out, scrape, totals);
	write_states(out, population);
	write_lag(out, population);
	write_tables(out, &scrape->tracker->maps);
	write_ports(out, status);
	sw_family(
		out, "synward_services", SW_METRIC_GAUGE, NULL,
		"services behind this host that have answered, and may have cookies sent for them");
	sw_sample(out, status->services, NULL);
	write_counters(out, totals);
	sw_exposition_end(out);
}

char *sw_scrape_text(const struct sw_scrape *scrape, bool openmetrics, size_t *length)
{
	struct sw_map_fds maps = sw_maps_fds(&scrape->tracker->maps);
	static struct sw_status status;
	struct sw_exposition out = { .openmetrics = openmetrics };
	struct sw_population population;
	struct sw_totals totals = {};
	char *text = NULL;

	status.now_ns = sw_monotonic_ns();
	status.ports = sw_guarded_read(&maps, status.guarded);
	status.services = sw_services_count(maps.services);
	if (sw_counters_read(maps.stats, totals.count) ||
	    sw_map_read_one(maps.config, &status.config) ||
	    sw_population_read(sw_maps_fd(&scrape->tracker->maps, "sw_population"), &population))
		return NULL;
	out.out = open_memstream(&text, length);
	if (!out.out)
		return NULL;
	write_all(&out, scrape, &totals, &population, &status);
	fclose(out.out);
	return text;
}
