// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The filter that spares most SYNs of a flood the look-up of their socket: when it is asked, what
 * sets its bits, and that the kernel's list of sockets is in it, one and all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "guarded.h"
#include "prog.h"
#include "synward.skel.h"

#define READY(generation) ((generation) + 1)
#define MS                SW_NS_PER_MS

static const struct net_end server = { SERVER, PORT };
static struct sw_socket_bits bits[2];
static struct passage passage;

/* --- Bits ------------------------------------------------------------------------------------- */

static void read_bits(void)
{
	int fd = bpf_map__fd(harness_skeleton()->maps.sw_sockets);

	for (__u32 i = 0; i < 2; i++)
		must(!bpf_map_lookup_elem(fd, &i, &bits[i]), "sw_sockets");
}

static void write_bits(void)
{
	int fd = bpf_map__fd(harness_skeleton()->maps.sw_sockets);

	for (__u32 i = 0; i < 2; i++)
		must(!bpf_map_update_elem(fd, &i, &bits[i], 0), "sw_sockets");
}

/*
 * The bit of a key: the exclusive or of both addresses, word by word as it lies in memory, each turned
 * by seven bits before the next; with the sum of the ports, times a constant; all of it, times
 * another: its highest twenty bits.
 */
static __u32 bit_of(const struct sw_flow_key *key)
{
	__u64 mixed = 0, word;

	for (int at = 0; at < 16; at += 4) {
		__u8 bytes[4];
		__u32 native;

		for (int i = 0; i < 4; i++)
			bytes[i] = key->addr[0][at + i] ^ key->addr[1][at + i];
		memcpy(&native, bytes, 4);
		word = native;
		mixed = mixed * 128 % (1ULL << 32) + mixed / (1ULL << 25);
		mixed ^= word;
	}
	mixed ^= (__u64)(key->port[0] + key->port[1]) * 2654435761ULL % (1ULL << 32);
	return (__u32)(mixed * 2246822507ULL % (1ULL << 32) / (1ULL << 12));
}

static bool is_set(int generation, const struct sw_flow_key *key)
{
	__u32 bit = bit_of(key);

	return bits[generation].word[bit / 32] >> bit % 32 & 1;
}

static int count_bits(int generation)
{
	int count = 0;

	for (size_t i = 0; i < COUNT(bits[0].word); i++)
		count += __builtin_popcount(bits[generation].word[i]);
	return count;
}

static void set_bit(int generation, const struct sw_flow_key *key)
{
	__u32 bit = bit_of(key);

	read_bits();
	bits[generation].word[bit / 32] |= 1U << bit % 32;
	write_bits();
}

static void use(__u32 ready)
{
	guard_write_word(harness_skeleton()->maps.sw_sockets_now, ready);
}

/* --- Whom a SYN's listener is asked of -------------------------------------------------------- */

/* Backlogs of a listener. */
enum {
	CRAMPED = 5,
	ROOMY = 100 /* with so much room it is remembered */
};

/* A listener is seen, and is gone. */
static void see_listener_of(int backlog, __u32 ready, enum sw_cookie_mode mode)
{
	struct client client = guard_client("192.0.2.1", 1024);
	int fd = net_listen(&server, backlog);

	guard_reset(&guard_usual, mode);
	use(ready);
	guard_ask(&client, START_NS);
	close(fd);
}

static void see_listener_and_close_it(__u32 ready, enum sw_cookie_mode mode)
{
	see_listener_of(ROOMY, ready, mode);
}

static bool answered(unsigned short port, __u64 now)
{
	struct client client = guard_client("192.0.2.1", port);

	return guard_ask(&client, now);
}

static void kernel_is_asked_for_every_syn_until_the_list_is_ready(void **state)
{
	(void)state;
	see_listener_and_close_it(SW_SOCKETS_NOT_READY, COOKIES_ALWAYS);
	assert_false(answered(1025, START_NS + 1));
	guard_counted("not ready", SW_COOKIES_SENT, 1, SW_SYN_NO_LISTENER, 1, SW_HALFOPEN_OPENED, 1,
		      SW_NONE);
}

static void listener_is_remembered_for_ten_milliseconds(void **state)
{
	(void)state;
	for (__u32 generation = 0; generation < 2; generation++) {
		see_listener_and_close_it(READY(generation), COOKIES_ALWAYS);
		assert_true(answered(1025, START_NS + 1));
		assert_true(answered(1026, START_NS + 10 * MS - 1));
		assert_false(answered(1027, START_NS + 10 * MS));
	}
}

/* Its queue may be full before those have passed. */
static void listener_with_little_room_is_asked_for_at_every_syn(void **state)
{
	(void)state;
	see_listener_of(CRAMPED, READY(0), COOKIES_ALWAYS);
	assert_false(answered(1025, START_NS + 1));
	assert_int_equal(harness_count(SW_SYN_NO_LISTENER), 1);
}

static void listener_remembered_gives_its_window(void **state)
{
	struct client client = guard_client("192.0.2.1", 1030);

	(void)state;
	see_listener_and_close_it(READY(0), COOKIES_ALWAYS);
	guard_open(&client, START_NS + 1);
	assert_int_equal(client.answer.window, 13 * 1448); /* whole segments of its 20,000 bytes */
	assert_int_equal(client.answer.mss, 1460);
}

static void listener_of_another_address_is_not_taken_for_it(void **state)
{
	struct client client = guard_client("192.0.2.1", 1025);

	(void)state;
	see_listener_and_close_it(READY(0), COOKIES_ALWAYS);
	client.there.address = "198.51.100.21";
	assert_false(guard_ask(&client, START_NS + 1));
	assert_int_equal(harness_count(SW_SYN_NO_LISTENER), 1);
}

/* Of the same address, but by another way, on which it may be another host's. */
static void listener_remembered_answers_no_frame_to_another_address(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_segment syn = client_syn(&client);
	int fd = net_listen(&server, ROOMY);
	static __u8 frame[FRAME_MAX];
	size_t size = frame_build(&syn, frame);

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	use(READY(0));
	guard_open(&client, START_NS);
	for (int i = 0; i < 6; i++) {
		frame[i] ^= 1;
		guard_run(frame, size, START_NS + 1, &passage);
		must(passage.verdict == XDP_PASS, "byte %d: verdict %u", i, passage.verdict);
		frame[i] ^= 1;
	}
	assert_int_equal(harness_count(SW_SYN_OTHER_MAC), 6);
	close(fd);
}

static void port_that_sends_no_cookies_asks_the_kernel(void **state)
{
	struct sw_port port;

	(void)state;
	see_listener_and_close_it(READY(0), COOKIES_AUTO);
	assert_false(answered(1025, START_NS + 1));
	assert_int_equal(harness_count(SW_SYN_NO_LISTENER), 1);
	guard_port(&port);
	assert_int_equal(port.listener, NOT_LISTENING);
}

/* Of a connection whose bit is not set, the kernel is not asked, and so not that it has a socket. */
static void kernel_is_asked_where_the_bit_is_set(void **state)
{
	struct net_pair pair;
	struct client client, other;
	struct sw_segment syn;

	(void)state;
	net_pair_open(&pair, "10.9.0.10", 40300, PORT);
	client = guard_client("10.9.0.10", 40300);
	client.there = pair.server;
	other = client;
	other.here.port = 40301;
	syn = client_syn(&client);
	for (__u32 generation = 0; generation < 2; generation++) {
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		use(READY(generation));
		guard_open(&other, START_NS); /* the listener is remembered now */
		guard_open(&client, START_NS + 1);
		set_bit(!generation, &syn.key); /* the one not in use */
		guard_open(&client, START_NS + 1);
		set_bit((int)generation, &syn.key);
		assert_false(guard_ask(&client, START_NS + 1));
		assert_int_equal(harness_count(SW_SYN_TO_SOCKET), 1);
	}
	net_pair_close(&pair);
}

/* --- What may make a socket ------------------------------------------------------------------- */

static void expect_bits(const char *name, const struct sw_flow_key *key)
{
	read_bits();
	for (int generation = 0; generation < 2; generation++) {
		must(is_set(generation, key), "%s: its bit is not in %d", name, generation);
		must(count_bits(generation) == 1, "%s: %d bits in %d", name, count_bits(generation),
		     generation);
	}
}

static void expect_no_bits(const char *name)
{
	read_bits();
	must(!count_bits(0) && !count_bits(1), "%s sets a bit", name);
}

static void syn_that_passes_to_a_listener_sets_its_bit(void **state)
{
	static const struct {
		const char *address, *server;
		enum sw_cookie_mode mode;
	} syns[] = {
		{ "192.0.2.1", SERVER, COOKIES_AUTO },
		{ "2001:db8::1", SERVER6, COOKIES_AUTO },
		{ "203.0.113.1", SERVER, COOKIES_NEVER },
		{ "2001:db8:ffff::1", SERVER6, COOKIES_NEVER },
	};
	struct net_end any = { "::", PORT };
	int fd = net_listen(&any, ROOMY);

	(void)state;
	for (size_t i = 0; i < COUNT(syns); i++) {
		struct client client = guard_client(syns[i].address, 1024);
		struct sw_segment syn;

		client.there.address = syns[i].server;
		syn = client_syn(&client);
		guard_reset(&guard_usual, syns[i].mode);
		use(READY(i & 1));
		guard_send(&syn, START_NS, &passage);
		assert_int_equal(passage.verdict, XDP_PASS);
		expect_bits(syns[i].address, &syn.key);
	}
	close(fd);
}

/* A flood of them would fill the filter, and every SYN to a guarded port would cost a look-up. */
static void syn_that_makes_no_socket_of_a_guarded_port_sets_none(void **state)
{
	static const struct {
		const char *name, *from, *server;
		unsigned short port;
	} syns[] = {
		{ "another port", "192.0.2.1", SERVER, 81 },
		{ "another port, IPv6", "2001:db8::1", SERVER6, 82 },
		{ "where nobody listens", "192.0.2.1", SERVER, PORT },
		{ "another host", "192.0.2.1", "203.0.113.8", PORT },
		{ "a martian", "127.0.0.1", SERVER, PORT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(syns); i++) {
		struct client client = guard_client(syns[i].from, 1024);
		struct sw_segment syn;

		client.there = (struct net_end){ syns[i].server, syns[i].port };
		syn = client_syn(&client);
		guard_reset(&guard_usual, COOKIES_AUTO);
		guard_send(&syn, START_NS, &passage);
		assert_int_equal(passage.verdict, XDP_PASS);
		expect_no_bits(syns[i].name);
	}
}

static void syn_that_is_answered_sets_none(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	int fd = net_listen(&server, ROOMY);

	(void)state;
	guard_reset(&guard_usual, COOKIES_ALWAYS);
	guard_open(&client, START_NS);
	expect_no_bits("a SYN answered");
	close(fd);
}

/* From a guarded port: an answer, or a connection of this host's own. */
static void syn_that_leaves_a_guarded_port_sets_its_bit(void **state)
{
	static const struct {
		__u8 flags;
		unsigned short port;
		bool sets;
	} segments[] = {
		{ SW_TCP_SYN, PORT, true },
		{ SW_TCP_SYN | SW_TCP_ACK, PORT, true },
		{ SW_TCP_ACK, PORT, false },
		{ SW_TCP_SYN, 81, false },
		{ SW_TCP_SYN | SW_TCP_ACK, 81, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(segments); i++) {
		struct client client = guard_client("192.0.2.1", 1024);
		struct sw_segment segment;
		struct outcome outcome;

		client.there.port = segments[i].port;
		segment = client_segment(&client, segments[i].flags);
		segment.sender = !segment.sender;
		guard_reset(&guard_usual, COOKIES_ALWAYS);
		harness_segment(HOOK_TC, &segment, START_NS, &outcome);
		if (segments[i].sets)
			expect_bits("a SYN going out", &segment.key);
		else
			expect_no_bits("what goes out");
	}
}

static void tracker_without_guard_sets_none(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_guard guard = guard_usual;
	struct sw_segment syn = client_syn(&client);
	struct outcome outcome;

	(void)state;
	guard.ports = 0;
	guard_reset(&guard, COOKIES_ALWAYS);
	harness_segment(HOOK_XDP, &syn, START_NS, &outcome);
	harness_segment(HOOK_TC, &syn, START_NS, &outcome);
	expect_no_bits("track mode");
}

/* Our cookie's ACK makes a socket at tc ingress, the kernel's where the kernel takes it. */
static void ack_that_opens_a_connection_sets_its_bit(void **state)
{
	static const enum sw_admission ways[] = { ADMISSION_BPF, ADMISSION_KERNEL };
	int fd = net_listen(&server, ROOMY);

	(void)state;
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct client client = guard_client("192.0.2.1", 1024);
		struct sw_guard guard = guard_usual;
		struct sw_segment ack;

		guard.admission = ways[i];
		guard.kernel_cookies = SYNCOOKIES_ALWAYS;
		guard_reset(&guard, COOKIES_ALWAYS);
		net_sysctl("ipv4/tcp_syncookies", "2");
		guard_open(&client, START_NS);
		net_sysctl("ipv4/tcp_syncookies", "1");
		ack = client_ack(&client);
		guard_send(&ack, START_NS + 1, &passage);
		assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 1);
		expect_bits(i ? "the kernel's cookie" : "our cookie", &ack.key);
	}
	close(fd);
}

static void cookie_that_the_kernel_sent_itself_sets_its_bit(void **state)
{
	struct client client = guard_client("192.0.2.1", 1024);
	struct sw_guard guard = guard_usual;
	int fd = net_listen(&server, ROOMY);
	struct sw_segment ack;
	struct sw_port port;

	(void)state;
	guard.admission = ADMISSION_KERNEL;
	guard.kernel_cookies = SYNCOOKIES_ALWAYS;
	guard_reset(&guard, COOKIES_ALWAYS);
	net_sysctl("ipv4/tcp_syncookies", "2");
	guard_open(&client, START_NS);
	net_sysctl("ipv4/tcp_syncookies", "1");
	guard_port(&port);
	port.mode = COOKIES_AUTO; /* and not on: the kernel answers */
	guard_set_port(&port);
	guard_configure(&guard_usual);
	ack = client_ack(&client);
	guard_send(&ack, START_NS + 1, &passage);
	assert_int_equal(passage.verdict, XDP_PASS);
	assert_int_equal(harness_count(SW_COOKIES_ACCEPTED), 0);
	expect_bits("the kernel's own", &ack.key);
	close(fd);
}

/* --- The kernel's list ------------------------------------------------------------------------ */

static void read_list(void)
{
	const struct synward *skel = harness_skeleton();
	struct bpf_link *link = bpf_program__attach_iter(skel->progs.synward_sockets, NULL);
	char nothing[64];
	int fd;

	must(link, "attach: %s", strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	must(fd >= 0, "bpf_iter_create: %s", strerror(errno));
	while (read(fd, nothing, sizeof(nothing)) > 0)
		;
	close(fd);
	bpf_link__destroy(link);
}

/* The client's socket goes without a word: the other end knows nothing of it. */
static void vanish(int *fd)
{
	int on = 1;

	must(!setsockopt(*fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), "TCP_REPAIR: %s",
	     strerror(errno));
	close(*fd);
	*fd = -1;
}

/* Sockets of servers alone, each in another state or family; ports tell them apart. */
struct listed {
	const char *name, *client, *server;
	unsigned short port;
	bool deferred, wound_up, vanishes;
	struct net_pair pair;
};

static void begin_listed(struct listed *l)
{
	int seconds = 30;

	l->pair.client = (struct net_end){ l->client, (unsigned short)(l->port + 1000) };
	l->pair.server = (struct net_end){ l->server, l->port };
	l->pair.accepted = l->pair.connecting = -1;
	l->pair.listener = net_listen(&l->pair.server, ROOMY);
	if (l->deferred)
		setsockopt(l->pair.listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
			   sizeof(seconds));
	if (!l->client)
		return;
	if (!strcmp(l->server, "::")) /* a listener of both families */
		l->pair.server.address = NET_HOME;
	l->pair.connecting = net_connect(&l->pair.client, &l->pair.server);
	net_await(l->pair.connecting, TCP_ESTABLISHED);
	if (!l->deferred)
		l->pair.accepted = net_accept(l->pair.listener);
	if (l->wound_up)
		net_pair_wind_up(&l->pair);
	if (l->vanishes)
		vanish(&l->pair.connecting);
}

static struct sw_flow_key key_of(const struct listed *l)
{
	struct client client = { .here = l->pair.client, .there = l->pair.server };

	return client_segment(&client, 0).key;
}

static void every_connections_socket_is_listed_and_no_listener(void **state)
{
	struct listed all[] = {
		{ "ESTABLISHED", "10.9.0.21", NET_HOME, 5001, .vanishes = true },
		{ "ESTABLISHED over IPv6", NET_GUEST6, NET_HOME6, 5002, .vanishes = true },
		{ "ESTABLISHED over mapped addresses", "::ffff:10.9.0.22", "::ffff:10.9.0.1", 5003,
		  .vanishes = true },
		{ "ESTABLISHED from a listener of both families", "10.9.0.23", "::", 5004,
		  .vanishes = true },
		{ "TIME_WAIT", "10.9.0.24", NET_HOME, 5005, .wound_up = true },
		{ "TIME_WAIT over IPv6", NET_GUEST6, NET_HOME6, 5006, .wound_up = true },
		{ "TIME_WAIT from a listener of both families", "10.9.0.25", "::", 5007,
		  .wound_up = true },
		{ "SYN_RCVD", "10.9.0.26", NET_HOME, 5008, .deferred = true, .vanishes = true },
		{ "SYN_RCVD over IPv6", NET_GUEST6, NET_HOME6, 5009, .deferred = true,
		  .vanishes = true },
		{ "SYN_RCVD from a listener of both families", "10.9.0.27", "::", 5010,
		  .deferred = true, .vanishes = true },
		{ "LISTEN", NULL, NET_HOME, 5011, .vanishes = false },
		{ "LISTEN over IPv6", NULL, "::", 5012, .vanishes = false },
	};
	int connections = COUNT(all) - 2;

	(void)state;
	if (!bpf_program__autoload(harness_skeleton()->progs.synward_sockets))
		skip_because("this kernel lists no sockets");
	must(!net_enter(), "a namespace without the sockets of other tests");
	for (size_t i = 0; i < COUNT(all); i++)
		begin_listed(&all[i]);
	/* Into the generation that is not in use. */
	for (__u32 ready = SW_SOCKETS_NOT_READY; ready <= READY(1); ready++) {
		int made = ready == READY(0);

		guard_reset(&guard_usual, COOKIES_ALWAYS);
		use(ready);
		read_list();
		read_bits();
		for (int i = 0; i < connections; i++) {
			struct sw_flow_key key = key_of(&all[i]);

			must(is_set(made, &key), "%s is not listed", all[i].name);
		}
		must(count_bits(made) == connections, "%d bits of %d connections", count_bits(made),
		     connections);
		must(!count_bits(!made), "the generation in use is written to");
	}
	for (size_t i = 0; i < COUNT(all); i++)
		net_pair_close(&all[i].pair);
}

int test_guard_sockets(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_is_asked_for_every_syn_until_the_list_is_ready),
		cmocka_unit_test(listener_is_remembered_for_ten_milliseconds),
		cmocka_unit_test(listener_with_little_room_is_asked_for_at_every_syn),
		cmocka_unit_test(listener_remembered_gives_its_window),
		cmocka_unit_test(listener_of_another_address_is_not_taken_for_it),
		cmocka_unit_test(listener_remembered_answers_no_frame_to_another_address),
		cmocka_unit_test(port_that_sends_no_cookies_asks_the_kernel),
		cmocka_unit_test(kernel_is_asked_where_the_bit_is_set),
		cmocka_unit_test(syn_that_passes_to_a_listener_sets_its_bit),
		cmocka_unit_test(syn_that_makes_no_socket_of_a_guarded_port_sets_none),
		cmocka_unit_test(syn_that_is_answered_sets_none),
		cmocka_unit_test(syn_that_leaves_a_guarded_port_sets_its_bit),
		cmocka_unit_test(tracker_without_guard_sets_none),
		cmocka_unit_test(ack_that_opens_a_connection_sets_its_bit),
		cmocka_unit_test(cookie_that_the_kernel_sent_itself_sets_its_bit),
		cmocka_unit_test(every_connections_socket_is_listed_and_no_listener),
	};

	return cmocka_run_group_tests_name("sockets", tests, NULL, NULL);
}
