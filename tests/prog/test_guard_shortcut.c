// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Guard's short way (bpf/shortcut.bpf.h): its answer is the long one's, and what is not as plain as a
 * flood is goes the long way. A SYN is seen to have gone the short one where no port is guarded any more,
 * which only the long one asks.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include "guarded.h"
#include "net.h"
#include "prog.h"
#include "synward.skel.h"

#define ETHERNET 14
#define IPV4     20
#define IPV6     40
#define TCP      20
#define MS       1000000ULL

#define MSS_1460 2, 4, 5, 0xb4
#define SACK     4, 2
#define TIME     8, 10, 0, 0, 0, 7, 0, 0, 0, 0
#define NOP      1
#define SCALE(n) 3, 3, n
#define END      0

struct layout {
	const char *name;
	__u8 bytes, options[40];
	bool is_short;
};

static const struct layout layouts[] = {
	{ "none", 0, {}, false },
	{ "mss", 4, { MSS_1460 }, true },
	{ "linux", 20, { MSS_1460, SACK, TIME, NOP, SCALE(7) }, true },
	{ "linux, no scaling", 20, { MSS_1460, SACK, TIME, NOP, SCALE(0) }, true },
	{ "linux, the largest scale", 20, { MSS_1460, SACK, TIME, NOP, SCALE(14) }, true },
	{ "linux, a larger one", 20, { MSS_1460, SACK, TIME, NOP, SCALE(15) }, false },
	{ "mss 536", 4, { 2, 4, 2, 24 }, true },
	{ "mss 9000", 4, { 2, 4, 35, 40 }, true },
	{ "mss 0", 4, { 2, 4, 0, 0 }, true },
	{ "mss 1", 4, { 2, 4, 0, 1 }, false },
	{ "mss of a wrong length", 4, { 2, 3, 5, 0xb4 }, false },
	{ "linux, no sack", 20, { MSS_1460, NOP, NOP, TIME, NOP, SCALE(7) }, false },
	{ "windows", 12, { MSS_1460, NOP, SCALE(8), NOP, NOP, SACK }, false },
	{ "macos", 24, { MSS_1460, NOP, SCALE(6), NOP, NOP, TIME, SACK, END, END }, false },
	{ "freebsd", 20, { MSS_1460, NOP, SCALE(6), SACK, TIME }, false },
	{ "scale alone", 4, { NOP, SCALE(3) }, false },
	{ "nothing but an end", 20, { END }, false },
	{ "fast open", 24, { MSS_1460, SACK, TIME, NOP, SCALE(7), 34, 2, NOP, NOP }, false },
};

static const char *const clients[] = { "192.0.2.1", "2001:db8:7::7" };
static struct passage first, second;
static int listener;

static void put16(__u8 *at, size_t value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

/* A SYN with these options; its size. */
static size_t syn_with(const char *from, const __u8 *options, size_t bytes, __u8 *frame)
{
	struct client client = guard_client(from, 1024);
	struct sw_segment syn = client_syn(&client);
	bool ipv6 = strchr(from, ':');
	size_t tcp = ETHERNET + (ipv6 ? IPV6 : IPV4);

	frame_build(&syn, frame);
	frame[tcp + 12] = (__u8)((TCP + bytes) / 4 << 4);
	memcpy(frame + tcp + TCP, options, bytes);
	if (ipv6)
		put16(frame + ETHERNET + 4, TCP + bytes);
	else
		put16(frame + ETHERNET + 2, IPV4 + TCP + bytes);
	frame_mend(frame, tcp + TCP + bytes);
	return tcp + TCP + bytes;
}

static size_t usual_syn(const char *from, __u8 *frame)
{
	return syn_with(from, layouts[2].options, layouts[2].bytes, frame);
}

static void guard_ports(bool guarded)
{
	guard_set_masks((const __u32[]){ 0 }, guarded);
}

/* With the list of sockets at hand, or no SYN goes the short way. */
static void begin(const struct sw_guard *guard)
{
	guard_reset(guard, COOKIES_ALWAYS);
	guard_write_word(harness_skeleton()->maps.sw_sockets_now, 1);
}

static bool goes_the_short_way(const __u8 *frame, size_t size, __u64 now)
{
	guard_ports(false);
	guard_run(frame, size, now, &second);
	guard_ports(true);
	return second.verdict != XDP_PASS;
}

static int setup(void **state)
{
	static const struct net_end any = { "::", PORT };
	static __u8 frame[FRAME_MAX];

	(void)state;
	listener = net_listen(&any, 500);
	begin(&guard_usual);
	for (size_t i = 0; i < COUNT(clients); i++) {
		guard_run(frame, usual_syn(clients[i], frame), START_NS, &first);
		must(first.verdict == XDP_TX, "%s is not answered", clients[i]);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(listener);
}

/* --- The same answer -------------------------------------------------------------------------- */

static void rises(struct sw_stats *rise, const struct sw_stats *before)
{
	const __u64 *old = (const __u64 *)before;
	__u64 *now = (__u64 *)rise;

	harness_stats(rise);
	for (size_t i = 0; i < sizeof(*rise) / sizeof(*now); i++)
		now[i] -= old[i];
}

/* The first answer is the long way's, the second the short one's if there is one. */
static void compare(const char *what, const char *name, const __u8 *frame, size_t size)
{
	struct sw_stats before, rise[2];

	guard_cool_down();
	harness_stats(&before);
	guard_run(frame, size, START_NS, &first);
	rises(&rise[0], &before);
	harness_stats(&before);
	guard_run(frame, size, START_NS, &second);
	rises(&rise[1], &before);
	must(first.verdict == second.verdict, "%s, %s: verdicts %u, %u", what, name, first.verdict,
	     second.verdict);
	must(first.size == second.size && !memcmp(first.bytes, second.bytes, first.size),
	     "%s, %s: the answers differ", what, name);
	must(first.verdict != XDP_TX || !memcmp(&rise[0], &rise[1], sizeof(rise[0])),
	     "%s, %s: other counters", what, name);
}

static void compare_layouts(const char *what, const struct sw_guard *guard, bool linux_is_short)
{
	static __u8 frame[FRAME_MAX];

	for (size_t i = 0; i < 2 * COUNT(layouts); i++) {
		const struct layout *l = &layouts[i / 2];
		size_t size = syn_with(clients[i % 2], l->options, l->bytes, frame);
		bool wants = l->is_short && (l->bytes == 4 || linux_is_short), fits;

		begin(guard);
		compare(what, l->name, frame, size);
		fits = first.verdict == XDP_TX;
		must(goes_the_short_way(frame, size, START_NS) == (wants && fits),
		     "%s, %s, %s: goes the %s way", what, l->name, clients[i % 2],
		     wants ? "long" : "short");
	}
}

static void answer_of_every_layout_is_the_long_one_s(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		__u8 value;
		bool linux_is_short;
	} rows[] = {
		{ "as usual", offsetof(struct sw_guard, wscale), 3, true },
		{ "no timestamps", offsetof(struct sw_guard, timestamps), 0, false },
		{ "no sack", offsetof(struct sw_guard, sack), 0, false },
		{ "no scaling", offsetof(struct sw_guard, window_scaling), 0, false },
		{ "flow label", offsetof(struct sw_guard, flow_label), FLOW_LABEL_RANDOM, true },
		{ "proxy", offsetof(struct sw_guard, admission), ADMISSION_PROXY, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_guard guard = guard_usual;

		((__u8 *)&guard)[rows[i].at] = rows[i].value;
		compare_layouts(rows[i].what, &guard, rows[i].linux_is_short);
	}
}

/* A card pads what is shorter than 60 bytes (IEEE 802.3), and some pad more. */
static void answer_to_a_padded_frame_is_as_long_as_the_long_one_s(void **state)
{
	static __u8 frame[FRAME_MAX];

	(void)state;
	for (size_t more = 1; more < 24; more++) {
		size_t size = syn_with(clients[0], layouts[1].options, 4, frame);

		memset(frame + size, 0x55, more);
		compare("padded", "mss", frame, size + more);
		assert_int_equal(first.size, size);
		assert_true(goes_the_short_way(frame, size + more, START_NS));
	}
}

static void numbers_ports_and_addresses_of_any_value_give_the_same(void **state)
{
	static __u8 frame[FRAME_MAX];

	(void)state;
	srand(7);
	for (int i = 0; i < 400; i++) {
		bool ipv6 = i % 2;
		size_t size = usual_syn(clients[ipv6], frame);
		size_t tcp = ETHERNET + (ipv6 ? IPV6 : IPV4);

		put16(frame + tcp, (size_t)rand());
		for (size_t at = tcp + 4; at < tcp + 8; at++)
			frame[at] = (__u8)rand();
		for (size_t at = tcp + TCP + 8; at < tcp + TCP + 16; at++)
			frame[at] = (__u8)rand();
		frame[tcp + 14] = (__u8)rand(); /* window */
		frame[tcp - (ipv6 ? 17 : 5)] = (__u8)rand(); /* the client's last byte */
		frame[ETHERNET + (ipv6 ? 7 : 8)] = (__u8)rand(); /* hop limit */
		frame_mend(frame, size);
		compare("any", "linux", frame, size);
		assert_true(goes_the_short_way(frame, size, START_NS));
	}
}

static void budget_is_kept(void **state)
{
	struct sw_guard guard = guard_usual;
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn("192.0.77.1", frame);
	int answered = 0, dropped = 0;

	(void)state;
	guard.reply_budget = 200;
	begin(&guard);
	guard_run(frame, size, START_NS, &first);
	guard_ports(false);
	for (int i = 0; i < 1000; i++) {
		guard_run(frame, size, START_NS, &second);
		answered += second.verdict == XDP_TX;
		dropped += second.verdict == XDP_DROP;
	}
	guard_ports(true);
	assert_int_equal(answered + dropped, 1000);
	assert_in_range(answered, 200 / 4 - 1, 200 / 2);
	guard_counted("budget", SW_COOKIES_SENT, 1 + answered, SW_OVER_BUDGET, dropped, SW_NONE);
}

/* --- The long way ----------------------------------------------------------------------------- */

/* One byte of the usual SYN is another; each of them alone. */
static void what_is_not_as_plain_goes_the_long_way(void **state)
{
	static const struct {
		const char *name;
		size_t client, at;
		__u8 value;
	} rows[] = {
		{ "another MAC address", 0, 5, 9 },
		{ "a VLAN tag", 0, 12, 0x81 },
		{ "IP options", 0, ETHERNET, 0x46 },
		{ "a fragment", 0, ETHERNET + 6, 0x20 },
		{ "a later fragment", 0, ETHERNET + 7, 1 },
		{ "not TCP", 0, ETHERNET + 9, 17 },
		{ "IP shorter than the header", 0, ETHERNET + 3, 56 },
		{ "data", 0, ETHERNET + 3, 61 },
		{ "another address of this host", 0, ETHERNET + 19, 21 },
		{ "a martian", 0, ETHERNET + 12, 127 },
		{ "another port", 0, ETHERNET + IPV4 + 3, 1 },
		{ "SYN and FIN", 0, ETHERNET + IPV4 + 13, 3 },
		{ "SYN and ACK", 0, ETHERNET + IPV4 + 13, 0x12 },
		{ "ECN", 0, ETHERNET + IPV4 + 13, 0xc2 },
		{ "a reserved bit", 0, ETHERNET + IPV4 + 12, 0xa1 },
		{ "another version", 1, ETHERNET, 0x50 },
		{ "an extension header", 1, ETHERNET + 6, 60 },
		{ "IPv6 shorter than the header", 1, ETHERNET + 5, 36 },
		{ "multicast", 1, ETHERNET + 8, 0xff },
	};
	static __u8 frame[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t size = usual_syn(clients[rows[i].client], frame);

		assert_true(goes_the_short_way(frame, size, START_NS));
		frame[rows[i].at] = rows[i].value;
		frame_mend(frame, size);
		must(!goes_the_short_way(frame, size, START_NS), "%s goes the short way",
		     rows[i].name);
	}
}

/* IPv6 has no checksum of the words before its addresses. */
static void frame_with_a_wrong_bit_goes_the_long_way(void **state)
{
	static __u8 frame[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(clients); i++) {
		size_t size = usual_syn(clients[i], frame), from = ETHERNET + (i ? 8 : 0);

		for (size_t bit = 8 * from; bit < 8 * size; bit++) {
			frame[bit / 8] ^= 1 << bit % 8;
			must(!goes_the_short_way(frame, size, START_NS), "%s: bit %zu of byte %zu",
			     clients[i], bit % 8, bit / 8);
			frame[bit / 8] ^= 1 << bit % 8;
		}
		assert_true(goes_the_short_way(frame, size, START_NS));
	}
}

static void every_frame_cut_short_goes_the_long_way(void **state)
{
	static __u8 frame[FRAME_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(clients); i++) {
		size_t whole = usual_syn(clients[i], frame);

		for (size_t size = ETHERNET; size < whole; size++)
			must(!goes_the_short_way(frame, size, START_NS), "%zu of %zu bytes", size,
			     whole);
	}
}

static void syn_in_this_host_s_own_name_goes_the_long_way(void **state)
{
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn("10.9.0.77", frame);

	(void)state;
	assert_true(goes_the_short_way(frame, usual_syn("10.9.0.78", frame), START_NS));
	usual_syn("10.9.0.77", frame);
	assert_false(goes_the_short_way(frame, size, START_NS));
	size = usual_syn("198.51.100.99", frame); /* of a network that is */
	assert_false(goes_the_short_way(frame, size, START_NS));
}

static void syn_of_what_may_have_a_socket_goes_the_long_way(void **state)
{
	static struct sw_socket_bits all;
	__u32 generation = 0;
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn(clients[0], frame);

	(void)state;
	memset(&all, 0xff, sizeof(all));
	must(!bpf_map_update_elem(bpf_map__fd(harness_skeleton()->maps.sw_sockets), &generation,
				  &all, 0),
	     "sw_sockets");
	assert_false(goes_the_short_way(frame, size, START_NS));
}

/* Where it says what is said anyway, it makes no difference. */
static void answer_by_a_route_with_metrics_goes_the_long_way(void **state)
{
	static const struct sw_route usual = { .mss = 1460, .hop_limit = 64 },
				     mss = { .mss = 1459 }, hops = { .hop_limit = 63 },
				     window = { .window = 2 };
	const struct sw_route *const others[] = { &mss, &hops, &window };
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn(clients[0], frame);

	(void)state;
	guard_set_route("192.0.2.0", 96 + 24, &usual);
	assert_true(goes_the_short_way(frame, size, START_NS));
	for (size_t i = 0; i < COUNT(others); i++) {
		guard_set_route("192.0.2.0", 96 + 24, others[i]);
		must(!goes_the_short_way(frame, size, START_NS), "route %zu", i);
	}
	guard_set_route("192.0.2.1", 128, &(struct sw_route){});
	assert_true(goes_the_short_way(frame, size, START_NS));
}

static void short_way_is_open_for_ten_milliseconds(void **state)
{
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn(clients[0], frame);

	(void)state;
	assert_true(goes_the_short_way(frame, size, START_NS + 10 * MS - 1));
	assert_false(goes_the_short_way(frame, size, START_NS + 10 * MS));
}

/* The answers since are known of: the port stays under pressure while they go out. */
static void short_way_ends_with_the_pressure(void **state)
{
	struct sw_port port = { .mode = COOKIES_AUTO, .on = 1, .slot = 3, .marks = guard_marks };
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn(clients[0], frame);

	(void)state;
	port.busy_ns = START_NS + 4 * MS - port.marks.quiet_ms * MS;
	begin(&guard_usual);
	guard_set_port(&port);
	guard_run(frame, size, START_NS, &first);
	assert_true(goes_the_short_way(frame, size, START_NS + 4 * MS - 1));
	assert_false(goes_the_short_way(frame, size, START_NS + 4 * MS));
	port.busy_ns = START_NS - 5 * SW_NS_PER_S;
	begin(&guard_usual);
	guard_set_port(&port);
	for (__u32 i = 0; i <= guard_marks.low; i++)
		guard_run(frame, size, START_NS, &first);
	guard_run(frame, size, START_NS + 10 * MS, &first);
	guard_port(&port);
	assert_int_equal(port.busy_ns, START_NS + 10 * MS);
}

static void what_the_syn_s_own_header_says_is_read_the_long_way(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		__u8 value;
	} rows[] = {
		{ "dry run", offsetof(struct sw_guard, dry_run), 1 },
		{ "clients", offsetof(struct sw_guard, rules), CLIENT_ALLOW },
		{ "TOS", offsetof(struct sw_guard, reflect_tos), 1 },
		{ "flow label", offsetof(struct sw_guard, flow_label), FLOW_LABEL_REFLECTED },
		{ "the kernel's cookies", offsetof(struct sw_guard, admission), ADMISSION_KERNEL },
	};
	static __u8 frame[FRAME_MAX];
	size_t size = usual_syn(clients[0], frame);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_guard guard = guard_usual;

		((__u8 *)&guard)[rows[i].at] = rows[i].value;
		begin(&guard);
		guard_run(frame, size, START_NS, &first);
		must(!goes_the_short_way(frame, size, START_NS), "%s", rows[i].name);
	}
}

int test_guard_shortcut(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(answer_of_every_layout_is_the_long_one_s),
		TEST(answer_to_a_padded_frame_is_as_long_as_the_long_one_s),
		TEST(numbers_ports_and_addresses_of_any_value_give_the_same),
		TEST(budget_is_kept),
		TEST(what_is_not_as_plain_goes_the_long_way),
		TEST(frame_with_a_wrong_bit_goes_the_long_way),
		TEST(every_frame_cut_short_goes_the_long_way),
		TEST(syn_in_this_host_s_own_name_goes_the_long_way),
		TEST(syn_of_what_may_have_a_socket_goes_the_long_way),
		TEST(answer_by_a_route_with_metrics_goes_the_long_way),
		TEST(short_way_is_open_for_ten_milliseconds),
		TEST(short_way_ends_with_the_pressure),
		TEST(what_the_syn_s_own_header_says_is_read_the_long_way),
	};
#undef TEST

	return cmocka_run_group_tests_name("shortcut", tests, NULL, NULL);
}
