// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The rules of <synward/retreat.h>: what becomes of connections, as letters, and where the port stands
 * then. The clock is a number.
 */
#include <string.h>

#include <synward/retreat.h>

#include "check.h"
#include "unit.h"

#define NOW (100000 * SW_NS_PER_S)
#define MS  SW_NS_PER_MS

/* Guard's own cookies, and what else there is. */
static const struct sw_ways alone = { .full = ADMISSION_BPF },
			    with_kernel = { .full = ADMISSION_BPF, .kernel = true },
			    with_proxy = { .full = ADMISSION_BPF, .proxy = true },
			    with_both = { .full = ADMISSION_BPF, .proxy = true, .kernel = true };

static struct sw_retreat retreat;
static const struct sw_ways *ways;

static void begin(const struct sw_ways *there)
{
	memset(&retreat, 0, sizeof(retreat));
	ways = there;
}

#define CLIENT(number)                                                                \
	{                                                                             \
		[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = (__u8)(number) \
	}

/* A connection of a client, 192.0.2.number, that a cookie of this admission opened. NULL: nobody watches. */
static struct sw_watched *open_connection(__u16 number, enum sw_admission admission, __u64 now)
{
	struct sw_flow_key key = { .addr = { {}, CLIENT(number) }, .port = { 80, number } };

	sw_watch(&retreat, &key, 1, admission, ways, now);
	for (int i = 0; i < SW_WATCHED; i++)
		if (retreat.watched[i].since_ns && retreat.watched[i].key.port[1] == number)
			return &retreat.watched[i];
	return NULL;
}

/* Whose cookie the port sends now. */
static enum sw_admission sent(void)
{
	return sw_admission_at(retreat.stand, ways);
}

static void judge(struct sw_watched *watched, enum sw_verdict verdict, __u64 now)
{
	sw_judge_watched(&retreat, watched, verdict, ways, now);
}

/* Connections one after another: "S" served, "L" lost, "M" nobody will know. How many until it is off. */
static size_t go_through(const char *fates, __u64 now)
{
	size_t n = 0;

	while (fates[n] && sent()) {
		struct sw_watched *watched = open_connection((__u16)n, sent(), now);
		char fate = fates[n++];

		assert_non_null(watched);
		judge(watched,
		      fate == 'L' ? VERDICT_LOST : (fate == 'S' ? VERDICT_SERVED : VERDICT_MOOT),
		      now);
	}
	return n;
}

#define SEVENTEEN "SSSSSSSSSSSSSSSSS"

static void port_that_loses_connections_falls_back(void **state)
{
	static const struct {
		const char *fates;
		const struct sw_ways *ways;
		enum sw_stand stand;
		size_t taken;
	} cases[] = {
		{ "LLLL", &alone, STAND_GUARD, 4 },
		{ "LLLLL", &alone, STAND_OFF, 5 },
		{ "LLLLLLLL", &alone, STAND_OFF, 5 },
		{ "LLLLL", &with_kernel, STAND_KERNEL, 5 },
		{ "LLLLLL", &with_kernel, STAND_KERNEL, 6 },
		{ "LLLLLLL", &with_kernel, STAND_OFF, 7 },
		{ "LLLLLSLMMLSSSSSSSSS", &with_kernel, STAND_OFF,
		  10 }, /* one served makes up for little */
		{ "LLLLL" SEVENTEEN "L" SEVENTEEN "L" SEVENTEEN, &with_kernel, STAND_KERNEL, 58 },
		{ "LMLMLMLMLM", &alone, STAND_OFF, 9 }, /* who resets us says nothing of losses */
		{ "LSLSLSLSL", &alone, STAND_GUARD, 9 },
		{ "LSLSLSLSLSL", &alone, STAND_OFF, 11 }, /* one in two */
		{ "L" SEVENTEEN "L" SEVENTEEN "L" SEVENTEEN "L", &alone, STAND_GUARD, 55 },
		{ "MMMMMMMM", &alone, STAND_GUARD, 8 },
		{ SEVENTEEN "LLLLL", &alone, STAND_OFF, 22 }, /* nothing is saved up */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t taken;

		begin(cases[i].ways);
		taken = go_through(cases[i].fates, NOW);
		must(retreat.stand == cases[i].stand && taken == cases[i].taken,
		     "row %zu: stand %d after %zu", i, retreat.stand, taken);
	}
}

static void share_of_losses_that_is_borne_is_one_in_seventeen(void **state)
{
	(void)state;
	for (int every = 2; every < 40; every++) {
		begin(&alone);
		for (int n = 0; n < 20000 && retreat.stand == STAND_GUARD; n++)
			go_through(n % every ? "S" : "L", NOW);
		must((retreat.stand == STAND_OFF) == (every < 17), "one in %d: %d", every,
		     retreat.stand);
	}
}

static void many_that_are_silent_at_once_are_enough(void **state)
{
	static const struct {
		int silent, lost;
		enum sw_stand from, to;
	} cases[] = {
		{ 5, 0, STAND_GUARD, STAND_GUARD },   { 6, 0, STAND_GUARD, STAND_OFF },
		{ 4, 1, STAND_GUARD, STAND_GUARD },   { 5, 1, STAND_GUARD, STAND_OFF },
		{ 2, 0, STAND_KERNEL, STAND_KERNEL }, { 3, 0, STAND_KERNEL, STAND_OFF },
		{ 1, 1, STAND_KERNEL, STAND_KERNEL }, { 2, 1, STAND_KERNEL, STAND_OFF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		begin(cases[i].to == STAND_KERNEL || cases[i].from == STAND_KERNEL ? &with_kernel
										   : &alone);
		retreat.stand = cases[i].from;
		retreat.again_ns = NOW + SW_NS_PER_S;
		for (int n = 0; n < cases[i].silent + cases[i].lost; n++) {
			struct sw_watched *watched = open_connection((__u16)n, sent(), NOW);

			assert_non_null(watched);
			if (n < cases[i].lost)
				judge(watched, VERDICT_LOST, NOW);
			else
				assert_int_equal(
					sw_verdict_by_look(watched, FATE_UNKNOWN, NOW + 20 * MS),
					VERDICT_NONE);
		}
		sw_retreat_if_lossy(&retreat, ways, NOW);
		must(retreat.stand == cases[i].to, "row %zu: %d", i, retreat.stand);
		must(retreat.lost == (__u64)(cases[i].to == cases[i].from ? 0 : cases[i].silent),
		     "row %zu: %llu lost", i, retreat.lost);
	}
}

static void look_at_the_host_says_what_has_become_of_it(void **state)
{
	static const struct {
		bool proxied;
		enum sw_fate fate;
		__u64 after_ms;
		enum sw_verdict verdict;
		bool silent;
	} cases[] = {
		{ false, FATE_MOOT, 20, VERDICT_MOOT, false },
		{ false, FATE_SERVED, 20, VERDICT_SERVED, false },
		{ false, FATE_UNKNOWN, 20, VERDICT_NONE, true },
		{ false, FATE_UNKNOWN, 999, VERDICT_NONE, true },
		{ false, FATE_UNKNOWN, 1000, VERDICT_LOST, true },
		{ true, FATE_SERVED, 20, VERDICT_SERVED, false },
		{ true, FATE_UNKNOWN, 999, VERDICT_NONE, false }, /* it may be far */
		{ true, FATE_UNKNOWN, 1000, VERDICT_LOST, false },
		{ true, FATE_ASKED, 20, VERDICT_NONE, true },
		{ true, FATE_ASKED, 1000, VERDICT_LOST, true },
		{ true, FATE_MOOT, 1000, VERDICT_MOOT, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_watched watched = { .since_ns = NOW, .proxied = cases[i].proxied };
		enum sw_verdict verdict =
			sw_verdict_by_look(&watched, cases[i].fate, NOW + cases[i].after_ms * MS);

		must(verdict == cases[i].verdict && watched.silent == cases[i].silent,
		     "row %zu: verdict %d, silent %d", i, verdict, watched.silent);
	}
}

static void no_more_are_watched_than_there_are_places(void **state)
{
	(void)state;
	begin(&alone);
	for (__u16 n = 0; n < SW_WATCHED; n++)
		assert_non_null(open_connection(n, ADMISSION_BPF, NOW));
	assert_null(open_connection(99, ADMISSION_BPF, NOW));
	judge(&retreat.watched[3], VERDICT_SERVED, NOW);
	assert_non_null(open_connection(99, ADMISSION_BPF, NOW));
}

static void cookies_of_before_the_retreat_say_nothing(void **state)
{
	(void)state;
	begin(&with_kernel);
	go_through("LLLLL", NOW);
	assert_null(open_connection(50, ADMISSION_BPF, NOW));
	assert_non_null(open_connection(51, ADMISSION_KERNEL, NOW));
	go_through("LL", NOW);
	assert_null(open_connection(52, ADMISSION_KERNEL, NOW));
	assert_null(open_connection(53, ADMISSION_BPF, NOW + 3600 * SW_NS_PER_S));
}

/* --- Trying again ----------------------------------------------------------------------------- */

static struct sw_watched *try_again(__u16 number, __u64 now)
{
	must(sw_begin_trial(&retreat, ways, false, now), "no trial at %llu", now - NOW);
	return open_connection(number, ADMISSION_BPF, now);
}

static void one_connection_decides_after_the_back_off(void **state)
{
	__u64 now = NOW;

	(void)state;
	for (enum sw_verdict verdict = VERDICT_SERVED; verdict <= VERDICT_LOST; verdict++) {
		struct sw_watched *watched;

		begin(&alone);
		go_through("LLLLL", now);
		must(!sw_trial_due(&retreat, ways, now + 5000 * MS - 1), "too early");
		must(sw_trial_due(&retreat, ways, now + 5000 * MS), "too late");
		watched = try_again(70, now + 5000 * MS);
		must(watched && watched->trial, "the one that is tried is not watched");
		must(!sw_trial_due(&retreat, ways, now + 5000 * MS), "one is tried");
		judge(watched, verdict, now + 5000 * MS);
		assert_int_equal(retreat.stand,
				 verdict == VERDICT_SERVED ? STAND_GUARD : STAND_OFF);
	}
	must(!sw_trial_due(&retreat, ways, now + 25000 * MS - 1), "four times as long");
	must(sw_trial_due(&retreat, ways, now + 25000 * MS), "and no longer");
}

static void trial_that_comes_to_nothing_leaves_it_to_another(void **state)
{
	struct sw_watched *watched;

	(void)state;
	begin(&alone);
	go_through("LLLLL", NOW);
	watched = try_again(70, NOW + 5000 * MS);
	judge(watched, VERDICT_MOOT, NOW + 5001 * MS);
	assert_int_equal(retreat.stand, STAND_OFF);
	must(!sw_trial_due(&retreat, ways, NOW + 7000 * MS - 1), "within two seconds");
	watched = try_again(71, NOW + 7000 * MS);
	judge(watched, VERDICT_SERVED, NOW + 7000 * MS);
	assert_int_equal(retreat.stand, STAND_GUARD);
}

static void one_syn_a_second_is_tried_and_under_pressure_each(void **state)
{
	__u64 due = NOW + 5000 * MS;

	(void)state;
	begin(&alone);
	must(!sw_begin_trial(&retreat, ways, true, NOW), "there was no retreat");
	go_through("LLLLL", NOW);
	must(!sw_begin_trial(&retreat, ways, true, due - 1), "before its time");
	must(sw_begin_trial(&retreat, ways, false, due), "the first");
	must(!sw_begin_trial(&retreat, ways, false, due + 1000 * MS - 1), "a second one");
	must(sw_begin_trial(&retreat, ways, true, due + 1000 * MS - 1), "under pressure");
	must(!sw_begin_trial(&retreat, ways, false, due + 2000 * MS - 2),
	     "within a second of that");
	must(sw_begin_trial(&retreat, ways, false, due + 2000 * MS - 1), "a second after that");
}

/* So many are lost by a port of which every connection is lost, for so long. */
static void trials_cost_a_client_each_and_become_rare(void **state)
{
	static const struct {
		__u64 hours;
		int lost;
	} cases[] = { { 1, 5 }, { 2, 6 }, { 24, 28 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int lost = 0;

		begin(&alone);
		go_through("LLLLL", NOW);
		for (__u64 now = NOW; now < NOW + cases[i].hours * 3600 * SW_NS_PER_S;
		     now += SW_NS_PER_S)
			if (sw_trial_due(&retreat, ways, now)) {
				judge(try_again((__u16)(70 + lost), now), VERDICT_LOST, now);
				lost++;
			}
		must(lost == cases[i].lost, "%llu h: %d", cases[i].hours, lost);
	}
}

static void back_off_begins_anew_once_guard_has_lasted(void **state)
{
	static const struct {
		__u64 lasted_ms;
		__u32 times;
	} cases[] = { { 1, 2 }, { 20000, 2 }, { 20001, 0 }, { 3600000, 0 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		__u64 back = NOW + 25000 * MS;

		begin(&alone);
		go_through("LLLLL", NOW);
		judge(try_again(70, NOW + 5000 * MS), VERDICT_LOST, NOW + 5000 * MS);
		judge(try_again(71, back), VERDICT_SERVED, back);
		assert_int_equal(retreat.stand, STAND_GUARD);
		go_through("LLLLL", back + cases[i].lasted_ms * MS);
		must(retreat.stand == STAND_OFF && retreat.times == cases[i].times,
		     "row %zu: %u times", i, retreat.times);
	}
}

static void retreat_is_old_when_its_family_has_changed_since(void **state)
{
	(void)state;
	begin(&alone);
	must(!sw_retreat_is_old(&retreat, NOW + 1), "there was none");
	go_through("LLLLL", NOW);
	must(!sw_retreat_is_old(&retreat, NOW), "the change came before");
	must(sw_retreat_is_old(&retreat, NOW + 1), "the change came since");
	sw_forget_retreat(&retreat, NOW + 2);
	assert_int_equal(retreat.stand, STAND_GUARD);
	assert_int_equal(retreat.times, 0);
}

/* --- Whose cookies ----------------------------------------------------------------------------- */

static void stand_says_whose_cookies_are_sent(void **state)
{
	static const struct sw_ways kernels = { .full = ADMISSION_KERNEL, .kernel = true },
				    proxy = { .full = ADMISSION_PROXY, .proxy = true },
				    proxy_kernel = { .full = ADMISSION_PROXY, .kernel = true },
				    none = { .proxy = true, .kernel = true };
	static const struct {
		enum sw_stand stand;
		const struct sw_ways *ways;
		enum sw_admission sent, own;
		enum sw_stand behind;
	} cases[] = {
		{ STAND_GUARD, &alone, ADMISSION_BPF, ADMISSION_BPF, STAND_OFF },
		{ STAND_GUARD, &with_kernel, ADMISSION_BPF, ADMISSION_BPF, STAND_KERNEL },
		{ STAND_GUARD, &with_proxy, ADMISSION_BPF, ADMISSION_BPF, STAND_OFF },
		{ STAND_GUARD, &with_both, ADMISSION_BPF, ADMISSION_BPF, STAND_KERNEL },
		{ STAND_GUARD, &kernels, ADMISSION_KERNEL, ADMISSION_KERNEL, STAND_OFF },
		{ STAND_GUARD, &proxy, ADMISSION_PROXY, ADMISSION_PROXY, STAND_OFF },
		{ STAND_GUARD, &proxy_kernel, ADMISSION_PROXY, ADMISSION_PROXY, STAND_KERNEL },
		{ STAND_GUARD, &none, ADMISSION_NONE, ADMISSION_NONE, STAND_OFF },
		{ STAND_PROXY, &with_proxy, ADMISSION_PROXY, ADMISSION_PROXY, STAND_OFF },
		{ STAND_PROXY, &with_both, ADMISSION_PROXY, ADMISSION_PROXY, STAND_KERNEL },
		{ STAND_PROXY, &none, ADMISSION_NONE, ADMISSION_NONE, STAND_OFF },
		{ STAND_KERNEL, &with_kernel, ADMISSION_KERNEL, ADMISSION_BPF, STAND_OFF },
		{ STAND_KERNEL, &with_both, ADMISSION_KERNEL, ADMISSION_PROXY, STAND_OFF },
		/* the sysctl has changed */
		{ STAND_KERNEL, &alone, ADMISSION_NONE, ADMISSION_BPF, STAND_OFF },
		{ STAND_KERNEL, &none, ADMISSION_NONE, ADMISSION_NONE, STAND_OFF },
		{ STAND_OFF, &with_both, ADMISSION_NONE, ADMISSION_PROXY, STAND_OFF },
		{ STAND_OFF, &kernels, ADMISSION_NONE, ADMISSION_KERNEL, STAND_OFF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		must(sw_admission_at(cases[i].stand, cases[i].ways) == cases[i].sent, "row %zu", i);
		must(sw_own_admission(cases[i].stand, cases[i].ways) == cases[i].own,
		     "own, row %zu", i);
		must(sw_stand_behind(cases[i].stand, cases[i].ways) == cases[i].behind,
		     "behind row %zu", i);
	}
}

static void ways_are_what_settings_and_listener_allow(void **state)
{
	static const struct {
		enum sw_admission admission;
		bool chosen, proxy, kernel_cookies;
		__u8 hindrance;
		struct sw_ways ways;
	} cases[] = {
		{ ADMISSION_BPF, false, false, false, 0, { ADMISSION_BPF, false, false } },
		{ ADMISSION_BPF, false, false, true, 0, { ADMISSION_BPF, false, true } },
		{ ADMISSION_BPF, true, true, true, 0, { ADMISSION_BPF, true, true } },
		{ ADMISSION_BPF,
		  false,
		  true,
		  true,
		  0,
		  { ADMISSION_BPF, false, true } }, /* asked for */
		{ ADMISSION_BPF, true, false, true, 0, { ADMISSION_BPF, false, true } },
		{ ADMISSION_BPF, true, true, true, HINDRANCE_NAT, { ADMISSION_PROXY, true, true } },
		{ ADMISSION_BPF,
		  true,
		  true,
		  true,
		  HINDRANCE_NEW_ACK,
		  { ADMISSION_PROXY, true, false } }, /* the kernel's begin with an ACK, too */
		{ ADMISSION_PROXY, false, true, true, 0, { ADMISSION_PROXY, false, true } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sw_guard guard = { .admission = cases[i].admission,
					  .chosen = cases[i].chosen,
					  .proxy = cases[i].proxy,
					  .kernel_cookies = cases[i].kernel_cookies
								    ? SYNCOOKIES_ALWAYS
								    : SYNCOOKIES_WHEN_FULL,
					  .hindrance = { 0, cases[i].hindrance } };
		struct sw_ways found = sw_ways_of(&guard, PROTECT_NONE, LISTENING, 1);

		must(!memcmp(&found, &cases[i].ways, sizeof(found)), "row %zu", i);
		must(sw_ways_of(&guard, PROTECT_NONE, LISTENING_SIGNED, 1).full == ADMISSION_NONE,
		     "row %zu", i);
		found = sw_ways_of(&guard, PROTECT_PROXY, NOT_LISTENING, 1);
		must(found.full == (guard.proxy ? ADMISSION_PROXY : ADMISSION_NONE) &&
			     !found.proxy && !found.kernel,
		     "row %zu, protected", i);
		must(sw_ways_of(&guard, PROTECT_STATELESS, NOT_LISTENING, 1).full == ADMISSION_BPF,
		     "row %zu, by what the server has", i);
	}
}

/* --- Proxy after guard's own -------------------------------------------------------------------- */

static void proxy_is_tried_at_once_and_stays_if_it_serves(void **state)
{
	static const struct sw_ways *const there[] = { &with_proxy, &with_both };

	(void)state;
	for (size_t i = 0; i < COUNT(there); i++) {
		struct sw_watched *watched;

		begin(there[i]);
		go_through("LLLLL", NOW);
		assert_int_equal(retreat.stand, there[i]->kernel ? STAND_KERNEL : STAND_OFF);
		must(sw_begin_trial(&retreat, ways, false, NOW), "no trial at once");
		watched = open_connection(70, ADMISSION_PROXY, NOW);
		must(watched && watched->trial && watched->proxied, "the trial is not watched");
		assert_null(open_connection(71, ADMISSION_BPF, NOW));
		judge(watched, VERDICT_SERVED, NOW + MS);
		assert_int_equal(retreat.stand, STAND_PROXY);
		must(!sw_trial_due(&retreat, ways, ~0ULL), "guard's own are tried again");
		go_through("SLSSS", NOW + MS);
		assert_int_equal(retreat.stand, STAND_PROXY);
		go_through("LL", NOW + MS);
		assert_int_equal(retreat.stand, there[i]->kernel ? STAND_KERNEL : STAND_OFF);
		must(!sw_trial_due(&retreat, ways, NOW + 20001 * MS - 1), "too early");
		must(sw_trial_due(&retreat, ways, NOW + 20001 * MS), "too late");
	}
}

static void proxy_that_loses_costs_one_client_and_is_tried_later(void **state)
{
	(void)state;
	begin(&with_proxy);
	go_through("LLLLL", NOW);
	must(sw_begin_trial(&retreat, ways, false, NOW), "no trial at once");
	judge(open_connection(70, ADMISSION_PROXY, NOW), VERDICT_LOST, NOW);
	assert_int_equal(retreat.stand, STAND_OFF);
	must(!sw_trial_due(&retreat, ways, NOW + 20000 * MS - 1), "too early");
	must(sw_trial_due(&retreat, ways, NOW + 20000 * MS), "too late");
}

static void kernel_s_cookies_neither_try_nor_put_off_a_trial(void **state)
{
	static const struct sw_ways *const there[] = { &with_kernel, &with_both };

	(void)state;
	for (size_t i = 0; i < COUNT(there); i++) {
		struct sw_watched *watched;
		__u64 due;
		__u32 times;

		begin(there[i]);
		go_through("LLLLL", NOW);
		due = retreat.again_ns;
		times = retreat.times;
		must(sw_begin_trial(&retreat, ways, false, due), "no trial");
		watched = open_connection(70, ADMISSION_KERNEL, due);
		must(watched && !watched->trial, "row %zu: the kernel's cookie is the trial", i);
		judge(watched, VERDICT_LOST, due);
		go_through("L", due);
		assert_int_equal(retreat.stand, STAND_OFF);
		must(retreat.again_ns == due && retreat.times == times, "row %zu: put off", i);
	}
}

/* Meanwhile the kernel's cookies are lost, too. */
static void trial_goes_on_without_the_kernel_s_cookies(void **state)
{
	struct sw_watched *watched;

	(void)state;
	begin(&with_both);
	go_through("LLLLL", NOW);
	must(sw_begin_trial(&retreat, ways, false, NOW), "no trial at once");
	watched = open_connection(70, ADMISSION_PROXY, NOW);
	go_through("LL", NOW);
	assert_int_equal(retreat.stand, STAND_OFF);
	must(watched->since_ns && watched->trial, "it is forgotten");
	judge(watched, VERDICT_SERVED, NOW);
	assert_int_equal(retreat.stand, STAND_PROXY);
}

/* --- Clients that are barred -------------------------------------------------------------------- */

static struct sw_watched *open_from(__u8 host, __u64 now)
{
	struct sw_watched *watched = open_connection(host, ADMISSION_BPF, now);

	assert_non_null(watched);
	return watched;
}

static bool fell_back(__u8 host, __u64 now)
{
	const __u8 address[16] = CLIENT(host);
	__u32 words[4];

	memcpy(words, address, sizeof(words));
	return sw_client_fell_back(&retreat, sw_client_prefix(words), now);
}

/* Each of these is silent for a second, in which another one is served. */
static void client_that_is_lost_where_others_are_served_falls_back_alone(void **state)
{
	__u64 now = NOW;

	(void)state;
	begin(&alone);
	for (int turn = 0; turn < 50; turn++, now += 2000 * MS) {
		struct sw_watched *barred[SW_WATCHED - 1];

		for (int i = 0; i < SW_WATCHED - 1; i++) {
			barred[i] = open_from(66, now);
			barred[i]->key.port[1] = (__u16)(1000 + i);
		}
		judge(open_from(1, now + MS), VERDICT_SERVED, now + 2 * MS);
		for (int i = 0; i < SW_WATCHED - 1; i++)
			assert_int_equal(sw_verdict_by_look(barred[i], FATE_UNKNOWN, now + 20 * MS),
					 VERDICT_NONE);
		sw_retreat_if_lossy(&retreat, ways, now + 20 * MS);
		for (int i = 0; i < SW_WATCHED - 1; i++)
			judge(barred[i], VERDICT_LOST, now + 1000 * MS);
		assert_int_equal(retreat.stand, STAND_GUARD);
		assert_int_equal(fell_back(66, now + 1001 * MS), turn > 0);
		judge(open_from(1, now + 1500 * MS), VERDICT_SERVED, now + 1501 * MS);
		assert_true(fell_back(66, now + 1502 * MS));
		assert_false(fell_back(67, now + 1502 * MS));
	}
	assert_false(fell_back(66, now + SW_LOST_CLIENT_NS));
}

/* They are so few that the same ones must not make it fall back each time that it is tried again. */
static void those_lost_before_the_retreat_are_tried_after_others_and_remembered(void **state)
{
	__u64 back = NOW + 5000 * MS;

	(void)state;
	begin(&alone);
	for (__u8 host = 61; host < 66; host++)
		judge(open_from(host, NOW), VERDICT_LOST, NOW);
	assert_int_equal(retreat.stand, STAND_OFF);
	assert_false(fell_back(61, NOW));
	must(sw_begin_trial(&retreat, ways, true, back), "no trial");
	must(!open_connection(61, ADMISSION_BPF, back + 999 * MS),
	     "one that was lost is tried before others");
	must(open_connection(61, ADMISSION_BPF, back + 1000 * MS), "or never");
	judge(&retreat.watched[0], VERDICT_MOOT, back + 1000 * MS);
	retreat.again_ns = back;
	must(open_connection(1, ADMISSION_BPF, back), "another one is not tried at once");
	judge(&retreat.watched[0], VERDICT_SERVED, back);
	assert_int_equal(retreat.stand, STAND_GUARD);
	for (__u8 host = 61; host < 66; host++)
		assert_true(fell_back(host, back));
	sw_forget_retreat(&retreat, back);
	assert_false(fell_back(61, back));
}

/* Who is served is not barred, whatever became of it before. */
static void client_that_is_served_is_remembered_no_more(void **state)
{
	(void)state;
	begin(&alone);
	judge(open_from(66, NOW), VERDICT_LOST, NOW);
	judge(open_from(1, NOW), VERDICT_SERVED, NOW);
	assert_true(fell_back(66, NOW));
	judge(open_from(66, NOW), VERDICT_SERVED, NOW);
	assert_false(fell_back(66, NOW));
}

/* Nobody is served: it is the port's. And what was lost then is no client's own. */
static void client_that_is_lost_where_nobody_is_served_is_the_port_s(void **state)
{
	(void)state;
	begin(&with_kernel);
	judge(open_from(1, NOW - 1), VERDICT_SERVED, NOW);
	for (int i = 0; i < 5; i++)
		judge(open_from(66, NOW + MS), VERDICT_LOST, NOW + 2 * MS);
	assert_int_equal(retreat.stand, STAND_KERNEL);
	judge(open_connection(1, ADMISSION_KERNEL, NOW + 3 * MS), VERDICT_SERVED, NOW + 4 * MS);
	assert_false(fell_back(66, NOW + 5 * MS));
}

/* In IPv6 it is a /64. */
static void clients_are_told_apart_by_address_or_by_64_bits(void **state)
{
	static const struct {
		__u32 one[4], other[4];
		bool same;
	} cases[] = {
		{ { 0, 0, 0xffff0000, 1 }, { 0, 0, 0xffff0000, 1 }, true },
		{ { 0, 0, 0xffff0000, 1 }, { 0, 0, 0xffff0000, 2 }, false },
		{ { 1, 2, 3, 4 }, { 1, 2, 5, 6 }, true },
		{ { 1, 2, 3, 4 }, { 1, 3, 3, 4 }, false },
		{ { 1, 2, 3, 4 }, { 2, 2, 3, 4 }, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(sw_client_prefix(cases[i].one) == sw_client_prefix(cases[i].other),
				 cases[i].same);
}

int test_retreat(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_that_loses_connections_falls_back),
		cmocka_unit_test(share_of_losses_that_is_borne_is_one_in_seventeen),
		cmocka_unit_test(many_that_are_silent_at_once_are_enough),
		cmocka_unit_test(look_at_the_host_says_what_has_become_of_it),
		cmocka_unit_test(no_more_are_watched_than_there_are_places),
		cmocka_unit_test(cookies_of_before_the_retreat_say_nothing),
		cmocka_unit_test(one_connection_decides_after_the_back_off),
		cmocka_unit_test(trial_that_comes_to_nothing_leaves_it_to_another),
		cmocka_unit_test(one_syn_a_second_is_tried_and_under_pressure_each),
		cmocka_unit_test(trials_cost_a_client_each_and_become_rare),
		cmocka_unit_test(back_off_begins_anew_once_guard_has_lasted),
		cmocka_unit_test(retreat_is_old_when_its_family_has_changed_since),
		cmocka_unit_test(stand_says_whose_cookies_are_sent),
		cmocka_unit_test(ways_are_what_settings_and_listener_allow),
		cmocka_unit_test(proxy_is_tried_at_once_and_stays_if_it_serves),
		cmocka_unit_test(proxy_that_loses_costs_one_client_and_is_tried_later),
		cmocka_unit_test(kernel_s_cookies_neither_try_nor_put_off_a_trial),
		cmocka_unit_test(trial_goes_on_without_the_kernel_s_cookies),
		cmocka_unit_test(client_that_is_lost_where_others_are_served_falls_back_alone),
		cmocka_unit_test(
			those_lost_before_the_retreat_are_tried_after_others_and_remembered),
		cmocka_unit_test(client_that_is_served_is_remembered_no_more),
		cmocka_unit_test(client_that_is_lost_where_nobody_is_served_is_the_port_s),
		cmocka_unit_test(clients_are_told_apart_by_address_or_by_64_bits),
	};

	return cmocka_run_group_tests_name("retreat", tests, NULL, NULL);
}
