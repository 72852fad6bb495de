// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Nobody tells of it but events, which somebody else reads: the ports are looked at every second.
 */
#include <synward/config.h>

#include "daemon/retreat.h"
#include "guard/port_list.h"
#include "host/clock.h"
#include "model/status.h"
#include "text/admission.h"
#include "text/report.h"
#include "text/retreat.h"

#define PERIOD_NS SW_NS_PER_S

static void look(struct sw_retreat_watch *watch, const struct sw_guard *guard,
		 const struct sw_guarded *guarded, int family)
{
	enum sw_stand stand = sw_port_stand(guard, guarded, family);
	__u32 index = sw_retreat_index(guarded->port.slot, family);
	char text[SW_PORT_KEY_TEXT];

	if (index >= SW_RETREAT_PLACES || stand == watch->said[index])
		return;
	watch->said[index] = stand;
	sw_say("guard, port %s, %s: %s", sw_port_key_text(&guarded->key, text),
	       sw_family_name(family), sw_stand_text(stand));
}

static int work(void *context, struct sw_next *next)
{
	static struct sw_guarded guarded[SW_PORTS_MAX];
	struct sw_retreat_watch *watch = context;
	struct sw_config config;
	int err = sw_map_read_one(watch->maps.config, &config);
	int count = err ? 0 : sw_guarded_read(&watch->maps, guarded);

	for (int i = 0; i < 2 * count; i++)
		look(watch, &config.guard, &guarded[i / 2], i & 1);
	next->by_ns = sw_monotonic_ns() + PERIOD_NS;
	return err;
}

struct sw_duty sw_retreat_duty(struct sw_retreat_watch *watch, const struct sw_map_fds *maps)
{
	watch->maps = *maps;
	return (struct sw_duty){
		.what = "look where the guarded ports stand",
		.fd = -1,
		.work = work,
		.context = watch,
	};
}
