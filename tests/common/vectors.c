// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Captures and expectations are tables that tests/common/golden_vectors has made of their files.
 * `make VECTORS=FOLDER` takes another folder than tests/vectors.
 */
#include "text/conn_state.h"
#include "names.h"
#include "vectors.h"
#include "tests/golden_vectors.h"

#define HISTORY_MAX  64
#define VECTOR_FLOWS TABLE_FLOWS

/* --- What was seen ---------------------------------------------------------------------------- */

/* States in the order in which an endpoint was in them, over all incarnations. */
struct history {
	int count;
	enum sw_state state[HISTORY_MAX];
};

struct seen {
	const struct frame_backend *backend;
	const char *name;
	int keys, incarnations;
	struct sw_flow_key key[VECTOR_FLOWS];
	struct history history[VECTOR_FLOWS][2];
	struct sw_flow last[VECTOR_FLOWS];
	__u32 reasons[SW_COUNTER_MAX];
};

/* CLOSED has the lowest number and comes last. */
static void append_history(struct history *history, __u16 bits)
{
	for (int i = 1; i <= SW_STATES; i++) {
		int state = i % SW_STATES;

		if (!(bits & (1U << state)))
			continue;
		must(history->count < HISTORY_MAX, "a history is too long");
		history->state[history->count++] = (enum sw_state)state;
	}
}

static void append_incarnation(struct seen *seen, int at, const struct sw_flow *flow)
{
	bool self = sw_key_is_self(&seen->key[at]);

	for (int end = 0; end < 2; end++)
		append_history(&seen->history[at][end], flow->ep[self ? 0 : end].history);
	seen->incarnations++;
}

static int find_key(struct seen *seen, const struct sw_flow_key *key)
{
	for (int at = 0; at < seen->keys; at++)
		if (!memcmp(&seen->key[at], key, sizeof(*key)))
			return at;
	must(seen->keys < VECTOR_FLOWS, "more flows than expected");
	seen->key[seen->keys] = *key;
	return seen->keys++;
}

static void see_frame(struct seen *seen, const struct vector_frame *frame)
{
	struct sw_segment segment;
	struct outcome outcome;
	int at;

	seen->backend->frame(seen->backend->context, frame->bytes, frame->size, frame->now,
			     &segment, &outcome);
	seen->reasons[outcome.reason]++;
	if (!outcome.after.start_ns)
		return;
	at = find_key(seen, &segment.key);
	if (outcome.before.start_ns && outcome.before.start_ns != outcome.after.start_ns)
		append_incarnation(seen, at, &outcome.before);
	seen->last[at] = outcome.after;
}

static void see_end(struct seen *seen)
{
	for (int at = 0; at < seen->keys; at++) {
		struct sw_flow kept;

		must(seen->backend->find(seen->backend->context, &seen->key[at], &kept),
		     "%s: the flow is not kept", seen->name);
		kept.moved = 0;
		must(!memcmp(&kept, &seen->last[at], sizeof(kept)),
		     "%s: what is kept is not what the last segment left", seen->name);
		append_incarnation(seen, at, &kept);
	}
}

/* --- What was expected ------------------------------------------------------------------------ */

static void check_history(const struct seen *seen, const char *end,
			  const struct vector_end *expected, const struct history *history)
{
	int at = 0;

	for (int i = 0; i < expected->states; i++) {
		const struct vector_state *wanted = &expected->history[i];

		if (at < history->count && history->state[at] == wanted->state)
			at++;
		else
			must(wanted->optional, "%s: %s is not %s but %s", seen->name, end,
			     state_name(wanted->state),
			     at < history->count ? state_name(history->state[at]) : "at its end");
	}
	must(at == history->count, "%s: %s goes on to %s", seen->name, end,
	     state_name(history->state[at % HISTORY_MAX]));
}

static void check_end(const struct seen *seen, int at, int end, const char *name,
		      const struct vector_end *expected)
{
	bool self = sw_key_is_self(&seen->key[at]);
	enum sw_state state = seen->last[at].ep[self ? 0 : end].state;

	check_history(seen, name, expected, &seen->history[at][end]);
	must(state == expected->final, "%s: %s ends in %s, not in %s", seen->name, name,
	     state_name(state), state_name(expected->final));
}

static void check_reasons(const struct seen *seen, const struct vector *expected)
{
	for (unsigned int i = 0; expected->has_reasons && i < SW_COUNTER_MAX; i++)
		if (i != SW_NONE && i != SW_FLOWS_REPLACED)
			must(seen->reasons[i] == expected->reasons[i], "%s: %s counts %u, not %u",
			     seen->name, counter_name(i), seen->reasons[i], expected->reasons[i]);
}

static void check_seen(struct seen *seen, const struct vector *expected)
{
	const struct vector_end *end = expected->end;
	int a = memcmp(end[0].address, end[1].address, 16);
	struct sw_flow_key key;
	int at;

	a = a ? a > 0 : end[0].port > end[1].port; /* which end of the key A is */
	for (int i = 0; i < 2; i++) {
		memcpy(key.addr[i], end[i ^ a].address, 16);
		key.port[i] = end[i ^ a].port;
	}
	at = find_key(seen, &key);
	check_end(seen, at, a, "A", &end[0]);
	check_end(seen, at, !a, "B", &end[1]);
	must(seen->incarnations == expected->flows, "%s: %d flows", seen->name, seen->incarnations);
	if (expected->conn_state)
		must(!strcmp(expected->conn_state, sw_conn_state(&key, &seen->last[at])),
		     "%s: conn_state %s, not %s", seen->name, sw_conn_state(&key, &seen->last[at]),
		     expected->conn_state);
	check_reasons(seen, expected);
}

/* --- The tests -------------------------------------------------------------------------------- */

void vector_run(const struct vector *vector, const struct frame_backend *backend)
{
	for (__u32 both_directions = 0; both_directions < 2; both_directions++) {
		struct seen seen = { .backend = backend, .name = vector->name };
		struct sw_config config = SW_CONFIG_DEFAULT;

		config.configured = 1;
		config.both_directions = both_directions;
		backend->reset(backend->context, &config);
		for (int i = 0; i < vector->frame_count; i++)
			see_frame(&seen, &vector->frames[i]);
		see_end(&seen);
		check_seen(&seen, vector);
	}
}

int vectors_run(const char *group, CMUnitTestFunction test)
{
	static struct CMUnitTest tests[COUNT(vectors)];

	for (size_t i = 0; i < COUNT(vectors); i++)
		tests[i] = (struct CMUnitTest){
			.name = vectors[i].name,
			.test_func = test,
			.initial_state = (void *)&vectors[i],
		};
	return _cmocka_run_group_tests(group, tests, COUNT(vectors), NULL, NULL);
}
