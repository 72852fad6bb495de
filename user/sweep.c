// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * When which flow is to go. A pass of synward_sweep costs 100 to 200 ns a flow, so passes are rare;
 * each one removes what is overdue and reports (ring buffer sw_due) what will be before the next.
 * Those stand in a wheel, and synward_expire removes each of them at its time, for two
 * microseconds. The data path reports through the same ring buffer what has closed in between. A
 * pass runs in a thread of its own, so that a million flows don't hold up those whose time comes
 * meanwhile.
 *
 * Nothing is missed: a segment that sets a flow's deadline sets it at least the shortest time-out
 * ahead, and passes come twice in that time, so that one of them finds it beforehand.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <synward/sweep.h>

#include "clock.h"
#include "due_wheel.h"
#include "report.h"
#include "sweep.h"
#include "synward.skel.h"

#define PERIOD_MIN_NS (100 * SW_NS_PER_MS)
#define PERIOD_MAX_NS (20 * SW_NS_PER_S)
#define MARGIN_NS     (100 * SW_NS_PER_MS)

/*
 * Between two rounds: closed flows come in batches. While a pass fills the ring buffer, it is
 * emptied often.
 */
#define REST_MS      50
#define REST_PASS_MS 5

/* So many flows are removed in one round, which takes a few milliseconds. */
#define ROUND_FLOWS 4096

struct sw_sweeper {
	int sweep_fd, expire_fd;
	struct ring_buffer *ring;
	struct sw_due_wheel wheel; /* every flow known to end before horizon_ns */
	int push_err; /* from the ring buffer's callback */
	__u64 period_ns, next_pass_ns, horizon_ns;

	/* The pass under way; its thread has the right to all but `passing` and `done`. */
	bool passing;
	atomic_bool done;
	pthread_t thread;
	struct sw_sweep pass;
	int pass_err;
	__u64 pass_took_ns;
};

static __u64 clamp(__u64 value, __u64 min, __u64 max)
{
	return value < min ? min : value > max ? max : value;
}

/* Half the shortest time-out. */
static __u64 choose_period(const struct sw_timeouts *timeouts)
{
	__u64 shortest_ns = ~0ULL;

	for (int state = 0; state < SW_STATES; state++) {
		__u64 ns = timeouts->ms[state] * SW_NS_PER_MS;

		if (ns && ns < shortest_ns)
			shortest_ns = ns;
	}
	return clamp(shortest_ns / 2, PERIOD_MIN_NS, PERIOD_MAX_NS);
}

static int take_due(void *context, void *data, size_t size)
{
	struct sw_sweeper *sweeper = context;

	(void)size;
	sweeper->push_err = sw_due_wheel_push(&sweeper->wheel, data) ?: sweeper->push_err;
	return 0;
}

int sw_sweeper_open(struct sw_sweeper **sweeper, const struct synward *object,
		    const struct sw_timeouts *timeouts)
{
	struct sw_sweeper *new = calloc(1, sizeof(*new));

	if (!new)
		return sw_fail(-ENOMEM, NULL, "set up expiry");
	new->sweep_fd = bpf_program__fd(object->progs.synward_sweep);
	new->expire_fd = bpf_program__fd(object->progs.synward_expire);
	new->period_ns = choose_period(timeouts);
	new->next_pass_ns = sw_monotonic_ns();
	sw_due_wheel_init(&new->wheel, new->next_pass_ns);
	new->ring = ring_buffer__new(bpf_map__fd(object->maps.sw_due), take_due, new, NULL);
	if (!new->ring) {
		free(new);
		return sw_fail(-errno, NULL, "open the ring buffer sw_due");
	}
	*sweeper = new;
	return 0;
}

void sw_sweeper_close(struct sw_sweeper *sweeper)
{
	if (!sweeper)
		return;
	if (sweeper->passing)
		pthread_join(sweeper->thread, NULL);
	ring_buffer__free(sweeper->ring);
	sw_due_wheel_free(&sweeper->wheel);
	free(sweeper);
}

/* --- The caller's loop ---------------------------------------------------------------------- */

/* More comes due than can be removed flow by flow. */
static bool behind(const struct sw_sweeper *sweeper, __u64 now)
{
	return sw_due_wheel_next_ns(&sweeper->wheel) + 2 * REST_MS * SW_NS_PER_MS <= now;
}

int sw_sweeper_rest_ms(const struct sw_sweeper *sweeper)
{
	if (behind(sweeper, sw_monotonic_ns()))
		return 0;
	return sweeper->passing ? REST_PASS_MS : REST_MS;
}

int sw_sweeper_wait_ms(const struct sw_sweeper *sweeper)
{
	__u64 next = sw_due_wheel_next_ns(&sweeper->wheel), now = sw_monotonic_ns();

	if (sweeper->passing)
		return 0;
	if (sweeper->next_pass_ns < next)
		next = sweeper->next_pass_ns;
	return next <= now ? 0 : (int)((next - now + SW_NS_PER_MS - 1) / SW_NS_PER_MS);
}

int sw_sweeper_fd(const struct sw_sweeper *sweeper)
{
	return ring_buffer__epoll_fd(sweeper->ring);
}

/* --- Passes --------------------------------------------------------------------------------- */

static int run_program(int fd, void *args, __u32 size)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = args, .ctx_size_in = size);

	return bpf_prog_test_run_opts(fd, &options) ? -errno : 0;
}

static void *run_pass(void *context)
{
	struct sw_sweeper *sweeper = context;
	__u64 begun = sw_monotonic_ns();

	sweeper->pass_err = run_program(sweeper->sweep_fd, &sweeper->pass, sizeof(sweeper->pass));
	sweeper->pass_took_ns = sw_monotonic_ns() - begun;
	atomic_store(&sweeper->done, true);
	return NULL;
}

/*
 * The pass reports anew what the wheel holds, which keeps only what may come due before it is
 * reported.
 */
static int begin_pass(struct sw_sweeper *sweeper, __u64 now)
{
	__u64 margin_ns = MARGIN_NS + 2 * sweeper->pass_took_ns;
	int err;

	sw_due_wheel_forget_after(&sweeper->wheel, now + margin_ns);
	sweeper->next_pass_ns = now + sweeper->period_ns;
	sweeper->horizon_ns = sweeper->next_pass_ns + margin_ns;
	sweeper->pass = (struct sw_sweep){ .horizon_ns = sweeper->horizon_ns };
	atomic_store(&sweeper->done, false);
	err = pthread_create(&sweeper->thread, NULL, run_pass, sweeper);
	sweeper->passing = !err;
	return -err;
}

/* What found the ring buffer full must be reported again, soon. */
static int end_pass(struct sw_sweeper *sweeper, __u64 now)
{
	pthread_join(sweeper->thread, NULL);
	sweeper->passing = false;
	if (sweeper->pass_err || sweeper->pass.due_lost)
		sweeper->next_pass_ns = now + PERIOD_MIN_NS;
	return sweeper->pass_err;
}

static int step_pass(struct sw_sweeper *sweeper, __u64 now)
{
	if (sweeper->passing)
		return atomic_load(&sweeper->done) ? end_pass(sweeper, now) : 0;
	if (now >= sweeper->next_pass_ns || behind(sweeper, now))
		return begin_pass(sweeper, now);
	return 0;
}

/* --- Flows ---------------------------------------------------------------------------------- */

static int read_ring(struct sw_sweeper *sweeper)
{
	int err = ring_buffer__consume(sweeper->ring);

	err = err < 0 ? err : sweeper->push_err;
	sweeper->push_err = 0;
	return err;
}

static int expire(struct sw_sweeper *sweeper, const struct sw_due *due)
{
	struct sw_expire args = { .key = due->key };
	struct sw_due later = *due;
	int err = run_program(sweeper->expire_fd, &args, sizeof(args));

	later.deadline_ns = args.deadline_ns;
	if (err || !args.deadline_ns || args.deadline_ns >= sweeper->horizon_ns)
		return err; /* gone, or a matter of a later pass */
	return sw_due_wheel_push(&sweeper->wheel, &later);
}

static int expire_due(struct sw_sweeper *sweeper, __u64 now)
{
	struct sw_due due;
	int err = 0;

	for (int i = 0; !err && i < ROUND_FLOWS; i++) {
		if (!sw_due_wheel_pop(&sweeper->wheel, now, &due))
			break;
		err = expire(sweeper, &due);
	}
	return err;
}

int sw_sweeper_work(struct sw_sweeper *sweeper)
{
	__u64 now = sw_monotonic_ns();

	return read_ring(sweeper) ?: step_pass(sweeper, now) ?: expire_due(sweeper, now);
}
