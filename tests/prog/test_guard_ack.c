// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What is no SYN, and no flow takes: cookies that come back, right or wrong, early or late, and what
 * nobody has asked for.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include <synward/pressure.h>

#include "guarded.h"
#include "names.h"
#include "prog.h"
#include "synward.skel.h"

#define WANT_HANDSHAKES
#include "tests/golden_handshakes.h"

#define S   SW_NS_PER_S
#define DAY (86400 * S)

static const struct net_end server = { SERVER, PORT }, server6 = { SERVER6, PORT };
static struct passage passage;

#define BIT(state) (1 << (state))

static void expect_verdict(const char *name, __u32 verdict, bool hinted)
{
	must(passage.verdict == verdict, "%s: verdict %u (%s)", name, passage.verdict,
	     counter_name(passage.outcome.reason));
	must(passage.hinted == hinted, "%s: %s hint", name, hinted ? "no" : "a");
}

/* --- Cookies that come back right ------------------------------------------------------------- */

static bool client_is_first(const struct golden_handshake *g)
{
	int order = memcmp(g->client, g->server, 16);

	return order < 0 || (!order && g->client_port < PORT);
}

static __u16 scaled_window(const struct golden_handshake *g, __u8 scale)
{
	return g->scaled && scale ? (__u16)((0xffff >> scale) + 1) : 0xffff;
}

/* After the ACK, as if SYN and SYN+ACK had been kept. */
static struct sw_flow expected_flow(const struct golden_handshake *g, __u64 now)
{
	__u32 client = g->client_isn, host = g->server_isn;
	__u16 window = scaled_window(g, g->client_scale);
	bool first = client_is_first(g);
	struct sw_flow flow = {
		.start_ns = now,
		.deadline_ns = now + 432000 * S,
		.timeout_ms = 432000000,
		.originator = !first,
		.cookie = 1,
	};

	flow.said[!first] = SW_TCP_SYN | SW_TCP_ACK | SW_SAID_STEADY;
	flow.said[first] = SW_TCP_SYN;
	flow.ep[!first] = (struct sw_endpoint){
		.state = ESTABLISHED,
		.wscale = g->client_scale,
		.wscale_ok = g->scaled,
		.seen = 1,
		.history = BIT(SYN_SENT) | BIT(ESTABLISHED),
		.isn = client,
		.next = client + 1 + g->ack_length,
		.end = client + 1 + g->ack_length,
		.ack = host + 1,
		.window = window < 502 ? 502 : window, /* as the ACK has it */
		.packets = 2,
	};
	flow.ep[first] = (struct sw_endpoint){
		.state = ESTABLISHED,
		.wscale = g->server_scale,
		.wscale_ok = g->scaled,
		.seen = 1,
		.history = BIT(LISTEN) | BIT(SYN_RCVD) | BIT(ESTABLISHED),
		.isn = host,
		.next = host + 1,
		.end = host + 1,
		.ack = client + 1,
		.window = scaled_window(g, g->server_scale),
		.packets = 1,
	};
	return flow;
}

static void expect_flow(const struct golden_handshake *g, __u64 now)
{
	struct sw_flow flow, expected = expected_flow(g, now);
	const __u8 *a = (const __u8 *)&flow, *b = (const __u8 *)&expected;

	must(harness_find(&passage.segment.key, &flow) == PLACE_FLOWS, "%s: no flow", g->name);
	for (size_t i = 0; i < 2; i++) /* `block` means nothing while nothing is missing */
		expected.ep[i].block = flow.ep[i].block;
	for (size_t at = 0; at < sizeof(flow); at++)
		must(a[at] == b[at], "%s: byte %zu of the flow is %02x, not %02x", g->name, at,
		     a[at], b[at]);
}

static void take_ack(const struct golden_handshake *g, __u64 later)
{
	struct sw_guard guard = guard_for(g);
	__u64 now = guard_time(g->epoch);

	guard_reset(&guard, COOKIES_ALWAYS);
	guard_run(g->syn, g->syn_size, now, &passage);
	guard_run(g->ack, g->ack_size, now + later, &passage);
	expect_verdict(g->name, XDP_PASS, true);
	expect_flow(g, now + later);
	guard_counted(g->name, SW_COOKIES_SENT, 1, SW_COOKIES_ACCEPTED, 1, SW_HALFOPEN_OPENED, 1,
		      SW_FLOWS_OPENED, 1, SW_NONE);
}

static void cookie_opens_its_flow(void **state)
{
	take_ack(*state, 1000);
	take_ack(*state, 31 * S); /* the same epoch */
	take_ack(*state, 33 * S); /* the next, with its key */
	take_ack(*state, 95 * S);
}

/* A client who was answered at START_NS. */
static struct client answered(const char *address)
{
	struct client client = guard_client(address, 1024);

	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_open(&client, START_NS);
	return client;
}

static struct sw_flow flow_of(const struct sw_segment *segment, enum place place)
{
	struct sw_flow flow;
	enum place found = harness_find(&segment->key, &flow);

	must(found == place, "the flow is in place %d, not %d", found, place);
	return flow;
}

static void fin_may_bear_the_cookie(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment fin = client_ack(&client);
	struct sw_flow flow;

	(void)state;
	fin.flags |= SW_TCP_FIN | SW_TCP_PSH;
	fin.length = 100;
	guard_send(&fin, START_NS + 1, &passage);
	expect_verdict("FIN", XDP_PASS, true);
	flow = flow_of(&fin, PLACE_FLOWS);
	assert_int_equal(flow.ep[fin.sender].state, FIN_WAIT_1);
	assert_int_equal(flow.ep[!fin.sender].state, ESTABLISHED);
	assert_int_equal(sw_endpoint_bytes(&flow.ep[fin.sender]), 100);
	guard_counted("FIN", SW_COOKIES_SENT, 1, SW_COOKIES_ACCEPTED, 1, SW_HALFOPEN_OPENED, 1,
		      SW_FLOWS_OPENED, 1, SW_NONE);
}

static void every_segment_awaits_admission_until_the_server_speaks(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client), data = ack, reply;
	struct outcome outcome;

	(void)state;
	data.length = 10;
	for (int i = 0; i < 3; i++) {
		guard_send(&ack, START_NS + 1, &passage);
		expect_verdict("ACK again", XDP_PASS, true);
		guard_send(&data, START_NS + 2, &passage);
		expect_verdict("data again", XDP_PASS, true);
	}
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	assert_int_equal(flow_of(&ack, PLACE_FLOWS).cookie, 1);

	reply = client_segment(&client, SW_TCP_ACK);
	reply.sender = !reply.sender;
	reply.seq = client.answer.seq + 1;
	reply.ack = client.isn + 11;
	harness_segment(HOOK_TC, &reply, START_NS + 3, &outcome);
	assert_int_equal(outcome.reason, SW_NONE);
	assert_int_equal(flow_of(&ack, PLACE_FLOWS).cookie, 0);
	guard_send(&ack, START_NS + 4, &passage);
	expect_verdict("ACK after the server's", XDP_PASS, false);
	data.seq += 10;
	guard_send(&data, START_NS + 4, &passage);
	expect_verdict("data after the server's", XDP_PASS, false);
}

static void segment_beyond_the_cookies_ack_awaits_nothing(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client);

	(void)state;
	guard_send(&ack, START_NS + 1, &passage);
	ack.ack += 1; /* of what the server has said, unseen */
	guard_send(&ack, START_NS + 2, &passage);
	expect_verdict("a later ACK", XDP_PASS, false);
}

/* --- Cookies that come back wrong ------------------------------------------------------------- */

static void expect_refused(const char *name, const struct sw_segment *segment, __u64 now,
			   enum sw_counter reason)
{
	__u64 before = harness_count(SW_COOKIES_REJECTED), why = harness_count(reason);

	guard_spend_strays(now);
	guard_send(segment, now, &passage);
	expect_verdict(name, XDP_DROP, false);
	must(passage.outcome.reason == reason, "%s: %s", name,
	     counter_name(passage.outcome.reason));
	must(harness_count(reason) == why + 1, "%s is not counted", name);
	must(harness_count(SW_COOKIES_REJECTED) == before + 1, "%s is not rejected", name);
	guard_unknown(name, &segment->key);
}

/* The kernel tells the client so: its connection is one that this host knew before it started anew. */
static void few_that_name_no_epoch_are_the_kernels_to_refuse(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment old = client_segment(&client, SW_TCP_ACK);

	(void)state;
	old.seq = client.isn + 100000;
	old.ack = client.answer.seq + (100U << 24);
	guard_send(&old, START_NS, &passage);
	expect_verdict("one of a few", XDP_PASS, false);
	guard_unknown("a forgotten connection", &old.key);
	guard_counted("a forgotten connection", SW_COOKIES_SENT, 1, SW_COOKIES_REJECTED, 1,
		      SW_STRAY_PASSED, 1, SW_NONE);
}

/* The clock begins in the middle of an epoch: its cookies live for another epoch and a half. */
static void cookie_two_epochs_old_is_dropped(void **state)
{
	struct client client = answered("192.0.2.1"), other = guard_client("192.0.2.2", 1024);
	struct sw_segment ack = client_ack(&client);

	(void)state;
	guard_open(&other, START_NS + 90 * S);
	expect_refused("an old cookie", &ack, START_NS + 97 * S, SW_COOKIE_OLD);
	expect_refused("an older one", &ack, START_NS + 200 * S, SW_COOKIE_OLD);
	guard_counted("old cookies", SW_COOKIES_SENT, 2, SW_COOKIES_REJECTED, 2, SW_COOKIE_OLD, 2,
		      SW_NONE);
}

static void cookie_of_an_epoch_to_come_is_dropped(void **state)
{
	struct client client = answered("192.0.2.1"), other = guard_client("192.0.2.2", 1024);
	struct sw_segment ack;

	(void)state;
	guard_open(&client, START_NS + 64 * S);
	guard_open(&other, START_NS);
	ack = client_ack(&client);
	expect_refused("tomorrow's cookie", &ack, START_NS, SW_COOKIE_OLD);
}

static void cookie_with_any_bit_wrong_is_dropped(void **state)
{
	const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(addresses); i++) {
		struct client client = guard_client(addresses[i / 2], 1024);
		struct sw_segment good, bad;

		client.plain = i & 1;
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		guard_open(&client, START_NS);
		good = client_ack(&client);
		guard_spend_strays(START_NS);
		/* Added or subtracted: one of the two changes no other bit of the cookie. */
		for (int turn = 0; turn < 2 * 24; turn++) {
			bad = good;
			bad.ack += (turn & 1 ? -1U : 1U) << turn / 2;
			guard_send(&bad, START_NS, &passage);
			expect_verdict("a wrong ack", XDP_DROP, false);
			guard_unknown("a wrong ack", &bad.key);
		}
		for (int bit = 0; good.has_tsval && bit < 32; bit++) {
			bad = good;
			bad.tsecr ^= 1U << bit;
			expect_refused("a wrong timestamp", &bad, START_NS, SW_COOKIE_BAD);
		}
		bad = good;
		bad.seq++;
		guard_send(&bad, START_NS, &passage);
		expect_verdict("a wrong seq", XDP_DROP, false);
		bad = good;
		bad.has_tsval = true;
		if (!good.has_tsval)
			expect_refused("timestamps unasked", &bad, START_NS, SW_COOKIE_BAD);
	}
}

/* As the kernel takes its own: it has the MSS, and no other option. */
static void ack_that_leaves_its_timestamps_out_opens_with_the_mss_alone(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client);
	struct sw_flow flow;

	(void)state;
	assert_true(ack.has_tsval);
	ack.has_tsval = false;
	guard_send(&ack, START_NS, &passage);
	expect_verdict("without timestamps", XDP_PASS, true);
	assert_int_equal(harness_find(&ack.key, &flow), PLACE_FLOWS);
	guard_counted("without timestamps", SW_COOKIES_SENT, 1, SW_COOKIES_ACCEPTED, 1,
		      SW_HALFOPEN_OPENED, 1, SW_FLOWS_OPENED, 1, SW_NONE);
}

static void cookie_of_another_connection_is_dropped(void **state)
{
	struct client client = answered("192.0.2.1"), other = client;
	struct sw_segment ack;

	(void)state;
	other.here.port++;
	ack = client_ack(&other);
	guard_spend_strays(START_NS);
	guard_send(&ack, START_NS, &passage);
	expect_verdict("another port", XDP_DROP, false);
	other.here = (struct net_end){ "192.0.2.2", 1024 };
	ack = client_ack(&other);
	guard_send(&ack, START_NS, &passage);
	expect_verdict("another client", XDP_DROP, false);
	assert_int_equal(harness_count(SW_COOKIES_REJECTED), 2);
}

/* The kernel drops such an ACK without a word: opened, its connection would seem lost to the safety net. */
static void cookie_in_a_segment_that_the_kernel_may_not_take_opens_nothing(void **state)
{
	const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };
	static __u8 frame[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct client client = answered(addresses[i]);
		struct sw_segment ack = client_ack(&client);
		size_t size = frame_build(&ack, frame);

		frame[size - 1] ^= 1; /* of TSecr, and back */
		frame_mend(frame, size);
		frame[size - 1] ^= 1;
		guard_run(frame, size, START_NS, &passage);
		expect_verdict("a wrong checksum", XDP_PASS, false);
		guard_unknown("a wrong checksum", &ack.key);
		guard_counted("a wrong checksum", SW_COOKIES_SENT, 1, SW_UNFIT_CHECKSUM, 1,
			      SW_STRAY_PASSED, 1, SW_NONE);
		guard_spend_strays(START_NS);
		guard_run(frame, size, START_NS, &passage);
		expect_verdict("one more", XDP_DROP, false);
		frame_mend(frame, size);
		guard_run(frame, size, START_NS, &passage);
		expect_verdict("the right one", XDP_PASS, true);
	}
}

static void wrong_cookie_leaves_the_flow_that_is_there(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client);
	struct sw_flow before, after;

	(void)state;
	guard_send(&ack, START_NS, &passage);
	before = flow_of(&ack, PLACE_FLOWS);
	ack.ack += 0x40000000; /* not sent */
	guard_send(&ack, START_NS, &passage);
	expect_verdict("an ACK of what was not sent", XDP_PASS, false);
	assert_int_equal(passage.outcome.reason, SW_ACK_UNSENT);
	before.ep[ack.sender].packets++;
	after = flow_of(&ack, PLACE_FLOWS);
	assert_true(after.refused);
	before.refused = true;
	before.claim_kind = after.claim_kind; /* what it said is kept, and changes nothing */
	before.claim_by = after.claim_by;
	before.claim = after.claim;
	assert_memory_equal(&before, &after, sizeof(before));
}

/* --- A flow that stood in the way ------------------------------------------------------------- */

static void step(const struct sw_flow_key *key, __u8 sender, __u8 flags, __u32 seq, __u32 ack)
{
	struct sw_segment segment = {
		.key = *key,
		.sender = sender,
		.flags = flags,
		.seq = seq,
		.ack = ack,
		.window = 64240,
	};
	static __u8 frame[FRAME_MAX];
	static struct passage ignored;
	size_t size = frame_build(&segment, frame);

	must(harness_pass(sender ? HOOK_TC : HOOK_XDP, frame, size, 0, START_NS, &ignored), "run");
}

enum stale {
	STALE_SYN,
	STALE_ESTABLISHED,
	STALE_TIME_WAIT,
	STALE_CLOSED,
	STALES
};

/* An earlier connection of the same ends (the client is endpoint 0), seen while guard was off. */
static void make_stale(const struct sw_flow_key *key, enum stale stale)
{
	struct sw_guard off = guard_usual;

	off.ports = 0;
	guard_configure(&off);
	step(key, 0, SW_TCP_SYN, 1000, 0);
	if (stale == STALE_SYN)
		return;
	step(key, 1, SW_TCP_SYN | SW_TCP_ACK, 5000, 1001);
	step(key, 0, SW_TCP_ACK, 1001, 5001);
	if (stale == STALE_CLOSED)
		step(key, 0, SW_TCP_RST, 1001, 0);
	if (stale != STALE_TIME_WAIT)
		return;
	step(key, 0, SW_TCP_FIN | SW_TCP_ACK, 1001, 5001);
	step(key, 1, SW_TCP_FIN | SW_TCP_ACK, 5001, 1002);
	step(key, 0, SW_TCP_ACK, 1002, 5002);
}

static void cookie_replaces_whatever_flow_was_left(void **state)
{
	static const enum sw_state states[STALES] = { SYN_SENT, ESTABLISHED, TIME_WAIT, CLOSED };

	(void)state;
	for (enum stale stale = 0; stale < STALES; stale++) {
		enum place place = stale == STALE_SYN ? PLACE_HALFOPEN : PLACE_FLOWS;
		struct client client = answered("192.0.2.1");
		struct sw_segment ack = client_ack(&client);
		struct sw_flow flow;

		make_stale(&ack.key, stale);
		assert_int_equal(flow_of(&ack, place).ep[0].state, states[stale]);
		guard_configure(&guard_usual);
		guard_send(&ack, START_NS + 1, &passage);
		expect_verdict(state_name(states[stale]), XDP_PASS, true);
		flow = flow_of(&ack, PLACE_FLOWS);
		assert_int_equal(flow.start_ns, START_NS + 1);
		assert_int_equal(flow.ep[0].isn, client.isn);
		assert_int_equal(flow.ep[1].isn, client.answer.seq);
		assert_int_equal(flow.ep[0].state, ESTABLISHED);
		assert_int_equal(flow.ep[1].state, ESTABLISHED);
		assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
		assert_int_equal(harness_count(SW_FLOWS_REPLACED), stale != STALE_SYN);
		assert_int_equal(harness_count(SW_FLOWS_REMOVED), stale != STALE_SYN);
		assert_int_equal(harness_count(SW_COOKIES_REJECTED), 0);
	}
}

/* The server has reset the connection; what its client had sent meanwhile bears the ACK that opened it. */
static void data_that_crossed_a_reset_opens_nothing_again(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client), data = ack;

	(void)state;
	data.flags |= SW_TCP_PSH;
	data.length = 100;
	guard_send(&ack, START_NS + 1, &passage);
	expect_verdict("ACK", XDP_PASS, true);
	step(&ack.key, 1, SW_TCP_RST | SW_TCP_ACK, client.answer.seq + 1, client.isn + 1);
	guard_send(&data, START_NS + 2, &passage);
	expect_verdict("data behind a reset", XDP_PASS, false);
	assert_int_equal(flow_of(&ack, PLACE_FLOWS).ep[0].state, CLOSED);
	guard_spend_strays(START_NS + 3);
	guard_send(&data, START_NS + 3, &passage);
	expect_verdict("many such data", XDP_DROP, false);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	assert_int_equal(harness_count(SW_FLOWS_REPLACED), 0);
	assert_int_equal(harness_count(SW_AFTER_CLOSE), 1);
}

/* An ACK of what was not sent, over a flow that stands; guard is on. */
static struct sw_segment refused_by_its_flow(void)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_segment ack = client_segment(&client, SW_TCP_ACK);

	guard_reset(&guard_usual, COOKIES_ALWAYS);
	make_stale(&ack.key, STALE_ESTABLISHED);
	guard_configure(&guard_usual);
	ack.seq = 1001;
	ack.ack = 5001 + 0x10000;
	return ack;
}

/* The kernel, which knows nothing of it, answers it; for the tracker it is what its flow makes of it. */
static void what_a_flow_refuses_is_no_stray(void **state)
{
	struct sw_segment ack = refused_by_its_flow();

	(void)state;
	guard_send(&ack, START_NS, &passage);
	expect_verdict("refused", XDP_PASS, false);
	assert_int_equal(passage.outcome.reason, SW_ACK_UNSENT);
	guard_counted("refused", SW_ACK_UNSENT, 1, SW_HALFOPEN_OPENED, 1, SW_FLOWS_OPENED, 1,
		      SW_NONE);
}

/* Nobody has swept the record of the connection that had these numbers before: it takes nothing. */
static void cookie_over_an_overdue_record_opens(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_segment ack = client_segment(&client, SW_TCP_ACK);

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	make_stale(&ack.key, STALE_ESTABLISHED);
	guard_configure(&guard_usual);
	guard_open(&client, START_NS + 6 * DAY);
	ack = client_ack(&client);
	guard_send(&ack, START_NS + 6 * DAY, &passage);
	expect_verdict("over an overdue record", XDP_PASS, true);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	assert_int_equal(flow_of(&ack, PLACE_FLOWS).cookie, 1);
}

/* What a flow refuses, and no socket wants, goes by the budget of all that nobody takes. */
static void what_a_flow_refuses_has_the_budget_of_strays(void **state)
{
	struct sw_segment ack = refused_by_its_flow();

	(void)state;
	guard_spend_strays(START_NS);
	guard_send(&ack, START_NS, &passage);
	expect_verdict("refused", XDP_DROP, false);
	assert_int_equal(passage.outcome.reason, SW_STRAY);
	flow_of(&ack, PLACE_FLOWS);
}

/* A SYN that guard answers is not tracked: what stood there before stands until the cookie is back. */
static void syn_that_is_answered_leaves_an_old_flow_alone(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_segment syn = client_syn(&client);
	struct sw_flow before, after;

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	make_stale(&syn.key, STALE_ESTABLISHED);
	before = flow_of(&syn, PLACE_FLOWS);
	guard_configure(&guard_usual);
	guard_open(&client, START_NS);
	after = flow_of(&syn, PLACE_FLOWS);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* --- Strays ----------------------------------------------------------------------------------- */

#define STRAYS SW_STRAYS_PER_SECOND

static struct sw_segment stray_of(int number, __u8 flags)
{
	struct client client = guard_client("192.0.2.1", (unsigned short)(1024 + number));
	struct sw_segment stray = client_segment(&client, flags);

	stray.seq = 4711;
	stray.ack = 4712;
	return stray;
}

static void stray_passes_as_long_as_they_are_few(void **state)
{
	struct sw_segment stray;
	int i;

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	for (i = 0; i < STRAYS; i++) {
		stray = stray_of(i, SW_TCP_ACK);
		guard_send(&stray, START_NS + (__u64)i, &passage);
		expect_verdict("one of a few", XDP_PASS, false);
	}
	guard_unknown("a stray", &stray.key);
	for (; i < STRAYS + PRIME; i++) {
		stray = stray_of(i, SW_TCP_ACK);
		guard_send(&stray, START_NS + (__u64)i, &passage);
		expect_verdict("one too many", XDP_DROP, false);
		assert_int_equal(passage.outcome.reason, SW_STRAY);
	}
	guard_counted("strays", SW_STRAY_PASSED, STRAYS, SW_STRAY, PRIME, SW_NONE);
	guard_send(&stray, START_NS + S, &passage);
	expect_verdict("in the next second", XDP_PASS, false);
	guard_unknown("a stray", &stray.key);
}

static void stray_of_any_kind_is_the_kernels_to_refuse(void **state)
{
	static const __u8 kinds[] = {
		SW_TCP_RST,
		SW_TCP_RST | SW_TCP_ACK,
		SW_TCP_SYN | SW_TCP_ACK,
		SW_TCP_FIN | SW_TCP_ACK,
		SW_TCP_FIN,
		0,
	};

	(void)state;
	/* With cookies outstanding, too: they can't be what brings one back. FIN+ACK can. */
	for (size_t i = 0; i < 2 * COUNT(kinds); i++) {
		__u8 flags = kinds[i / 2];
		struct sw_segment stray = stray_of((int)i, flags);

		if (i & 1)
			answered("192.0.2.99");
		else
			guard_reset(&guard_usual, COOKIES_ALWAYS);
		guard_send(&stray, START_NS, &passage);
		expect_verdict("a stray", XDP_PASS, false);
		guard_unknown("a stray", &stray.key);
		guard_counted("a stray", SW_STRAY_PASSED, 1, SW_COOKIES_SENT, (int)i & 1,
			      SW_COOKIES_REJECTED,
			      flags == (SW_TCP_FIN | SW_TCP_ACK) ? (int)i & 1 : 0, SW_NONE);
	}
}

/* On its way through this host, where somebody listens at that address, too: all pass, and are many. */
static void segment_for_another_host_is_no_stray(void **state)
{
	struct net_end other = { "203.0.113.8", PORT };
	struct client client = answered("192.0.2.99"); /* so that cookies are looked for */
	int fd = net_listen(&other, 5);

	(void)state;
	client.there = other;
	for (int i = 0; i < 1000 + PRIME; i++) {
		struct sw_segment ack;

		client.here.port = (unsigned short)(1024 + i);
		ack = client_segment(&client, SW_TCP_ACK);
		guard_send(&ack, START_NS, &passage);
		expect_verdict("for another host", XDP_PASS, false);
	}
	assert_int_equal(harness_count(SW_FLOWS_MIDSTREAM), 1000 + PRIME);
	assert_int_equal(harness_count(SW_STRAY_PASSED) + harness_count(SW_COOKIES_REJECTED), 0);
	close(fd);
}

static void ack_to_a_guarded_port_where_nobody_listens_is_a_stray(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024), other;
	struct sw_segment ack;

	(void)state;
	other = answered("192.0.2.99");
	client.there.address = "198.51.100.99";
	ack = client_segment(&client, SW_TCP_ACK);
	guard_send(&ack, START_NS, &passage);
	expect_verdict("nobody listens", XDP_PASS, false);
	guard_counted("nobody listens", SW_STRAY_PASSED, 1, SW_COOKIES_SENT, 1, SW_NONE);
	assert_int_equal(other.answer.sender, 1);
}

/* When no cookie can be outstanding, none is looked for; one that was good is a stray. */
static void cookies_are_outstanding_for_two_epochs_after_the_last(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment stray = stray_of(0, SW_TCP_ACK);

	(void)state;
	guard_spend_strays(START_NS + 127 * S);
	guard_send(&stray, START_NS + 128 * S - 1, &passage);
	expect_verdict("while there may be one", XDP_DROP, false);
	guard_send(&stray, START_NS + 128 * S, &passage);
	expect_verdict("when there can be none", XDP_PASS, false);
	guard_counted(client.here.address, SW_COOKIES_SENT, 1, SW_COOKIES_REJECTED, 1,
		      SW_COOKIE_OLD, harness_count(SW_COOKIE_OLD) ? 1 : 0, SW_COOKIE_BAD,
		      harness_count(SW_COOKIE_BAD) ? 1 : 0, SW_STRAY_PASSED, 1, SW_NONE);
}

/* The other CPU's clock is a tick ahead of this one's. */
static void cookie_sent_a_tick_from_now_is_outstanding(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client);

	(void)state;
	guard_send(&ack, START_NS - 4 * SW_NS_PER_MS, &passage);
	expect_verdict("a tick behind", XDP_PASS, true);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
}

static void hosts_that_share_keys_always_have_cookies_outstanding(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_guard guard = guard_usual;
	struct sw_segment ack = client_ack(&client), stray = stray_of(7, SW_TCP_ACK);

	(void)state;
	guard.shared_keys = 1;
	guard_reset(&guard, COOKIES_AUTO); /* the cookie was another host's */
	guard_spend_strays(START_NS);
	guard_send(&stray, START_NS, &passage);
	expect_verdict("a stray", XDP_DROP, false);
	guard_send(&ack, START_NS, &passage);
	expect_verdict("another host's cookie", XDP_PASS, true);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
}

/* --- Modes ------------------------------------------------------------------------------------ */

static void port_that_answers_no_more_still_takes_what_comes_back(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_segment ack = client_ack(&client), stray = stray_of(7, SW_TCP_ACK);
	struct sw_port port;

	(void)state;
	guard_port(&port);
	port.mode = COOKIES_NEVER;
	guard_set_port(&port);
	guard_send(&ack, START_NS + S, &passage);
	expect_verdict("never", XDP_PASS, true);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	guard_send(&stray, START_NS + 200 * S, &passage);
	expect_verdict("never", XDP_PASS, false);
	assert_int_equal(flow_of(&stray, PLACE_HALFOPEN).midstream, 1);
}

static void dry_run_drops_nothing(void **state)
{
	struct client client = answered("192.0.2.1");
	struct sw_guard guard = guard_usual;
	struct sw_segment stray = stray_of(7, SW_TCP_ACK);

	(void)state;
	guard.dry_run = 1;
	guard_configure(&guard);
	guard_spend_strays(START_NS);
	for (int i = 0; i < PRIME; i++) {
		guard_send(&stray, START_NS, &passage);
		expect_verdict(client.here.address, XDP_PASS, false);
	}
	guard_counted("dry run", SW_COOKIES_SENT, 1, SW_COOKIES_REJECTED, PRIME, SW_DRY_RUN_DROPS,
		      PRIME, SW_NONE);
}

/* --- Sockets ---------------------------------------------------------------------------------- */

static void segment_of_a_socket_passes_and_is_tracked(void **state)
{
	const char *const addresses[] = { "10.9.0.8", NET_GUEST6 };

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct net_pair pair;
		struct client client;
		struct sw_segment ack;

		net_pair_open(&pair, addresses[i], 40200, PORT);
		client = answered("192.0.2.99"); /* so that cookies are looked for */
		client.here = pair.client;
		client.there = pair.server;
		ack = client_segment(&client, SW_TCP_ACK);
		guard_send(&ack, START_NS, &passage);
		expect_verdict("a connection that stood before", XDP_PASS, false);
		assert_int_equal(flow_of(&ack, PLACE_HALFOPEN).midstream, 1);
		guard_counted("a socket", SW_COOKIES_SENT, 1, SW_HALFOPEN_OPENED, 1,
			      SW_FLOWS_MIDSTREAM, 1, SW_NONE);
		net_pair_wind_up(&pair);
		client.here.port = 40200;
		guard_send(&ack, START_NS, &passage);
		expect_verdict("TIME_WAIT", XDP_PASS, false);
		net_pair_close(&pair);
	}
}

/* --- The kernel's cookies --------------------------------------------------------------------- */

static struct client answered_by_the_kernel(struct sw_guard *guard, const char *address)
{
	struct client client = guard_client(address, 1024);

	*guard = guard_usual;
	guard->admission = ADMISSION_KERNEL;
	guard->kernel_cookies = SYNCOOKIES_ALWAYS;
	guard_reset(guard, COOKIES_ALWAYS);
	net_sysctl("ipv4/tcp_syncookies",
		   "2"); /* else the kernel sends none while its queue is short */
	guard_open(&client, START_NS);
	net_sysctl("ipv4/tcp_syncookies", "1");
	return client;
}

static void kernels_cookie_opens_a_flow_that_needs_no_admission(void **state)
{
	const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct sw_guard guard;
		struct client client = answered_by_the_kernel(&guard, addresses[i]);
		struct sw_segment ack = client_ack(&client), bad = ack;

		bad.ack ^= 0x00800000;
		expect_refused(addresses[i], &bad, START_NS, SW_COOKIE_BAD);
		guard_send(&ack, START_NS, &passage);
		expect_verdict(addresses[i], XDP_PASS, false);
		assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	}
}

/* Where NAT leaves no cookie of guard's, all strays are the kernel's, be they never so many. */
static void family_without_admission_is_passed_whole(void **state)
{
	const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };
	struct sw_guard guard = guard_usual;

	(void)state;
	guard.hindrance[1] = HINDRANCE_NAT;
	guard_reset(&guard, COOKIES_ALWAYS);
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct client client = guard_client(addresses[i], 1024);
		struct sw_segment ack = client_ack(&client);
		int passed = 0;

		for (int n = 0; n < SW_STRAYS_PER_SECOND + 7; n++) {
			ack.key.port[ack.sender] = (__u16)(2000 + n);
			guard_send(&ack, START_NS, &passage);
			passed += passage.verdict == XDP_PASS;
		}
		must(passed == SW_STRAYS_PER_SECOND + (i ? 7 : 0), "%s: %d pass", addresses[i],
		     passed);
	}
}

/* NAT has gone: what the kernel answered before that may come back for two epochs. */
static void kernels_cookie_passes_when_its_family_has_just_changed(void **state)
{
	struct sw_guard guard;
	struct client client = answered_by_the_kernel(&guard, "192.0.2.1");
	struct sw_segment ack = client_ack(&client);
	struct sw_port port;

	(void)state;
	guard_port(&port);
	port.switched_ns = 0;
	guard_set_port(&port);
	guard = guard_usual;
	guard.admission_ns = START_NS - 120 * S;
	guard_configure(&guard);
	guard_send(&ack, START_NS, &passage);
	assert_int_equal(harness_count(SW_COOKIES_REJECTED), 0);
	client = answered_by_the_kernel(&guard, "192.0.2.2");
	ack = client_ack(&client);
	guard_port(&port);
	port.switched_ns = 0;
	guard_set_port(&port);
	guard = guard_usual;
	guard.admission_ns = START_NS - 129 * S;
	guard_configure(&guard);
	guard_send(&ack, START_NS, &passage);
	assert_int_equal(harness_count(SW_COOKIES_REJECTED), 1);
}

/* In auto mode the kernel may have answered the SYN itself, just before the switch. */
static void cookie_that_the_kernel_sent_itself_passes(void **state)
{
	struct sw_guard guard;
	struct client client = answered_by_the_kernel(&guard, "192.0.2.1");
	struct sw_segment ack = client_ack(&client), bad = ack;
	struct sw_port port;

	(void)state;
	bad.ack ^= 0x00800000;
	guard_port(&port);
	port.mode = COOKIES_AUTO;
	port.on = 1;
	port.switched_ns = START_NS;
	guard_set_port(&port);
	guard_configure(&guard_usual);
	guard_spend_strays(START_NS + 128 * S - 1);
	guard_send(&bad, START_NS + 128 * S - 1, &passage);
	expect_verdict("nobody's", XDP_DROP, false);
	assert_int_equal(harness_count(SW_COOKIES_REJECTED), 1); /* for its epoch, save by chance */
	guard_send(&ack, START_NS + 100 * S, &passage);
	expect_verdict("the kernel's", XDP_PASS, false);
	assert_int_equal(flow_of(&ack, PLACE_HALFOPEN).midstream, 1);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 0);
}

int test_guard_ack(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fin_may_bear_the_cookie),
		cmocka_unit_test(every_segment_awaits_admission_until_the_server_speaks),
		cmocka_unit_test(segment_beyond_the_cookies_ack_awaits_nothing),
		cmocka_unit_test(cookie_two_epochs_old_is_dropped),
		cmocka_unit_test(cookie_of_an_epoch_to_come_is_dropped),
		cmocka_unit_test(cookie_with_any_bit_wrong_is_dropped),
		cmocka_unit_test(ack_that_leaves_its_timestamps_out_opens_with_the_mss_alone),
		cmocka_unit_test(cookie_of_another_connection_is_dropped),
		cmocka_unit_test(data_that_crossed_a_reset_opens_nothing_again),
		cmocka_unit_test(wrong_cookie_leaves_the_flow_that_is_there),
		cmocka_unit_test(cookie_in_a_segment_that_the_kernel_may_not_take_opens_nothing),
		cmocka_unit_test(cookie_replaces_whatever_flow_was_left),
		cmocka_unit_test(what_a_flow_refuses_is_no_stray),
		cmocka_unit_test(what_a_flow_refuses_has_the_budget_of_strays),
		cmocka_unit_test(cookie_over_an_overdue_record_opens),
		cmocka_unit_test(few_that_name_no_epoch_are_the_kernels_to_refuse),
		cmocka_unit_test(syn_that_is_answered_leaves_an_old_flow_alone),
		cmocka_unit_test(stray_passes_as_long_as_they_are_few),
		cmocka_unit_test(stray_of_any_kind_is_the_kernels_to_refuse),
		cmocka_unit_test(segment_for_another_host_is_no_stray),
		cmocka_unit_test(ack_to_a_guarded_port_where_nobody_listens_is_a_stray),
		cmocka_unit_test(cookies_are_outstanding_for_two_epochs_after_the_last),
		cmocka_unit_test(cookie_sent_a_tick_from_now_is_outstanding),
		cmocka_unit_test(hosts_that_share_keys_always_have_cookies_outstanding),
		cmocka_unit_test(port_that_answers_no_more_still_takes_what_comes_back),
		cmocka_unit_test(dry_run_drops_nothing),
		cmocka_unit_test(segment_of_a_socket_passes_and_is_tracked),
		cmocka_unit_test(kernels_cookie_opens_a_flow_that_needs_no_admission),
		cmocka_unit_test(family_without_admission_is_passed_whole),
		cmocka_unit_test(kernels_cookie_passes_when_its_family_has_just_changed),
		cmocka_unit_test(cookie_that_the_kernel_sent_itself_passes),
	};
	int fd = net_listen(&server, 5), fd6 = net_listen(&server6, 5), failed;

	failed = run_table("cookies that come back", cookie_opens_its_flow, golden_handshakes,
			   sizeof(golden_handshakes[0]), COUNT(golden_handshakes));
	failed += cmocka_run_group_tests_name("ACKs", tests, NULL, NULL);
	close(fd);
	close(fd6);
	return failed;
}
