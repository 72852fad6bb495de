// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * When which flow is to go. A pass of synward_sweep over a table costs about 100 ns a flow, so passes
 * are rare; each one removes what is overdue and reports (ring buffer sw_due) what will be before the
 * next. Those few stand in a heap, and synward_expire removes each of them at its time. The data
 * path reports through the same ring buffer what has closed in between.
 *
 * Nothing is missed: a segment that sets a flow's deadline sets it at least the shortest time-out
 * ahead, and passes come three times in that time, so that one of them finds it beforehand.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include <synward/sweep.h>

#include "clock.h"
#include "due_heap.h"
#include "report.h"
#include "sweep.h"
#include "synward.skel.h"

#define PERIOD_MIN_NS (100 * SW_NS_PER_MS)
#define PERIOD_MAX_NS (20 * SW_NS_PER_S)
#define MARGIN_NS     (100 * SW_NS_PER_MS)

/* One synward_expire costs as much as a pass over so many flows, with the way into the kernel. */
#define EXPIRE_COST 16
/* ... and no pass is made instead of fewer calls than that. */
#define EXPIRE_FEW 1024

struct sw_sweeper {
	int sweep_fd, expire_fd;
	struct ring_buffer *ring;
	struct sw_due_heap heap; /* every flow known to end before horizon_ns */
	__u64 longest_period_ns; /* what the time-outs allow */
	__u64 period_ns; /* less, while more flows come due than the ring buffer holds */
	__u64 next_pass_ns, horizon_ns, pass_took_ns;
	__u32 flows; /* that the last pass left */
	int heap_err; /* from the ring buffer's callback */
};

static __u64 clamp(__u64 value, __u64 min, __u64 max)
{
	return value < min ? min : value > max ? max : value;
}

static __u64 longest_period(const struct sw_timeouts *timeouts)
{
	__u64 shortest_ms = PERIOD_MAX_NS / SW_NS_PER_MS * 3;

	for (int state = 0; state < SW_STATES; state++)
		if (timeouts->ms[state] && timeouts->ms[state] < shortest_ms)
			shortest_ms = timeouts->ms[state];
	return clamp(shortest_ms * SW_NS_PER_MS / 3, PERIOD_MIN_NS, PERIOD_MAX_NS);
}

static int take_due(void *context, void *data, size_t size)
{
	struct sw_sweeper *sweeper = context;

	(void)size;
	sweeper->heap_err = sw_due_heap_push(&sweeper->heap, data) ?: sweeper->heap_err;
	return 0;
}

int sw_sweeper_open(struct sw_sweeper **sweeper, const struct synward *object,
		    const struct sw_timeouts *timeouts)
{
	struct sw_sweeper *new = calloc(1, sizeof(*new));
	int due_fd = bpf_map__fd(object->maps.sw_due);

	if (!new)
		return sw_fail(-ENOMEM, NULL, "set up expiry");
	new->sweep_fd = bpf_program__fd(object->progs.synward_sweep);
	new->expire_fd = bpf_program__fd(object->progs.synward_expire);
	new->longest_period_ns = new->period_ns = longest_period(timeouts);
	new->next_pass_ns = sw_boot_ns();
	new->ring = ring_buffer__new(due_fd, take_due, new, NULL);
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
	ring_buffer__free(sweeper->ring);
	sw_due_heap_free(&sweeper->heap);
	free(sweeper);
}

int sw_sweeper_fd(const struct sw_sweeper *sweeper)
{
	return ring_buffer__epoll_fd(sweeper->ring);
}

int sw_sweeper_wait_ms(const struct sw_sweeper *sweeper)
{
	__u64 next = sweeper->next_pass_ns, now = sw_boot_ns();

	if (sweeper->heap.count && sweeper->heap.due[0].deadline_ns < next)
		next = sweeper->heap.due[0].deadline_ns;
	return next <= now ? 0 : (int)((next - now + SW_NS_PER_MS - 1) / SW_NS_PER_MS);
}

static int run_program(int fd, void *args, __u32 size)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = args, .ctx_size_in = size);

	return bpf_prog_test_run_opts(fd, &options) ? -errno : 0;
}

static int read_ring(struct sw_sweeper *sweeper)
{
	int err = ring_buffer__consume(sweeper->ring);

	return err < 0 ? err : sweeper->heap_err;
}

/*
 * If more flows come due than the ring buffer holds, the next pass comes as soon as it may and looks
 * half as far ahead; else the period grows again.
 */
static void adapt(struct sw_sweeper *sweeper, __u64 now, bool lost)
{
	__u64 period = lost ? sweeper->period_ns / 2 : sweeper->period_ns / 4 * 5;

	sweeper->period_ns = clamp(period, PERIOD_MIN_NS, sweeper->longest_period_ns);
	sweeper->next_pass_ns = now + (lost ? PERIOD_MIN_NS : sweeper->period_ns);
}

/* A pass finds again all that the heap knows, so the heap begins anew. */
static int pass(struct sw_sweeper *sweeper)
{
	struct sw_sweep args = {};
	__u64 begun = sw_boot_ns();
	int err;

	sweeper->heap.count = 0;
	sweeper->heap_err = 0;
	sweeper->horizon_ns = begun + sweeper->period_ns + sweeper->pass_took_ns + MARGIN_NS;
	args.horizon_ns = sweeper->horizon_ns;
	err = run_program(sweeper->sweep_fd, &args, sizeof(args)) ?: read_ring(sweeper);
	sweeper->pass_took_ns = sw_boot_ns() - begun;
	sweeper->flows = args.flows + args.halfopen;
	adapt(sweeper, begun + sweeper->pass_took_ns, err || args.due_lost);
	return err;
}

static int expire(struct sw_sweeper *sweeper, const struct sw_due *due)
{
	struct sw_expire args = { .key = due->key };
	struct sw_due later = *due;
	int err = run_program(sweeper->expire_fd, &args, sizeof(args));

	later.deadline_ns = args.deadline_ns;
	if (err || !args.deadline_ns || args.deadline_ns >= sweeper->horizon_ns)
		return err;
	return sw_due_heap_push(&sweeper->heap, &later);
}

/* Flow by flow, unless they are so many that a pass is cheaper. */
static int expire_due(struct sw_sweeper *sweeper, __u64 now)
{
	__u32 calls = EXPIRE_FEW + sweeper->flows / EXPIRE_COST;
	int err = 0;

	while (!err && sweeper->heap.count && sweeper->heap.due[0].deadline_ns <= now) {
		struct sw_due due = sw_due_heap_pop(&sweeper->heap);

		if (!calls--)
			return pass(sweeper);
		err = expire(sweeper, &due);
	}
	return err;
}

int sw_sweeper_work(struct sw_sweeper *sweeper)
{
	__u64 now = sw_boot_ns();
	int err;

	if (now >= sweeper->next_pass_ns)
		return pass(sweeper);
	err = read_ring(sweeper);
	return err ?: expire_due(sweeper, now);
}
