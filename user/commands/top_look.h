/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What `synward top` shows: all that it reads, read anew for each page.
 */
#ifndef SYNWARD_USER_TOP_LOOK_H
#define SYNWARD_USER_TOP_LOOK_H

#include <time.h>

#include "host/event_reader.h"
#include "host/iface.h"
#include "model/flow_summary.h"
#include "model/history.h"
#include "model/stats.h"
#include "model/status.h"

#define SW_TOP_RATES 5

/* What rates are shown, from the top. */
extern const struct sw_top_rate {
	const char *name;
	enum sw_counter counter;
} sw_top_rates[SW_TOP_RATES];

struct sw_top_look {
	struct sw_ifaces ifaces;
	struct sw_event_reader rejected; /* its ring buffer: cookies that were rejected */
	bool reading; /* it is open */
	bool found; /* synward was there at the last look, and what follows is of it */
	struct sw_history history[SW_TOP_RATES];
	struct sw_status status;
	struct sw_flow_table flows;
	struct sw_flow_summary summary;
	struct sw_tally halfopen; /* by the originator's prefix */
	struct sw_tally rejecting,
		rejected_from; /* since the last look, by the sender's prefix: comes in; shown */
	time_t time; /* when that was */
	__u64 took_ns; /* so long reading took */
};

/* Reads all of it. What is wrong is reported, and *look says that nothing was found. */
void sw_top_look(struct sw_top_look *look, char *const *operands);
void sw_top_look_close(struct sw_top_look *look);

#endif
