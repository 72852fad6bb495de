// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward attach, synward detach; and the options that attach shares with run.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands/cmd.h"
#include "commands/guard_options.h"
#include "guard/start.h"
#include "host/detach.h"
#include "host/lock.h"
#include "text/names.h"
#include "text/report.h"
#include "text/values.h"

/* Below a millisecond there is no time-out; above 49 days milliseconds don't fit 32 bits. */
#define TIMEOUT_MIN_MS 1ULL
#define TIMEOUT_MAX_MS (49 * 86400000ULL)

struct sw_tracker_options sw_attach_args = {
	.config = { .configured = 1,
		    .both_directions = 1,
		    .timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) } },
	.guard = { .reply_budget = SW_REPLY_BUDGET_DEFAULT,
		   .high = SW_HIGH_DEFAULT,
		   .low = SW_LOW_DEFAULT,
		   .quiet_ms = SW_QUIET_DEFAULT_MS },
};

static int refuse_state(const char *value)
{
	char names[160] = "";

	for (int state = 0; state < SW_STATES; state++) {
		strcat(names, state ? " " : "");
		strcat(names, sw_state_name(state));
	}
	return sw_misuse("--timeout is STATE=DURATION, not \"%s\"; states: %s", value, names);
}

int sw_take_timeout(const char *value, void *args)
{
	struct sw_range range = { "--timeout", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS };
	struct sw_config *config = args;
	const char *equals = strchr(value, '=');
	char name[16] = "";
	int state, err;
	__u64 ms;

	if (equals && (size_t)(equals - value) < sizeof(name))
		memcpy(name, value, equals - value);
	state = sw_state_parse(name);
	if (state < 0)
		return refuse_state(value);
	if (state == CLOSED)
		range.min = 0;
	err = sw_parse_duration(equals + 1, &range, &ms);
	if (!err)
		config->timeout.ms[state] = (__u32)ms;
	return err;
}

/* TIME_WAIT lasts 2 MSL (RFC 9293, 3.4.2). */
int sw_take_msl(const char *value, void *args)
{
	const struct sw_range range = { "--msl", TIMEOUT_MIN_MS, TIMEOUT_MAX_MS / 2 };
	struct sw_config *config = args;
	__u64 ms;
	int err = sw_parse_duration(value, &range, &ms);

	if (!err)
		config->timeout.time_wait = (__u32)(2 * ms);
	return err;
}

static int take_size(const char *option, const char *value, __u32 *size)
{
	const struct sw_range range = { option, 1, 1 << 27 };
	__u64 number;
	int err = sw_parse_number(value, &range, &number);

	if (!err)
		*size = (__u32)number;
	return err;
}

static int take_flows(const char *value, void *args)
{
	return take_size("--flows", value, &((struct sw_tracker_options *)args)->sizes.flows);
}

static int take_halfopen(const char *value, void *args)
{
	return take_size("--half-open", value,
			 &((struct sw_tracker_options *)args)->sizes.halfopen);
}

static int take_mode(const char *value, void *args)
{
	struct sw_tracker_options *options = args;

	if (!strcmp(value, "native"))
		options->mode = SW_MODE_NATIVE;
	else if (!strcmp(value, "generic"))
		options->mode = SW_MODE_GENERIC;
	else
		return sw_misuse("--mode is native or generic, not \"%s\"", value);
	return 0;
}

const struct sw_option sw_attach_options[] = {
	{ "timeout", "STATE=DURATION", "how long a flow stays in a state, such as time-wait=60s",
	  sw_take_timeout },
	{ "msl", "DURATION", "maximum segment lifetime: TIME_WAIT lasts twice that (30s)",
	  sw_take_msl },
	{ "flows", "N", "size of the flow table (1048576)", take_flows },
	{ "half-open", "N", "size of the table of what is not established (131072)",
	  take_halfopen },
	{ "mode", "native|generic", "where XDP runs (native, and where there is none, generic)",
	  take_mode },
	{ "guard", "PORTS", "guard listeners on these ports, such as 80,443, against SYN floods",
	  sw_take_guard },
	{ "cookies", "WHEN", "auto: under pressure (the default); always; never", sw_take_cookies },
	{ "dry-run", NULL, "count what guard would answer and drop, and pass it", sw_take_dry_run },
	{ "key-file", "FILE", "cookie keys that other hosts share; see `synward help key`",
	  sw_take_key_file },
	{ "admission", "bpf|kernel", "whose cookies: synward's (Linux 6.9), or the kernel's",
	  sw_take_admission },
	{ "reply-budget", "N", "SYN+ACKs a second to one /24 or /64 (10000; 0: no limit)",
	  sw_take_reply_budget },
	{ "high-mark", "N", "half-open connections at which cookies begin (256)",
	  sw_take_high_mark },
	{ "low-mark", "N", "unanswered cookies a second up to which a port is quiet (64)",
	  sw_take_low_mark },
	{ "quiet-time", "DURATION", "so long quiet, and cookies end (10s)", sw_take_quiet },
	{},
};

const char sw_attach_more[] =
	"A duration is a number with ms, s, m, h or d; without a unit it is seconds.\n"
	"--timeout may be given once for each state: LISTEN SYN_SENT SYN_RCVD ESTABLISHED\n"
	"FIN_WAIT_1 FIN_WAIT_2 CLOSE_WAIT CLOSING LAST_ACK TIME_WAIT CLOSED, in either case,\n"
	"with - or _.\n"
	"Several interfaces share one set of tables. What an earlier synward left on an interface\n"
	"(killed, or `attach`, or `ip link`) is taken over with its flows and counters.\n"
	"\n"
	"Guard answers SYNs with cookies at XDP while the listener is under pressure: from the "
	"high\n"
	"mark on, or from three quarters of its backlog if that is less. The kernel gets only the\n"
	"connections whose clients answer. `run` reads the key file and sysctls again on SIGHUP.\n";

enum sw_exit sw_cmd_attach(char *const *operands, void *args)
{
	static struct sw_tracker tracker;
	int err = sw_start(&tracker, operands, args);

	if (err)
		return SW_EXIT_FAILED;
	sw_tracker_say(&tracker);
	sw_tracker_close(&tracker);
	return SW_EXIT_DONE;
}

static int detach(struct sw_iface_state *iface)
{
	if (iface->daemon)
		return sw_fail(0, "Stop that process: it detaches",
			       "detach %s: process %d serves it", iface->name, iface->daemon);
	return sw_iface_detach(iface);
}

enum sw_exit sw_cmd_detach(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	int err = sw_lock_setup();

	(void)args;
	if (err)
		return SW_EXIT_FAILED;
	err = sw_ifaces_open(operands, &ifaces);
	for (size_t i = 0; i < ifaces.count; i++)
		err = detach(&ifaces.iface[i]) ?: err;
	sw_ifaces_close(&ifaces);
	sw_lock_release_setup();
	return sw_exit_of(err);
}
