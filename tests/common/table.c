// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The tracker in user space.
 */
#include "check.h"
#include "sound.h"
#include "step.h"
#include "table.h"

void table_init(struct table *table, const struct sw_config *config)
{
	memset(table, 0, sizeof(*table));
	table->config = *config;
}

struct sw_flow *table_find(struct table *table, const struct sw_flow_key *key)
{
	for (int i = 0; i < table->count; i++)
		if (!memcmp(&table->record[i].key, key, sizeof(*key)))
			return &table->record[i].flow;
	return NULL;
}

static struct sw_flow *find_or_begin(struct table *table, const struct sw_segment *segment,
				     struct outcome *outcome)
{
	struct sw_flow *flow = table_find(table, &segment->key);

	if (flow)
		return flow;
	outcome->reason = sw_may_open(segment);
	if (outcome->reason)
		return NULL;
	must(table->count < TABLE_FLOWS, "more flows than the test's table holds");
	table->record[table->count].key = segment->key;
	return &table->record[table->count++].flow;
}

void table_apply(struct table *table, const struct sw_segment *segment, __u64 now,
		 struct outcome *outcome)
{
	struct sw_flow *flow;
	const char *wrong;

	memset(outcome, 0, sizeof(*outcome));
	flow = find_or_begin(table, segment, outcome);
	if (!flow)
		return;
	outcome->before = *flow;
	outcome->reason = flow_step(flow, segment, now, &table->config);
	outcome->after = *flow;
	wrong = prediction_unsound(&outcome->before, flow, segment, outcome->reason, now,
				   &table->config);
	must(!wrong, "%s", wrong);
}
