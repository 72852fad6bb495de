// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A guarded port and its clients.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <synward/local.h>
#include <synward/prefix.h>

#include "guarded.h"
#include "names.h"
#include "synward.skel.h"
#include "tests/golden_handshakes.h"

#define SLOT 3

_Static_assert(GUARD_WSCALE == GOLDEN_WSCALE, "as golden_handshakes has it");

const struct sw_guard guard_usual = {
	.secret = { 0x0123456789abcdef, 0xfedcba9876543210 },
	.wall_offset_ns = (__s64)(GOLDEN_EPOCH * 64 * SW_NS_PER_S + 32 * SW_NS_PER_S - START_NS),
	.ports = 1,
	.mss = GOLDEN_MSS,
	.admission = ADMISSION_BPF,
	.timestamps = 1,
	.sack = 1,
	.ecn = 1,
	.window_scaling = 1,
	.wscale = GOLDEN_WSCALE,
	.hop_limit = { 64, 64 },
};

const struct sw_marks guard_marks = { .high = 128, .low = 10, .quiet_ms = 10000 };

static const struct sw_port_key any_address = { .port = PORT };

static int map_fd(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static void read_address(const char *text, __u8 *address)
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	if (inet_pton(AF_INET, text, address + 12) != 1)
		must(inet_pton(AF_INET6, text, address) == 1, "address %s", text);
}

void guard_write_word(const struct bpf_map *map, __u32 value)
{
	__u32 zero = 0;

	must(!bpf_map_update_elem(map_fd(map), &zero, &value, 0), "%s", bpf_map__name(map));
}

__u32 guard_read_word(const struct bpf_map *map)
{
	__u32 zero = 0, value;

	must(!bpf_map_lookup_elem(map_fd(map), &zero, &value), "%s", bpf_map__name(map));
	return value;
}

static void empty_pressure(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct sw_pressure *none = calloc((size_t)cpus, sizeof(*none));

	must(none, "no memory");
	for (__u32 slot = 0; slot <= SLOT; slot++)
		must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_pressure), &slot, none,
					  0),
		     "sw_pressure");
	free(none);
}

void guard_cool_down(void)
{
	int cpus = libbpf_num_possible_cpus(), fd = map_fd(harness_skeleton()->maps.sw_seen);
	void *none = calloc((size_t)cpus, bpf_map__value_size(harness_skeleton()->maps.sw_seen));
	__u32 places = bpf_map__max_entries(harness_skeleton()->maps.sw_seen);

	must(none, "no memory");
	for (__u32 place = 0; place < places; place++)
		must(!bpf_map_update_elem(fd, &place, none, 0), "sw_seen");
	free(none);
}

void guard_spend_strays(__u64 now)
{
	int cpus = libbpf_num_possible_cpus();
	struct sw_pressure *spent = calloc((size_t)cpus, sizeof(*spent));
	__u32 slot = SW_STRAY_SLOT;

	must(spent, "no memory");
	for (int cpu = 0; cpu < cpus; cpu++)
		spent[cpu] = (struct sw_pressure){ .since_ns = now, .sent = SW_STRAYS_PER_SECOND };
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_pressure), &slot, spent, 0),
	     "sw_pressure");
	free(spent);
}

/* The budget of SYNs that no cookie answers, as if none had come. */
static void refill_unfit(void)
{
	struct sw_budget none = {};
	__u32 bucket = SW_UNFIT_BUCKET;

	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_budget), &bucket, &none, 0),
	     "sw_budget");
}

static void empty_sockets(void)
{
	static const struct sw_socket_bits none;
	const struct synward *skel = harness_skeleton();

	for (__u32 generation = 0; generation < 2; generation++)
		must(!bpf_map_update_elem(map_fd(skel->maps.sw_sockets), &generation, &none, 0),
		     "sw_sockets");
	guard_write_word(skel->maps.sw_sockets_now, SW_SOCKETS_NOT_READY);
}

static void write_local_bits(const struct sw_local_bits *bits)
{
	__u32 zero = 0;

	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_local_bits), &zero, bits, 0),
	     "sw_local_bits");
}

/* It stays so: bits may be set for what is the host's no longer. */
static void mark_local(const struct sw_local_key *key)
{
	static struct sw_local_bits bits;
	__u32 zero = 0;

	must(!bpf_map_lookup_elem(map_fd(harness_skeleton()->maps.sw_local_bits), &zero, &bits),
	     "sw_local_bits");
	sw_local_mark(&bits, key);
	write_local_bits(&bits);
}

void guard_set_local(const char *address, __u32 bits, bool is)
{
	struct sw_local_key key = { .bits = bits };
	__u32 local = is;

	read_address(address, (__u8 *)key.address);
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_local), &key, &local, 0),
	     "sw_local");
	mark_local(&key);
}

void guard_set_mac(const __u8 mac[6])
{
	__u32 lo = 1; /* where BPF_PROG_RUN has frames come in */
	struct sw_iface iface = { .ingress = 1 };

	memcpy(iface.mac, mac, sizeof(iface.mac));
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_ifaces), &lo, &iface, 0),
	     "sw_ifaces");
}

void guard_set_client(const char *address, __u32 bits, enum sw_client_rule rule)
{
	struct sw_local_key key = { .bits = bits };
	__u32 said = rule;

	read_address(address, (__u8 *)key.address);
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_clients), &key, &said, 0),
	     "sw_clients");
}

void guard_set_route(const char *address, __u32 bits, const struct sw_route *route)
{
	struct sw_local_key key = { .bits = bits };
	static struct sw_local_bits local;
	__u32 zero = 0;

	read_address(address, (__u8 *)key.address);
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_routes), &key, route, 0),
	     "sw_routes");
	must(!bpf_map_lookup_elem(map_fd(harness_skeleton()->maps.sw_local_bits), &zero, &local),
	     "sw_local_bits");
	local.routes = true;
	write_local_bits(&local);
}

static void empty_prefixes(const struct bpf_map *map)
{
	struct sw_local_key key;

	while (!bpf_map_get_next_key(map_fd(map), NULL, &key))
		must(!bpf_map_delete_elem(map_fd(map), &key), "%s", bpf_map__name(map));
}

/* To this host go frames as frame.c and packet.py make them, and what the tests ask for. */
static void be_the_server(void)
{
	static const char *const addresses[] = { NET_HOME, "10.9.0.77", "203.0.113.9", NET_HOME6,
						 "2001:db8::77" };

	guard_set_mac((const __u8[6]){ 2, 0, 0, 0, 0, 2 });
	empty_prefixes(harness_skeleton()->maps.sw_local);
	write_local_bits(&(struct sw_local_bits){});
	empty_prefixes(harness_skeleton()->maps.sw_clients);
	empty_prefixes(harness_skeleton()->maps.sw_routes);
	for (size_t i = 0; i < COUNT(addresses); i++)
		guard_set_local(addresses[i], 128, true);
	guard_set_local("198.51.100.0", 96 + 24, true);
	guard_set_local("2001:db8:1::", 64, true);
}

static void empty_ports(void)
{
	int fd = map_fd(harness_skeleton()->maps.sw_ports);
	struct sw_port_key key;

	while (!bpf_map_get_next_key(fd, NULL, &key))
		must(!bpf_map_delete_elem(fd, &key), "sw_ports");
}

static void write_keys(void)
{
	static const struct sw_keys keys = GOLDEN_KEYS;
	__u32 zero = 0;

	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_keys), &zero, &keys, 0),
	     "sw_keys");
}

static struct sw_config config_of(const struct sw_guard *guard)
{
	return (struct sw_config){
		.configured = 1,
		.both_directions = 1,
		.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
		.guard = *guard,
	};
}

void guard_configure(const struct sw_guard *guard)
{
	struct sw_config config = config_of(guard);
	__u32 zero = 0;

	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_config), &zero, &config, 0),
	     "sw_config");
}

void guard_reset(const struct sw_guard *guard, enum sw_cookie_mode mode)
{
	struct sw_port port = { .mode = mode, .slot = SLOT, .marks = guard_marks };
	struct sw_config config = config_of(guard);

	harness_reset(&config);
	empty_ports();
	guard_set_port(&port);
	guard_set_masks((const __u32[]){ 0 }, 1);
	empty_pressure();
	guard_cool_down();
	refill_unfit();
	empty_sockets();
	guard_set_stand(STAND_GUARD);
	guard_write_word(harness_skeleton()->maps.sw_blind, 0);
	be_the_server();
	write_keys();
}

struct sw_guard guard_for(const struct golden_handshake *g)
{
	struct sw_guard guard = guard_usual;

	guard.timestamps = !g->lacks_timestamps;
	guard.sack = !g->lacks_sack;
	guard.window_scaling = !g->lacks_scaling;
	guard.ecn = !g->lacks_ecn;
	return guard;
}

__u64 guard_time(__u64 epoch)
{
	return START_NS + (epoch - GOLDEN_EPOCH) * 64 * SW_NS_PER_S;
}

void guard_port(struct sw_port *port)
{
	must(!bpf_map_lookup_elem(map_fd(harness_skeleton()->maps.sw_ports), &any_address, port),
	     "sw_ports");
}

void guard_set_port(const struct sw_port *port)
{
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_ports), &any_address, port, 0),
	     "sw_ports");
}

void guard_set_stand(enum sw_stand stand)
{
	const struct sw_retreat retreat = { .stand = stand, .again_ns = ~0ULL };

	for (int family = 0; family < 2; family++) {
		__u32 index = sw_retreat_index(SLOT, family);

		must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_retreats), &index,
					  &retreat, 0),
		     "sw_retreats");
	}
}

void guard_set_port_at(const char *address, __u32 bits, enum sw_cookie_mode mode)
{
	struct sw_port_key key = { .port = PORT, .bits = (__u8)bits };
	struct sw_port port = { .mode = mode, .slot = SLOT, .marks = guard_marks };

	read_address(address, (__u8 *)key.address);
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_ports), &key, &port, 0),
	     "sw_ports");
}

void guard_set_masks(const __u32 *bits, __u32 count)
{
	struct sw_port_masks masks = { .count = count };
	__u32 zero = 0;

	for (__u32 i = 0; i < count; i++) {
		masks.mask[i].bits = bits[i];
		sw_prefix_mask(masks.mask[i].word, bits[i]);
	}
	must(!bpf_map_update_elem(map_fd(harness_skeleton()->maps.sw_port_masks), &zero, &masks, 0),
	     "sw_port_masks");
}

void guard_run(const __u8 *bytes, size_t size, __u64 now, struct passage *passage)
{
	must(harness_pass(HOOK_XDP, bytes, size, 0, now, passage), "the kernel does not run it: %s",
	     strerror(errno));
	if (passage->verdict != XDP_PASS)
		return;
	must(passage->size == size && !memcmp(passage->bytes, bytes, size),
	     "a frame that passes was altered");
}

void guard_counted(const char *name, ...)
{
	__u64 expected[SW_COUNTER_MAX] = {}, *counts;
	enum sw_counter counter;
	struct sw_stats stats;
	va_list list;

	va_start(list, name);
	while ((counter = va_arg(list, enum sw_counter)) != SW_NONE)
		expected[counter] = va_arg(list, unsigned int);
	va_end(list);
	harness_stats(&stats);
	counts = (__u64 *)&stats;
	for (unsigned int i = 0; i < SW_COUNTER_MAX; i++)
		must(i == SW_FRAMES || i == SW_SEGMENTS || counts[i] == expected[i],
		     "%s: %s counts %llu, not %llu", name, counter_name(i), counts[i], expected[i]);
}

void guard_unknown(const char *name, const struct sw_flow_key *key)
{
	struct sw_flow flow;

	must(harness_find(key, &flow) == PLACE_NOWHERE, "%s: there is a flow", name);
}

/* --- Clients ---------------------------------------------------------------------------------- */

struct client guard_client(const char *address, unsigned short port)
{
	return (struct client){
		.here = { address, port },
		.there = { strchr(address, ':') ? SERVER6 : SERVER, PORT },
		.isn = 0x12345678,
		.mss = 1460,
	};
}

/* The smaller end first: by address, then by port. */
static bool fill_key(struct sw_flow_key *key, const struct net_end *from, const struct net_end *to)
{
	__u8 a[16], b[16];
	bool swap;
	int order;

	read_address(from->address, a);
	read_address(to->address, b);
	order = memcmp(a, b, 16);
	swap = order > 0 || (!order && from->port > to->port);
	memset(key, 0, sizeof(*key));
	memcpy(key->addr[swap], a, 16);
	memcpy(key->addr[!swap], b, 16);
	key->port[swap] = from->port;
	key->port[!swap] = to->port;
	return swap;
}

struct sw_segment client_segment(const struct client *client, __u8 flags)
{
	struct sw_segment segment = { .flags = flags, .window = 64240 };

	segment.sender = fill_key(&segment.key, &client->here, &client->there);
	return segment;
}

struct sw_segment client_syn(const struct client *client)
{
	struct sw_segment syn = client_segment(client, SW_TCP_SYN);

	syn.seq = client->isn;
	syn.mss = client->mss;
	if (client->plain)
		return syn;
	syn.sack_ok = syn.has_wscale = syn.has_tsval = true;
	syn.wscale = 7;
	syn.tsval = 4711;
	return syn;
}

struct sw_segment client_ack(const struct client *client)
{
	struct sw_segment ack = client_segment(client, SW_TCP_ACK);

	ack.seq = client->isn + 1;
	ack.ack = client->answer.seq + 1;
	ack.has_tsval = client->answer.has_tsval;
	ack.tsval = 4712;
	ack.tsecr = client->answer.tsval;
	return ack;
}

void guard_send(const struct sw_segment *segment, __u64 now, struct passage *passage)
{
	static __u8 frame[FRAME_MAX];
	size_t size = frame_build(segment, frame);

	guard_run(frame, size, now, passage);
}

bool guard_pass_unfit(const struct client *client, __u64 now)
{
	struct sw_segment syn = client_syn(client);
	static struct passage passage;
	static __u8 frame[FRAME_MAX];
	size_t size = frame_build(&syn, frame);

	frame[size - 1] ^= 1;
	guard_run(frame, size, now, &passage);
	return passage.verdict == XDP_PASS;
}

bool guard_ask(struct client *client, __u64 now)
{
	struct sw_segment syn = client_syn(client);
	static struct passage passage;

	guard_send(&syn, now, &passage);
	if (passage.verdict != XDP_TX)
		return false;
	must(!frame_parse(passage.bytes, passage.size, passage.size, &client->answer),
	     "the reply can't be read");
	must(client->answer.ack == client->isn + 1, "the reply is for another SYN");
	must(!memcmp(&client->answer.key, &syn.key, sizeof(syn.key)), "for another client");
	return true;
}

void guard_open(struct client *client, __u64 now)
{
	must(guard_ask(client, now), "%s is not answered", client->here.address);
}

/* --- Tables ----------------------------------------------------------------------------------- */

int run_table(const char *name, CMUnitTestFunction test, const void *rows, size_t size,
	      size_t count)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	int failed;

	if (!tests)
		return 1;
	for (size_t i = 0; i < count; i++) {
		void *row = (char *)rows + i * size;

		tests[i] = (struct CMUnitTest){
			.name = *(const char **)row, /* each row begins with its name */
			.test_func = test,
			.initial_state = row,
		};
	}
	failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	free(tests);
	return failed;
}
