// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward run: starts a tracker, expires its flows until SIGINT or SIGTERM, and takes it down. It
 * owns the interfaces it names: what it found there of synward goes with it, too. SIGHUP makes it
 * read key file and sysctls again.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "commands/cmd.h"
#include "text/report.h"
#include "daemon/sockets.h"
#include "daemon/expiry.h"
#include "guard/start.h"
#include "host/detach.h"

/* Blocked from the start, so that an early Ctrl-C does not leave half of it attached. */
static int open_signals(void)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return fd < 0 ? sw_fail(-errno, NULL, "listen to signals") : fd;
}

/* The signal that came within that time, 0 if none did. */
static int next_signal(int signal_fd, int wait_ms)
{
	struct pollfd wait = { .fd = signal_fd, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&wait, 1, wait_ms) <= 0 || read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

/* What the daemon does between its signals. */
struct duties {
	struct sw_sweeper *sweeper;
	struct sw_sockets *sockets;
};

static int wait_ms(const struct duties *duties)
{
	int sweeper = sw_sweeper_wait_ms(duties->sweeper);
	int sockets = sw_sockets_wait_ms(duties->sockets);

	return sweeper < sockets ? sweeper : sockets;
}

static void wait_for_work(int signal_fd, const struct duties *duties)
{
	struct pollfd wait[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = sw_sweeper_fd(duties->sweeper), .events = POLLIN },
	};

	poll(wait, 2, wait_ms(duties));
}

static void reload(struct sw_tracker *tracker, const struct sw_tracker_options *options)
{
	if (!sw_reload(tracker, options))
		sw_say("settings read again");
}

/* An error that lasts is said once. */
static void say_once(int err, bool *said, const char *what)
{
	if (err && !*said)
		sw_fail(err, "It is tried on", "%s", what);
	*said = err;
}

static void work(const struct duties *duties)
{
	static bool said_flows, said_sockets;

	say_once(sw_sweeper_work(duties->sweeper), &said_flows, "expire flows");
	say_once(sw_sockets_work(duties->sockets), &said_sockets, "list the sockets");
}

/* Until SIGINT or SIGTERM. */
static void serve(struct sw_tracker *tracker, int signal_fd, const struct duties *duties,
		  const struct sw_tracker_options *options)
{
	int number;

	while ((number = next_signal(signal_fd, sw_sweeper_rest_ms(duties->sweeper))) == 0 ||
	       number == SIGHUP) {
		if (number == SIGHUP)
			reload(tracker, options);
		work(duties);
		wait_for_work(signal_fd, duties);
	}
}

static int run(struct sw_tracker *tracker, int signal_fd, const struct sw_tracker_options *options)
{
	struct duties duties = {};
	int err = sw_sweeper_open(&duties.sweeper, tracker->object, &options->config.timeout)
			  ?: sw_sockets_open(&duties.sockets, tracker->object, &tracker->maps);

	if (!err) {
		sw_tracker_say(tracker);
		sw_say("serving as process %d; Ctrl-C detaches", getpid());
		serve(tracker, signal_fd, &duties, options);
	}
	sw_sockets_close(duties.sockets);
	sw_sweeper_close(duties.sweeper);
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
	err = sw_start(&tracker, operands, options);
	if (!err) {
		err = run(&tracker, signal_fd, options);
		sw_tracker_close(&tracker);
	}
	close(signal_fd);
	return sw_exit_of(err);
}
