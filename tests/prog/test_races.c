// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Segments of one flow on two CPUs at the same time. Header prediction takes no lock: what a step of
 * the other CPU ends or moves must stay as that step left it.
 */
#include <pthread.h>
#include <sched.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"
#include "names.h"
#include "prog.h"
#include "synward.skel.h"

#define RACES 10007
#define BYTES 10 /* of data in a segment */

static const struct sw_config both = {
	.configured = 1,
	.both_directions = 1,
	.timeout.ms = { SW_TIMEOUTS(SW_TIMEOUT_DEFAULT) },
};

/* --- Two CPUs --------------------------------------------------------------------------------- */

/* What one of them does with each flow: one frame through one hook. */
struct lane {
	int program;
	__u8 frame[256];
	size_t size;
};

static struct lane here, there;
static int started, ended; /* how often the other CPU was to run its lane, and has; -1: no more */
static pthread_t other;
static bool other_runs;
static cpu_set_t home; /* to where net_enter() keeps this process */

static void run_lane(const struct lane *lane)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = lane->frame,
		    .data_size_in = (__u32)lane->size);

	if (bpf_prog_test_run_opts(lane->program, &run))
		abort();
}

static void *run_there(void *none)
{
	for (int turn = 1;; turn++) {
		int until;

		while ((until = __atomic_load_n(&started, __ATOMIC_ACQUIRE)) >= 0 && until < turn)
			;
		if (until < 0)
			return none;
		run_lane(&there);
		__atomic_store_n(&ended, turn, __ATOMIC_RELEASE);
	}
}

static void run_both(int turn)
{
	__atomic_store_n(&started, turn, __ATOMIC_RELEASE);
	run_lane(&here);
	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) < turn)
		;
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!pthread_setaffinity_np(thread, sizeof(set), &set), "can't keep to CPU %d", cpu);
}

static bool find_cpus(int cpus[2])
{
	cpu_set_t allowed;
	int found = 0;

	memset(&allowed, 0xff, sizeof(allowed));
	sched_setaffinity(0, sizeof(allowed), &allowed);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &allowed))
			cpus[found++] = cpu;
	return found == 2;
}

static void begin_races(void)
{
	int cpus[2];

	sched_getaffinity(0, sizeof(home), &home);
	if (!find_cpus(cpus))
		skip_because("one CPU: no two segments are on their way at the same time");
	started = ended = 0;
	must(!pthread_create(&other, NULL, run_there, NULL), "no second thread");
	other_runs = true;
	pin(other, cpus[1]);
	pin(pthread_self(), cpus[0]);
}

/* However they went. */
static int end_races(void **state)
{
	(void)state;
	if (other_runs) {
		__atomic_store_n(&started, -1, __ATOMIC_RELEASE);
		pthread_join(other, NULL);
	}
	other_runs = false;
	return sched_setaffinity(0, sizeof(home), &home);
}

/* One race: what goes before, and what must have come of it. */
struct race {
	void (*prepare)(const struct sw_flow_key *key, __u64 now);
	void (*check)(const struct sw_flow_key *key, __u64 now);
};

/* Each time with a flow of its own, for which time has moved on since its handshake. */
static void run_races(const struct race *race)
{
	begin_races();
	harness_reset(&both);
	for (int turn = 1; turn <= RACES; turn++) {
		__u64 now = START_NS + (__u64)turn * SW_NS_PER_MS;
		struct sw_flow_key key;

		harness_key(&key, (__u32)turn);
		harness_handshake(&key, 3, now);
		race->prepare(&key, now + 5);
		harness_skeleton()->bss->offline_now_ns = now + 5;
		run_both(turn);
		race->check(&key, now + 5);
	}
}

/* --- Segments --------------------------------------------------------------------------------- */

static struct sw_segment segment_of(const struct sw_flow_key *key, int sender, __u8 flags,
				    __u32 seq, __u32 ack, __u32 length)
{
	return (struct sw_segment){
		.key = *key,
		.sender = (__u8)sender,
		.flags = flags,
		.seq = (sender ? 5000 : 1000) + seq,
		.ack = (sender ? 1000 : 5000) + ack,
		.length = length,
		.window = 64240,
	};
}

static void load(struct lane *lane, enum hook hook, struct sw_segment segment)
{
	struct synward *skeleton = harness_skeleton();

	lane->program = bpf_program__fd(hook == HOOK_XDP ? skeleton->progs.synward_ingress
							 : skeleton->progs.synward_egress);
	lane->size = frame_build(&segment, lane->frame);
}

static struct sw_flow find(const struct sw_flow_key *key)
{
	struct sw_flow flow;

	assert_int_equal(harness_find(key, &flow), PLACE_FLOWS);
	return flow;
}

static void take(const struct sw_flow_key *key, int sender, __u8 flags, __u32 seq, __u32 ack,
		 __u64 now)
{
	struct sw_segment segment = segment_of(key, sender, flags, seq, ack, 0);
	struct outcome outcome;

	harness_segment(HOOK_XDP, &segment, now, &outcome);
	must(outcome.reason == SW_NONE, "a segment met %s", counter_name(outcome.reason));
}

/* --- Races ------------------------------------------------------------------------------------ */

static void prepare_data_and_reset(const struct sw_flow_key *key, __u64 now)
{
	(void)now;
	load(&here, HOOK_XDP, segment_of(key, 0, SW_TCP_ACK, 1, 1, BYTES));
	load(&there, HOOK_TC, segment_of(key, 1, SW_TCP_RST, 1, 0, 0));
}

static void check_it_is_closed(const struct sw_flow_key *key, __u64 now)
{
	struct sw_flow flow = find(key);

	assert_true(sw_flow_closed(&flow));
	assert_int_equal(flow.deadline_ns, now + SW_CLOSED_LINGER_MS * SW_NS_PER_MS);
}

static void data_does_not_prolong_a_flow_that_is_being_reset(void **state)
{
	const struct race race = { prepare_data_and_reset, check_it_is_closed };

	(void)state;
	run_races(&race);
}

static void prepare_data_and_fin(const struct sw_flow_key *key, __u64 now)
{
	(void)now;
	load(&here, HOOK_XDP, segment_of(key, 0, SW_TCP_ACK, 1, 1, BYTES));
	load(&there, HOOK_XDP, segment_of(key, 0, SW_TCP_FIN | SW_TCP_ACK, 1 + BYTES, 1, 0));
}

/* One may have missed the other. The acknowledgement of both sets it right. */
static void check_the_fin_counts(const struct sw_flow_key *key, __u64 now)
{
	struct sw_flow flow;

	take(key, 1, SW_TCP_ACK, 1, 1 + BYTES + 1, now);
	flow = find(key);
	assert_int_equal(flow.ep[0].state, FIN_WAIT_2);
	assert_int_equal(flow.ep[1].state, CLOSE_WAIT);
	assert_int_equal(sw_endpoint_bytes(&flow.ep[0]), BYTES);
}

static void a_fin_that_overtakes_its_data_keeps_its_number(void **state)
{
	const struct race race = { prepare_data_and_fin, check_the_fin_counts };

	(void)state;
	run_races(&race);
}

static void prepare_data_both_ways(const struct sw_flow_key *key, __u64 now)
{
	take(key, 1, SW_TCP_ACK, 1, 1, now - 1);
	load(&here, HOOK_XDP, segment_of(key, 0, SW_TCP_ACK, 1, 1, BYTES));
	load(&there, HOOK_TC, segment_of(key, 1, SW_TCP_ACK, 1, 1, BYTES));
}

static void check_all_is_there(const struct sw_flow_key *key, __u64 now)
{
	struct sw_flow flow = find(key);

	for (int end = 0; end < 2; end++) {
		assert_int_equal(flow.ep[end].state, ESTABLISHED);
		assert_int_equal(flow.ep[end].packets, 3);
		assert_int_equal(sw_endpoint_bytes(&flow.ep[end]), BYTES);
	}
	assert_int_equal(flow.deadline_ns, now + both.timeout.established * SW_NS_PER_MS);
}

static void data_of_both_directions_is_all_counted(void **state)
{
	const struct race race = { prepare_data_both_ways, check_all_is_there };

	(void)state;
	run_races(&race);
}

/* A flow that nobody has seen yet. */
static struct sw_flow_key unknown_beside(const struct sw_flow_key *key)
{
	struct sw_flow_key unknown = *key;

	unknown.port[0] ^= 0x4000;
	return unknown;
}

static void prepare_syns_both_ways(const struct sw_flow_key *key, __u64 now)
{
	struct sw_flow_key unknown = unknown_beside(key);

	(void)now;
	load(&here, HOOK_XDP, segment_of(&unknown, 0, SW_TCP_SYN, 0, 0, 0));
	load(&there, HOOK_TC, segment_of(&unknown, 1, SW_TCP_SYN, 0, 0, 0));
}

/* Either may have come first: the record has both. */
static void check_both_began_it(const struct sw_flow_key *key, __u64 now)
{
	struct sw_flow_key unknown = unknown_beside(key);
	struct sw_flow flow;

	(void)now;
	assert_int_equal(harness_find(&unknown, &flow), PLACE_HALFOPEN);
	for (int end = 0; end < 2; end++)
		assert_int_equal(flow.ep[end].packets, 1);
}

static void two_first_segments_begin_one_flow(void **state)
{
	const struct race race = { prepare_syns_both_ways, check_both_began_it };

	(void)state;
	run_races(&race);
	assert_int_equal(harness_count(SW_HALFOPEN_OPENED),
			 2 * RACES); /* one of them the handshake's */
}

int test_races(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(data_does_not_prolong_a_flow_that_is_being_reset,
					  end_races),
		cmocka_unit_test_teardown(a_fin_that_overtakes_its_data_keeps_its_number,
					  end_races),
		cmocka_unit_test_teardown(data_of_both_directions_is_all_counted, end_races),
		cmocka_unit_test_teardown(two_first_segments_begin_one_flow, end_races),
	};

	return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
