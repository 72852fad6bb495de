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

static struct sw_retreat retreat;

/* A connection of a client, by its number, that a cookie of this admission opened. NULL: nobody watches. */
static struct sw_watched *open_connection(__u16 number, enum sw_admission admission, __u64 now)
{
	struct sw_flow_key key = { .port = { 80, number } };

	sw_watch(&retreat, &key, 1, admission, ADMISSION_BPF, now);
	for (int i = 0; i < SW_WATCHED; i++)
		if (retreat.watched[i].since_ns && retreat.watched[i].key.port[1] == number)
			return &retreat.watched[i];
	return NULL;
}

/* Whose cookie the port sends now. */
static enum sw_admission sent(bool kernel_cookies)
{
	return sw_admission_at(retreat.stand, ADMISSION_BPF, kernel_cookies);
}

static void judge(struct sw_watched *watched, enum sw_verdict verdict, bool kernel_cookies,
		  __u64 now)
{
	sw_judge_watched(&retreat, watched, verdict,
			 sw_stand_behind(retreat.stand, ADMISSION_BPF, kernel_cookies), now);
}

/* Connections one after another: "S" served, "L" lost, "M" nobody will know. How many until it is off. */
static size_t go_through(const char *fates, bool kernel_cookies, __u64 now)
{
	size_t n = 0;

	while (fates[n] && sent(kernel_cookies)) {
		struct sw_watched *watched = open_connection((__u16)n, sent(kernel_cookies), now);
		char fate = fates[n++];

		assert_non_null(watched);
		judge(watched,
		      fate == 'L' ? VERDICT_LOST : (fate == 'S' ? VERDICT_SERVED : VERDICT_MOOT),
		      kernel_cookies, now);
	}
	return n;
}

#define SEVENTEEN "SSSSSSSSSSSSSSSSS"

static void port_that_loses_connections_falls_back(void **state)
{
	static const struct {
		const char *fates;
		bool kernel_cookies;
		enum sw_stand stand;
		size_t taken;
	} cases[] = {
		{ "LL", false, STAND_GUARD, 2 },
		{ "LLL", false, STAND_OFF, 3 },
		{ "LLLLLL", false, STAND_OFF, 3 },
		{ "LLL", true, STAND_KERNEL, 3 },
		{ "LLLL", true, STAND_KERNEL, 4 },
		{ "LLLLL", true, STAND_OFF, 5 },
		{ "LLLSLMMLSSSSSSSSS", true, STAND_OFF, 8 }, /* one served makes up for little */
		{ "LLL" SEVENTEEN "L" SEVENTEEN "L" SEVENTEEN, true, STAND_KERNEL, 56 },
		{ "LMLMLM", false, STAND_OFF, 5 }, /* who resets us says nothing of losses */
		{ "LSLSL", false, STAND_GUARD, 5 },
		{ "LSLSLSL", false, STAND_OFF, 7 }, /* one in two */
		{ "L" SEVENTEEN "L" SEVENTEEN "L" SEVENTEEN "L", false, STAND_GUARD, 55 },
		{ "MMMMMMMM", false, STAND_GUARD, 8 },
		{ SEVENTEEN "LLL", false, STAND_OFF, 20 }, /* nothing is saved up */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t taken;

		memset(&retreat, 0, sizeof(retreat));
		taken = go_through(cases[i].fates, cases[i].kernel_cookies, NOW);
		must(retreat.stand == cases[i].stand && taken == cases[i].taken,
		     "row %zu: stand %d after %zu", i, retreat.stand, taken);
	}
}

static void share_of_losses_that_is_borne_is_one_in_seventeen(void **state)
{
	(void)state;
	for (int every = 2; every < 40; every++) {
		memset(&retreat, 0, sizeof(retreat));
		for (int n = 0; n < 20000 && retreat.stand == STAND_GUARD; n++)
			go_through(n % every ? "S" : "L", false, NOW);
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
		{ 3, 1, STAND_GUARD, STAND_GUARD },   { 4, 1, STAND_GUARD, STAND_OFF },
		{ 2, 0, STAND_KERNEL, STAND_KERNEL }, { 3, 0, STAND_KERNEL, STAND_OFF },
		{ 0, 1, STAND_KERNEL, STAND_KERNEL }, { 1, 1, STAND_KERNEL, STAND_OFF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(&retreat, 0, sizeof(retreat));
		retreat.stand = cases[i].from;
		retreat.again_ns = NOW + SW_NS_PER_S;
		for (int n = 0; n < cases[i].silent + cases[i].lost; n++) {
			struct sw_watched *watched = open_connection((__u16)n, sent(true), NOW);

			assert_non_null(watched);
			if (n < cases[i].lost)
				judge(watched, VERDICT_LOST, false, NOW);
			else
				assert_int_equal(sw_note_silence(watched, NOW + 20 * MS),
						 VERDICT_NONE);
		}
		sw_retreat_if_lossy(&retreat, STAND_OFF, NOW);
		must(retreat.stand == cases[i].to, "row %zu: %d", i, retreat.stand);
		must(retreat.lost == (__u64)(cases[i].to == cases[i].from ? 0 : cases[i].silent),
		     "row %zu: %llu lost", i, retreat.lost);
	}
}

static void silence_is_a_loss_after_a_second(void **state)
{
	struct sw_watched watched = { .since_ns = NOW };

	(void)state;
	assert_int_equal(sw_note_silence(&watched, NOW + 1000 * MS - 1), VERDICT_NONE);
	assert_int_equal(sw_note_silence(&watched, NOW + 1000 * MS), VERDICT_LOST);
}

static void no_more_are_watched_than_there_are_places(void **state)
{
	(void)state;
	memset(&retreat, 0, sizeof(retreat));
	for (__u16 n = 0; n < SW_WATCHED; n++)
		assert_non_null(open_connection(n, ADMISSION_BPF, NOW));
	assert_null(open_connection(99, ADMISSION_BPF, NOW));
	judge(&retreat.watched[3], VERDICT_SERVED, false, NOW);
	assert_non_null(open_connection(99, ADMISSION_BPF, NOW));
}

static void cookies_of_before_the_retreat_say_nothing(void **state)
{
	(void)state;
	memset(&retreat, 0, sizeof(retreat));
	go_through("LLL", true, NOW);
	assert_null(open_connection(50, ADMISSION_BPF, NOW));
	assert_non_null(open_connection(51, ADMISSION_KERNEL, NOW));
	go_through("LL", true, NOW);
	assert_null(open_connection(52, ADMISSION_KERNEL, NOW));
	assert_null(open_connection(53, ADMISSION_BPF, NOW + 3600 * SW_NS_PER_S));
}

/* --- Trying again ----------------------------------------------------------------------------- */

static struct sw_watched *try_again(__u16 number, __u64 now)
{
	must(sw_begin_trial(&retreat, false, now), "no trial at %llu", now - NOW);
	return open_connection(number, ADMISSION_BPF, now);
}

static void one_connection_decides_after_the_back_off(void **state)
{
	__u64 now = NOW;

	(void)state;
	for (enum sw_verdict verdict = VERDICT_SERVED; verdict <= VERDICT_LOST; verdict++) {
		struct sw_watched *watched;

		memset(&retreat, 0, sizeof(retreat));
		go_through("LLL", false, now);
		must(!sw_trial_due(&retreat, now + 5000 * MS - 1), "too early");
		must(sw_trial_due(&retreat, now + 5000 * MS), "too late");
		watched = try_again(70, now + 5000 * MS);
		must(watched && watched->trial, "the one that is tried is not watched");
		must(!sw_trial_due(&retreat, now + 5000 * MS), "one is tried");
		judge(watched, verdict, false, now + 5000 * MS);
		assert_int_equal(retreat.stand,
				 verdict == VERDICT_SERVED ? STAND_GUARD : STAND_OFF);
	}
	must(!sw_trial_due(&retreat, now + 25000 * MS - 1), "four times as long");
	must(sw_trial_due(&retreat, now + 25000 * MS), "and no longer");
}

static void trial_that_comes_to_nothing_leaves_it_to_another(void **state)
{
	struct sw_watched *watched;

	(void)state;
	memset(&retreat, 0, sizeof(retreat));
	go_through("LLL", false, NOW);
	watched = try_again(70, NOW + 5000 * MS);
	judge(watched, VERDICT_MOOT, false, NOW + 5001 * MS);
	assert_int_equal(retreat.stand, STAND_OFF);
	must(!sw_trial_due(&retreat, NOW + 7000 * MS - 1), "within two seconds");
	watched = try_again(71, NOW + 7000 * MS);
	judge(watched, VERDICT_SERVED, false, NOW + 7000 * MS);
	assert_int_equal(retreat.stand, STAND_GUARD);
}

static void one_syn_a_second_is_tried_and_under_pressure_each(void **state)
{
	__u64 due = NOW + 5000 * MS;

	(void)state;
	memset(&retreat, 0, sizeof(retreat));
	must(!sw_begin_trial(&retreat, true, NOW), "there was no retreat");
	go_through("LLL", false, NOW);
	must(!sw_begin_trial(&retreat, true, due - 1), "before its time");
	must(sw_begin_trial(&retreat, false, due), "the first");
	must(!sw_begin_trial(&retreat, false, due + 1000 * MS - 1), "a second one");
	must(sw_begin_trial(&retreat, true, due + 1000 * MS - 1), "under pressure");
	must(!sw_begin_trial(&retreat, false, due + 2000 * MS - 2), "within a second of that");
	must(sw_begin_trial(&retreat, false, due + 2000 * MS - 1), "a second after that");
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

		memset(&retreat, 0, sizeof(retreat));
		go_through("LLL", false, NOW);
		for (__u64 now = NOW; now < NOW + cases[i].hours * 3600 * SW_NS_PER_S;
		     now += SW_NS_PER_S)
			if (sw_trial_due(&retreat, now)) {
				judge(try_again(70, now), VERDICT_LOST, false, now);
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

		memset(&retreat, 0, sizeof(retreat));
		go_through("LLL", false, NOW);
		judge(try_again(70, NOW + 5000 * MS), VERDICT_LOST, false, NOW + 5000 * MS);
		judge(try_again(71, back), VERDICT_SERVED, false, back);
		assert_int_equal(retreat.stand, STAND_GUARD);
		go_through("LLL", false, back + cases[i].lasted_ms * MS);
		must(retreat.stand == STAND_OFF && retreat.times == cases[i].times,
		     "row %zu: %u times", i, retreat.times);
	}
}

static void retreat_is_old_when_its_family_has_changed_since(void **state)
{
	(void)state;
	memset(&retreat, 0, sizeof(retreat));
	must(!sw_retreat_is_old(&retreat, NOW + 1), "there was none");
	go_through("LLL", false, NOW);
	must(!sw_retreat_is_old(&retreat, NOW), "the change came before");
	must(sw_retreat_is_old(&retreat, NOW + 1), "the change came since");
	sw_forget_retreat(&retreat, NOW + 2);
	assert_int_equal(retreat.stand, STAND_GUARD);
	assert_int_equal(retreat.times, 0);
}

/* --- Whose cookies ----------------------------------------------------------------------------- */

static void stand_says_whose_cookies_are_sent(void **state)
{
	static const struct {
		enum sw_stand stand;
		enum sw_admission admission;
		bool kernel_cookies;
		enum sw_admission sent;
		enum sw_stand behind;
	} cases[] = {
		{ STAND_GUARD, ADMISSION_BPF, false, ADMISSION_BPF, STAND_OFF },
		{ STAND_GUARD, ADMISSION_BPF, true, ADMISSION_BPF, STAND_KERNEL },
		{ STAND_GUARD, ADMISSION_KERNEL, true, ADMISSION_KERNEL, STAND_OFF },
		{ STAND_GUARD, ADMISSION_NONE, true, ADMISSION_NONE, STAND_OFF },
		{ STAND_KERNEL, ADMISSION_BPF, true, ADMISSION_KERNEL, STAND_OFF },
		{ STAND_KERNEL, ADMISSION_BPF, false, ADMISSION_NONE,
		  STAND_OFF }, /* the sysctl has changed */
		{ STAND_KERNEL, ADMISSION_NONE, true, ADMISSION_NONE, STAND_OFF },
		{ STAND_OFF, ADMISSION_BPF, true, ADMISSION_NONE, STAND_OFF },
		{ STAND_OFF, ADMISSION_KERNEL, true, ADMISSION_NONE, STAND_OFF },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		must(sw_admission_at(cases[i].stand, cases[i].admission, cases[i].kernel_cookies) ==
			     cases[i].sent,
		     "row %zu", i);
		must(sw_stand_behind(cases[i].stand, cases[i].admission, cases[i].kernel_cookies) ==
			     cases[i].behind,
		     "behind row %zu", i);
	}
}

int test_retreat(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_that_loses_connections_falls_back),
		cmocka_unit_test(share_of_losses_that_is_borne_is_one_in_seventeen),
		cmocka_unit_test(many_that_are_silent_at_once_are_enough),
		cmocka_unit_test(silence_is_a_loss_after_a_second),
		cmocka_unit_test(no_more_are_watched_than_there_are_places),
		cmocka_unit_test(cookies_of_before_the_retreat_say_nothing),
		cmocka_unit_test(one_connection_decides_after_the_back_off),
		cmocka_unit_test(trial_that_comes_to_nothing_leaves_it_to_another),
		cmocka_unit_test(one_syn_a_second_is_tried_and_under_pressure_each),
		cmocka_unit_test(trials_cost_a_client_each_and_become_rare),
		cmocka_unit_test(back_off_begins_anew_once_guard_has_lasted),
		cmocka_unit_test(retreat_is_old_when_its_family_has_changed_since),
		cmocka_unit_test(stand_says_whose_cookies_are_sent),
	};

	return cmocka_run_group_tests_name("retreat", tests, NULL, NULL);
}
