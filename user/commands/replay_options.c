// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The options of replay.
 */
#include "commands/replay_options.h"
#include "commands/run_options.h"
#include "text/conn_state.h"

struct sw_replay_args sw_replay_args = {
	.replay.config = { .configured = 1,
			   .both_directions = 1,
			   .timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) } },
};

static int take_ladder(const struct sw_option *option, const char *value, void *args)
{
	((struct sw_replay_args *)args)->ladder = true;
	return value ? sw_option_parse(option, value, &((struct sw_replay_args *)args)->flow) : 0;
}

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
#define INTO(member) SW_INTO(struct sw_replay_args, member)
#define FLOW_MAX     (1ULL << 40)

const struct sw_option sw_options_replay[] = {
	{ .name = "segments", .kind = SW_OPTION_FLAG, INTO(segments),
	  .help = "list every segment, and what it did to the two ends" },
	{ .name = "ladder", .kind = SW_OPTION_NUMBER, .take = take_ladder,
	  .value = "FLOW", .value_optional = true, .initial = "1", .late = true,
	  .min = 1, .max = FLOW_MAX,
	  .help = "draw the sequence diagram of this flow of the table" },
	{ .name = "svg", .kind = SW_OPTION_FILE, INTO(svg),
	  .help = "draw it as a picture into a file, \"-\" is stdout" },
	{ .name = "flow", .kind = SW_OPTION_NUMBER, INTO(flow), .needs = { "ladder", "svg" },
	  .initial = "1", .late = true, .min = 1, .max = FLOW_MAX,
	  .help = "which flow --ladder and --svg draw" },
	{ .name = "window", .kind = SW_OPTION_FLAG, INTO(window), .needs = { "ladder", "svg" },
	  .help = "show the window of each segment, not only where it is zero" },
	{ .name = "ascii", .kind = SW_OPTION_FLAG, INTO(ascii), .needs = { "ladder", "segments" },
	  .help = "draw with ASCII, whatever the locale" },
	{ .name = "ignore-checksum", .kind = SW_OPTION_FLAG, INTO(replay.ignore_checksum),
	  .help = "believe segments whose checksum is wrong" },
	SW_OPTIONS_TIMEOUT(struct sw_replay_args, replay.config.timeout),
	{},
};

#define CONN_LINE(name, meaning) " " name "\t" meaning "\n"

const char sw_options_replay_more[] =
	"FILE is a pcap or pcapng file, or one compressed by gzip or zstd; \"-\" is standard input.\n"
	"Link layers: Ethernet, Linux cooked, raw IP, BSD loopback, PPP, NFLOG, 802.11 and others.\n"
	"In tunnels (VXLAN, Geneve, GRE, ERSPAN, GTP, PPPoE, MPLS, IP in IP) the innermost connection\n"
	"is followed, those of two ids apart. Nothing is attached, and no daemon is needed.\n"
	"What goes by a source route, a routing header or a home address is of its true ends.\n"
	"Without --json, --segments, --ladder and --svg the flows are listed. A flow ends when the\n"
	"capture's clock says so, or the capture does. A segment whose checksum is wrong changes\n"
	"nothing, unless all checksums of its sender are, or its receiver acknowledged it. A flow\n"
	"with ! behind it had segments that changed nothing; why is said at the end.\n"
	"\n"
	"CONN is how far a flow came, as Zeek says it:\n"
	SW_CONN_STATES(CONN_LINE);
/* clang-format on */
