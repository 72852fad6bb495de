// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * synward run: starts a tracker, does the daemon's duties until SIGINT or SIGTERM, and takes it down.
 * It owns the interfaces it names: what it found there of synward goes with it, too. SIGHUP makes it
 * read all again: its configuration, the key file; SIGQUIT end and leave all to the next one.
 */
#include <unistd.h>

#include "commands/ask.h"
#include "commands/cmd.h"
#include "commands/run_config.h"
#include "daemon/admission.h"
#include "daemon/expiry.h"
#include "daemon/hooks.h"
#include "daemon/local.h"
#include "daemon/loop.h"
#include "daemon/metrics.h"
#include "daemon/proxy.h"
#include "daemon/members.h"
#include "daemon/retreat.h"
#include "daemon/service.h"
#include "daemon/sockets.h"
#include "guard/start.h"
#include "host/detach.h"
#include "text/report.h"

struct running {
	struct sw_tracker tracker;
	struct sw_run_args *args;
	struct sw_loop loop;
	struct sw_sweeper *sweeper;
	struct sw_sockets *sockets;
	struct sw_admission_watch admission;
	struct sw_proxy_care proxy;
	struct sw_retreat_watch retreat;
	struct sw_hook_watch hooks;
	struct sw_follower *follower;
	struct sw_metrics *metrics;
	struct sw_members *members;
	bool watching; /* guard's watches are open */
	bool guarding; /* its duties are there */
};

/*
 * Only guard has to do with what else is in the namespace. It watches that before any port is guarded: without,
 * it would answer by what was true once.
 */
static int open_guard_watches(struct running *run, const struct sw_run_args *args)
{
	int err = 0;

	if (run->watching || !args->tracker.guard.ports.count)
		return 0;
	if (!run->follower)
		err = sw_follower_open(&run->follower, &run->tracker);
	err = err ?: sw_admission_watch_open(&run->admission, &run->tracker);
	run->watching = !err;
	return err;
}

static int add_guard_duties(struct running *run)
{
	struct sw_map_fds maps = sw_maps_fds(&run->tracker.maps);

	if (run->guarding || !run->watching)
		return 0;
	run->guarding = true;
	return sw_loop_add(&run->loop, sw_follower_duty(run->follower)) ?:
	       sw_loop_add(&run->loop, sw_admission_duty(&run->admission)) ?:
	       sw_loop_add(&run->loop, sw_proxy_duty(&run->proxy)) ?:
	       sw_loop_add(&run->loop, sw_retreat_duty(&run->retreat, &maps));
}

/* 0 or -errno, reported. */
static int take(struct running *run, struct sw_run_args *fresh)
{
	char *const *ifaces;
	int err = sw_run_config_again(fresh, &ifaces);

	if (err)
		return err;
	sw_run_config_keep_fixed(fresh, run->args);
	return open_guard_watches(run, fresh)
		       ?: sw_reload(&run->tracker, ifaces, &fresh->tracker, &run->args->tracker);
}

/* Two sets of arguments take turns: the one in force, and the one that is being read. */
static void reload(void *context)
{
	static struct sw_run_args other;
	struct running *run = context;
	struct sw_run_args *fresh = run->args == &other ? &sw_run_args : &other;

	sw_service_reloading();
	if (take(run, fresh)) {
		sw_run_args_free(fresh);
		sw_say("what was in force stays in force");
	} else {
		sw_run_args_free(run->args);
		run->args = fresh;
		sw_sweeper_follow(run->sweeper, &fresh->tracker.config.timeout);
		add_guard_duties(run);
		sw_say("settings read again");
	}
	sw_service_ready();
}

static int open_metrics(struct running *run)
{
	struct sw_scrape scrape = { .tracker = &run->tracker, .sweeper = run->sweeper };

	if (!run->args->metrics.ss_family)
		return 0;
	return sw_metrics_open(&run->metrics, &run->args->metrics, &scrape)
		       ?: sw_loop_add(&run->loop, sw_metrics_duty(run->metrics));
}

static int open_members(struct running *run)
{
	int err = sw_members_open(&run->members, &run->loop.before, sw_answer);

	return !err && run->members ? sw_loop_add(&run->loop, sw_members_duty(run->members)) : err;
}

static int open_service(struct running *run)
{
	return sw_service_watched() ? sw_loop_add(&run->loop, sw_service_duty()) : 0;
}

static int open_duties(struct running *run)
{
	const struct synward *object = run->tracker.object;

	run->admission.nft_fd = run->hooks.link_fd = -1;
	run->proxy.tracker = &run->tracker;
	sw_loop_on_hangup(&run->loop, reload, run);
	return open_service(run) ?: sw_sweeper_open(&run->sweeper, object, &run->args->tracker.config.timeout) ?:
	       sw_loop_add(&run->loop, sw_sweeper_duty(run->sweeper)) ?:
	       sw_sockets_open(&run->sockets, &run->tracker) ?:
	       sw_loop_add(&run->loop, sw_sockets_duty(run->sockets)) ?:
	       sw_hook_watch_open(&run->hooks, &run->tracker, &run->loop) ?:
	       sw_loop_add(&run->loop, sw_hook_duty(&run->hooks)) ?:
	       open_guard_watches(run, run->args) ?: add_guard_duties(run) ?: open_metrics(run) ?:
	       open_members(run);
}

/*
 * Connections that go through proxy need it to their end. It stays for them, as it would after SIGKILL, and
 * begins no more of them.
 */
static int take_down(struct running *run)
{
	struct sw_tracker_options quiet = run->args->tracker;
	__u64 live = sw_proxy_live(&run->proxy);

	if (!live)
		return sw_tracker_detach(&run->tracker);
	quiet.guard.ports.count = 0;
	sw_say("%llu connections go through proxy, which stays for them; `synward detach` ends "
	       "them",
	       live);
	return sw_reload(&run->tracker, NULL, &quiet, &run->args->tracker);
}

static int serve(struct running *run)
{
	int err = open_duties(run);

	if (!err) {
		sw_tracker_say(&run->tracker);
		sw_say("serving as process %d; Ctrl-C detaches", getpid());
		sw_service_ready();
		err = sw_loop_run(&run->loop) ?: run->hooks.err;
	}
	sw_service_stopping();
	sw_members_close(run->members);
	sw_metrics_close(run->metrics);
	sw_hook_watch_close(&run->hooks);
	sw_admission_watch_close(&run->admission);
	sw_follower_close(run->follower);
	sw_sockets_close(run->sockets);
	sw_sweeper_close(run->sweeper);
	if (run->loop.leave && !err) {
		sw_say("the programs stay, with their flows; the next run takes them over");
		return 0;
	}
	return take_down(run) ?: err;
}

enum sw_exit sw_cmd_run(char *const *operands, void *args)
{
	static struct running run;
	struct sw_run_args *options = args;
	int err = sw_loop_open(&run.loop); /* first: an early Ctrl-C leaves nothing half attached */

	if (err)
		return SW_EXIT_FAILED;
	options->tracker.serve = true;
	run.args = options;
	err = sw_run_args_settle(options) ?: sw_start(&run.tracker, operands, &options->tracker);
	if (!err) {
		err = serve(&run);
		sw_tracker_close(&run.tracker);
	}
	sw_loop_close(&run.loop);
	return sw_exit_of(err);
}
