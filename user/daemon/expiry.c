// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * When which flow is to go. A pass over all flows takes 100 to 200 ns a flow, so passes are rare;
 * each one finds what will end before the next. That stands in a wheel, and synward_expire removes
 * it at its time, many flows in one call. The data path tells what has closed in between, through
 * the ring buffer sw_due.
 *
 * A pass is one run of synward_sweep, which removes what is overdue and tells through the same
 * ring buffer. Where that is too small for all that is due, the flows are listed by batched
 * look-ups instead: three times the work, but it waits for its reader. Either happens in a thread
 * of its own, so that a million flows don't hold up those whose time comes meanwhile.
 *
 * Nothing is missed: a segment that sets a flow's deadline sets it at least the shortest time-out
 * ahead, and passes come twice in that time, so that one of them finds it beforehand. So a flow
 * found alive when it was to be removed needs no thought: a later pass has found it, or will.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <synward/sweep.h>

#include "daemon/due_wheel.h"
#include "daemon/expiry.h"
#include "host/clock.h"
#include "model/flow_maps.h"
#include "text/report.h"
#include "synward.skel.h"

#define PERIOD_MIN_NS (100 * SW_NS_PER_MS)
#define PERIOD_MAX_NS (20 * SW_NS_PER_S)
#define MARGIN_NS     (100 * SW_NS_PER_MS)

/* Between two rounds: closed flows come in batches. A pass fills the ring buffer quickly. */
#define REST_NS      (50 * SW_NS_PER_MS)
#define REST_PASS_NS (5 * SW_NS_PER_MS)

/* So many batches are removed in one round, which takes a few milliseconds. */
#define ROUND_BATCHES 8

/* More than these due before the next pass, half of what sw_due holds, and they are listed. */
#define DENSE_FLOWS 32768

struct sw_sweeper {
	int sweep_fd, expire_fd, flows_fd, halfopen_fd;
	struct ring_buffer *ring;
	int push_err; /* from the ring buffer's callback */
	struct sw_expire_batch *batch; /* in the memory of synward_expire */
	bool more; /* the last round has left flows whose time had come */
	__u64 period_ns, next_pass_ns;

	pthread_mutex_t lock; /* the wheel's: a pass that lists puts its flows in */
	struct sw_due_wheel wheel; /* every flow known to end before the last pass's horizon */

	/* The pass under way; its thread has the right to all but `passing` and `done`. */
	bool passing;
	atomic_bool done;
	pthread_t thread;
	struct sw_sweep pass;
	__u64 keep_ns; /* what the wheel holds up to here stays there */
	__u32 listed; /* so many were due, if it had to list them */
	int pass_err;
	__u64 pass_took_ns;
	__u64 halfopen, walked; /* records it found there; records it has listed of a map */
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

static int push(struct sw_sweeper *sweeper, const struct sw_due *due)
{
	int err;

	pthread_mutex_lock(&sweeper->lock);
	err = sw_due_wheel_push(&sweeper->wheel, due);
	pthread_mutex_unlock(&sweeper->lock);
	return err;
}

static int take_due(void *context, void *data, size_t size)
{
	struct sw_sweeper *sweeper = context;

	(void)size;
	sweeper->push_err = push(sweeper, data) ?: sweeper->push_err;
	return 0;
}

int sw_sweeper_open(struct sw_sweeper **sweeper, const struct synward *object,
		    const struct sw_timeouts *timeouts)
{
	struct sw_sweeper *new = calloc(1, sizeof(*new));

	if (!new)
		return sw_fail(-ENOMEM, NULL, "set up expiry");
	new->batch = &object->bss->expire_batch;
	new->sweep_fd = bpf_program__fd(object->progs.synward_sweep);
	new->expire_fd = bpf_program__fd(object->progs.synward_expire);
	new->flows_fd = bpf_map__fd(object->maps.sw_flows);
	new->halfopen_fd = bpf_map__fd(object->maps.sw_halfopen);
	new->period_ns = choose_period(timeouts);
	new->next_pass_ns = sw_monotonic_ns();
	pthread_mutex_init(&new->lock, NULL);
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

__u64 sw_sweeper_halfopen(const struct sw_sweeper *sweeper)
{
	return sweeper->halfopen;
}

/* What has been set by the new time-outs is found by a pass that begins now. */
void sw_sweeper_follow(struct sw_sweeper *sweeper, const struct sw_timeouts *timeouts)
{
	sweeper->period_ns = choose_period(timeouts);
	sweeper->next_pass_ns = sw_monotonic_ns();
}

/* --- Passes --------------------------------------------------------------------------------- */

static int run_program(int fd, void *args, __u32 size)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = args, .ctx_size_in = size);

	return bpf_prog_test_run_opts(fd, &options) ? -errno : 0;
}

static void forget(struct sw_sweeper *sweeper)
{
	pthread_mutex_lock(&sweeper->lock);
	sw_due_wheel_forget_after(&sweeper->wheel, sweeper->keep_ns);
	pthread_mutex_unlock(&sweeper->lock);
}

static int list_one(void *context, const struct sw_flow_key *key, const struct sw_flow *flow)
{
	struct sw_due due = { .deadline_ns = flow->deadline_ns, .key = *key };
	struct sw_sweeper *sweeper = context;

	sweeper->walked++;
	if (flow->deadline_ns >= sweeper->pass.horizon_ns)
		return 0;
	sweeper->listed++;
	return push(sweeper, &due);
}

/* What the ring buffer has brought of this pass is forgotten, for it comes again. */
static int list_all(struct sw_sweeper *sweeper)
{
	int err;

	forget(sweeper);
	sweeper->walked = 0;
	err = sw_flow_table_walk(sweeper->halfopen_fd, list_one, sweeper);
	sweeper->halfopen = sweeper->walked;
	return err ?: sw_flow_table_walk(sweeper->flows_fd, list_one, sweeper);
}

/* What was dense a period ago is taken to be so still, and listed at once. */
static int pass(struct sw_sweeper *sweeper)
{
	bool dense = sweeper->listed > DENSE_FLOWS;
	int err = 0;

	sweeper->listed = 0;
	if (!dense)
		err = run_program(sweeper->sweep_fd, &sweeper->pass, sizeof(sweeper->pass));
	sweeper->halfopen = sweeper->pass.halfopen;
	if (dense || sweeper->pass.due_lost)
		err = err ?: list_all(sweeper);
	return err;
}

static void *run_pass(void *context)
{
	struct sw_sweeper *sweeper = context;
	__u64 begun = sw_monotonic_ns();

	sweeper->pass_err = pass(sweeper);
	sweeper->pass_took_ns = sw_monotonic_ns() - begun;
	atomic_store(&sweeper->done, true);
	return NULL;
}

/*
 * The pass tells anew what the wheel holds, which keeps only what may come due before it is
 * told of.
 */
static int begin_pass(struct sw_sweeper *sweeper, __u64 now)
{
	__u64 margin_ns = MARGIN_NS + 2 * sweeper->pass_took_ns;
	int err;

	sweeper->keep_ns = now + margin_ns;
	sweeper->next_pass_ns = now + sweeper->period_ns;
	sweeper->pass = (struct sw_sweep){ .horizon_ns = sweeper->next_pass_ns + margin_ns };
	forget(sweeper);
	atomic_store(&sweeper->done, false);
	err = pthread_create(&sweeper->thread, NULL, run_pass, sweeper);
	sweeper->passing = !err;
	if (err)
		sweeper->next_pass_ns = now + PERIOD_MIN_NS;
	return -err;
}

static int end_pass(struct sw_sweeper *sweeper, __u64 now)
{
	pthread_join(sweeper->thread, NULL);
	sweeper->passing = false;
	if (sweeper->pass_err)
		sweeper->next_pass_ns = now + PERIOD_MIN_NS;
	return sweeper->pass_err;
}

static int step_pass(struct sw_sweeper *sweeper, __u64 now)
{
	if (sweeper->passing)
		return atomic_load(&sweeper->done) ? end_pass(sweeper, now) : 0;
	if (now >= sweeper->next_pass_ns)
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

/* Takes as many of the flows whose time has come as one call removes. */
static void fill_batch(struct sw_sweeper *sweeper, __u64 now)
{
	struct sw_expire_batch *batch = sweeper->batch;
	struct sw_due due;

	batch->count = 0;
	pthread_mutex_lock(&sweeper->lock);
	while (batch->count < SW_EXPIRE_FLOWS && sw_due_wheel_pop(&sweeper->wheel, now, &due))
		batch->key[batch->count++] = due.key;
	pthread_mutex_unlock(&sweeper->lock);
}

static int expire_due(struct sw_sweeper *sweeper, __u64 now)
{
	int err = 0;

	sweeper->more = true;
	for (int i = 0; !err && sweeper->more && i < ROUND_BATCHES; i++) {
		fill_batch(sweeper, now);
		if (sweeper->batch->count)
			err = run_program(sweeper->expire_fd, NULL, 0);
		sweeper->more = !err && sweeper->batch->count == SW_EXPIRE_FLOWS;
	}
	return err;
}

/* --- The duty ------------------------------------------------------------------------------- */

static __u64 rest_ns(const struct sw_sweeper *sweeper)
{
	if (sweeper->more)
		return 0;
	return sweeper->passing ? REST_PASS_NS : REST_NS;
}

static void plan(const struct sw_sweeper *sweeper, struct sw_next *next)
{
	next->from_ns = sw_monotonic_ns() + rest_ns(sweeper);
	next->by_ns = sweeper->next_pass_ns;
	if (sweeper->passing)
		next->by_ns = next->from_ns;
	else if (sw_due_wheel_next_ns(&sweeper->wheel) < next->by_ns)
		next->by_ns = sw_due_wheel_next_ns(&sweeper->wheel);
}

static int work(void *context, struct sw_next *next)
{
	struct sw_sweeper *sweeper = context;
	__u64 now = sw_monotonic_ns();
	int err = read_ring(sweeper) ?: step_pass(sweeper, now) ?: expire_due(sweeper, now);

	plan(sweeper, next);
	return err;
}

struct sw_duty sw_sweeper_duty(struct sw_sweeper *sweeper)
{
	return (struct sw_duty){
		.what = "expire flows",
		.fd = ring_buffer__epoll_fd(sweeper->ring),
		.work = work,
		.context = sweeper,
	};
}
