// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames at which the parser stops, and which the kernel reads all the same: fragments, many VLAN tags,
 * long header chains. While a port sends cookies they are no way past them.
 */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "guarded.h"
#include "prog.h"

#define ETHERNET 14
#define AT_ONCE  (SW_UNFIT_PER_SECOND / 4) /* as many again by chance */
#define FLOOD    (4 * SW_UNFIT_PER_SECOND + PRIME)

static const struct net_end server = { SERVER, PORT }, server6 = { SERVER6, PORT };
static struct passage passage;

/* --- Frames ----------------------------------------------------------------------------------- */

struct frame {
	__u8 bytes[FRAME_MAX];
	size_t size;
};

static void put16(struct frame *f, size_t at, unsigned int value)
{
	f->bytes[at] = (__u8)(value >> 8);
	f->bytes[at + 1] = (__u8)value;
}

static void insert(struct frame *f, size_t at, const void *bytes, size_t size)
{
	memmove(f->bytes + at + size, f->bytes + at, f->size - at);
	memcpy(f->bytes + at, bytes, size);
	f->size += size;
}

/* Frames are whole, and their IP lengths right. */
static void set_length(struct frame *f, size_t ip)
{
	if (f->bytes[ip] >> 4 == 4)
		put16(f, ip + 2, (unsigned int)(f->size - ip));
	else
		put16(f, ip + 4, (unsigned int)(f->size - ip - 40));
}

static struct frame syn_of(const char *from, unsigned short port)
{
	struct client client = guard_client(from, 1024);
	static struct frame f;
	struct sw_segment syn;

	client.there.port = port;
	syn = client_syn(&client);
	f.size = frame_build(&syn, f.bytes);
	return f;
}

static void tag(struct frame *f, int count)
{
	while (count--)
		insert(f, 12, "\x81\x00\x00\x00",
		       4); /* of priority alone: the kernel takes it off */
}

/* IPv6: so many more headers of this kind, each before those that are there. */
static void add_headers(struct frame *f, __u8 kind, const char *padding, int count)
{
	__u8 header[8];

	while (count--) {
		memcpy(header, padding, 8);
		header[0] = f->bytes[ETHERNET + 6];
		f->bytes[ETHERNET + 6] = kind;
		insert(f, ETHERNET + 40, header, 8);
	}
	set_length(f, ETHERNET);
}

static void add_options(struct frame *f, int count)
{
	add_headers(f, 60, "\0\0\1\4\0\0\0\0", count);
}

/* The first fragment, with so many bytes of what is fragmented; or the one behind it. */
static void cut(struct frame *f, size_t bytes, bool later)
{
	size_t head = ETHERNET + 20;

	if (f->bytes[ETHERNET] >> 4 == 6) {
		add_headers(f, 44, later ? "\0\0\0\x08\0\0\0\7" : "\0\0\0\1\0\0\0\7", 1);
		head = ETHERNET + 48;
	} else {
		put16(f, ETHERNET + 6, later ? 1 : 0x2000);
	}
	f->size = head + bytes;
	set_length(f, ETHERNET);
}

/* --- What the parser stops at ------------------------------------------------------------------ */

static void first_fragment(struct frame *f)
{
	cut(f, 24, false);
}

static void smallest_fragment(struct frame *f)
{
	cut(f, 8, false);
}

static void three_tags(struct frame *f)
{
	tag(f, 3);
}

static void many_tags(struct frame *f)
{
	tag(f, 350);
}

static void five_headers(struct frame *f)
{
	add_options(f, 5);
}

static void many_headers(struct frame *f)
{
	add_options(f, 170);
}

static void routing_headers(struct frame *f)
{
	add_headers(f, 43, "\0\0\4\0\0\0\0\0", 5);
}

/* Authentication headers count in words, less two: eight bytes here, too. */
static void authentication_headers(struct frame *f)
{
	add_headers(f, 51, "\0\0\0\0\0\0\0\0", 5);
}

static void headers_before_a_fragment(struct frame *f)
{
	cut(f, 24, false);
	add_options(f, 3);
}

static void headers_in_a_fragment(struct frame *f)
{
	add_options(f, 6);
	cut(f, 6 * 8 + 24, false);
}

static void tags_before_atomic_fragments(struct frame *f)
{
	add_headers(f, 44, "\0\0\0\0\0\0\0\7", 7);
	tag(f, 4);
}

static void atomic_fragment(struct frame *f)
{
	add_headers(f, 44, "\0\0\0\0\0\0\0\7", 1);
}

struct unread {
	const char *name, *from;
	void (*alter)(struct frame *f);
	enum sw_counter stop;
};

static const struct unread unread[] = {
	{ "first fragment", "192.0.2.1", first_fragment, SW_FRAGMENT },
	{ "smallest fragment", "192.0.2.1", smallest_fragment, SW_FRAGMENT },
	{ "three tags", "192.0.2.1", three_tags, SW_VLAN_DEEP },
	{ "many tags", "192.0.2.1", many_tags, SW_VLAN_DEEP },
	{ "first fragment of IPv6", "2001:db8::1", first_fragment, SW_FRAGMENT },
	{ "three tags, IPv6", "2001:db8::1", three_tags, SW_VLAN_DEEP },
	{ "five headers", "2001:db8::1", five_headers, SW_EXT_HEADER },
	{ "many headers", "2001:db8::1", many_headers, SW_EXT_HEADER },
	{ "routing headers", "2001:db8::1", routing_headers, SW_EXT_HEADER },
	{ "authentication headers", "2001:db8::1", authentication_headers, SW_EXT_HEADER },
	{ "headers before a fragment", "2001:db8::1", headers_before_a_fragment, SW_FRAGMENT },
	{ "headers in a fragment", "2001:db8::1", headers_in_a_fragment, SW_FRAGMENT },
	{ "tags and atomic fragments", "2001:db8::1", tags_before_atomic_fragments, SW_VLAN_DEEP },
};

static struct frame frame_of(const struct unread *u, unsigned short port)
{
	struct frame f = syn_of(u->from, port);

	u->alter(&f);
	return f;
}

/* How many of so many pass at once. */
static int pass(const struct frame *f, int count)
{
	int passed = 0;

	for (int i = 0; i < count; i++) {
		guard_run(f->bytes, f->size, START_NS, &passage);
		must(passage.verdict == XDP_PASS || passage.verdict == XDP_DROP, "verdict %u",
		     passage.verdict);
		passed += passage.verdict == XDP_PASS;
	}
	return passed;
}

/* --- While cookies are sent --------------------------------------------------------------------- */

static void a_few_pass_and_no_flood(void **state)
{
	const struct unread *u = *state;
	struct frame f = frame_of(u, PORT);
	unsigned int passed;

	guard_reset(&guard_usual, COOKIES_ALWAYS);
	passed = (unsigned int)pass(&f, FLOOD);
	must(passed >= AT_ONCE && passed <= 2 * AT_ONCE, "%s: %u pass", u->name, passed);
	guard_counted(u->name, u->stop, FLOOD, SW_UNREAD_DROPPED, FLOOD - passed, SW_NONE);
}

static void all_pass_while_it_is_quiet(void **state)
{
	const struct unread *u = *state;
	struct frame f = frame_of(u, PORT);

	guard_reset(&guard_usual, COOKIES_AUTO);
	must(pass(&f, FLOOD) == FLOOD, "%s: not all pass", u->name);
	guard_counted(u->name, u->stop, FLOOD, SW_NONE);
}

static void all_pass_that_guard_does_not_stand_before(void **state)
{
	const struct unread *u = *state;
	struct frame f = frame_of(u, PORT + 1);
	struct sw_guard guard = guard_usual;

	guard_reset(&guard, COOKIES_ALWAYS);
	must(pass(&f, FLOOD) == FLOOD, "%s: to another port", u->name);
	f = frame_of(u, PORT);
	f.bytes[0] ^= 1;
	must(pass(&f, FLOOD) == FLOOD, "%s: in a frame to others", u->name);
	f.bytes[0] ^= 1;
	guard_set_local(SERVER, 128, false);
	guard_set_local(SERVER6, 128, false);
	must(pass(&f, FLOOD) == FLOOD, "%s: to another host", u->name);
	guard_reset(&guard, COOKIES_NEVER);
	must(pass(&f, FLOOD) == FLOOD, "%s: never", u->name);
	guard.dry_run = 1;
	guard_reset(&guard, COOKIES_ALWAYS);
	must(pass(&f, FLOOD) == FLOOD, "%s: dry run", u->name);
	must(harness_count(SW_DRY_RUN_DROPS) >= FLOOD - 2 * AT_ONCE, "%s: dry run", u->name);
	must(!harness_count(SW_UNREAD_DROPPED), "%s: dropped", u->name);
}

/* Whatever the segment before it was for. */
static void all_pass_where_the_port_has_fallen_back(void **state)
{
	const struct unread *u = *state;
	struct frame f = frame_of(u, PORT), other = frame_of(&unread[0], PORT + 1);

	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_set_stand(STAND_OFF);
	pass(&other, 1);
	must(pass(&f, FLOOD) == FLOOD, "%s: not all pass", u->name);
	guard_set_stand(STAND_GUARD);
	must(pass(&f, FLOOD) < FLOOD, "%s: all pass", u->name);
}

/* All kinds, and SYNs that no cookie answers, draw on one budget. */
static void kinds_share_their_budget_with_unfit_syns(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct frame f;

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	for (int i = 0; i < 4 * AT_ONCE; i++)
		guard_pass_unfit(&client, START_NS);
	for (size_t i = 0; i < COUNT(unread); i++) {
		f = frame_of(&unread[i], PORT);
		must(pass(&f, PRIME) < PRIME, "%s has a budget of its own", unread[i].name);
	}
}

static void full_queue_takes_none_and_is_pressure(void **state)
{
	struct net_end here = { NET_HOME, PORT }, from = { "10.9.0.9", 41000 };
	int listener = net_listen(&here, 1), seconds = 30, client;
	struct frame f = syn_of("192.0.2.1", PORT);
	struct sw_port port;

	(void)state;
	setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
	cut(&f, 24, false);
	memcpy(f.bytes + ETHERNET + 16, "\x0a\x09\x00\x01", 4);
	guard_reset(&guard_usual, COOKIES_AUTO);
	assert_int_equal(pass(&f, PRIME), PRIME);
	client = net_connect(&from, &here);
	net_await(client, TCP_ESTABLISHED);
	assert_int_equal(pass(&f, PRIME), 0);
	guard_port(&port);
	assert_int_equal(port.on, 1);
	guard_counted("full", SW_FRAGMENT, 2 * PRIME, SW_UNREAD_DROPPED, PRIME, SW_COOKIES_ON, 1,
		      SW_NONE);
	close(client);
	close(listener);
}

/* --- What comes to nothing by itself ------------------------------------------------------------ */

static void later_fragments_pass(void **state)
{
	static const char *const from[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < COUNT(from); i++) {
		struct frame f = syn_of(from[i], PORT);

		cut(&f, 16, true);
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		must(pass(&f, FLOOD) == FLOOD, "%s: later fragments", from[i]);
		guard_counted(from[i], SW_FRAGMENT, FLOOD, SW_NONE);
	}
}

static void fragments_of_other_protocols_pass(void **state)
{
	struct frame f = syn_of("192.0.2.1", PORT);

	(void)state;
	cut(&f, 24, false);
	f.bytes[ETHERNET + 9] = 17;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	assert_int_equal(pass(&f, FLOOD), FLOOD);
	f = syn_of("2001:db8::1", PORT);
	cut(&f, 24, false);
	f.bytes[ETHERNET + 40] = 17;
	assert_int_equal(pass(&f, FLOOD), FLOOD);
}

static void fragments_of_a_connection_pass(void **state)
{
	struct client client;
	struct net_pair pair;
	struct sw_segment data;
	struct frame f;

	(void)state;
	net_pair_open(&pair, "10.9.0.10", 40300, PORT);
	client = guard_client("10.9.0.10", 40300);
	client.there = pair.server;
	data = client_segment(&client, SW_TCP_ACK);
	data.length = 100;
	f.size = frame_build(&data, f.bytes);
	cut(&f, 24, false);
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	must(pass(&f, FLOOD) == FLOOD, "of a connection that has a socket");
	net_pair_close(&pair);
}

static void atomic_fragment_is_answered_as_any_syn(void **state)
{
	struct frame f = syn_of("2001:db8::1", PORT);
	static struct passage plain;

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_run(f.bytes, f.size, START_NS, &plain);
	atomic_fragment(&f);
	guard_run(f.bytes, f.size, START_NS, &passage);
	assert_int_equal(passage.verdict, XDP_TX);
	assert_int_equal(passage.size, plain.size);
	assert_memory_equal(passage.bytes, plain.bytes, plain.size);
}

int test_guard_unread(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_share_their_budget_with_unfit_syns),
		cmocka_unit_test(full_queue_takes_none_and_is_pressure),
		cmocka_unit_test(later_fragments_pass),
		cmocka_unit_test(fragments_of_other_protocols_pass),
		cmocka_unit_test(fragments_of_a_connection_pass),
		cmocka_unit_test(atomic_fragment_is_answered_as_any_syn),
	};
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} tables[] = {
		{ "unread: a few pass", a_few_pass_and_no_flood },
		{ "unread: quiet", all_pass_while_it_is_quiet },
		{ "unread: fallen back", all_pass_where_the_port_has_fallen_back },
		{ "unread: not guarded", all_pass_that_guard_does_not_stand_before },
	};
	int fd = net_listen(&server, 500), fd6 = net_listen(&server6, 500), failed = 0;

	for (size_t i = 0; i < COUNT(tables); i++)
		failed += run_table(tables[i].name, tables[i].test, unread, sizeof(unread[0]),
				    COUNT(unread));
	failed += cmocka_run_group_tests_name("unread frames", tests, NULL, NULL);
	close(fd);
	close(fd6);
	return failed;
}
