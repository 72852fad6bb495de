// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Runs scenarios. Beside what a table says of each step, every step is held against the invariants
 * of sound.h and the count of segments.
 */
#include "check.h"
#include "names.h"
#include "scenario.h"
#include "sound.h"

#define START_NS (1000 * SW_NS_PER_S)

struct run {
	const struct scenario *scenario;
	const struct variant *variant;
	const struct backend *backend;
	size_t at; /* the step */
	__u64 now;
	struct outcome last;
	__u32 packets[2]; /* what the record must say, by A and B */
};

static int end_of(const struct run *run, enum sender who)
{
	return run->scenario->self ? 0 : (int)who ^ run->variant->swapped;
}

static const struct sw_endpoint *endpoint(const struct run *run, enum sender who)
{
	return &run->last.after.ep[end_of(run, who)];
}

static void describe(const struct run *run, char *text, size_t size)
{
	const struct step *step = &run->scenario->steps[run->at];
	const struct variant *v = run->variant;
	char flags[FLAGS_TEXT];

	snprintf(text, size,
		 "%s, step %zu (%c %s seq %u ack %u len %u); ISNs %#x %#x, IPv%d%s, %s seen",
		 run->scenario->name, run->at + 1, "AB"[step->who], flags_text(step->flags, flags),
		 step -> seq, step -> ack, step -> length, v -> isn[A], v -> isn[B],
		 v -> v6 ? 6 : 4, v -> swapped ? ", B first" : "",
		 v->both_directions ? "both" : "one");
}

#define expect(run, condition, ...)                                  \
	do {                                                         \
		if (!(condition)) {                                  \
			char at_[256], what_[256];                   \
                                                                     \
			describe(run, at_, sizeof(at_));             \
			snprintf(what_, sizeof(what_), __VA_ARGS__); \
			fail_msg("%s: %s", at_, what_);              \
		}                                                    \
	} while (0)

/* --- From a step to a segment ----------------------------------------------------------------- */

static const __u8 address_v4[2][16] = {
	{ [10] = 0xff, 0xff, 192, 0, 2, 10 },
	{ [10] = 0xff, 0xff, 198, 51, 100, 20 },
};
static const __u8 address_v6[2][16] = {
	{ 0x20, 0x01, 0x0d, 0xb8, [15] = 0x0a },
	{ 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x0b },
};
static const __u16 ports[2] = { 40000, 80 };

static void fill_key(const struct run *run, struct sw_flow_key *key)
{
	const __u8(*address)[16] = run->variant->v6 ? address_v6 : address_v4;

	for (int end = 0; end < 2; end++) {
		memcpy(key->addr[end], address[run->scenario->self ? 0 : end], 16);
		key->port[end] = ports[run->scenario->self ? 0 : end];
	}
}

static void make_segment(const struct run *run, const struct step *step, struct sw_segment *seg)
{
	const __u32 *isn = run->variant->isn;
	enum sender peer = run->scenario->self ? A : !step->who;

	memset(seg, 0, sizeof(*seg));
	fill_key(run, &seg->key);
	seg->sender = (__u8)end_of(run, step->who);
	seg->self = run->scenario->self;
	seg->flags = step->flags;
	seg->seq = isn[run->scenario->self ? A : step->who] + step->seq;
	seg->ack = step->flags & SW_TCP_ACK ? isn[peer] + step->ack : 0;
	seg->length = step->length;
	seg->window = step->window ? (__u16)step->window : WINDOW;
	/* What parsing reads from options: of a SYN both, of a FIN the timestamp. */
	if (step->scale && (step->flags & SYN)) {
		seg->has_wscale = true;
		seg->wscale = step->scale - 1;
	}
	if (step->tsval && (step->flags & (SYN | SW_TCP_FIN))) {
		seg->has_tsval = true;
		seg->tsval = step->tsval;
	}
}

/* --- Checks ----------------------------------------------------------------------------------- */

static bool absent(const struct run *run)
{
	return sw_flow_gone(&run->last.after, run->now);
}

static void check_states(const struct run *run, const struct step *step)
{
	const char *a = state_name(endpoint(run, A)->state), *b;

	b = state_name(endpoint(run, B)->state);
	if (step->a == NO_FLOW) {
		expect(run, absent(run), "there is a flow, %s %s", a, b);
		return;
	}
	expect(run, !absent(run), "there is no flow");
	expect(run, endpoint(run, A)->state == step->a && endpoint(run, B)->state == step->b,
	       "%s %s, not %s %s", a, b, state_name(step->a), state_name(step->b));
}

/* Begun anew by what goes on with a SYN that was refused, or by a SYN whose answer was: that one counts, too. */
static bool begins_with_refused(const struct run *run, const struct step *step)
{
	const struct sw_flow *before = &run->last.before;

	if (run->last.reason != SW_FLOWS_REPLACED)
		return false;
	if (step->flags & SW_TCP_ACK)
		return before->claim_kind == SW_CLAIM_SYN;
	return before->claim_kind == SW_CLAIM_DATA &&
	       run->last.after.ep[before->claim_by].state == SYN_RCVD;
}

static void count_packets(struct run *run, const struct step *step)
{
	if (run->last.reason == SW_BAD_FLAGS || absent(run))
		return;
	if (sw_flow_gone(&run->last.before, run->now) || run->last.reason == SW_FLOWS_REPLACED)
		run->packets[A] = run->packets[B] = 0;
	run->packets[run->scenario->self ? A : step->who]++;
	if (begins_with_refused(run, step))
		run->packets[run->last.before.claim_by ^ run->variant->swapped]++;
	expect(run, endpoint(run, A)->packets == run->packets[A], "A has sent %u, not %u",
	       run->packets[A], endpoint(run, A)->packets);
	expect(run, run->scenario->self || endpoint(run, B)->packets == run->packets[B],
	       "B has sent %u, not %u", run->packets[B], endpoint(run, B)->packets);
}

static void take_segment(struct run *run, const struct step *step)
{
	struct sw_segment seg;
	const char *wrong = NULL;

	make_segment(run, step, &seg);
	run->backend->apply(run->backend->context, &seg, run->now, &run->last);
	check_states(run, step);
	expect(run, run->last.reason == step->reason, "reason %s, not %s",
	       counter_name(run->last.reason), counter_name(step->reason));
	count_packets(run, step);
	if (!absent(run))
		wrong = flow_unsound(&run->last.after, seg.self);
	if (!wrong)
		wrong = step_unsound(&run->last.before, &run->last.after, &seg, run->last.reason,
				     run->now);
	if (!wrong && run->variant->both_directions)
		wrong = numbers_unsound(&run->last.before, &run->last.after, &seg,
					run->last.reason);
	expect(run, !wrong, "%s", wrong);
}

static void check_left(const struct run *run, const struct step *step)
{
	__s64 left = (__s64)(run->last.after.deadline_ns - run->now);

	expect(run, left == (__s64)(step->ms * SW_NS_PER_MS), "%lld ms left, not %u",
	       left / (__s64)SW_NS_PER_MS, step->ms);
}

static void take_step(struct run *run, const struct step *step)
{
	const struct sw_flow *flow = &run->last.after;

	switch (step->kind) {
	case STEP_SEGMENT:
		take_segment(run, step);
		break;
	case STEP_WAIT:
		run->now += step->ms * SW_NS_PER_MS;
		break;
	case STEP_HISTORY:
		expect(run, endpoint(run, step->who)->history == step->history,
		       "%c has been in states %#x, not %#x", "AB"[step->who],
		       endpoint(run, step->who) -> history, step -> history);
		break;
	case STEP_BYTES:
		expect(run, sw_endpoint_bytes(endpoint(run, A)) == step->bytes[A],
		       "A has sent %llu bytes, not %u", sw_endpoint_bytes(endpoint(run, A)),
		       step->bytes[A]);
		expect(run, sw_endpoint_bytes(endpoint(run, B)) == step->bytes[B],
		       "B has sent %llu bytes, not %u", sw_endpoint_bytes(endpoint(run, B)),
		       step->bytes[B]);
		break;
	case STEP_LEFT:
		check_left(run, step);
		break;
	case STEP_RESET_BY:
		expect(run, flow->reset && flow->reset_by == end_of(run, step->who),
		       "reset %d by %d", flow->reset, flow->reset_by);
		break;
	case STEP_ORIGINATOR:
		expect(run, flow->originator == end_of(run, step->who), "the other one opened");
		break;
	case STEP_MIDSTREAM:
		expect(run, flow->midstream == step->ms, "midstream is %d", flow->midstream);
		break;
	}
}

void scenario_run(const struct scenario *scenario, const struct variant *variant,
		  const struct backend *backend)
{
	struct sw_config config = SW_CONFIG_DEFAULT;
	struct run run = {
		.scenario = scenario,
		.variant = variant,
		.backend = backend,
		.now = START_NS,
	};

	config.configured = 1;
	config.both_directions = variant->both_directions;
	backend->reset(backend->context, &config);
	for (run.at = 0; run.at < scenario->count; run.at++)
		take_step(&run, &scenario->steps[run.at]);
}

/* --- All ways --------------------------------------------------------------------------------- */

static void run_families(const struct scenario *scenario, struct variant variant,
			 const struct backend *backend)
{
	for (int way = 0; way < 4; way++) {
		variant.v6 = way & 1;
		variant.swapped = way & 2;
		if (!scenario->self || !variant.swapped)
			scenario_run(scenario, &variant, backend);
	}
}

static void run_directions(const struct scenario *scenario, struct variant variant,
			   const struct backend *backend)
{
	if (scenario->ways != ONE_DIRECTION) {
		variant.both_directions = true;
		run_families(scenario, variant, backend);
	}
	if (scenario->ways != BOTH_DIRECTIONS) {
		variant.both_directions = false;
		run_families(scenario, variant, backend);
	}
}

void scenario_run_all(const struct scenario *scenario, const struct backend *backend)
{
	static const __u32 isns[][2] = {
		{ 1000, 5000 },
		{ 0, 0 },
		{ 0xffffffff, 0xffffffff },
		{ 0x7fffffff, 0x7fffffff },
		{ 0xffffffff, 0 },
		{ 0, 0x80000000 },
		{ 0x7fffffff, 0xffffffff },
		{ 0xfffffffe, 0xfffffffd },
		{ 0x80000000, 1 },
	};

	for (size_t i = 0; i < COUNT(isns); i++)
		run_directions(scenario, (struct variant){ .isn = { isns[i][A], isns[i][B] } },
			       backend);
}

void scenario_run_wraps(const struct scenario *scenario, const struct backend *backend, __u32 bytes)
{
	for (__u32 back = 0; back < bytes; back++) {
		struct variant wraps[] = {
			{ .isn = { -back, 5000 } },
			{ .isn = { 1000, -back } },
			{ .isn = { -back, -back } },
			{ .isn = { 0x80000000 - back, 0x80000000 - back } },
		};

		for (size_t i = 0; i < COUNT(wraps); i++)
			run_directions(scenario, wraps[i], backend);
	}
}

int scenario_group_run(const struct scenario_group *group, CMUnitTestFunction test)
{
	struct CMUnitTest *tests = calloc(group->count, sizeof(*tests));
	int failed;

	if (!tests)
		return 1;
	for (size_t i = 0; i < group->count; i++)
		tests[i] = (struct CMUnitTest){
			.name = group->scenarios[i].name,
			.test_func = test,
			.initial_state = (void *)&group->scenarios[i],
		};
	failed = _cmocka_run_group_tests(group->name, tests, group->count, NULL, NULL);
	free(tests);
	return failed;
}
