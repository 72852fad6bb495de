// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward run: starts a tracker, expires its flows until SIGINT or SIGTERM, and takes it down. It
 * owns the interfaces it names: what it found there of synward goes with it, too.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd.h"
#include "report.h"
#include "sweep.h"
#include "tracker.h"

/* Blocked from the start, so that an early Ctrl-C does not leave half of it attached. */
static int open_signals(void)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return fd < 0 ? sw_fail(-errno, NULL, "listen to signals") : fd;
}

static bool interrupted(int signal_fd, int wait_ms)
{
	struct pollfd wait = { .fd = signal_fd, .events = POLLIN };

	return poll(&wait, 1, wait_ms) > 0;
}

static void wait_for_work(int signal_fd, const struct sw_sweeper *sweeper)
{
	struct pollfd wait[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = sw_sweeper_fd(sweeper), .events = POLLIN },
	};

	poll(wait, 2, sw_sweeper_wait_ms(sweeper));
}

static void serve(int signal_fd, struct sw_sweeper *sweeper)
{
	bool said = false;

	while (!interrupted(signal_fd, sw_sweeper_rest_ms(sweeper))) {
		int err = sw_sweeper_work(sweeper);

		if (err && !said)
			sw_fail(err, "It is tried on", "expire flows");
		said = err;
		wait_for_work(signal_fd, sweeper);
	}
}

static int run(struct sw_tracker *tracker, int signal_fd, const struct sw_tracker_options *options)
{
	struct sw_sweeper *sweeper;
	int err = sw_sweeper_open(&sweeper, tracker->object, &options->config.timeout);

	if (!err) {
		sw_tracker_say(tracker);
		sw_say("serving as process %d; Ctrl-C detaches", getpid());
		serve(signal_fd, sweeper);
		sw_sweeper_close(sweeper);
	}
	return sw_tracker_detach(tracker) ?: err;
}

enum sw_exit sw_cmd_run(char *const *operands, void *args)
{
	static struct sw_tracker tracker;
	struct sw_tracker_options *options = args;
	int signal_fd = open_signals(), err;

	if (signal_fd < 0)
		return SW_EXIT_FAILED;
	options->serve = true;
	err = sw_tracker_start(&tracker, operands, options);
	if (!err) {
		err = run(&tracker, signal_fd, options);
		sw_tracker_close(&tracker);
	}
	close(signal_fd);
	return sw_exit_of(err);
}
