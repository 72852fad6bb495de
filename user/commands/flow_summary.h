/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The summary of flows as people and programs see it.
 */
#ifndef SYNWARD_USER_COMMANDS_FLOW_SUMMARY_H
#define SYNWARD_USER_COMMANDS_FLOW_SUMMARY_H

#include "model/flow_summary.h"

void sw_flow_summary_print(const struct sw_flow_summary *summary);
void sw_flow_summary_print_json(const struct sw_flow_summary *summary);

#endif
