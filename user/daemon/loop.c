// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One epoll over all descriptors and the signals. A duty that rests is taken out of it, for otherwise
 * a descriptor that stays readable would wake the loop all the time.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <synward/types.h>

#include "daemon/loop.h"
#include "host/clock.h"
#include "text/report.h"

/* What epoll says of the signals; duties go by their number. */
#define SIGNALS SW_DUTIES_MAX

/* --- Setting up ----------------------------------------------------------------------------- */

static int watch(const struct sw_loop *loop, int fd, __u32 number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_signals(struct sw_loop *loop)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	sigprocmask(SIG_BLOCK, &signals, &loop->before);
	signal(SIGPIPE, SIG_IGN); /* who reads what we say may go */
	loop->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return loop->signal_fd < 0 ? -errno : 0;
}

int sw_loop_open(struct sw_loop *loop)
{
	int err;

	memset(loop, 0, sizeof(*loop));
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = loop->epoll_fd < 0 ? -errno : 0;
	err = open_signals(loop) ?: err ?: watch(loop, loop->signal_fd, SIGNALS);
	if (!err)
		return 0;
	sw_loop_close(loop);
	return sw_fail(err, NULL, "wait for signals");
}

void sw_loop_close(struct sw_loop *loop)
{
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	sigprocmask(SIG_SETMASK, &loop->before, NULL);
}

void sw_loop_on_hangup(struct sw_loop *loop, void (*hangup)(void *context), void *context)
{
	loop->hangup = hangup;
	loop->hangup_context = context;
}

int sw_loop_add(struct sw_loop *loop, struct sw_duty duty)
{
	if (loop->count == SW_DUTIES_MAX)
		return sw_fail(-ENOSPC, NULL, "%s", duty.what);
	loop->state[loop->count++] = (struct sw_duty_state){ .duty = duty };
	return 0;
}

void sw_loop_stop(struct sw_loop *loop)
{
	loop->stop = true;
}

/* --- Waiting -------------------------------------------------------------------------------- */

/* Watches the descriptors of those that don't rest. */
static int watch_duties(struct sw_loop *loop, __u64 now)
{
	int err = 0;

	for (__u32 i = 0; !err && i < loop->count; i++) {
		struct sw_duty_state *state = &loop->state[i];
		bool wanted = state->duty.fd >= 0 && now >= state->next.from_ns;

		if (wanted == state->watched)
			continue;
		if (wanted)
			err = watch(loop, state->duty.fd, i);
		else if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, state->duty.fd, NULL))
			err = -errno;
		state->watched = wanted && !err;
	}
	return err;
}

/* When something is to be done about it, if its descriptor doesn't become readable. */
static __u64 wake_ns(const struct sw_duty_state *state)
{
	bool rests = state->duty.fd >= 0 && !state->watched;

	return rests || state->next.by_ns < state->next.from_ns ? state->next.from_ns
								: state->next.by_ns;
}

/* In milliseconds, and rather too late than too early; -1: forever. */
static int wait_ms(const struct sw_loop *loop, __u64 now)
{
	__u64 wake = SW_NEVER_NS, ms;

	for (size_t i = 0; i < loop->count; i++)
		if (wake_ns(&loop->state[i]) < wake)
			wake = wake_ns(&loop->state[i]);
	if (wake == SW_NEVER_NS)
		return -1;
	ms = wake > now ? (wake - now + SW_NS_PER_MS - 1) / SW_NS_PER_MS : 0;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* --- Working -------------------------------------------------------------------------------- */

static void take_signal(struct sw_loop *loop)
{
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP) {
		if (loop->hangup)
			loop->hangup(loop->hangup_context);
		return;
	}
	loop->stop = true;
	loop->leave = info.ssi_signo == SIGQUIT;
}

static void work(struct sw_duty_state *state)
{
	int err = state->duty.work(state->duty.context, &state->next);

	if (err && !state->failing)
		sw_fail(err, "It is tried on", "%s", state->duty.what);
	if (err)
		state->next.from_ns = state->next.by_ns = sw_monotonic_ns() + SW_RETRY_NS;
	state->failing = err;
}

static bool due(const struct sw_duty_state *state, __u64 now)
{
	return now >= state->next.from_ns && now >= state->next.by_ns;
}

/* Waits, and lets work whose turn it is: signals first, then duties in the order of their adding. */
static int turn(struct sw_loop *loop)
{
	struct epoll_event events[SW_DUTIES_MAX + 1];
	bool readable[SW_DUTIES_MAX + 1] = {};
	__u64 now = sw_monotonic_ns();
	int err = watch_duties(loop, now), count;

	if (err)
		return err;
	count = epoll_wait(loop->epoll_fd, events, SW_DUTIES_MAX + 1, wait_ms(loop, now));
	if (count < 0 && errno != EINTR)
		return -errno;
	for (int i = 0; i < count; i++)
		readable[events[i].data.u32] = true;
	if (readable[SIGNALS])
		take_signal(loop);
	now = sw_monotonic_ns();
	for (size_t i = 0; !loop->stop && i < loop->count; i++)
		if (readable[i] || due(&loop->state[i], now))
			work(&loop->state[i]);
	return 0;
}

int sw_loop_run(struct sw_loop *loop)
{
	int err = 0;

	while (!err && !loop->stop)
		err = turn(loop);
	return err ? sw_fail(err, NULL, "wait for work") : 0;
}
