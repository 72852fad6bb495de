// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward flows --summary, as `ss -s` is to `ss`.
 */
#include <stdio.h>
#include <string.h>

#include "commands/flow_summary.h"
#include "text/json.h"
#include "text/names.h"
#include "text/prefix.h"

#define ROWS 10 /* of ports and of prefixes */

static size_t rows_of(const struct sw_tally *tally)
{
	return tally->count < ROWS ? tally->count : ROWS;
}

static struct sw_prefix prefix_of(const struct sw_tally_row *row)
{
	struct sw_prefix prefix = { .bits = row->number };

	memcpy(prefix.address, row->address, sizeof(prefix.address));
	return prefix;
}

/* --- Text ----------------------------------------------------------------------------------- */

static void print_states(const struct sw_flow_summary *summary)
{
	printf("%-12s %12s %12s\n", "STATE", "ORIGINATORS", "RESPONDERS");
	for (int i = 1; i <= SW_STATES; i++) {
		int state = i % SW_STATES;

		if (summary->originators[state] || summary->responders[state])
			printf("%-12s %12zu %12zu\n", sw_state_name(state),
			       summary->originators[state], summary->responders[state]);
	}
}

/* What those that are not shown have together. */
static void print_rest(const struct sw_tally *tally, int width)
{
	size_t rest = 0;

	for (size_t i = ROWS; i < tally->count; i++)
		rest += tally->row[i].count;
	if (rest)
		printf("%zu more%*s%12zu\n", tally->count - ROWS,
		       width - snprintf(NULL, 0, "%zu more", tally->count - ROWS), "", rest);
}

static void print_ports(const struct sw_tally *ports)
{
	printf("\n%-13s%12s\n", "TO PORT", "FLOWS");
	for (size_t i = 0; i < rows_of(ports); i++)
		printf("%-13u%12u\n", ports->row[i].number, ports->row[i].count);
	print_rest(ports, 13);
}

static void print_prefixes(const struct sw_tally *prefixes)
{
	char text[SW_PREFIX_TEXT];

	printf("\n%-26s%12s\n", "FROM", "FLOWS");
	for (size_t i = 0; i < rows_of(prefixes); i++) {
		struct sw_prefix prefix = prefix_of(&prefixes->row[i]);

		printf("%-26s%12u\n", sw_prefix_text(&prefix, text), prefixes->row[i].count);
	}
	print_rest(prefixes, 26);
}

void sw_flow_summary_print(const struct sw_flow_summary *summary)
{
	printf("%zu flow%s: %zu half-open, %zu picked up in the middle; IPv4 %zu, IPv6 %zu\n",
	       summary->flows, summary->flows == 1 ? "" : "s", summary->halfopen,
	       summary->midstream, summary->flows - summary->ipv6, summary->ipv6);
	if (!summary->flows)
		return;
	putchar('\n');
	print_states(summary);
	print_ports(&summary->ports);
	print_prefixes(&summary->prefixes);
}

/* --- JSON ----------------------------------------------------------------------------------- */

static json_t *states_json(const size_t states[SW_STATES])
{
	json_t *object = json_object();

	for (int state = 0; state < SW_STATES; state++)
		json_object_set_new(object, sw_state_name(state),
				    json_integer((json_int_t)states[state]));
	return object;
}

static json_t *ports_json(const struct sw_tally *ports)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows_of(ports); i++)
		json_array_append_new(list,
				      json_pack("{s:i, s:i}", "port", (int)ports->row[i].number,
						"flows", (int)ports->row[i].count));
	return list;
}

static json_t *prefixes_json(const struct sw_tally *prefixes)
{
	json_t *list = json_array();
	char text[SW_PREFIX_TEXT];

	for (size_t i = 0; i < rows_of(prefixes); i++) {
		struct sw_prefix prefix = prefix_of(&prefixes->row[i]);

		json_array_append_new(list, json_pack("{s:s, s:i}", "prefix",
						      sw_prefix_text(&prefix, text), "flows",
						      (int)prefixes->row[i].count));
	}
	return list;
}

void sw_flow_summary_print_json(const struct sw_flow_summary *summary)
{
	sw_json_print(json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:{s:o, s:o}, s:o, s:o}", "flows",
		(json_int_t)summary->flows, "halfopen", (json_int_t)summary->halfopen, "midstream",
		(json_int_t)summary->midstream, "ipv4",
		(json_int_t)(summary->flows - summary->ipv6), "ipv6", (json_int_t)summary->ipv6,
		"state", "a", states_json(summary->originators), "b",
		states_json(summary->responders), "ports", ports_json(&summary->ports), "prefixes",
		prefixes_json(&summary->prefixes)));
}
