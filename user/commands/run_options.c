// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The options of run and attach.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/profile_option.h"
#include "commands/run_options.h"
#include "text/listen.h"
#include "text/names.h"
#include "text/place.h"
#include "text/report.h"

static const struct sw_config usual = {
	.configured = 1,
	.both_directions = 1,
	.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
};

struct sw_run_args sw_run_args = { .tracker.config = usual };

static const char *mode(unsigned int value)
{
	return value == SW_MODE_NATIVE ? "native" : "generic";
}

static const char *tc_way(unsigned int value)
{
	return value == SW_TC_TCX ? "tcx" : "clsact";
}

static const char *cookies(unsigned int value)
{
	return sw_cookie_mode_name((enum sw_cookie_mode)value);
}

static const char *admission(unsigned int value)
{
	return sw_admission_name((enum sw_admission)value);
}

static int take_ports(const struct sw_option *option, const char *value, void *args)
{
	(void)option;
	return sw_port_list_take(&((struct sw_run_args *)args)->tracker.guard.ports, value, false);
}

static int take_protected(const struct sw_option *option, const char *value, void *args)
{
	(void)option;
	return sw_port_list_take(&((struct sw_run_args *)args)->tracker.guard.ports, value, true);
}

static int take_profile(const struct sw_option *option, const char *value, void *args)
{
	return sw_profile_take(option, value,
			       &((struct sw_run_args *)args)->tracker.guard.terms.profile);
}

static int take_allowed(const struct sw_option *option, const char *value, void *args)
{
	(void)option;
	return sw_client_list_take(&((struct sw_run_args *)args)->tracker.guard.clients,
				   CLIENT_ALLOW, value);
}

static int take_denied(const struct sw_option *option, const char *value, void *args)
{
	(void)option;
	return sw_client_list_take(&((struct sw_run_args *)args)->tracker.guard.clients,
				   CLIENT_DENY, value);
}

static int take_metrics(const struct sw_option *option, const char *value, void *args)
{
	char name[16];

	snprintf(name, sizeof(name), "%s%s", sw_place_dashes(), option->name);
	return sw_listen_parse(value, name, &((struct sw_run_args *)args)->metrics);
}

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define INTO(member) SW_INTO(struct sw_run_args, tracker.member)
#define TABLE_MAX    (1 << 27)
#define RATE_MAX     1000000000

const struct sw_option sw_options_run[] = {
	{ .name = "config", .kind = SW_OPTION_FILE, SW_INTO(struct sw_run_args, config_file),
	  .initial = "/etc/synward/synward.conf", .late = true,
	  .help = "read settings from this file, too; unasked only where no interface is named" },
	{ .name = "metrics", .kind = SW_OPTION_TEXT, SW_INTO(struct sw_run_args, metrics),
	  .take = take_metrics, .value = "[ADDR:]PORT|PATH", .fixed = true,
	  .help = "`run` tells Prometheus there, at /metrics; a port alone is loopback's, a path a unix socket's" },
	SW_OPTIONS_TIMEOUT(struct sw_run_args, tracker.config.timeout),
	{ .name = "flows", .kind = SW_OPTION_NUMBER, INTO(sizes.flows),
	  .initial = "1048576", .late = true, .min = 1, .max = TABLE_MAX, .fixed = true,
	  .help = "size of the flow table" },
	{ .name = "half-open", .kind = SW_OPTION_NUMBER, INTO(sizes.halfopen),
	  .initial = "131072", .late = true, .min = 1, .max = TABLE_MAX, .fixed = true,
	  .help = "size of the table of what is not established" },
	{ .name = "mode", .kind = SW_OPTION_CHOICE, INTO(attach.mode),
	  .choice = mode, .min = SW_MODE_NATIVE, .max = SW_MODE_GENERIC, .fixed = true,
	  .help = "where XDP runs; else native, and where there is none, generic" },
	{ .name = "tc", .kind = SW_OPTION_CHOICE, INTO(attach.tc),
	  .choice = tc_way, .min = SW_TC_TCX, .max = SW_TC_CLSACT, .fixed = true,
	  .help = "how programs are attached at tc; else tcx (Linux 6.6), and where there is none, clsact" },
	{ .name = "guard", .kind = SW_OPTION_TEXT, .take = take_ports, .value = "PORTS",
	  .min = 1, .max = 65535, .repeats = true, .of_ports = true,
	  .help = "guard listeners on these ports, such as 80,443 or [ADDRESS]:80, against floods" },
	{ .name = "protect", .kind = SW_OPTION_TEXT, .take = take_protected, .value = "PORTS",
	  .min = 1, .max = 65535, .repeats = true, .of_ports = true,
	  .help = "guard services behind this host, such as 10.0.0.0/8:80: routed, bridged, DNAT" },
	{ .name = "stateless", .kind = SW_OPTION_FLAG, INTO(guard.stateless), .needs = { "protect" },
	  .help = "protect servers that run guard with the same --key-file: answer their SYNs, and no more" },
	{ .name = "profile", .kind = SW_OPTION_TEXT, .take = take_profile, .value = "PROFILE",
	  .needs = { "protect" }, .of_ports = true,
	  .help = "what services not heard yet are taken to offer: mss=1460,wscale=7,sack,timestamps,ecn" },
	{ .name = "cookies", .kind = SW_OPTION_CHOICE, INTO(guard.terms.mode), .needs = { "guard", "protect" },
	  .initial = "auto", .choice = cookies, .min = COOKIES_AUTO, .max = COOKIES_NEVER,
	  .of_ports = true,
	  .help = "which SYNs are answered with cookies; auto: those under pressure" },
	{ .name = "dry-run", .kind = SW_OPTION_FLAG, INTO(guard.dry_run), .needs = { "guard", "protect" },
	  .help = "count what guard would answer and drop, and pass it" },
	{ .name = "key-file", .kind = SW_OPTION_FILE, INTO(guard.key_file), .needs = { "guard", "protect" },
	  .help = "cookie keys that other hosts share; see `synward help key`" },
	{ .name = "admission", .kind = SW_OPTION_CHOICE, INTO(guard.admission), .needs = { "guard" },
	  .choice = admission, .min = ADMISSION_BPF, .max = ADMISSION_PROXY,
	  .help = "how cookies open: bpf (Linux 6.9), by the kernel's own, or by proxy; else the best" },
	{ .name = "reply-budget", .kind = SW_OPTION_NUMBER, INTO(guard.reply_budget),
	  .needs = { "guard", "protect" }, .initial = "10000", .min = 0, .max = RATE_MAX,
	  .help = "SYN+ACKs a second to one /24 or /64; 0: no limit" },
	{ .name = "high-mark", .kind = SW_OPTION_NUMBER, INTO(guard.terms.marks.high), .needs = { "guard", "protect" },
	  .initial = "256", .min = 1, .max = RATE_MAX, .of_ports = true,
	  .help = "half-open connections at which cookies begin" },
	{ .name = "low-mark", .kind = SW_OPTION_NUMBER, INTO(guard.terms.marks.low), .needs = { "guard", "protect" },
	  .initial = "64", .min = 0, .max = RATE_MAX, .of_ports = true,
	  .help = "unanswered cookies a second up to which a port is quiet" },
	{ .name = "quiet-time", .kind = SW_OPTION_DURATION, INTO(guard.terms.marks.quiet_ms),
	  .needs = { "guard", "protect" }, .initial = "10s", .min = 100, .max = 86400000, .of_ports = true,
	  .help = "so long quiet, and cookies end" },
	{ .name = "allow", .kind = SW_OPTION_TEXT, .take = take_allowed, .value = "PREFIXES",
	  .needs = { "guard", "protect" }, .repeats = true,
	  .help = "clients that guard never answers nor drops, such as 192.0.2.1,2001:db8::/32" },
	{ .name = "deny", .kind = SW_OPTION_TEXT, .take = take_denied, .value = "PREFIXES",
	  .needs = { "guard", "protect" }, .repeats = true,
	  .help = "clients of whom all that comes to a guarded port is dropped" },
	{},
};

const char sw_options_run_more[] =
	"A duration is a number with ms, s, m, h or d; without a unit it is seconds.\n"
	"--timeout may be given once for each state, in either case, with - or _: time-wait=60s.\n"
	"Several interfaces share one set of tables. What an earlier synward left on an interface\n"
	"(killed, or `attach`, or `ip link`) is taken over with its flows and counters.\n"
	"\n"
	"Guard answers SYNs with cookies at XDP while the listener is under pressure: from the high\n"
	"mark on, or from three quarters of its backlog if that is less. The kernel gets only the\n"
	"connections whose clients answer. `run` looks at sysctls and MTU each second, and reads the\n"
	"key file again on SIGHUP.\n"
	"PORTS may be ranges, and only those at an address or a prefix, the longest of which holds:\n"
	"--guard 443,8000-8010,192.0.2.1:80,10.0.0.0/8:80,[2001:db8::/32]:80\n"
	"\n"
	"Protect does the same for services that are not this host's: behind a router, a bridge's port,\n"
	"DNAT. What they offer is learnt from their own SYN+ACKs where those leave; what has not\n"
	"answered there yet has no cookies sent for it, unless --profile says what it would offer: its\n"
	"MSS over IPv4 (over IPv6 20 less), and those of the other options that it has. Their sequence\n"
	"numbers are translated. With --stateless nothing is kept, nor learnt: the servers' own guards\n"
	"admit, and may answer clients directly. What they offer is as --profile says, else as the key\n"
	"file does, else as this host would. Any such gateway takes over from any other.\n";
/* clang-format on */

/* --- The arguments as a whole ----------------------------------------------------------------- */

void sw_run_args_init(struct sw_run_args *args)
{
	*args = (struct sw_run_args){ .tracker.config = usual };
	sw_options_default(sw_options_run, args);
}

void sw_run_args_free(struct sw_run_args *args)
{
	while (args->texts)
		free(args->text[--args->texts]);
	free(args->text);
	sw_client_list_free(&args->tracker.guard.clients);
	*args = (struct sw_run_args){};
}

int sw_run_args_settle(struct sw_run_args *args)
{
	struct sw_guard_options *guard = &args->tracker.guard;

	sw_port_list_settle(&guard->ports, 0, &guard->terms);
	if (guard->stateless)
		sw_port_list_make_stateless(&guard->ports);
	return sw_client_list_settle(&guard->clients);
}
