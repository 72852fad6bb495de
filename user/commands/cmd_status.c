// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward status: what is attached to an interface and by whom, who serves it, how full its tables
 * are, and which time-outs are in force.
 */
#include <jansson.h>
#include <stdio.h>

#include "host/clock.h"
#include "commands/cmd.h"
#include "model/flow_table.h"
#include "guard/settings.h"
#include "host/iface.h"
#include "text/names.h"
#include "text/report.h"
#include "text/values.h"

/* What is printed, read from the maps beforehand. */
struct status {
	const struct sw_iface_state *iface;
	struct sw_config config;
	__u64 flows, flows_max, halfopen, halfopen_max;
	__u64 uptime_ns, now_ns;
	struct sw_guarded guarded[SW_PORTS_MAX];
	int ports;
};

static const struct sw_timeouts default_timeouts = { .ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) } };

static __u64 table_size(const struct sw_maps *maps, const char *name)
{
	const struct sw_map *map = sw_maps_find(maps, name);

	return map ? map->info.max_entries : 0;
}

static int read_status(const struct sw_iface_state *iface, struct status *status)
{
	const struct sw_prog *oldest = iface->ingress.id ? &iface->ingress : &iface->egress;
	__u64 total[SW_COUNTER_MAX];
	int err =
		sw_config_read(&iface->maps, &status->config) ?: sw_stats_read(&iface->maps, total);

	if (err)
		return sw_fail(err, NULL, "read the settings and counters of %s", iface->name);
	if (!status->config.configured)
		status->config.timeout = default_timeouts;
	status->iface = iface;
	status->now_ns = sw_monotonic_ns();
	status->ports = sw_guarded_read(&iface->maps, status->guarded);
	status->flows = total[SW_FLOWS_OPENED] - total[SW_FLOWS_REMOVED];
	status->flows_max = table_size(&iface->maps, "sw_flows");
	status->halfopen_max = table_size(&iface->maps, "sw_halfopen");
	status->uptime_ns = sw_clock_ns(CLOCK_BOOTTIME) - oldest->load_time_ns;
	return sw_halfopen_count(&iface->maps, status->now_ns, &status->halfopen);
}

static const char *attached_by(const struct sw_iface_state *iface)
{
	return iface->record.ingress ? "synward" : "ip link or another loader";
}

static const char *tag_name(const struct sw_prog *prog, char text[2 * BPF_TAG_SIZE + 1])
{
	for (int i = 0; i < BPF_TAG_SIZE; i++)
		sprintf(text + 2 * i, "%02x", prog->tag[i]);
	return text;
}

/* --- Guard ------------------------------------------------------------------------------------ */

/* The data path ends it with the next SYN; where none comes, it has ended all the same. */
static bool sends_cookies(const struct status *status, const struct sw_port *port)
{
	__u64 quiet_ns = status->config.guard.quiet_ms * SW_NS_PER_MS;

	if (port->mode != COOKIES_AUTO)
		return port->mode == COOKIES_ALWAYS;
	return port->on && status->now_ns < port->busy_ns + quiet_ns;
}

static enum sw_admission port_admission(const struct status *status, const struct sw_port *port)
{
	const struct sw_guard *guard = &status->config.guard;

	if (port->listener == LISTENING_SIGNED)
		return ADMISSION_NONE;
	if (port->listener == LISTENING_MPTCP)
		return guard->kernel_cookies ? ADMISSION_KERNEL : ADMISSION_NONE;
	return guard->admission;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *program_json(const struct sw_prog *prog)
{
	char tag[2 * BPF_TAG_SIZE + 1];

	if (!prog->id)
		return json_null();
	return json_pack("{s:i, s:s}", "id", (int)prog->id, "tag", tag_name(prog, tag));
}

static json_t *ingress_json(const struct sw_iface_state *iface)
{
	json_t *object = program_json(&iface->ingress);

	if (iface->ingress.id) {
		json_object_set_new(object, "mode", json_string(sw_xdp_mode_name(iface->xdp_mode)));
		json_object_set_new(object, "dispatcher", json_boolean(sw_iface_dispatched(iface)));
		json_object_set_new(object, "attached_by", json_string(attached_by(iface)));
	}
	return object;
}

static json_t *timeouts_json(const struct sw_timeouts *timeouts)
{
	json_t *object = json_object();

	for (int state = 0; state < SW_STATES; state++)
		json_object_set_new(object, sw_state_name(state),
				    json_integer(timeouts->ms[state]));
	return object;
}

static json_t *port_json(const struct status *status, const struct sw_guarded *guarded)
{
	const struct sw_port *port = &guarded->port;
	json_t *object =
		json_pack("{s:i, s:s, s:b, s:s, s:s}", "port", (int)guarded->number, "cookies",
			  sw_cookie_mode_name(port->mode), "sending", sends_cookies(status, port),
			  "listener", sw_listener_name(port->listener), "admission",
			  sw_admission_name(port_admission(status, port)));

	json_object_set_new(object, "half_open", json_integer(port->half_open));
	json_object_set_new(object, "backlog", json_integer(port->backlog));
	json_object_set_new(
		object, "high_mark",
		port->backlog ? json_integer(sw_high_mark(&status->config.guard, port->backlog))
			      : json_null());
	return object;
}

static json_t *guard_json(const struct status *status)
{
	const struct sw_guard *guard = &status->config.guard;
	json_t *ports = json_array();

	if (!guard->ports) {
		json_decref(ports);
		return json_null();
	}
	for (int i = 0; i < status->ports; i++)
		json_array_append_new(ports, port_json(status, &status->guarded[i]));
	return json_pack("{s:s, s:b, s:b, s:I, s:o}", "admission",
			 sw_admission_name(guard->admission), "dry_run", (int)guard->dry_run,
			 "shared_keys", (int)guard->shared_keys, "reply_budget",
			 (json_int_t)guard->reply_budget, "ports", ports);
}

static json_t *status_json(const struct status *status)
{
	const struct sw_iface_state *iface = status->iface;

	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "iface", iface->name, "ifindex", (int)iface->ifindex, "ingress",
			 ingress_json(iface), "egress", program_json(&iface->egress), "daemon",
			 iface->daemon ? json_integer(iface->daemon) : json_null(), "uptime",
			 json_real((double)(status->uptime_ns / SW_NS_PER_MS) / 1e3), "configured",
			 (int)status->config.configured, "flows_live", (json_int_t)status->flows,
			 "flows_max", (json_int_t)status->flows_max, "halfopen_live",
			 (json_int_t)status->halfopen, "halfopen_max",
			 (json_int_t)status->halfopen_max, "timeouts_ms",
			 timeouts_json(&status->config.timeout), "guard", guard_json(status));
}

/* --- Text ----------------------------------------------------------------------------------- */

static void print_ingress(const struct sw_iface_state *iface)
{
	char tag[2 * BPF_TAG_SIZE + 1];

	if (!iface->ingress.id) {
		printf("  ingress    not attached: what arrives is not seen\n");
		return;
	}
	printf("  ingress    XDP %s, %s, program %u, tag %s, by %s\n",
	       sw_xdp_mode_name(iface->xdp_mode),
	       sw_iface_dispatched(iface) ? "dispatcher" : "single", iface->ingress.id,
	       tag_name(&iface->ingress, tag), attached_by(iface));
}

static void print_egress(const struct sw_iface_state *iface)
{
	char tag[2 * BPF_TAG_SIZE + 1];

	if (iface->egress.id)
		printf("  egress     tc, program %u, tag %s\n", iface->egress.id,
		       tag_name(&iface->egress, tag));
	else if (iface->loopback)
		printf("  egress     not needed: XDP sees both directions of loopback\n");
	else
		printf("  egress     not attached: what leaves is not seen\n");
}

static void print_timeouts(const struct sw_timeouts *timeouts)
{
	char text[SW_VALUE_TEXT];

	fputs("  time-outs  ", stdout);
	for (int i = 1; i <= SW_STATES; i++) {
		int state = i % SW_STATES;

		if (i > 1)
			fputs(i == 7 ? ",\n             " : ", ", stdout);
		printf("%s %s", sw_state_name(state), sw_duration_exact(timeouts->ms[state], text));
	}
	putchar('\n');
}

/* What a port that decides for itself goes by, below where it stands. */
static void print_pressure(const struct status *status, const struct sw_port *port)
{
	printf("%39shalf-open %u, cookies from %u\n", "", port->half_open,
	       sw_high_mark(&status->config.guard, port->backlog));
}

static void print_guard(const struct status *status)
{
	const struct sw_guard *guard = &status->config.guard;

	if (!guard->ports)
		return;
	printf("  guard      %d port%s, admission %s%s%s, reply budget %u/s a prefix\n",
	       status->ports, status->ports == 1 ? "" : "s", sw_admission_name(guard->admission),
	       guard->shared_keys ? ", keys from a file" : "", guard->dry_run ? ", dry run" : "",
	       guard->reply_budget);
	for (int i = 0; i < status->ports; i++) {
		const struct sw_port *port = &status->guarded[i].port;

		printf("    port %-5u %-6s %-15s  listener: %s; admission: %s\n",
		       status->guarded[i].number, sw_cookie_mode_name(port->mode),
		       sends_cookies(status, port) ? "sends cookies" : "no cookies",
		       sw_listener_name(port->listener),
		       sw_admission_name(port_admission(status, port)));
		if (port->mode == COOKIES_AUTO && port->backlog)
			print_pressure(status, port);
	}
}

static void print_status(const struct status *status)
{
	const struct sw_iface_state *iface = status->iface;
	char text[SW_VALUE_TEXT];

	printf("%s: tracking for %s\n", iface->name, sw_duration_short(status->uptime_ns, text));
	print_ingress(iface);
	print_egress(iface);
	if (iface->daemon)
		printf("  daemon     process %d\n", iface->daemon);
	else
		printf("  daemon     none: flows past their time are ignored, but not removed\n");
	printf("  flows      %llu of %llu, half-open %llu of %llu\n", status->flows,
	       status->flows_max, status->halfopen, status->halfopen_max);
	print_guard(status);
	print_timeouts(&status->config.timeout);
}

enum sw_exit sw_cmd_status(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	static struct status status[SW_IFACES_MAX];
	json_t *list = json_array();
	int err = sw_ifaces_open_readable(operands, &ifaces);

	(void)args;
	for (size_t i = 0; !err && i < ifaces.count; i++)
		err = read_status(&ifaces.iface[i], &status[i]);
	for (size_t i = 0; !err && i < ifaces.count; i++) {
		if (sw_json)
			json_array_append_new(list, status_json(&status[i]));
		else
			print_status(&status[i]);
	}
	if (!err && sw_json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(16));
		putchar('\n');
	}
	json_decref(list);
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
