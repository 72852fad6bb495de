// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state model in user space, by the scenarios of tests/common.
 */
#include "check.h"
#include "scenarios.h"
#include "table.h"
#include "unit.h"

/* How far into a connection sequence numbers wrap: past what most scenarios send. */
#define WRAP_BYTES 520

static void reset(void *context, const struct sw_config *config)
{
	table_init(context, config);
}

static void apply(void *context, const struct sw_segment *segment, __u64 now,
		  struct outcome *outcome)
{
	table_apply(context, segment, now, outcome);
}

static void run_scenario(void **state)
{
	static struct table table;
	const struct backend backend = { reset, apply, &table };

	scenario_run_all(*state, &backend);
	scenario_run_wraps(*state, &backend, WRAP_BYTES);
}

int test_model(void)
{
	static const struct scenario_group *const groups[] = SCENARIO_GROUPS;
	int failed = 0;

	for (size_t i = 0; i < COUNT(groups); i++)
		failed += scenario_group_run(groups[i], run_scenario);
	return failed;
}
