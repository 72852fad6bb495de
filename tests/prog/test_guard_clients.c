// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Clients that are allowed and denied: nothing of the one is answered or dropped, everything of the other
 * is dropped, at guarded ports of this host.
 */
#include <linux/bpf.h>
#include <unistd.h>

#include "guarded.h"
#include "prog.h"

static int listener;

static int setup(void **state)
{
	struct sw_guard guard = guard_usual;
	struct net_end any = { "0.0.0.0", PORT };

	(void)state;
	listener = net_listen(&any, 5);
	guard.rules = CLIENT_ALLOW | CLIENT_DENY;
	guard_reset(&guard, COOKIES_ALWAYS);
	guard_set_client("192.0.2.0", 120, CLIENT_DENY);
	guard_set_client("192.0.2.128", 121, CLIENT_ALLOW);
	guard_set_client("2001:db8:bad::", 48, CLIENT_DENY);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(listener);
}

static __u32 verdict_of(const struct sw_segment *segment)
{
	static struct passage passage;

	guard_send(segment, START_NS, &passage);
	return passage.verdict;
}

static __u32 verdict_of_syn(const char *from, const char *to, unsigned short port)
{
	struct client client = guard_client(from, 1024);
	struct sw_segment syn;

	client.there.address = to;
	client.there.port = port;
	syn = client_syn(&client);
	return verdict_of(&syn);
}

static void syn_of_who_is_denied_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_syn("192.0.2.1", SERVER, PORT), XDP_DROP);
	assert_int_equal(verdict_of_syn("192.0.2.127", SERVER, PORT), XDP_DROP);
	assert_int_equal(verdict_of_syn("2001:db8:bad::1", SERVER6, PORT), XDP_DROP);
	assert_int_equal(verdict_of_syn("192.0.3.1", SERVER, PORT), XDP_TX);
	guard_counted("denied", SW_DENIED, 3, SW_COOKIES_SENT, 1, SW_NONE);
}

static void longest_prefix_of_a_client_holds(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_syn("192.0.2.128", SERVER, PORT), XDP_PASS);
	guard_counted("allowed", SW_SYN_ALLOWED, 1, SW_HALFOPEN_OPENED, 1, SW_NONE);
}

static void what_else_who_is_denied_sends_is_dropped_too(void **state)
{
	static const __u8 flags[] = { SW_TCP_ACK, SW_TCP_ACK | SW_TCP_FIN, SW_TCP_RST };

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct client client = guard_client("192.0.2.1", 1024);
		struct sw_segment segment = client_segment(&client, flags[i]);

		assert_int_equal(verdict_of(&segment), XDP_DROP);
	}
	guard_counted("denied", SW_DENIED, COUNT(flags), SW_NONE);
}

static void who_is_denied_reaches_other_ports_and_other_hosts(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_syn("192.0.2.1", SERVER, PORT + 1), XDP_PASS);
	assert_int_equal(verdict_of_syn("192.0.2.1", "203.0.113.77", PORT), XDP_PASS);
	assert_int_equal(harness_count(SW_DENIED), 0);
}

/* A cookie that guard sent before it was told to allow its client is taken; nothing is dropped. */
static void segments_of_who_is_allowed_are_not_dropped(void **state)
{
	struct client client = guard_client("192.0.2.200", 1024);
	struct client other = guard_client("203.0.114.5", 1024);
	struct sw_guard guard = guard_usual;
	struct sw_segment ack;

	(void)state;
	guard_configure(&guard_usual); /* nobody is allowed yet */
	guard_open(&client, START_NS);
	guard_open(&other, START_NS);
	guard.rules = CLIENT_ALLOW;
	guard_configure(&guard);
	guard_spend_strays(START_NS);
	ack = client_ack(&client);
	ack.ack++;
	assert_int_equal(verdict_of(&ack), XDP_PASS);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 0);
	ack.ack--;
	assert_int_equal(verdict_of(&ack), XDP_PASS);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
	other.here.port++;
	ack = client_ack(&other);
	ack.ack++;
	assert_int_equal(verdict_of(&ack), XDP_DROP);
}

static void dry_run_counts_who_would_be_dropped(void **state)
{
	struct sw_guard guard = guard_usual;

	(void)state;
	guard.rules = CLIENT_DENY;
	guard.dry_run = 1;
	guard_configure(&guard);
	assert_int_equal(verdict_of_syn("192.0.2.1", SERVER, PORT + 1), XDP_PASS);
	assert_int_equal(harness_count(SW_DRY_RUN_DROPS), 0);
	assert_int_equal(verdict_of_syn("192.0.2.1", SERVER, PORT), XDP_PASS);
	assert_int_equal(harness_count(SW_DRY_RUN_DROPS), 1);
}

int test_guard_clients(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(syn_of_who_is_denied_is_dropped),
		TEST(longest_prefix_of_a_client_holds),
		TEST(what_else_who_is_denied_sends_is_dropped_too),
		TEST(who_is_denied_reaches_other_ports_and_other_hosts),
		TEST(segments_of_who_is_allowed_are_not_dropped),
		TEST(dry_run_counts_who_would_be_dropped),
	};
#undef TEST

	return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
