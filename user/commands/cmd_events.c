// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward events: one line a transition, until interrupted; what is wanted of them the data path
 * chooses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/cmd.h"
#include "commands/event_view.h"
#include "commands/filter_options.h"
#include "commands/interrupt.h"
#include "host/clock.h"
#include "host/event_reader.h"
#include "host/iface.h"
#include "text/names.h"
#include "text/output.h"
#include "text/report.h"

#define POLL_MS       200
#define LOOK_EVERY_NS SW_NS_PER_S

struct sw_event_wish sw_events_args;

/* More of them may follow, in this value and in further ones. */
static int take_kinds(const struct sw_option *option, const char *value, void *args)
{
	struct sw_event_wish *wish = args;
	char *copy = strdup(value), *rest = copy, *word;
	int kind = copy ? 0 : sw_fail(-ENOMEM, NULL, "read --%s", option->name);

	while (kind >= 0 && (word = strsep(&rest, ","))) {
		kind = sw_event_kind_parse(word);
		if (kind < 0)
			sw_misuse("--%s is a state such as time-wait, or what `synward help "
				  "events` lists, not \"%s\"",
				  option->name, word);
		else
			wish->kinds |= 1U << kind;
	}
	free(copy);
	return kind < 0 ? kind : 0;
}

/* Rows of a table. clang-format would make columns of them. */
/* clang-format off */
const struct sw_option sw_options_events[] = {
	{ .name = "event", .letter = 'e', .kind = SW_OPTION_TEXT, .value = "EVENT[,EVENT]",
	  .take = take_kinds, .help = "only these" },
	SW_OPTIONS_FILTER(struct sw_event_wish, filter),
	{},
};

#define KIND_HELP(id, name, help) "  " #id ": " help "\n"

const char sw_options_events_more[] =
	"EVENT is a state, such as established or time-wait: an end came into it; or\n"
	SW_EVENT_KINDS(KIND_HELP)
	"A line has the sender, the segment's flags, the receiver, and their states from then on. Which\n"
	"flows is said as for `synward flows`; what is of no flow is told whichever they are.\n"
	"Any number may read at a time, each what it wants; what comes faster than it is read is lost,\n"
	"which is said.\n";
/* clang-format on */

struct reading {
	__s64 wall_offset_ns;
};

static int take_event(void *context, void *data, size_t size)
{
	const struct reading *reading = context;

	if (size >= sizeof(struct sw_event))
		sw_event_print(data, reading->wall_offset_ns);
	return sw_interrupted() ? -EINTR : sw_output_flush();
}

/* Does any interface still have these maps? 0 or -errno, reported: there is no synward any more. */
static int look_for(const struct sw_maps *maps, bool *there)
{
	static char *const all[] = { NULL };
	static struct sw_ifaces ifaces;
	int err = sw_ifaces_open(all, &ifaces);

	*there = false;
	for (size_t i = 0; i < ifaces.count; i++)
		*there |= sw_maps_id(&ifaces.iface[i].maps, "sw_readers") ==
			  sw_maps_id(maps, "sw_readers");
	sw_ifaces_close(&ifaces);
	return err;
}

/* Until the maps are nobody's: detached, or of another version's that has taken its place. */
static int read_events(const struct sw_maps *maps, const struct sw_event_wish *wish)
{
	struct reading reading = { sw_wall_offset_ns() };
	struct sw_event_reader reader;
	int err = sw_event_reader_open(&reader, maps, wish, take_event, &reading);
	__u64 lost, look_ns = sw_monotonic_ns() + LOOK_EVERY_NS;
	bool there = true;

	while (!err && there && !sw_interrupted()) {
		err = sw_event_reader_poll(&reader, POLL_MS, &lost);
		if (!err && lost)
			sw_say("%llu events were lost: they came faster than they were read", lost);
		if (!err && sw_monotonic_ns() > look_ns) {
			err = look_for(maps, &there);
			look_ns = sw_monotonic_ns() + LOOK_EVERY_NS;
		}
	}
	sw_event_reader_close(&reader);
	return err;
}

enum sw_exit sw_cmd_events(char *const *operands, void *args)
{
	static struct sw_ifaces ifaces;
	struct sw_event_wish *wish = args;
	int err;

	if (!wish->kinds)
		wish->kinds = ~(1U << SW_KIND_COOKIE_REJECTED); /* of which floods are made */
	sw_interrupt_catch();
	do {
		err = sw_ifaces_open_readable(operands, &ifaces);
		err = err ?: sw_ifaces_one_set(&ifaces, "read the events");
		err = err ?: read_events(&ifaces.iface[0].maps, wish);
		sw_ifaces_close(&ifaces);
	} while (!err && !sw_interrupted());
	return sw_exit_of(err);
}
