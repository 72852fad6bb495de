/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The groups of scenarios, each with the tables of one chapter of STATE_MODEL.md.
 */
#ifndef SYNWARD_TESTS_SCENARIOS_H
#define SYNWARD_TESTS_SCENARIOS_H

#include "scenario.h"

extern const struct scenario_group open_scenarios, simultaneous_scenarios, self_scenarios,
	close_scenarios, disorder_scenarios, holes_scenarios, time_wait_scenarios, reset_scenarios,
	syn_scenarios, window_scenarios, data_scenarios, midstream_scenarios, one_side_scenarios,
	life_scenarios, unseen_scenarios;

#define SCENARIO_GROUPS                                                                       \
	{                                                                                     \
		&open_scenarios, &simultaneous_scenarios, &self_scenarios, &close_scenarios,  \
			&disorder_scenarios, &holes_scenarios, &time_wait_scenarios,          \
			&reset_scenarios, &syn_scenarios, &window_scenarios, &data_scenarios, \
			&midstream_scenarios, &one_side_scenarios, &life_scenarios,           \
			&unseen_scenarios,                                                    \
	}

#endif
