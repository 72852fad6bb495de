// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * SYNs to a guarded port: which are answered, with what frame, and which are the kernel's.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "guarded.h"
#include "prog.h"
#include "synward.skel.h"

#define WANT_HANDSHAKES
#define WANT_PASSED
#include "tests/golden_handshakes.h"

#define MPTCP 262

static const struct net_end server = { SERVER, PORT }, server6 = { SERVER6, PORT };

/* --- Answered --------------------------------------------------------------------------------- */

static void expect_reply(const struct golden_handshake *g, const __u8 *reply, __u64 now)
{
	static struct passage passage;

	guard_run(g->syn, g->syn_size, now, &passage);
	must(passage.verdict == XDP_TX, "%s: verdict %u", g->name, passage.verdict);
	must(passage.size == g->reply_size, "%s: %u bytes, not %u", g->name, passage.size,
	     g->reply_size);
	for (__u32 at = 0; at < passage.size; at++)
		must(passage.bytes[at] == reply[at], "%s: byte %u is %02x, not %02x", g->name, at,
		     passage.bytes[at], reply[at]);
	guard_unknown(g->name, &passage.segment.key);
}

/* Whole frames, sent again in this epoch and in the next. */
static void syn_is_answered(void **state)
{
	const struct golden_handshake *g = *state;
	struct sw_guard guard = guard_for(g);
	__u64 now = guard_time(g->epoch);

	guard_reset(&guard, COOKIES_ALWAYS);
	expect_reply(g, g->reply, now);
	guard_counted(g->name, SW_COOKIES_SENT, 1, SW_NONE);
	expect_reply(g, g->reply, now + 31 * SW_NS_PER_S);
	expect_reply(g, g->next_reply, now + 33 * SW_NS_PER_S);
	guard_counted(g->name, SW_COOKIES_SENT, 3, SW_NONE);
}

static void syn_is_left(void **state)
{
	const struct golden_passed *g = *state;
	static struct passage passage;

	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_run(g->syn, g->syn_size, START_NS, &passage);
	must(passage.verdict == XDP_PASS, "%s: verdict %u", g->name, passage.verdict);
	if (g->counter == SW_SYN_UNFIT || g->counter == SW_UNFIT_MSS || g->counter == SW_UNFIT_IP ||
	    g->counter == SW_UNFIT_CHECKSUM || g->counter == SW_UNFIT_SIGNED)
		guard_counted(g->name, g->counter, 1, SW_HALFOPEN_OPENED, 1, SW_NONE);
	else
		guard_counted(g->name, g->counter, 1, SW_NONE);
}

/* --- Where nobody can be given the connection -------------------------------------------------- */

/* The SYN passes and is tracked; of guard's counters only this one counts it. */
static void expect_left(const char *name, const struct client *client, enum sw_counter counter)
{
	struct client once = *client;

	guard_reset(&guard_usual, COOKIES_ALWAYS);
	must(!guard_ask(&once, START_NS), "%s: it is answered", name);
	guard_counted(name, SW_HALFOPEN_OPENED, 1, counter, counter ? 1 : 0, SW_NONE);
}

static void syn_to_a_port_that_is_not_guarded_passes(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct net_end other = { SERVER, 81 };
	int fd = net_listen(&other, 5);

	(void)state;
	client.there = other;
	expect_left("port 81", &client, SW_NONE);
	close(fd);
}

static void syn_to_an_address_where_nobody_listens_passes(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_port port;

	(void)state;
	client.there.address = "198.51.100.21";
	expect_left("another address", &client, SW_SYN_NO_LISTENER);
	guard_port(&port);
	assert_int_equal(port.listener, NOT_LISTENING);
	client = guard_client("2001:db8::1", 1024);
	client.there.address = "2001:db8:1::c";
	expect_left("another address of IPv6", &client, SW_SYN_NO_LISTENER);
}

static void listener_of_any_address_is_found(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct net_end any = { "0.0.0.0", PORT }, any6 = { "::", PORT };
	int fd = net_listen(&any, 5);

	(void)state;
	client.there.address = "203.0.113.9";
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_open(&client, START_NS);
	close(fd);
	must(!guard_ask(&client, START_NS + SW_NS_PER_S), "nobody listens any more");
	fd = net_listen(&any6, 5); /* and takes IPv4, too */
	guard_open(&client, START_NS + 2 * SW_NS_PER_S);
	client.here.address = "2001:db8::1";
	client.there.address = "2001:db8::77";
	guard_open(&client, START_NS + 2 * SW_NS_PER_S);
	close(fd);
}

static void syn_over_ipv4_to_a_listener_of_ipv6_only_passes(void **state)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	struct client client = guard_client("192.0.2.1", 1024);
	int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;

	(void)state;
	must(!setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), "IPV6_V6ONLY");
	must(!bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind: %s", strerror(errno));
	must(!listen(fd, 5), "listen");
	client.there.address = "203.0.113.9";
	expect_left("IPv6 only", &client, SW_SYN_NO_LISTENER);
	close(fd);
}

/* Whoever listens. Their ranges are the unit tests'. */
static void syn_from_or_to_a_martian_passes(void **state)
{
	static const char *const ends[][2] = {
		{ "127.0.0.1", SERVER }, { "224.0.0.1", SERVER },      { "192.0.2.1", "127.0.0.1" },
		{ SERVER, SERVER },      { "::1", SERVER6 },           { "2001:db8::1", "::1" },
		{ SERVER6, SERVER6 },    { "2001:db8::1", "ff02::1" },
	};
	struct net_end any = { "::", PORT };
	int fd = net_listen(&any, 5);

	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		struct client client = guard_client(ends[i][0], 1024);

		client.there.address = ends[i][1];
		expect_left(ends[i][0], &client, SW_SYN_MARTIAN);
	}
	close(fd);
}

/* --- Not for this host ------------------------------------------------------------------------ */

static void expect_elsewhere(const char *from, const char *to, enum sw_counter counter)
{
	struct client client = guard_client(from, 1024);
	__u64 before = harness_count(counter);

	client.there.address = to;
	must(!guard_ask(&client, START_NS), "%s to %s: it is answered", from, to);
	must(harness_count(counter) == before + 1, "%s to %s: not counted", from, to);
	must(!harness_count(SW_COOKIES_SENT), "%s to %s: a cookie", from, to);
}

static void expect_answered(const char *from, const char *to)
{
	struct client client = guard_client(from, 1024);

	client.there.address = to;
	guard_open(&client, START_NS);
}

static void syn_in_a_frame_to_another_address_passes(void **state)
{
	static const __u8 macs[][6] = {
		{ 3, 0, 0, 0, 0, 2 }, { 2, 1, 0, 0, 0, 2 }, { 2, 0, 1, 0, 0, 2 },
		{ 2, 0, 0, 1, 0, 2 }, { 2, 0, 0, 0, 1, 2 }, { 2, 0, 0, 0, 0, 3 },
	};
	__u32 lo = 1;

	(void)state;
	for (size_t i = 0; i < COUNT(macs); i++) {
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		guard_set_mac(macs[i]);
		expect_elsewhere("192.0.2.1", SERVER, SW_SYN_OTHER_MAC);
		expect_elsewhere("2001:db8::1", SERVER6, SW_SYN_OTHER_MAC);
	}
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	must(!bpf_map_delete_elem(bpf_map__fd(harness_skeleton()->maps.sw_ifaces), &lo), "lo");
	expect_elsewhere("192.0.2.1", SERVER, SW_SYN_OTHER_MAC);
}

static void syn_to_an_address_of_another_host_passes(void **state)
{
	struct net_end any = { "::", PORT };
	int fd = net_listen(&any, 5);

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	expect_elsewhere("192.0.2.1", "203.0.113.8", SW_SYN_NOT_LOCAL);
	expect_elsewhere("2001:db8::1", "2001:db8::78", SW_SYN_NOT_LOCAL);
	guard_set_local("198.51.100.24", 96 + 29, false); /* of a network that is */
	guard_set_local("198.51.100.25", 128, true);
	expect_elsewhere("192.0.2.1", "198.51.100.24", SW_SYN_NOT_LOCAL);
	expect_elsewhere("192.0.2.1", "198.51.100.26", SW_SYN_NOT_LOCAL);
	expect_answered("192.0.2.1", "198.51.100.25");
	expect_answered("192.0.2.1", "198.51.100.32");
	expect_answered("2001:db8::1", "2001:db8:1::ffff");
	close(fd);
}

static void syn_from_this_host_s_own_address_passes(void **state)
{
	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	expect_elsewhere("198.51.100.25", SERVER, SW_SYN_MARTIAN);
	expect_elsewhere("2001:db8:1::ffff", SERVER6, SW_SYN_MARTIAN);
}

/* --- Ports at addresses ----------------------------------------------------------------------- */

static bool asks(const char *from, const char *to)
{
	struct client client = guard_client(from, 1024);

	client.there.address = to;
	return guard_ask(&client, START_NS);
}

static void port_at_a_prefix_is_guarded_there_alone(void **state)
{
	static const __u32 lengths[] = { 96 + 28, 64 };
	struct net_end any = { "::", PORT };
	int fd = net_listen(&any, 5);

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_set_masks(lengths, COUNT(lengths)); /* of any address none is looked for */
	guard_set_port_at("198.51.100.16", lengths[0], COOKIES_ALWAYS);
	guard_set_port_at("2001:db8:1::", lengths[1], COOKIES_ALWAYS);
	guard_set_local("2001:db8:2::", 64, true);
	assert_true(asks("192.0.2.1", "198.51.100.16"));
	assert_true(asks("192.0.2.1", "198.51.100.31"));
	assert_true(asks("2001:db8::1", "2001:db8:1::ffff"));
	assert_false(asks("192.0.2.1", "198.51.100.15"));
	assert_false(asks("192.0.2.1", "198.51.100.32"));
	assert_false(asks("2001:db8::1", "2001:db8:2::ffff"));
	guard_counted("at a prefix", SW_COOKIES_SENT, 3, SW_HALFOPEN_OPENED, 3, SW_NONE);
	close(fd);
}

static void longest_prefix_of_a_port_holds(void **state)
{
	static const __u32 lengths[SW_PORT_MASKS_MAX] = { 128, 127, 126, 125, 124, 120, 96, 0 };
	struct net_end any = { "0.0.0.0", PORT };
	int fd = net_listen(&any, 5);

	(void)state;
	guard_reset(&guard_usual, COOKIES_NEVER);
	guard_set_masks(lengths, COUNT(lengths));
	guard_set_port_at("198.51.100.0", 120, COOKIES_ALWAYS);
	guard_set_port_at("198.51.100.128", 124, COOKIES_NEVER);
	guard_set_port_at("198.51.100.130", 128, COOKIES_ALWAYS);
	assert_true(asks("192.0.2.1", "198.51.100.127"));
	assert_false(asks("192.0.2.1", "198.51.100.129"));
	assert_true(asks("192.0.2.1", "198.51.100.130"));
	assert_true(asks("192.0.2.1", "198.51.100.144"));
	assert_false(asks("192.0.2.1", "203.0.113.9"));
	close(fd);
}

/* --- Listeners that only the kernel can serve ------------------------------------------------- */

static void expect_listener(const char *name, int fd, enum sw_listener_kind kind)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_port port;

	client.there.address = "198.51.100.30";
	must(!listen(fd, 5), "listen: %s", strerror(errno));
	expect_left(name, &client, SW_SYN_UNFIT);
	guard_port(&port);
	must(port.listener == kind, "%s: the listener is of kind %d", name, port.listener);
	close(fd);
}

static void syn_to_an_mptcp_listener_passes(void **state)
{
	struct net_end end = { "198.51.100.30", PORT };
	int fd = net_bound(&end, MPTCP);

	(void)state;
	if (fd < 0)
		skip_because("this kernel has no MPTCP: %s", strerror(errno));
	expect_listener("MPTCP", fd, LISTENING_MPTCP);
}

static void syn_to_a_listener_with_md5_signatures_passes(void **state)
{
	struct net_end end = { "198.51.100.30", PORT };
	struct tcp_md5sig signature = { .tcpm_keylen = 3, .tcpm_key = "key" };
	int fd = net_bound(&end, 0);

	(void)state;
	signature.tcpm_addr.ss_family = AF_INET;
	if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &signature, sizeof(signature))) {
		close(fd);
		skip_because("this kernel has no TCP MD5: %s", strerror(errno));
	}
	expect_listener("MD5", fd, LISTENING_SIGNED);
}

/* --- Where the connection has a socket -------------------------------------------------------- */

static void expect_socket_found(const char *name, const struct net_pair *pair)
{
	struct client client = { .here = pair->client, .there = pair->server, .mss = 1460 };

	expect_left(name, &client, SW_SYN_TO_SOCKET);
	client.here.port++;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	must(guard_ask(&client, START_NS), "%s: the port beside it is not answered", name);
}

static void syn_to_an_established_socket_passes(void **state)
{
	const char *const addresses[] = { "10.9.0.5", NET_GUEST6 };

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct net_pair pair;

		net_pair_open(&pair, addresses[i], 40000, PORT);
		expect_socket_found(addresses[i], &pair);
		net_pair_close(&pair);
	}
}

static void syn_to_a_half_open_socket_passes(void **state)
{
	struct net_pair pair = {
		.client = { "10.9.0.6", 40000 },
		.server = { NET_HOME, PORT },
		.accepted = -1,
	};
	int seconds = 30;

	(void)state;
	pair.listener = net_listen(&pair.server, 5);
	/* It stays in SYN_RCVD until there is data. */
	setsockopt(pair.listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
	pair.connecting = net_connect(&pair.client, &pair.server);
	net_await(pair.connecting, TCP_ESTABLISHED);
	expect_socket_found("SYN_RCVD", &pair);
	net_pair_close(&pair);
}

static void syn_to_a_socket_in_time_wait_passes(void **state)
{
	const char *const addresses[] = { "10.9.0.7", NET_GUEST6 };

	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct net_pair pair;

		net_pair_open(&pair, addresses[i], 40100, PORT);
		net_pair_wind_up(&pair);
		expect_socket_found(addresses[i], &pair);
		net_pair_close(&pair);
	}
}

/* --- More than the kernel should get ----------------------------------------------------------- */

static int unfit_passed(enum sw_cookie_mode mode, bool dry_run, int count)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_guard guard = guard_usual;
	int passed = 0;

	guard.dry_run = dry_run;
	guard_reset(&guard, mode);
	for (int i = 0; i < count; i++)
		passed += guard_pass_unfit(&client, START_NS);
	return passed;
}

static void flood_of_syns_that_no_cookie_answers_is_dropped(void **state)
{
	int flood = 5 * SW_UNFIT_PER_SECOND, few = SW_UNFIT_PER_SECOND / 4, passed;

	(void)state;
	passed = unfit_passed(COOKIES_ALWAYS, false, flood);
	assert_in_range(passed, few, 2 * few); /* at once: a quarter, and as many again by chance */
	assert_int_equal(harness_count(SW_UNFIT_CHECKSUM), passed);
	assert_int_equal(harness_count(SW_SYN_UNFIT_DROPPED), flood - passed);
	assert_int_equal(unfit_passed(COOKIES_ALWAYS, true, flood), flood);
	assert_in_range(harness_count(SW_DRY_RUN_DROPS), flood - 2 * few, flood - few);
	assert_int_equal(unfit_passed(COOKIES_AUTO, false, flood), flood);
}

/* Beyond those few, a cookie of the least MSS: the kernel's own would be one, too. But not where more is odd. */
static void flood_of_syns_with_a_small_mss_is_answered(void **state)
{
	static const char *const from[] = { "192.0.2.1", "2001:db8::1" };
	int flood = 5 * SW_UNFIT_PER_SECOND, few = SW_UNFIT_PER_SECOND / 4, sent = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(from); i++) {
		struct client client = guard_client(from[i], 1024);

		client.mss = 64;
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		sent = 0;
		for (int turn = 0; turn < flood; turn++)
			sent += guard_ask(&client, START_NS);
		assert_in_range(sent, flood - 2 * few, flood - few);
		assert_int_equal(harness_count(SW_COOKIES_SENT), sent);
		assert_int_equal(harness_count(SW_UNFIT_MSS), flood - sent);
		assert_int_equal(harness_count(SW_SYN_UNFIT_DROPPED), 0);
		for (int turn = 0; turn < PRIME; turn++)
			sent -= guard_pass_unfit(&client, START_NS);
		assert_in_range(harness_count(SW_SYN_UNFIT_DROPPED), 1, PRIME);
	}
}

/* --- Settings --------------------------------------------------------------------------------- */

static void port_whose_mode_is_never_answers_nothing(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);

	(void)state;
	guard_reset(&guard_usual, COOKIES_NEVER);
	assert_false(guard_ask(&client, START_NS));
	guard_counted("never", SW_HALFOPEN_OPENED, 1, SW_NONE);
}

static void dry_run_counts_what_it_would_answer(void **state)
{
	struct sw_guard guard = guard_usual;
	struct client client = guard_client("192.0.2.1", 1024);

	(void)state;
	guard.dry_run = 1;
	guard_reset(&guard, COOKIES_ALWAYS);
	for (int i = 0; i < PRIME; i++) {
		client.here.port++;
		assert_false(guard_ask(&client, START_NS));
	}
	guard_counted("dry run", SW_DRY_RUN_REPLIES, PRIME, SW_HALFOPEN_OPENED, PRIME, SW_NONE);
}

static void kernel_that_admits_in_no_way_gets_every_syn(void **state)
{
	struct sw_guard guard = guard_usual;
	struct client client = guard_client("192.0.2.1", 1024);

	(void)state;
	guard.admission = ADMISSION_NONE;
	guard_reset(&guard, COOKIES_ALWAYS);
	assert_false(guard_ask(&client, START_NS));
	guard_counted("no admission", SW_SYN_UNFIT, 1, SW_HALFOPEN_OPENED, 1, SW_NONE);
}

/* The buffer is fixed, and so is the shift count: that of the window. */
static void window_is_half_the_receive_buffer_in_whole_segments(void **state)
{
	static const struct {
		int buffer;
		__u16 window;
		__u8 wscale;
	} sizes[] = { { 1200, 1200, 0 },
		      { 30000, 20 * 1448, 0 },
		      { 65535, 45 * 1448, 0 },
		      { 100000, 65535, 1 },
		      { 200000, 65535, 2 } };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct client client = guard_client("192.0.2.1", 1024);
		struct net_end end = { "198.51.100.40", PORT };
		int fd = net_bound(&end, 0);

		client.there = end;
		must(!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &sizes[i].buffer, sizeof(int)),
		     "SO_RCVBUF");
		must(!listen(fd, 5), "listen");
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		guard_open(&client, START_NS);
		must(client.answer.window == sizes[i].window &&
			     client.answer.wscale == sizes[i].wscale,
		     "%d bytes: a window of %u, scale %u", sizes[i].buffer, client.answer.window,
		     client.answer.wscale);
		close(fd);
	}
}

static void kernels_cookie_keeps_the_mss_alone(void **state)
{
	struct sw_guard guard = guard_usual;
	const char *const addresses[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	net_sysctl("ipv4/tcp_syncookies", "2");
	guard.admission = ADMISSION_KERNEL;
	guard.kernel_cookies = SYNCOOKIES_ALWAYS;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct client client = guard_client(addresses[i], 1024);

		guard_reset(&guard, COOKIES_ALWAYS);
		guard_open(&client, START_NS);
		assert_int_equal(client.answer.mss, guard.mss[i]);
		assert_int_equal(client.answer.option_bytes, 4);
		guard_counted("the kernel's", SW_COOKIES_SENT, 1, SW_NONE);
	}
	net_sysctl("ipv4/tcp_syncookies", "1");
}

/* --- The reply budget ------------------------------------------------------------------------- */

static __u64 budget_second(__u64 number)
{
	return (1000 + number) * SW_NS_PER_S;
}

static int ask_from(const char *pattern, int first, int count, __u64 now)
{
	int answered = 0;

	for (int i = first; i < first + count; i++) {
		struct client client;
		char address[64];

		snprintf(address, sizeof(address), pattern, i);
		client = guard_client(address, 1024);
		answered += guard_ask(&client, now);
	}
	return answered;
}

/* Every address of the prefix draws on it, and no other prefix does. */
static void exhaust_budget(__u64 second, const char *inside, const char *outside)
{
	struct sw_guard guard = guard_usual;
	__u64 now = budget_second(second);
	int more;

	guard.reply_budget =
		4 * PRIME; /* of which a quarter may go out at once, and one more quarter perhaps */
	guard_reset(&guard, COOKIES_ALWAYS);
	assert_int_equal(ask_from(inside, 1, PRIME, now), PRIME);
	more = ask_from(inside, 100, 5 * PRIME, now + 1000);
	assert_in_range(more, 0, PRIME);
	guard_counted(inside, SW_COOKIES_SENT, PRIME + more, SW_OVER_BUDGET, 5 * PRIME - more,
		      SW_NONE);
	assert_int_equal(ask_from(outside, 1, 7, now), 7);
	assert_int_equal(ask_from(inside, 100, PRIME, now + 2 * SW_NS_PER_S), PRIME);
}

static void budget_is_that_of_24_bits_of_ipv4(void **state)
{
	(void)state;
	exhaust_budget(1, "192.0.2.%d", "192.0.3.%d");
}

static void budget_is_that_of_64_bits_of_ipv6(void **state)
{
	(void)state;
	exhaust_budget(11, "2001:db8:0:1:%x::1", "2001:db8:0:2:%x::1");
}

static void syn_over_budget_is_dropped(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_guard guard = guard_usual;
	struct sw_segment syn = client_syn(&client);
	static struct passage passage;

	(void)state;
	guard.reply_budget = 1;
	guard_reset(&guard, COOKIES_ALWAYS);
	guard_send(&syn, budget_second(21), &passage);
	assert_int_equal(passage.verdict, XDP_TX);
	guard_send(&syn, budget_second(21), &passage); /* a whole second ahead: no chance */
	assert_int_equal(passage.verdict, XDP_DROP);
	assert_int_equal(passage.outcome.reason, SW_OVER_BUDGET);
	guard_unknown("over budget", &syn.key);
}

int test_guard_syn(void)
{
	static const struct CMUnitTest any_tests[] = {
		cmocka_unit_test(listener_of_any_address_is_found),
		cmocka_unit_test(syn_over_ipv4_to_a_listener_of_ipv6_only_passes),
		cmocka_unit_test(syn_from_or_to_a_martian_passes),
		cmocka_unit_test(syn_to_an_address_of_another_host_passes),
		cmocka_unit_test(port_at_a_prefix_is_guarded_there_alone),
		cmocka_unit_test(longest_prefix_of_a_port_holds),
	};
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_to_a_port_that_is_not_guarded_passes),
		cmocka_unit_test(syn_to_an_address_where_nobody_listens_passes),
		cmocka_unit_test(syn_in_a_frame_to_another_address_passes),
		cmocka_unit_test(syn_from_this_host_s_own_address_passes),
		cmocka_unit_test(syn_to_an_mptcp_listener_passes),
		cmocka_unit_test(syn_to_a_listener_with_md5_signatures_passes),
		cmocka_unit_test(syn_to_an_established_socket_passes),
		cmocka_unit_test(syn_to_a_half_open_socket_passes),
		cmocka_unit_test(syn_to_a_socket_in_time_wait_passes),
		cmocka_unit_test(flood_of_syns_that_no_cookie_answers_is_dropped),
		cmocka_unit_test(flood_of_syns_with_a_small_mss_is_answered),
		cmocka_unit_test(port_whose_mode_is_never_answers_nothing),
		cmocka_unit_test(dry_run_counts_what_it_would_answer),
		cmocka_unit_test(kernel_that_admits_in_no_way_gets_every_syn),
		cmocka_unit_test(window_is_half_the_receive_buffer_in_whole_segments),
		cmocka_unit_test(kernels_cookie_keeps_the_mss_alone),
		cmocka_unit_test(budget_is_that_of_24_bits_of_ipv4),
		cmocka_unit_test(budget_is_that_of_64_bits_of_ipv6),
		cmocka_unit_test(syn_over_budget_is_dropped),
	};
	int fd, fd6, failed;

	failed = cmocka_run_group_tests_name("SYNs to any address", any_tests, NULL, NULL);
	fd = net_listen(&server, 5);
	fd6 = net_listen(&server6, 5);
	failed += run_table("SYNs answered", syn_is_answered, golden_handshakes,
			    sizeof(golden_handshakes[0]), COUNT(golden_handshakes));
	failed += run_table("SYNs left", syn_is_left, golden_passed, sizeof(golden_passed[0]),
			    COUNT(golden_passed));
	failed += cmocka_run_group_tests_name("SYNs and sockets", tests, NULL, NULL);
	close(fd);
	close(fd6);
	return failed;
}
