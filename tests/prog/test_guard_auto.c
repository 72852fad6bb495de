// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Auto: a port turns to cookies when its listener's queue fills, and back when it has been quiet.
 * The queue is a real one: with TCP_DEFER_ACCEPT a client that says nothing stays in SYN_RCVD.
 */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "guarded.h"
#include "prog.h"
#include "synward.skel.h"

#define S       SW_NS_PER_S
#define MS      SW_NS_PER_MS
#define BACKLOG 16
#define MARK    12 /* three quarters of it */

static struct {
	struct net_end end;
	int listener, count, client[BACKLOG];
} queue;

static void open_queue(void)
{
	int seconds = 30;

	queue.end = (struct net_end){ NET_HOME, PORT };
	queue.listener = net_listen(&queue.end, BACKLOG);
	queue.count = 0;
	must(!setsockopt(queue.listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)),
	     "TCP_DEFER_ACCEPT");
}

static void fill_queue(int count)
{
	while (queue.count < count) {
		struct net_end from = { "10.9.0.9", (unsigned short)(41000 + queue.count) };

		queue.client[queue.count] = net_connect(&from, &queue.end);
		net_await(queue.client[queue.count++], TCP_ESTABLISHED);
	}
}

static void close_queue(void)
{
	close(queue.listener);
	while (queue.count)
		close(queue.client[--queue.count]);
}

/* A new client each time. */
static bool ask(__u64 now)
{
	static unsigned short port = 1024;
	struct client client = guard_client("192.0.2.1", port++);

	client.there = queue.end;
	return guard_ask(&client, now);
}

/* SYNs that no cookie answers, from so many clients; how many pass. */
static int ask_unfit(int count, __u64 now)
{
	int passed = 0;

	for (int i = 0; i < count; i++) {
		struct client client = guard_client("192.0.2.1", (unsigned short)(2000 + i));

		client.there = queue.end;
		passed += guard_pass_unfit(&client, now);
	}
	return passed;
}

static struct sw_port port_now(void)
{
	struct sw_port port;

	guard_port(&port);
	return port;
}

static int setup(void **state)
{
	(void)state;
	guard_reset(&guard_usual, COOKIES_AUTO);
	harness_read_events(true);
	open_queue();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_queue();
	return 0;
}

static void expect_event(enum sw_event_cause cause, __u64 time)
{
	struct sw_event expected = { .time_ns = time, .cause = (__u8)cause }, event;

	expected.key.port[0] = PORT;
	assert_int_equal(harness_events(&event, 1), 1);
	assert_memory_equal(&event, &expected, sizeof(event));
}

/* The SYN's own record makes an event, too. */
static void expect_no_switch(void)
{
	struct sw_event events[2];
	int count = harness_events(events, 2);

	assert_in_range(count, 0, 2);
	for (int i = 0; i < count; i++)
		assert_int_equal(events[i].cause, SW_EVENT_SEGMENT);
}

static void switch_on(__u64 now)
{
	fill_queue(MARK);
	assert_true(ask(now));
	expect_event(SW_EVENT_COOKIES_ON, now);
}

static void syn_passes_while_the_queue_is_short(void **state)
{
	struct sw_port port;

	(void)state;
	assert_false(ask(START_NS));
	port = port_now();
	assert_int_equal(port.half_open, 0);
	assert_int_equal(port.backlog, BACKLOG);
	assert_int_equal(port.listener, LISTENING);
	fill_queue(MARK - 1);
	assert_false(ask(START_NS));
	port = port_now();
	assert_int_equal(port.half_open, MARK - 1);
	assert_int_equal(port.on, 0);
	expect_no_switch();
	guard_counted("a short queue", SW_HALFOPEN_OPENED, 2, SW_NONE);
}

static void cookies_begin_at_three_quarters_of_the_backlog(void **state)
{
	struct sw_port port;

	(void)state;
	fill_queue(MARK);
	for (int i = 0; i < PRIME; i++)
		assert_true(ask(START_NS + (__u64)i));
	port = port_now();
	assert_int_equal(port.on, 1);
	assert_int_equal(port.half_open, MARK);
	assert_int_equal(port.switched_ns, START_NS);
	assert_int_equal(port.cookie_ns, START_NS);
	expect_event(SW_EVENT_COOKIES_ON, START_NS);
	guard_counted("on", SW_COOKIES_SENT, PRIME, SW_COOKIES_ON, 1, SW_NONE);
}

static void syns_that_no_cookie_answers_are_pressure(void **state)
{
	(void)state;
	fill_queue(MARK - 1);
	assert_int_equal(ask_unfit(PRIME, START_NS), PRIME);
	assert_int_equal(port_now().on, 0);
	fill_queue(MARK);
	assert_int_equal(ask_unfit(PRIME, START_NS + 1), 0); /* the queue has no room for them */
	assert_int_equal(port_now().on, 1);
	assert_int_equal(port_now().switched_ns, START_NS + 1);
	assert_int_equal(harness_count(SW_SYN_UNFIT_DROPPED), PRIME);
}

/* Where it has no room, the kernel has cookies for them. */
static void few_that_no_cookie_answers_are_left_to_the_kernel_s_cookies(void **state)
{
	struct sw_guard guard = guard_usual;

	(void)state;
	guard.kernel_cookies = SYNCOOKIES_WHEN_FULL;
	guard_configure(&guard);
	fill_queue(MARK);
	assert_int_equal(ask_unfit(PRIME, START_NS), PRIME);
	assert_int_equal(port_now().on, 1);
	assert_in_range(ask_unfit(1000, START_NS), 1, SW_UNFIT_PER_SECOND);
}

/* So the queue is never full of them; and they are pressure, though no cookie is sent. */
static void flood_that_no_cookie_answers_keeps_cookies_on(void **state)
{
	(void)state;
	fill_queue(MARK);
	ask_unfit(1, START_NS);
	close_queue();
	open_queue();
	for (__u64 now = START_NS; now <= START_NS + 24 * S; now += S)
		assert_in_range(ask_unfit(300, now), SW_UNFIT_PER_SECOND / 4,
				SW_UNFIT_PER_SECOND / 2);
	assert_int_equal(port_now().on, 1);
	assert_int_equal(harness_count(SW_COOKIES_ON), 1);
	assert_int_equal(harness_count(SW_COOKIES_SENT), 0);
}

static void high_mark_may_be_set_lower(void **state)
{
	struct sw_port port = port_now();

	(void)state;
	port.marks.high = 5;
	guard_set_port(&port);
	fill_queue(4);
	assert_false(ask(START_NS));
	fill_queue(5);
	assert_true(ask(START_NS));
}

static void nobody_is_told_who_does_not_read(void **state)
{
	(void)state;
	harness_read_events(false);
	fill_queue(MARK);
	assert_true(ask(START_NS));
	assert_int_equal(harness_events(NULL, 0), 0);
	assert_int_equal(harness_count(SW_COOKIES_ON), 1);
}

/*
 * More unanswered in a second than the low mark, again and again: the quiet time does not begin. Pressure
 * is noted every other second at most.
 */
static void flood_keeps_cookies_on(void **state)
{
	__u64 last = START_NS + 24 * S, end;

	(void)state;
	switch_on(START_NS);
	for (__u64 now = START_NS; now <= last; now += S)
		for (__u64 i = 0; i < guard_marks.low + 1; i++)
			assert_true(ask(now + i));
	assert_in_range(port_now().busy_ns, last - 2 * S, last + S);
	end = port_now().busy_ns + (__u64)guard_marks.quiet_ms * MS;
	close_queue();
	open_queue();
	assert_true(ask(end));
	assert_int_equal(harness_events(NULL, 0), 0);
	assert_false(ask(end + 1));
	assert_int_equal(port_now().on, 0);
}

static void quiet_port_ends_cookies_after_a_while(void **state)
{
	__u64 quiet = (__u64)guard_marks.quiet_ms * MS;
	struct sw_event event[2];
	struct sw_port port;

	(void)state;
	switch_on(START_NS);
	/* As many as the low mark in every second, and still it is quiet. */
	for (__u64 second = 0; second < 9; second++)
		for (__u64 i = 0; i < guard_marks.low; i++)
			assert_true(ask(START_NS + 1 + second * S + i));
	close_queue();
	open_queue();
	assert_true(ask(START_NS + quiet));
	assert_false(ask(START_NS + quiet + 1));
	assert_int_equal(harness_events(event, 2), 2); /* the other is the SYN's own */
	assert_int_equal(event[0].cause, SW_EVENT_COOKIES_OFF);
	assert_int_equal(event[0].time_ns, START_NS + quiet + 1);
	assert_int_equal(event[0].key.port[0], PORT);
	assert_int_equal(event[1].cause, SW_EVENT_SEGMENT);
	port = port_now();
	assert_int_equal(port.on, 0);
	assert_int_equal(port.switched_ns, START_NS + quiet + 1);
	assert_false(ask(START_NS + quiet + 2));
	assert_int_equal(harness_count(SW_COOKIES_ON), 1);
	expect_no_switch();
}

/* Clients that bring their cookies back are no pressure. */
static void answered_cookies_are_no_pressure(void **state)
{
	(void)state;
	switch_on(START_NS);
	for (__u64 i = 0; i < 100; i++) {
		struct client client = guard_client("192.0.2.1", (unsigned short)(2000 + i));
		static struct passage passage;
		struct sw_segment ack;

		client.there = queue.end;
		guard_open(&client, START_NS + 5 * S + i);
		ack = client_ack(&client);
		guard_send(&ack, START_NS + 5 * S + i, &passage);
	}
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 100);
	assert_int_equal(port_now().busy_ns, START_NS);
}

/* What came before the cookies may still be in the queue when the quiet time is over. */
static void full_queue_keeps_cookies_on(void **state)
{
	__u64 later = START_NS + (__u64)guard_marks.quiet_ms * MS + 1;

	(void)state;
	switch_on(START_NS);
	assert_true(ask(later));
	assert_int_equal(port_now().busy_ns, later);
	assert_int_equal(harness_events(NULL, 0), 0);
	assert_int_equal(harness_count(SW_COOKIES_ON), 1);
}

static void cookies_begin_again_under_new_pressure(void **state)
{
	__u64 later = START_NS + (__u64)guard_marks.quiet_ms * MS + 1;

	(void)state;
	switch_on(START_NS);
	close_queue();
	open_queue();
	assert_false(ask(later));
	fill_queue(MARK);
	assert_true(ask(later + 1));
	assert_int_equal(harness_count(SW_COOKIES_ON), 2);
	assert_int_equal(port_now().switched_ns, later + 1);
}

/* The daemon's pass tells a port to which no SYN comes any more. */
static void sweep_ends_cookies_of_a_quiet_port(void **state)
{
	__u64 end = START_NS + (__u64)guard_marks.quiet_ms * MS;
	struct sw_sweep pass = {};

	(void)state;
	switch_on(START_NS);
	harness_sweep(&pass, end);
	assert_int_equal(port_now().on, 1);
	harness_sweep(&pass, end + 1);
	assert_int_equal(port_now().on, 0);
	expect_event(SW_EVENT_COOKIES_OFF, end + 1);
}

int test_guard_auto(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(syn_passes_while_the_queue_is_short, setup,
						teardown),
		cmocka_unit_test_setup_teardown(cookies_begin_at_three_quarters_of_the_backlog,
						setup, teardown),
		cmocka_unit_test_setup_teardown(syns_that_no_cookie_answers_are_pressure, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			few_that_no_cookie_answers_are_left_to_the_kernel_s_cookies, setup,
			teardown),
		cmocka_unit_test_setup_teardown(flood_that_no_cookie_answers_keeps_cookies_on,
						setup, teardown),
		cmocka_unit_test_setup_teardown(high_mark_may_be_set_lower, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_told_who_does_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(flood_keeps_cookies_on, setup, teardown),
		cmocka_unit_test_setup_teardown(quiet_port_ends_cookies_after_a_while, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answered_cookies_are_no_pressure, setup, teardown),
		cmocka_unit_test_setup_teardown(cookies_begin_again_under_new_pressure, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_queue_keeps_cookies_on, setup, teardown),
		cmocka_unit_test_setup_teardown(sweep_ends_cookies_of_a_quiet_port, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("auto", tests, NULL, NULL);
}
