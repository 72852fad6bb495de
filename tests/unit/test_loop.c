// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The daemon's loop, with the real clock: what is asserted of time is only that nothing comes too
 * early, so that a busy machine changes nothing.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <synward/types.h>

#include "check.h"
#include "daemon/loop.h"
#include "host/clock.h"
#include "said.h"
#include "unit.h"

#define MS SW_NS_PER_MS

/* What a duty of these tests is told to do, and what became of it. */
struct script {
	struct sw_loop *loop;
	char name;
	__u64 pause_ns,
		rest_ns; /* what it plans after each round; pause 0: by its descriptor alone */
	int fail; /* its next rounds fail */
	int stop_after; /* the round in which it stops the loop */
	int fd; /* -1: it has none */
	bool reads; /* a byte from there, each time but the first, which is not the descriptor's */
	int rounds;
	struct sw_next planned;
	bool early; /* it was called before its time */
	__u64 last_ns, least_gap_ns;
};

/* The names of those that worked, in their order. */
static char order[64];

static void note(char name)
{
	size_t length = strlen(order);

	must(length + 1 < sizeof(order), "too many rounds: %s", order);
	order[length] = name;
	order[length + 1] = '\0';
}

static int play(void *context, struct sw_next *next)
{
	struct script *it = context;
	__u64 now = sw_monotonic_ns();
	char byte;

	note(it->name);
	it->early |= now < it->planned.from_ns || (!it->reads && now < it->planned.by_ns);
	if (it->rounds && now - it->last_ns < it->least_gap_ns)
		it->least_gap_ns = now - it->last_ns;
	it->last_ns = now;
	if (it->rounds++ && it->reads)
		assert_int_equal(read(it->fd, &byte, 1), 1);
	if (it->rounds == it->stop_after)
		sw_loop_stop(it->loop);
	next->from_ns = now + it->rest_ns;
	next->by_ns = it->pause_ns ? now + it->pause_ns : SW_NEVER_NS;
	it->planned = *next;
	if (!it->fail)
		return 0;
	it->fail--;
	return -EIO;
}

static void begin(struct sw_loop *loop)
{
	forget_said();
	order[0] = '\0';
	assert_int_equal(sw_loop_open(loop), 0);
}

static void add(struct sw_loop *loop, struct script *script)
{
	script->loop = loop;
	script->least_gap_ns = SW_NEVER_NS;
	assert_int_equal(sw_loop_add(loop, (struct sw_duty){ .what = "count the beans",
							     .fd = script->fd,
							     .work = play,
							     .context = script }),
			 0);
}

/* --- Times ---------------------------------------------------------------------------------- */

static void duties_work_when_their_time_has_come_and_not_before(void **state)
{
	struct script a = { .name = 'a', .pause_ns = 1000 * SW_NS_PER_S, .fd = -1 };
	struct script b = { .name = 'b', .pause_ns = 15 * MS, .fd = -1, .stop_after = 3 };
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	add(&loop, &a);
	add(&loop, &b);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "abbb");
	assert_false(b.early);
	assert_string_equal(said(), "");
	sw_loop_close(&loop);
}

static void duties_of_one_moment_work_in_the_order_of_their_adding(void **state)
{
	struct script a = { .name = 'a', .fd = -1 }, b = { .name = 'b', .fd = -1 };
	struct script c = { .name = 'c', .fd = -1, .stop_after = 1 };
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	add(&loop, &b);
	add(&loop, &a);
	add(&loop, &c);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "bac");
	sw_loop_close(&loop);
}

static void no_duty_works_after_the_loop_is_stopped(void **state)
{
	struct script a = { .name = 'a', .fd = -1, .stop_after = 1 };
	struct script b = { .name = 'b', .fd = -1 };
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	add(&loop, &a);
	add(&loop, &b);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "a");
	sw_loop_close(&loop);
}

/* --- Descriptors ---------------------------------------------------------------------------- */

static void readable_descriptor_calls_its_duty_and_no_other(void **state)
{
	struct script reader = { .name = 'r', .reads = true, .stop_after = 4 };
	struct script other = { .name = 'o', .reads = true };
	int pipes[2][2];
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	assert_int_equal(pipe(pipes[0]) | pipe(pipes[1]), 0);
	reader.fd = pipes[0][0];
	other.fd = pipes[1][0];
	assert_int_equal(write(pipes[0][1], "123", 3), 3);
	add(&loop, &other);
	add(&loop, &reader);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "orrrr"); /* each is due at once; then the three bytes */
	for (int i = 0; i < 4; i++)
		close(pipes[i / 2][i % 2]);
	sw_loop_close(&loop);
}

static __u64 processor_ns(void)
{
	return sw_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/* The far end hangs up as well: epoll says so whatever it is asked for. */
static void duty_that_rests_is_left_alone_though_it_is_readable(void **state)
{
	struct script it = { .name = 'r', .rest_ns = 30 * MS, .reads = true, .stop_after = 5 };
	__u64 begun = sw_monotonic_ns(), used = processor_ns();
	struct sw_loop loop;
	int ends[2];

	(void)state;
	begin(&loop);
	assert_int_equal(pipe(ends), 0);
	it.fd = ends[0];
	assert_int_equal(write(ends[1], "123456", 6), 6);
	close(ends[1]);
	add(&loop, &it);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_false(it.early);
	must(it.least_gap_ns >= 30 * MS, "two rounds came within %llu ns", it.least_gap_ns);
	used = processor_ns() - used;
	must(used < (sw_monotonic_ns() - begun) / 2, "%llu ms of computing at rest", used / MS);
	close(ends[0]);
	sw_loop_close(&loop);
}

static void time_comes_though_the_descriptor_stays_silent(void **state)
{
	struct script it = { .name = 't', .pause_ns = 10 * MS, .stop_after = 2 };
	struct sw_loop loop;
	int ends[2];

	(void)state;
	begin(&loop);
	assert_int_equal(pipe(ends), 0);
	it.fd = ends[0];
	add(&loop, &it);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "tt");
	assert_false(it.early);
	close(ends[0]);
	close(ends[1]);
	sw_loop_close(&loop);
}

/* --- Failures ------------------------------------------------------------------------------- */

static const char failure[] = "Couldn't count the beans: Input/output error. It is tried on";

/* Works once, after the duty that fails: takes away what has been said. */
static int take_said(void *context, struct sw_next *next)
{
	snprintf(context, sizeof(failure), "%s", said());
	forget_said();
	next->by_ns = SW_NEVER_NS;
	return 0;
}

static void failing_duty_is_tried_again_and_that_is_said_once(void **state)
{
	/* What a duty that fails plans doesn't count. */
	struct script it = { .name = 'f', .fd = -1, .pause_ns = 1, .fail = 2, .stop_after = 3 };
	char first[sizeof(failure)] = "";
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	add(&loop, &it);
	sw_loop_add(&loop, (struct sw_duty){ .fd = -1, .work = take_said, .context = first });
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "fff");
	assert_string_equal(first, failure);
	assert_string_equal(said(), "");
	must(it.least_gap_ns >= SW_RETRY_NS, "tried again after %llu ns", it.least_gap_ns);
	sw_loop_close(&loop);
}

static void duty_that_fails_anew_says_so_anew(void **state)
{
	struct script it = { .name = 'f', .fd = -1, .pause_ns = 1, .fail = 1, .stop_after = 2 };
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	add(&loop, &it);
	assert_int_equal(sw_loop_run(&loop), 0); /* it fails, and then does not */
	forget_said();
	loop.stop = false;
	it.fail = 1;
	it.stop_after = 3;
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(said(), failure);
	sw_loop_close(&loop);
}

static void one_duty_too_many_is_refused(void **state)
{
	struct script it = { .name = 'x', .fd = -1 };
	struct sw_loop loop;

	(void)state;
	begin(&loop);
	for (int i = 0; i < SW_DUTIES_MAX; i++)
		add(&loop, &it);
	assert_int_equal(sw_loop_add(&loop, (struct sw_duty){ .what = "do more", .fd = -1 }),
			 -ENOSPC);
	assert_string_equal(said(), "Couldn't do more: No space left on device");
	sw_loop_close(&loop);
}

/* --- Signals -------------------------------------------------------------------------------- */

static void count_hangup(void *context)
{
	++*(int *)context;
}

static void end_by(int number)
{
	struct script it = { .name = 's', .fd = -1 };
	struct sw_loop loop;

	begin(&loop);
	add(&loop, &it);
	raise(number); /* nobody runs the loop yet: it waits */
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_string_equal(order, "");
	assert_int_equal(loop.leave, number == SIGQUIT);
	sw_loop_close(&loop);
}

static void a_signal_ends_the_loop_also_if_it_came_before_and_sigquit_says_leave(void **state)
{
	(void)state;
	end_by(SIGINT);
	end_by(SIGTERM);
	end_by(SIGQUIT);
}

static void sighup_is_answered_and_the_loop_goes_on(void **state)
{
	struct script it = { .name = 's', .fd = -1, .pause_ns = 10 * MS, .stop_after = 3 };
	struct sw_loop loop;
	int hangups = 0;

	(void)state;
	begin(&loop);
	sw_loop_on_hangup(&loop, count_hangup, &hangups);
	add(&loop, &it);
	raise(SIGHUP);
	assert_int_equal(sw_loop_run(&loop), 0);
	assert_int_equal(hangups, 1);
	assert_string_equal(order, "sss");
	sw_loop_close(&loop);
}

static void signals_are_as_before_when_the_loop_is_closed(void **state)
{
	struct sw_loop loop;
	sigset_t blocked;

	(void)state;
	begin(&loop);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	assert_true(sigismember(&blocked, SIGTERM));
	sw_loop_close(&loop);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	assert_false(sigismember(&blocked, SIGINT) || sigismember(&blocked, SIGTERM) ||
		     sigismember(&blocked, SIGHUP));
}

int test_loop(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(duties_work_when_their_time_has_come_and_not_before),
		cmocka_unit_test(duties_of_one_moment_work_in_the_order_of_their_adding),
		cmocka_unit_test(no_duty_works_after_the_loop_is_stopped),
		cmocka_unit_test(readable_descriptor_calls_its_duty_and_no_other),
		cmocka_unit_test(duty_that_rests_is_left_alone_though_it_is_readable),
		cmocka_unit_test(time_comes_though_the_descriptor_stays_silent),
		cmocka_unit_test(failing_duty_is_tried_again_and_that_is_said_once),
		cmocka_unit_test(duty_that_fails_anew_says_so_anew),
		cmocka_unit_test(one_duty_too_many_is_refused),
		cmocka_unit_test(
			a_signal_ends_the_loop_also_if_it_came_before_and_sigquit_says_leave),
		cmocka_unit_test(sighup_is_answered_and_the_loop_goes_on),
		cmocka_unit_test(signals_are_as_before_when_the_loop_is_closed),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
