// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward status: what is attached to an interface and by whom, who serves it, how full its tables
 * are, and which time-outs are in force.
 */
#include <stdio.h>
#include <string.h>

#include <synward/pressure.h>

#include "guard/profile.h"
#include "host/clock.h"
#include "commands/cmd.h"
#include "guard/port_list.h"
#include "host/behind.h"
#include "host/iface.h"
#include "host/lock.h"
#include "host/veth.h"
#include "model/stats.h"
#include "model/status.h"
#include "text/admission.h"
#include "text/json.h"
#include "text/names.h"
#include "text/report.h"
#include "text/retreat.h"
#include "text/values.h"

/* What is printed of one interface. */
struct view {
	const struct sw_iface_state *iface;
	struct sw_behind ingress, admit, egress; /* what runs before each that is there */
	struct sw_status status;
	__u64 flows_max, halfopen_max;
	__u64 flows_bytes, halfopen_bytes, other_bytes; /* of the kernel's memory */
	__u64 uptime_ns;
};

static __u64 table_size(const struct sw_maps *maps, const char *name)
{
	const struct sw_map *map = sw_maps_find(maps, name);

	return map ? map->info.max_entries : 0;
}

static void read_memory(const struct sw_maps *maps, struct view *view)
{
	const struct sw_map *flows = sw_maps_find(maps, "sw_flows");
	const struct sw_map *halfopen = sw_maps_find(maps, "sw_halfopen");

	for (int i = 0; i < maps->count; i++) {
		__u64 bytes = sw_map_memory(&maps->map[i]);

		if (&maps->map[i] == flows)
			view->flows_bytes = bytes;
		else if (&maps->map[i] == halfopen)
			view->halfopen_bytes = bytes;
		else
			view->other_bytes += bytes;
	}
}

static int read_view(const struct sw_iface_state *iface, struct view *view)
{
	const struct sw_prog *oldest = iface->ingress.id ? &iface->ingress : &iface->egress;
	struct sw_map_fds maps = sw_maps_fds(&iface->maps);
	int err = sw_status_read(&view->status, &maps, sw_monotonic_ns());

	if (err)
		return sw_fail(err, SW_COUNTERS_HINT(err), "read the settings and counters of %s",
			       iface->name);
	view->iface = iface;
	view->flows_max = table_size(&iface->maps, "sw_flows");
	view->halfopen_max = table_size(&iface->maps, "sw_halfopen");
	read_memory(&iface->maps, view);
	sw_behind_xdp(iface, &view->ingress);
	sw_behind_tc(iface, BPF_TC_INGRESS, &view->admit);
	sw_behind_tc(iface, BPF_TC_EGRESS, &view->egress);
	view->uptime_ns = sw_clock_ns(CLOCK_BOOTTIME) - oldest->load_time_ns;
	return 0;
}

static const char *attached_by(const struct sw_iface_state *iface)
{
	return iface->record.ingress ? "synward" : "ip link or another loader";
}

static const char *tag_name(const struct sw_prog *prog, char text[2 * BPF_TAG_SIZE + 1])
{
	for (int i = 0; i < BPF_TAG_SIZE; i++)
		sprintf(text + 2 * i, "%02x", prog->code.tag[i]);
	return text;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *program_json(const struct sw_prog *prog, const struct sw_behind *behind)
{
	char tag[2 * BPF_TAG_SIZE + 1];
	json_t *names = json_array();

	if (!prog->id) {
		json_decref(names);
		return json_null();
	}
	for (__u32 i = 0; i < behind->count && i < SW_BEHIND_MAX; i++)
		json_array_append_new(names, json_string(behind->name[i]));
	return json_pack("{s:i, s:s, s:o}", "id", (int)prog->id, "tag", tag_name(prog, tag),
			 "behind", names);
}

static json_t *tc_json(const struct sw_prog *prog, const struct sw_behind *behind)
{
	json_t *object = program_json(prog, behind);

	if (prog->id)
		json_object_set_new(object, "by", json_string(prog->tcx ? "tcx" : "clsact"));
	return object;
}

static json_t *ingress_json(const struct view *view)
{
	const struct sw_iface_state *iface = view->iface;
	json_t *object = program_json(&iface->ingress, &view->ingress);

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

static json_t *port_admission_json(const struct sw_status *status, const struct sw_guarded *guarded)
{
	return json_pack("{s:s, s:s}", "ipv4",
			 sw_admission_name(sw_port_admission(status, guarded, 0)), "ipv6",
			 sw_admission_name(sw_port_admission(status, guarded, 1)));
}

static json_t *port_retreat_json(const struct sw_status *status, const struct sw_guarded *guarded,
				 int family)
{
	return sw_retreat_json(&guarded->retreat[family],
			       sw_port_stand(&status->config.guard, guarded, family),
			       status->now_ns);
}

static json_t *port_json(const struct sw_status *status, const struct sw_guarded *guarded)
{
	const struct sw_port *port = &guarded->port;
	char address[SW_PORT_KEY_TEXT], profile[SW_PROFILE_TEXT];
	json_t *object = json_pack(
		"{s:i, s:s?, s:s, s:s, s:b, s:s, s:o}", "port", (int)guarded->key.port, "address",
		sw_port_key_address(&guarded->key, address), "protects",
		sw_protection_name(port->protects), "cookies", sw_cookie_mode_name(port->mode),
		"sending", sw_port_sends_cookies(status, port), "listener",
		sw_listener_name(port->listener), "admission",
		port_admission_json(status, guarded));

	json_object_set_new(object, "profile",
			    port->profile.mss
				    ? json_string(sw_profile_text(&port->profile, profile))
				    : json_null());
	json_object_set_new(object, "retreat",
			    json_pack("{s:o, s:o}", "ipv4", port_retreat_json(status, guarded, 0),
				      "ipv6", port_retreat_json(status, guarded, 1)));
	json_object_set_new(object, "half_open", json_integer(port->half_open));
	json_object_set_new(object, "backlog", json_integer(port->backlog));
	json_object_set_new(
		object, "high_mark",
		sw_port_backlog(port)
			? json_integer(sw_high_mark(port->marks.high, sw_port_backlog(port)))
			: json_null());
	return object;
}

static json_t *family_json(const struct sw_guard *guard, int family)
{
	return sw_admission_json(guard->hindrance[family], sw_admission_in(guard, family));
}

static json_t *guard_json(const struct sw_status *status)
{
	const struct sw_guard *guard = &status->config.guard;
	json_t *ports = json_array();

	if (!guard->ports) {
		json_decref(ports);
		return json_null();
	}
	for (int i = 0; i < status->ports; i++)
		json_array_append_new(ports, port_json(status, &status->guarded[i]));
	return json_pack("{s:s, s:o, s:o, s:b, s:b, s:I, s:I, s:o}", "admission",
			 sw_admission_name(guard->admission), "ipv4", family_json(guard, 0), "ipv6",
			 family_json(guard, 1), "dry_run", (int)guard->dry_run, "shared_keys",
			 (int)guard->shared_keys, "reply_budget", (json_int_t)guard->reply_budget,
			 "services", (json_int_t)status->services, "ports", ports);
}

static json_t *daemon_json(pid_t daemon)
{
	if (!daemon)
		return json_null();
	return json_integer(daemon == SW_PROCESS_HIDDEN ? 0 : daemon);
}

static json_t *view_json(const struct view *view)
{
	const struct sw_iface_state *iface = view->iface;
	const struct sw_status *status = &view->status;

	return json_pack(
		"{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:I, s:I, s:I,"
		" s:{s:I, s:I, s:I}, s:o, s:o}",
		"iface", iface->name, "ifindex", (int)iface->ifindex, "ingress", ingress_json(view),
		"admit", tc_json(&iface->admit, &view->admit), "egress",
		tc_json(&iface->egress, &view->egress), "daemon", daemon_json(iface->daemon),
		"uptime", json_real((double)(view->uptime_ns / SW_NS_PER_MS) / 1e3), "configured",
		(int)status->config.configured, "flows_live", (json_int_t)status->flows,
		"flows_max", (json_int_t)view->flows_max, "halfopen_live",
		(json_int_t)status->halfopen, "halfopen_max", (json_int_t)view->halfopen_max,
		"memory", "flows", (json_int_t)view->flows_bytes, "halfopen",
		(json_int_t)view->halfopen_bytes, "others", (json_int_t)view->other_bytes,
		"timeouts_ms", timeouts_json(&status->config.timeout), "guard", guard_json(status));
}

/* --- Text ----------------------------------------------------------------------------------- */

#define INDENT 13

/* In as many lines as it takes, or none. */
static void print_behind(const struct sw_behind *behind)
{
	int column = 0;

	for (__u32 i = 0; i < behind->count && i < SW_BEHIND_MAX; i++) {
		if (column + (int)strlen(behind->name[i]) > 96) {
			fputs(",\n", stdout);
			column = 0;
		}
		if (!column)
			column = printf("%*s%s", INDENT, "", i ? "       " : "behind ");
		else
			column += printf(", ");
		column += printf("%s", behind->name[i]);
	}
	if (behind->count > SW_BEHIND_MAX)
		printf(" and %u more", behind->count - SW_BEHIND_MAX);
	if (behind->count)
		putchar('\n');
}

static void print_ingress(const struct view *view)
{
	const struct sw_iface_state *iface = view->iface;
	char tag[2 * BPF_TAG_SIZE + 1];

	if (!iface->ingress.id) {
		printf("  ingress    not attached: what arrives is not seen\n");
		return;
	}
	printf("  ingress    XDP %s, %s, program %u, tag %s, by %s\n",
	       sw_xdp_mode_name(iface->xdp_mode),
	       sw_iface_dispatched(iface) ? "dispatcher" : "single", iface->ingress.id,
	       tag_name(&iface->ingress, tag), attached_by(iface));
	if (view->status.config.guard.ports && iface->xdp_mode == XDP_ATTACHED_DRV &&
	    sw_veth_loses_replies(iface->ifindex))
		printf("             guard's replies are lost: no XDP program at the veth's other "
		       "end\n");
	print_behind(&view->ingress);
}

/* "TCX, first", and if it isn't, what comes before it. */
static void print_tc(const char *name, const struct sw_prog *prog, const struct sw_behind *behind)
{
	char tag[2 * BPF_TAG_SIZE + 1];

	printf("  %-10s %s, %s, program %u, tag %s\n", name, prog->tcx ? "TCX" : "clsact",
	       behind->count ? "not first" : "first", prog->id, tag_name(prog, tag));
	print_behind(behind);
}

static void print_egress(const struct view *view)
{
	const struct sw_iface_state *iface = view->iface;

	if (iface->egress.id)
		print_tc("egress", &iface->egress, &view->egress);
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
static void print_pressure(const struct sw_port *port)
{
	printf("%39shalf-open %u, cookies from %u\n", "", port->half_open,
	       sw_high_mark(port->marks.high, sw_port_backlog(port)));
}

/* "kernel", or "kernel (IPv4), bpf (IPv6)". */
#define ADMISSION_TEXT 40
static const char *port_admission(const struct sw_status *status, const struct sw_guarded *guarded,
				  char text[ADMISSION_TEXT])
{
	const char *name[2] = { sw_admission_name(sw_port_admission(status, guarded, 0)),
				sw_admission_name(sw_port_admission(status, guarded, 1)) };

	if (name[0] == name[1])
		return name[0];
	snprintf(text, ADMISSION_TEXT, "%s (IPv4), %s (IPv6)", name[0], name[1]);
	return text;
}

/* One line for a family in which it has fallen back. */
static void print_retreats(const struct sw_status *status, const struct sw_guarded *guarded)
{
	for (int family = 0; family < 2; family++) {
		const struct sw_retreat *retreat = &guarded->retreat[family];
		enum sw_stand stand = sw_port_stand(&status->config.guard, guarded, family);
		__u64 wait_ns =
			retreat->again_ns > status->now_ns ? retreat->again_ns - status->now_ns : 0;
		char text[SW_VALUE_TEXT];

		if (stand == STAND_GUARD)
			continue;
		printf("%15s%s: %s", "", sw_family_name(family), sw_stand_text(stand));
		if (stand != STAND_PROXY)
			printf("; tried again in %s", sw_duration_short(wait_ns, text));
		putchar('\n');
	}
}

/* One with addresses of its own has a line for itself. */
static void print_place(const struct sw_port_key *key)
{
	char text[SW_PORT_KEY_TEXT];

	if (key->bits)
		printf("    %s\n%15s", sw_port_key_text(key, text), "");
	else
		printf("    port %-5u ", key->port);
}

static void print_guard(const struct sw_status *status)
{
	const struct sw_guard *guard = &status->config.guard;

	if (!guard->ports)
		return;
	printf("  guard      %d port%s, admission %s%s%s, reply budget %u/s a prefix\n",
	       status->ports, status->ports == 1 ? "" : "s", sw_admission_name(guard->admission),
	       guard->shared_keys ? ", keys from a file" : "", guard->dry_run ? ", dry run" : "",
	       guard->reply_budget);
	for (int family = 0; family < 2; family++)
		if (guard->hindrance[family])
			printf("    %s       %s\n", sw_family_name(family),
			       sw_admission_text(guard->hindrance[family],
						 sw_admission_in(guard, family)));
	for (int i = 0; i < status->ports; i++) {
		const struct sw_guarded *guarded = &status->guarded[i];
		const struct sw_port *port = &guarded->port;
		char admission[ADMISSION_TEXT], profile[SW_PROFILE_TEXT];

		print_place(&guarded->key);
		printf("%-6s %-15s  ", sw_cookie_mode_name(port->mode),
		       sw_port_sends_cookies(status, port) ? "sends cookies" : "no cookies");
		if (port->protects)
			printf("services behind: %s\n", sw_protection_name(port->protects));
		else
			printf("listener: %s; admission: %s\n", sw_listener_name(port->listener),
			       port_admission(status, guarded, admission));
		if (port->mode == COOKIES_AUTO && sw_port_backlog(port))
			print_pressure(port);
		if (port->profile.mss)
			printf("%15sprofile %s\n", "", sw_profile_text(&port->profile, profile));
		print_retreats(status, guarded);
	}
	if (guard->protects & PROTECT_PROXY)
		printf("    services   %d have answered, and may have cookies sent for them\n",
		       status->services);
}

static double mebibytes(__u64 bytes)
{
	return (double)bytes / (1 << 20);
}

static void print_view(const struct view *view)
{
	const struct sw_iface_state *iface = view->iface;
	const struct sw_status *status = &view->status;
	char text[SW_VALUE_TEXT];

	printf("%s: tracking for %s\n", iface->name, sw_duration_short(view->uptime_ns, text));
	print_ingress(view);
	if (iface->admit.id)
		print_tc("admit", &iface->admit, &view->admit);
	else if (status->config.guard.ports && status->config.guard.admission == ADMISSION_BPF)
		printf("  admit      not attached: what guard's cookies open is lost\n");
	print_egress(view);
	if (iface->daemon)
		printf("  daemon     %s\n", sw_process_text(iface->daemon, text));
	else
		printf("  daemon     none: flows past their time are ignored, but not removed\n");
	printf("  flows      %llu of %llu, half-open %llu of %llu\n", status->flows,
	       view->flows_max, status->halfopen, view->halfopen_max);
	printf("  memory     %.1f MiB for flows, %.1f MiB for half-open, %.1f MiB for all else\n",
	       mebibytes(view->flows_bytes), mebibytes(view->halfopen_bytes),
	       mebibytes(view->other_bytes));
	print_guard(status);
	print_timeouts(&status->config.timeout);
}

enum sw_exit sw_cmd_status(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	static struct view view[SW_IFACES_MAX];
	json_t *list = json_array();
	int err = sw_ifaces_open_readable(operands, &ifaces);

	(void)args;
	for (size_t i = 0; !err && i < ifaces.count; i++)
		err = read_view(&ifaces.iface[i], &view[i]);
	for (size_t i = 0; !err && i < ifaces.count; i++) {
		if (sw_json)
			json_array_append_new(list, view_json(&view[i]));
		else
			print_view(&view[i]);
	}
	if (!err && sw_json)
		sw_json_print(json_incref(list));
	json_decref(list);
	sw_ifaces_close(&ifaces);
	return sw_exit_of(err);
}
