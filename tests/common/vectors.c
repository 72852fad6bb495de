// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reads captures with libpcap and expectations with jansson. VECTORS in the environment names
 * another folder than tests/vectors.
 */
#include <arpa/inet.h>
#include <glob.h>
#include <jansson.h>
#include <pcap/pcap.h>

#include "text/conn_state.h"
#include "names.h"
#include "vectors.h"

#define VECTORS_MAX  256
#define HISTORY_MAX  64
#define VECTOR_FLOWS TABLE_FLOWS

static const char *vectors_folder(void)
{
	const char *folder = getenv("VECTORS");

	return folder ? folder : "tests/vectors";
}

static const char *vector_path(const char *name, const char *ending)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s.%s", vectors_folder(), name, ending);
	return path;
}

/* --- Captures --------------------------------------------------------------------------------- */

void vector_frames(const char *name, frame_visitor visit, void *context)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const __u8 *bytes;
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(vector_path(name, "pcap"),
							       PCAP_TSTAMP_PRECISION_NANO, error);

	must(pcap, "%s", error);
	while (pcap_next_ex(pcap, &head, &bytes) == 1) {
		__u64 now = (__u64)head->ts.tv_sec * SW_NS_PER_S + (__u64)head->ts.tv_usec;

		visit(context, bytes, head->caplen, now);
	}
	pcap_close(pcap);
}

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

static void see_frame(void *context, const __u8 *bytes, size_t size, __u64 now)
{
	struct seen *seen = context;
	struct sw_segment segment;
	struct outcome outcome;
	int at;

	seen->backend->frame(seen->backend->context, bytes, size, now, &segment, &outcome);
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

/* "192.0.2.10:80", "2001:db8::a:80" or "[2001:db8::a]:80". */
static void read_endpoint(const char *text, __u8 address[16], __u16 *port)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t length;

	must(colon, "%s is no endpoint", text);
	if (*text == '[')
		text++;
	length = (size_t)(colon - text) - (colon[-1] == ']');
	must(length < sizeof(host), "%s is no endpoint", text);
	memcpy(host, text, length);
	host[length] = '\0';
	memset(address, 0, 16);
	if (strchr(host, ':')) {
		must(inet_pton(AF_INET6, host, address) == 1, "%s is no address", host);
	} else {
		address[10] = address[11] = 0xff;
		must(inet_pton(AF_INET, host, address + 12) == 1, "%s is no address", host);
	}
	*port = (__u16)atoi(colon + 1);
}

/* The expected entry, without parentheses; *optional if it has them. */
static int read_state(const char *text, bool *optional)
{
	char name[32];
	size_t length = strlen(text);
	int state;

	*optional = *text == '(';
	if (*optional) {
		text++;
		length -= 2;
	}
	must(length < sizeof(name), "%s is no state", text);
	memcpy(name, text, length);
	name[length] = '\0';
	state = state_by_name(name);
	must(state >= 0, "%s is no state", name);
	return state;
}

static void check_history(const struct seen *seen, const char *end, const json_t *expected,
			  const struct history *history)
{
	int at = 0;
	size_t i;
	json_t *entry;

	json_array_foreach (expected, i, entry) {
		bool optional;
		int state = read_state(json_string_value(entry), &optional);

		if (at < history->count && (int)history->state[at] == state)
			at++;
		else
			must(optional, "%s: %s is not %s but %s", seen->name, end,
			     json_string_value(entry),
			     at < history->count ? state_name(history->state[at]) : "at its end");
	}
	must(at == history->count, "%s: %s goes on to %s", seen->name, end,
	     state_name(history->state[at % HISTORY_MAX]));
}

static void check_end(const struct seen *seen, int at, int end, const char *name,
		      const json_t *expected)
{
	const json_t *history = json_object_get(json_object_get(expected, "history"), name);
	const char *final =
		json_string_value(json_object_get(json_object_get(expected, "final"), name));
	bool self = sw_key_is_self(&seen->key[at]);
	enum sw_state state = seen->last[at].ep[self ? 0 : end].state;

	check_history(seen, name, history, &seen->history[at][end]);
	must(!strcmp(final, state_name(state)), "%s: %s ends in %s, not in %s", seen->name, name,
	     state_name(state), final);
}

static void check_reasons(const struct seen *seen, json_t *reasons)
{
	if (!reasons)
		return;
	for (unsigned int i = 0; i < SW_COUNTER_MAX; i++) {
		json_int_t expected = json_integer_value(json_object_get(reasons, counter_name(i)));

		if (i != SW_NONE && i != SW_FLOWS_REPLACED)
			must(seen->reasons[i] == expected, "%s: %s counts %u, not %lld", seen->name,
			     counter_name(i), seen->reasons[i], expected);
	}
}

static void check_seen(struct seen *seen, const json_t *expected)
{
	const char *conn_state = json_string_value(json_object_get(expected, "conn_state"));
	struct sw_flow_key key;
	__u8 address[2][16];
	__u16 port[2];
	int a, at;

	read_endpoint(json_string_value(json_object_get(expected, "A")), address[0], &port[0]);
	read_endpoint(json_string_value(json_object_get(expected, "B")), address[1], &port[1]);
	a = memcmp(address[0], address[1], 16);
	a = a ? a > 0 : port[0] > port[1]; /* which end of the key A is */
	for (int end = 0; end < 2; end++) {
		memcpy(key.addr[end], address[end ^ a], 16);
		key.port[end] = port[end ^ a];
	}
	at = find_key(seen, &key);
	check_end(seen, at, a, "A", expected);
	check_end(seen, at, !a, "B", expected);
	must(seen->incarnations == json_integer_value(json_object_get(expected, "flows")),
	     "%s: %d flows", seen->name, seen->incarnations);
	if (conn_state)
		must(!strcmp(conn_state, sw_conn_state(&key, &seen->last[at])),
		     "%s: conn_state %s, not %s", seen->name, sw_conn_state(&key, &seen->last[at]),
		     conn_state);
	check_reasons(seen, json_object_get(expected, "reasons"));
}

/* --- The tests -------------------------------------------------------------------------------- */

void vector_run(const char *name, const struct frame_backend *backend)
{
	json_error_t error;
	json_t *expected = json_load_file(vector_path(name, "expect"), 0, &error);

	must(expected, "%s: %s", name, error.text);
	for (__u32 both_directions = 0; both_directions < 2; both_directions++) {
		struct seen seen = { .backend = backend, .name = name };
		struct sw_config config = SW_CONFIG_DEFAULT;

		config.configured = 1;
		config.both_directions = both_directions;
		backend->reset(backend->context, &config);
		vector_frames(name, see_frame, &seen);
		see_end(&seen);
		check_seen(&seen, expected);
	}
	json_decref(expected);
}

/* The captures' names without folder and ending. */
static size_t list_vectors(char names[VECTORS_MAX][64])
{
	char pattern[256];
	glob_t found;
	size_t count;

	snprintf(pattern, sizeof(pattern), "%s/*.pcap", vectors_folder());
	if (glob(pattern, 0, NULL, &found))
		return 0;
	count = found.gl_pathc < VECTORS_MAX ? found.gl_pathc : VECTORS_MAX;
	for (size_t i = 0; i < count; i++) {
		const char *base = strrchr(found.gl_pathv[i], '/') + 1;

		snprintf(names[i], 64, "%.*s", (int)(strlen(base) - strlen(".pcap")), base);
	}
	globfree(&found);
	return count;
}

int vectors_run(const char *group, CMUnitTestFunction test)
{
	static char names[VECTORS_MAX][64];
	static struct CMUnitTest tests[VECTORS_MAX];
	size_t count = list_vectors(names);

	if (!count) {
		print_error("no vectors in %s\n", vectors_folder());
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = test,
			.initial_state = names[i],
		};
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
